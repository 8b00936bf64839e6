"""Frequency lists: the SMB100A's conversation, its refusals, how strict the simulated ones are."""

import numpy as np
import pytest

import labctl
from drivers.rohde_schwarz.smb100a import SMB100AMicrowave
from drivers.session import Session
from labctl.errors import DeviceError, LimitError, ParameterError
from labctl.hal import FrequencyList, Limits
from labctl.session import build, plan
from labctl.units import parse_quantity
from sequences.decay import DecayParameters, DecayRecorder
from sim_backends.wire.in_process import open_world_library, resource_name
from tests.wire.bench_instruments import Lab
from tests.wire.conversation import HandClock, Pair, conversation
from tests.wire.test_drivers_microwave import NO_ERROR, SMB100A_OPENS


def sets(command: str, query: str, answer: str) -> list[Pair]:
    return [(command, None), NO_ERROR, (query, answer)]


def stores(name: str, *frequencies: int, level: str = "-10") -> list[Pair]:
    n = str(len(frequencies))
    return [
        (":SOUR:POW?", level),
        (f":SOUR:LIST:SEL '{name}'", None),
        (f":SOUR:LIST:FREQ {', '.join(map(str, frequencies))}", None), NO_ERROR,
        (f":SOUR:LIST:POW {', '.join([level] * len(frequencies))}", None), NO_ERROR,
        (":SOUR:LIST:FREQ:POIN?", n), (":SOUR:LIST:POW:POIN?", n),
        (":SOUR:LIST:LEAR", None), ("*OPC?", "1"), NO_ERROR,
    ]  # fmt: skip


def sets_up(command: str, answer: str) -> list[Pair]:
    return [
        *sets(f":SOUR:LIST:DWEL {command}", ":SOUR:LIST:DWEL?", answer),
        *sets(":SOUR:LIST:MODE AUTO", ":SOUR:LIST:MODE?", "AUTO"),
        *sets(":SOUR:LIST:TRIG:SOUR SING", ":SOUR:LIST:TRIG:SOUR?", "SING"),
    ]


STARTS: list[Pair] = [
    (":OUTP?", "1"),
    *sets(":SOUR:FREQ:MODE LIST", ":SOUR:FREQ:MODE?", "LIST"),
    (":SOUR:LIST:RES", None), NO_ERROR,
    (":SOUR:LIST:TRIG:EXEC", None),
]  # fmt: skip


def stops_at(hertz: int) -> list[Pair]:
    return [
        NO_ERROR,
        *sets(f":SOUR:FREQ {hertz}.000", ":SOUR:FREQ?", str(hertz)),
        *sets(":SOUR:FREQ:MODE CW", ":SOUR:FREQ:MODE?", "CW"),
    ]


def test_a_list_is_stored_learned_played_left_and_kept() -> None:
    up, down = (2700000000, 2750000000), (2750000000, 2700000000)
    pairs: list[Pair] = [
        *SMB100A_OPENS,
        *stores("labctl1", *up), *sets_up("0.0100", "0.01"), *STARTS, *stops_at(up[1]),
        *stores("labctl2", *down), *sets_up("0.0100", "0.01"),
        # What was learned is only selected.
        (":SOUR:POW?", "-10"), (":SOUR:LIST:SEL 'labctl1'", None), NO_ERROR,
        *sets_up("0.0008", "8E-4"), *STARTS, *stops_at(up[0]),
        *stores("labctl3", *up, level="-11"), *sets_up("0.0008", "8E-4"),
    ]  # fmt: skip
    clock = HandClock()
    with conversation(SMB100AMicrowave, pairs, clock=clock) as source:
        assert isinstance(source, FrequencyList)
        source.open()
        source.load_frequency_list(up, dwell_s=0.01)
        source.start_frequency_list()
        assert source.frequency_hz == up[0]
        clock.time_s = 0.015
        assert source.frequency_hz == up[1]
        clock.time_s = 99.0
        source.stop_frequency_list()
        source.stop_frequency_list()
        source.load_frequency_list(down, dwell_s=0.01)
        source.load_frequency_list(up, dwell_s=0.8e-3)
        source.start_frequency_list()
        source.stop_frequency_list()
        source.load_frequency_list(up, dwell_s=0.8e-3)


def test_a_list_does_not_start_without_power() -> None:
    pairs: list[Pair] = [
        *SMB100A_OPENS, *stores("labctl1", 2700000000), *sets_up("0.0100", "0.01"), (":OUTP?", "0"),
    ]  # fmt: skip
    with conversation(SMB100AMicrowave, pairs) as source:
        source.open()
        source.load_frequency_list([2.7e9], dwell_s=0.01)
        with pytest.raises(DeviceError, match="output must be on before a frequency list"):
            source.start_frequency_list()


@pytest.mark.parametrize(("n", "refused"), [(2, False), (200, True)])
def test_the_tolerance_of_a_dwell_is_that_of_the_whole_list(n: int, refused: bool) -> None:
    """0.01 % of a dwell is nothing after two entries, and two hundredths of one after 200."""
    frequencies = [2_700_000_000 + 1_000_000 * i for i in range(n)]
    answers = [(c, "0.010001" if c == ":SOUR:LIST:DWEL?" else a) for c, a in sets_up("0.0100", "")]
    pairs = [*SMB100A_OPENS, *stores("labctl1", *frequencies)]
    pairs += answers[:3] if refused else [*answers[:3], *sets_up("0.0100", "")[3:]]
    with conversation(SMB100AMicrowave, pairs) as source:
        source.open()
        if refused:
            with pytest.raises(DeviceError, match=r"`list_dwell` reads back 0.010001 instead of"):
                source.load_frequency_list(frequencies, dwell_s=0.01)
        else:
            source.load_frequency_list(frequencies, dwell_s=0.01)


def test_bad_lists_are_refused_before_anything_is_sent() -> None:
    with conversation(SMB100AMicrowave, SMB100A_OPENS) as source:
        source.open()
        for bad, dwell_s in (
            ([], 0.01), ([7e9], 0.01), ([200e3], 0.01), ([2.8e9], 1e-4), ([2.8e9], 101.0),
            ([2.8e9], float("nan")),
        ):  # fmt: skip
            with pytest.raises(LimitError):
                source.load_frequency_list(bad, dwell_s=dwell_s)
        for off_grid in (0.75e-3, 10.04e-3, 1.00001e-3, 99.99995):
            with pytest.raises(LimitError, match="not a multiple of 100 us, the device's grid"):
                source.load_frequency_list([2.8e9], dwell_s=off_grid)
        with pytest.raises(DeviceError, match="no frequency list is loaded"):
            source.start_frequency_list()


@pytest.mark.parametrize("text", ["0.7 ms", "0.8 ms", "2.3 ms", "4.9 ms", "12.3 ms", "9.9999 s"])
def test_every_multiple_of_the_grid_is_on_it(text: str) -> None:
    grid = Limits(0.7e-3, 100.0, "s", step=1e-4)
    value = parse_quantity(text, "s")
    assert grid.on_grid(value)
    assert grid.nearest(value) == pytest.approx(value, rel=1e-12)
    assert not grid.on_grid(value + 1e-7)


def test_a_dwell_that_the_generator_cannot_play_is_refused_before_a_run() -> None:
    with pytest.raises(ParameterError, match=r"`dwell_s` = 750 us .*multiple of 100 us.*is 800 us"):
        plan("hysteresis", build("sim_visa"), {"dwell_s": "0.75 ms", "samples_per_dwell": 3})


def test_the_axis_of_a_hysteresis_is_what_the_generator_plays() -> None:
    """The last entry is reached in the last samples, also in a long and fast list."""
    with labctl.open_rig("sim_visa", seed=1) as rig:
        world = rig.simulation
        assert world is not None
        source = rig.microwave
        source.output = True
        steps = np.linspace(2.70e9, 2.72e9, 400)
        source.load_frequency_list([float(f) for f in steps], 0.7e-3)
        source.start_frequency_list()
        for n in range(0, 400, 57):
            rig.clock.sleep_s((n + 0.5) * 0.7e-3 - (world.now_s() - source._started_s))
            assert world.controls.microwave_hz == pytest.approx(steps[n], abs=0.01)


def test_decays_step_in_the_dark_half_period_whatever_the_grid() -> None:
    class Rig:
        class microwave:  # noqa: N801
            limits = {"list_dwell_s": Limits(0.7e-3, 100.0, "s", step=1e-4)}  # noqa: RUF012

    for pulses, libration_hz in ((5, 480.0), (3, 517.3), (40, 1234.5)):
        p = DecayParameters(pulses=pulses, libration_hz=libration_hz)
        switch_s = DecayRecorder(Rig, p, excite_hz=2.8e9)._switch_s()  # type: ignore[arg-type]
        assert Rig.microwave.limits["list_dwell_s"].on_grid(switch_s)
        assert 0.0 <= p.excitation_s - switch_s <= 0.5 / libration_hz
    p = DecayParameters(pulses=8, libration_hz=10_007.0, sample_rate_hz=1e5)
    with pytest.raises(LimitError, match=r"every multiple of 0.0001 s"):
        DecayRecorder(Rig, p, excite_hz=2.8e9)._switch_s()  # type: ignore[arg-type]


# --- the simulated instruments ---------------------------------------------------------------


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_the_simulated_smb100a_rounds_a_dwell_to_its_grid(lab: Lab) -> None:
    for told, kept in (("0.75 MS", 0.8e-3), ("0.7E-3", 0.7e-3), ("1.04 MS", 1e-3)):
        lab.tell("smb100a", f"LIST:DWEL {told}")
        assert float(lab.ask("smb100a", "LIST:DWEL?")) == kept
    lab.tell("smb100a", "LIST:DWEL 0.6 MS")
    assert lab.error("smb100a") == -222


def play(lab: Lab, learn: str = "") -> int:
    """Entry that plays 40 ms after the start of a list of 100 with 1 ms each."""
    hertz = ",".join(str(2.7e9 + 1e6 * n) for n in range(100))
    lab.tell("smb100a", f":LIST:SEL 'a{learn}';FREQ {hertz};POW -10;DWEL 1 MS;TRIG:SOUR SING")
    lab.tell("smb100a", f"{learn}:FREQ:MODE LIST;:LIST:TRIG:EXEC")
    lab.world.sleep_s(40.5e-3)
    return round((lab.world.controls.microwave_hz - 2.7e9) / 1e6)


def test_the_first_pass_of_a_list_that_was_not_learned_is_slow(lab: Lab) -> None:
    assert play(lab) == 20
    lab.world.sleep_s(1.0)
    lab.tell("smb100a", ":LIST:RES;TRIG:EXEC")
    lab.world.sleep_s(40.5e-3)
    assert lab.world.controls.microwave_hz == 2.74e9
    assert play(Lab(), learn=":LIST:LEAR;") == 40


def test_a_free_running_list_begins_by_itself_and_again(lab: Lab) -> None:
    lab.tell("smb100a", "LIST:FREQ 2.8E9,2.9E9;POW -9;DWEL 10 MS;LEAR;:FREQ:MODE LIST")
    seen = []
    for _ in range(5):
        lab.world.sleep_s(5e-3)
        seen.append(lab.world.controls.microwave_hz)
        lab.world.sleep_s(5e-3)
    assert seen == [2.8e9, 2.9e9, 2.8e9, 2.9e9, 2.8e9]


@pytest.mark.parametrize("dialect", ["smb100a", "n5183b", "e8257d"])
def test_lists_of_unequal_length_are_refused(lab: Lab, dialect: str) -> None:
    lab.tell(dialect, "LIST:FREQ 2.8E9,2.9E9,3E9;POW -9,-8;:FREQ:MODE LIST")
    assert lab.error(dialect) == -226
    assert lab.ask(dialect, "FREQ:MODE?") == "CW"
    lab.tell(dialect, "LIST:POW -9;:FREQ:MODE LIST")  # one level is meant for all entries
    assert lab.error(dialect) == 0


def test_dwells_of_keysight_generators_belong_to_their_entries(lab: Lab) -> None:
    lab.tell("e8257d", "LIST:DWEL 0.5 MS")
    lab.tell("n5183b", "LIST:DWEL 0.5 MS")
    assert (lab.error("e8257d"), lab.error("n5183b")) == (-222, 0)
    lab.tell("n5183b", "LIST:FREQ 2.8E9,2.9E9;POW -9;DWEL 30 MS,10 MS;:FREQ:MODE LIST;:INIT")
    lab.world.sleep_s(25e-3)
    assert lab.world.controls.microwave_hz == 2.8e9
    lab.world.sleep_s(10e-3)
    assert lab.world.controls.microwave_hz == 2.9e9
    lab.tell("n5183b", "FREQ:MODE CW;:LIST:DWEL 30 MS,10 MS,5 MS;:FREQ:MODE LIST")
    assert lab.error("n5183b") == -226


def test_a_list_needs_a_trigger_in_list_mode(lab: Lab) -> None:
    lab.tell("smb100a", "LIST:FREQ 2.8E9;POW -9;TRIG:EXEC")
    assert lab.error("smb100a") == -221
    lab.tell("smb100a", "LIST:FREQ 200E3")
    assert lab.error("smb100a") == -222


def test_the_driver_meets_the_simulated_one(lab: Lab) -> None:
    library = open_world_library(lab.world)
    session = Session(resource_name("smb100a"), visa_library=library)
    source = SMB100AMicrowave(session, clock=lab.world)
    source.open()
    source.output = True
    source.load_frequency_list([2.7e9 + 1e6 * n for n in range(50)], 0.9e-3)
    source.start_frequency_list()
    lab.world.sleep_s(0.9e-3 * 30.5)
    assert lab.world.controls.microwave_hz == 2.73e9
    source.stop_frequency_list()
    assert lab.world.controls.microwave_hz == 2.73e9
    source.close()


@pytest.mark.parametrize("dialect", ["smb100a", "sgs100a", "n5183b", "e8257d"])
def test_the_largest_power_that_is_told_is_taken(lab: Lab, dialect: str) -> None:
    most = float(lab.ask(dialect, "POW? MAX"))
    lab.tell(dialect, "POW MAX;:FREQ MAX")
    assert lab.error(dialect) == 0
    assert float(lab.ask(dialect, "POW?")) == lab.world.controls.microwave_dbm == most
    assert float(lab.ask(dialect, "FREQ?")) == float(lab.ask(dialect, "FREQ? MAX"))


def test_the_e8257d_tells_its_options_as_qcodes_asks_for_them(lab: Lab) -> None:
    options = lab.ask("e8257d", "DIAG:CPU:INFO:OPT:DET?")
    assert "520" in options
    assert "1E1" in options
