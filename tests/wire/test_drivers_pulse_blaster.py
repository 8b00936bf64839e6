"""The PulseBlaster's driver on a stand-in that plays its instructions as the board does."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from drivers.spincore.instructions import ON, instructions
from drivers.spincore.pulse_blaster import PulseBlasterSequencer
from labctl.errors import DeviceError, LimitError, RigError
from labctl.hal import Pulse, PulseChannel
from sequences.rabi import RabiParameters
from tests.wire.vendor_packages import PulseBlasterBoard, pypi_spinapi, spincore_spinapi

LASER, MICROWAVE, COUNT = PulseChannel.LASER, PulseChannel.MICROWAVE, PulseChannel.COUNT
LINES = {"laser": 0, "microwave": 1, "count": 3}
IDLE = (20, 0b11)
Module = Callable[[PulseBlasterBoard], Any]


@pytest.fixture
def board() -> PulseBlasterBoard:
    return PulseBlasterBoard()


@pytest.fixture(params=[pypi_spinapi, spincore_spinapi])
def module(request: pytest.FixtureRequest) -> Module:
    return request.param


@pytest.fixture
def blaster(
    monkeypatch: pytest.MonkeyPatch, board: PulseBlasterBoard, module: Module
) -> PulseBlasterSequencer:
    monkeypatch.setitem(sys.modules, "spinapi", module(board))
    made = PulseBlasterSequencer(lines=LINES)
    made.open()
    return made


def play(blaster: PulseBlasterSequencer, program: list[Pulse], repeats: int = 1) -> None:
    blaster.load(program, repeats=repeats)
    blaster.start()


def test_lines_follow_the_program_and_end_in_the_idle_levels(
    blaster: PulseBlasterSequencer, board: PulseBlasterBoard
) -> None:
    assert board.played() == [IDLE]
    assert blaster.identity == "SpinCore,PulseBlaster,0,firmware 3347"
    play(
        blaster,
        [Pulse.of(1e-6, LASER), Pulse.of(50e-9, MICROWAVE), Pulse.of(2e-6, LASER, COUNT)],
        repeats=7,
    )
    assert board.played() == [(500, 0b0001), (25, 0b0010), (1000, 0b1001), IDLE]
    assert [item[1:3] for item in board.program] == [(2, 7), (0, 0), (3, 0), (0, 0), (1, 0)]
    assert [call[0] for call in board.calls[-3:]] == ["pb_stop_programming", "pb_reset", "pb_start"]
    board.busy = 2
    blaster.wait()
    blaster.stop()
    assert board.played() == [IDLE]
    blaster.close()
    assert board.calls[-1] == ("pb_close",)


@pytest.mark.parametrize("ticks", [1, 2, 3, 4, 5, 6, 11])
@pytest.mark.parametrize("shortest", [5, 6])
def test_pulses_below_an_instruction_are_played_in_front_of_darkness(
    monkeypatch: pytest.MonkeyPatch, ticks: int, shortest: int
) -> None:
    board = PulseBlasterBoard(shortest=shortest)
    monkeypatch.setitem(sys.modules, "spinapi", pypi_spinapi(board))
    blaster = PulseBlasterSequencer(lines=LINES, shortest_ticks=shortest)
    blaster.open()
    light, read = Pulse.of(1e-6, LASER), Pulse.of(1e-6, LASER, COUNT)
    play(blaster, [light, Pulse.of(ticks * 2e-9, MICROWAVE), Pulse.of(100e-9), read])
    assert board.played()[:-1] == [(500, 1), (ticks, 2), (50, 0), (500, 9)]
    play(blaster, [light, Pulse.of(ticks * 2e-9), read])
    assert board.played()[:-1] == [(500, 1), (ticks, 0), (500, 9)]


def test_what_no_instruction_can_play_is_refused_at_load(blaster: PulseBlasterSequencer) -> None:
    read = Pulse.of(1e-6, LASER, COUNT)
    for program, repeats in (
        ([Pulse.of(4e-9, MICROWAVE), read], 1),
        ([Pulse.of(9e-9)], 1),
        ([Pulse.of(12e-9, MICROWAVE), Pulse.of(6e-9), read], 1),
        ([Pulse.of(2e-9, MICROWAVE), Pulse.of(4e-9), read], 1),
        ([Pulse.of(16e-9, LASER)], 2),
        ([Pulse.of(1e-6)] * 4095, 1),
        ([read], 2**20),
    ):
        with pytest.raises(LimitError) as refused:
            blaster.load(program, repeats=repeats)
        assert "\n" not in str(refused.value)
    with pytest.raises(DeviceError, match="no pulse program is loaded"):
        blaster.start()
    for lines in ({"laser": 21}, {"laser": 23}):
        with pytest.raises(RigError):
            PulseBlasterSequencer(lines=lines)


@pytest.mark.parametrize("shortest", [5, 6])
@pytest.mark.parametrize("settle", ["1 us", "1.001 us", "1.0013 us", "0.7777 us"])
def test_a_rabi_scan_is_never_shortened_below_the_boards_shortest(
    monkeypatch: pytest.MonkeyPatch, shortest: int, settle: str
) -> None:
    board = PulseBlasterBoard(shortest=shortest)
    monkeypatch.setitem(sys.modules, "spinapi", pypi_spinapi(board))
    blaster = PulseBlasterSequencer(lines=LINES, shortest_ticks=shortest)
    blaster.open()
    p = RabiParameters(start_s=f"{2 * shortest} ns", stop_s="200 ns", points=20, settle_s=settle)  # type: ignore[arg-type]
    for pulse_s in p.times_s.tolist():
        program = [pulse for shot in p.shots(pulse_s) for pulse in shot]
        play(blaster, program, repeats=600)
        played = board.played()[:-1]
        assert [state for _, state in played] == [1, 0, 2, 9, 1, 0, 9]
        for (ticks, _), pulse in zip(played, program, strict=True):
            assert ticks >= shortest
            assert ticks == pytest.approx(pulse.duration_s / 2e-9, abs=1.0)


def test_one_pulse_is_halved_to_be_a_loop_and_long_ones_are_split(
    blaster: PulseBlasterSequencer, board: PulseBlasterBoard
) -> None:
    play(blaster, [Pulse.of(1e-6, LASER)], repeats=3)
    assert [item[3] for item in board.program[:2]] == [250, 250]
    play(blaster, [Pulse.of(20.0, LASER)])
    assert board.played() == [(10_000_000_000, 1), IDLE]


@pytest.mark.parametrize(
    "name", ["pb_init", "pb_start_programming", "pb_inst_pbonly", "pb_stop_programming", "pb_start"]
)
def test_every_return_code_is_looked_at(
    blaster: PulseBlasterSequencer, board: PulseBlasterBoard, name: str
) -> None:
    blaster.load([Pulse.of(1e-6, LASER)])
    if name == "pb_init":
        blaster.close()
    board.fails[name] = -91
    with pytest.raises(
        DeviceError, match=rf"sequencer at PulseBlaster 0.*{name}`.*shorter than minimum"
    ):
        blaster.open() if name == "pb_init" else blaster.start()


def test_a_card_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, module: Module) -> None:
    monkeypatch.setitem(sys.modules, "spinapi", module(PulseBlasterBoard(boards=0)))
    with pytest.raises(DeviceError, match="there are 0 PulseBlaster cards"):
        PulseBlasterSequencer(lines=LINES).open()


def test_words_carry_the_codes_of_the_manual() -> None:
    assert ON == 0xE00000
    words = instructions([(3, 1), (40, 0), (20, 2)], shortest=5)
    assert [hex(word) for _, word in words] == ["0x600001", "0xe00000", "0xe00002"]
    assert [ticks for ticks, _ in words] == [5, 38, 20]
