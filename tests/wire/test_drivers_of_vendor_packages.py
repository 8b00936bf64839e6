"""Drivers that speak through their makers' packages: what they call, in what order."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from drivers.ni.aom import NIAOM
from drivers.ni.counter import NICounter
from drivers.spincore.pulse_blaster import PulseBlasterSequencer
from drivers.swabian.pulse_streamer import PulseStreamerSequencer
from drivers.swabian.time_tagger import TimeTaggerCounter
from drivers.windfreak.synth_hd import SynthHDMicrowave
from labctl.errors import DeviceError, LimitError, RigError
from labctl.hal import Pulse, PulseChannel
from tests.wire import vendor_packages as stand_ins
from tests.wire.conversation import HandClock

LASER, MICROWAVE, COUNT = PulseChannel.LASER, PulseChannel.MICROWAVE, PulseChannel.COUNT
LINES = {"laser": 0, "microwave": 1, "count": 3}


def install(monkeypatch: pytest.MonkeyPatch, name: str, content: Any) -> None:
    monkeypatch.setitem(sys.modules, name, content)


@pytest.mark.parametrize(
    ("device", "package", "extra"),
    [
        (SynthHDMicrowave("/dev/ttyACM0"), "windfreak", "windfreak"),
        (PulseStreamerSequencer("streamer", lines=LINES), "pulsestreamer", "pulsestreamer"),
        (PulseBlasterSequencer(lines=LINES), "spinapi", "spincore"),
        (TimeTaggerCounter(inputs={"pl": 1}), "Swabian.TimeTagger", "swabian"),
        (NICounter("Dev1", counters={"pl": "ctr0"}, inputs={"pl": "PFI8"}), "nidaqmx", "ni"),
        (
            NIAOM("Dev1/ao0", calibration=[[0.0, 0.0], [1.0, 1.0]], full_power_w=1e-3),
            "nidaqmx",
            "ni",
        ),
    ],
)
def test_a_missing_package_is_told_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, device: Any, package: str, extra: str
) -> None:
    install(monkeypatch, package.split(".")[0], None)
    with pytest.raises(DeviceError, match=rf"{device.ROLE} at .*`{package}`.*labctl\[{extra}\]"):
        device.open()
    device.close()


# --- Windfreak ------------------------------------------------------------------------------


@pytest.fixture
def synth(monkeypatch: pytest.MonkeyPatch) -> SynthHDMicrowave:
    install(monkeypatch, "windfreak", SimpleNamespace(SynthHD=stand_ins.SynthHD))
    return SynthHDMicrowave("/dev/ttyACM0", channel=1)


def inside(device: Any) -> Any:
    return device._link._handle


def test_the_synth_is_off_after_open_and_reads_back(synth: SynthHDMicrowave) -> None:
    synth.open()
    assert synth.identity == "Windfreak,SynthHD PRO v2,1234,Firmware Version 3.25"
    assert inside(synth).port == "/dev/ttyACM0"
    assert inside(synth)[1].enable is False
    assert inside(synth)[0].enable is True  # somebody else's output is left alone
    synth.frequency_hz, synth.power_dbm, synth.output = 2.87e9, -10.0, True
    told = {name: (item.setpoint, item.readback) for name, item in synth.settings().items()}
    assert told == {
        "frequency_hz": (2.87e9, 2.87e9),
        "power_dbm": (-10.0, -10.0),
        "output": (True, True),
    }
    handle = inside(synth)
    synth.close()
    synth.close()
    assert handle.closed
    assert handle[1].enable is True  # closing leaves it as it stands


def test_a_level_out_of_reach_and_a_deaf_synth_are_errors(
    synth: SynthHDMicrowave, monkeypatch: pytest.MonkeyPatch
) -> None:
    synth.open()
    inside(synth)[1].calibrated = False
    with pytest.raises(DeviceError, match=r"microwave at .*`power = 19.00` .*not levelled"):
        synth.power_dbm = 19.0
    deaf = type("Deaf", (), {"frequency": property(lambda _: 1e9, lambda *_: None)})()
    inside(synth).channels[1] = deaf
    with pytest.raises(DeviceError, match=r"reads back 1000000000\.0 instead of 2870000000\.0"):
        synth.frequency_hz = 2.87e9
    with pytest.raises(LimitError):
        synth.power_dbm = 21.0


def test_another_instrument_at_the_synths_port_is_named(
    synth: SynthHDMicrowave, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stand_ins.SynthHD, "model", None)
    with pytest.raises(DeviceError, match="expected a SynthHD, but its hardware version"):
        synth.open()
    with pytest.raises(RigError):
        SynthHDMicrowave("/dev/ttyACM0", channel=2)


# --- Pulse Streamer -------------------------------------------------------------------------


@pytest.fixture
def streamer(monkeypatch: pytest.MonkeyPatch) -> PulseStreamerSequencer:
    package = SimpleNamespace(
        PulseStreamer=stand_ins.PulseStreamer,
        OutputState=stand_ins.OutputState,
        TriggerStart=stand_ins.TriggerStart,
    )
    install(monkeypatch, "pulsestreamer", package)
    return PulseStreamerSequencer("10.0.0.7", lines=LINES, clock=HandClock())


def test_a_program_is_streamed_with_its_idle_levels_and_started(
    streamer: PulseStreamerSequencer, capsys: pytest.CaptureFixture[str]
) -> None:
    streamer.open()
    assert capsys.readouterr().out == ""
    assert streamer.channels == (LASER, MICROWAVE, COUNT)
    assert "Pulse Streamer" in streamer.identity
    with pytest.raises(DeviceError, match="no pulse program is loaded"):
        streamer.start()
    program = [Pulse.of(1e-6, LASER), Pulse.of(50e-9, MICROWAVE), Pulse.of(2e-6, LASER, COUNT)]
    streamer.load(program, repeats=7)
    streamer.start()
    inside(streamer).busy = 3
    streamer.wait()
    streamer.start()  # it is still in the instrument
    streamer.stop()
    streamer.start()  # it is not: stopping dropped it
    streamed = (
        "stream",
        {
            0: [(1000, 1), (50, 0), (2000, 1)],
            1: [(1000, 0), (50, 1), (2000, 0)],
            3: [(1000, 0), (50, 0), (2000, 1)],
        },
        7,
        [0, 1],
    )
    software = ("setTrigger", "SOFTWARE")
    assert inside(streamer).calls == [
        ("connect", "10.0.0.7"), ("constant", [0, 1]),
        software, streamed, ("startNow",), ("startNow",),
        ("constant", [0, 1]), software, streamed, ("startNow",),
    ]  # fmt: skip


def test_rounding_does_not_add_up(streamer: PulseStreamerSequencer) -> None:
    streamer.open()
    streamer.load([Pulse.of(10.4e-9, LASER)] * 1000)
    steps = inside(streamer).calls[-1][1][0]
    assert sum(ticks for ticks, _ in steps) == 10_400


def test_no_pulse_becomes_shorter_than_the_streamers_shortest(
    streamer: PulseStreamerSequencer,
) -> None:
    streamer.open()
    program = [Pulse.of(1001.6e-9, LASER), Pulse.of(2.0e-9, MICROWAVE), Pulse.of(1e-6, COUNT)]
    streamer.load(program * 50)
    steps = inside(streamer).calls[-1][1][1]
    assert {length for length, high in steps if high} <= {2, 3}
    assert sum(length for length, _ in steps) == round(50 * 2003.6)
    with pytest.raises(LimitError, match=r"outside the device's limits 2 ns"):
        streamer.load([Pulse.of(1.5e-9, LASER)])


def test_bad_programs_and_lines_are_refused(streamer: PulseStreamerSequencer) -> None:
    streamer.open()
    for program, repeats in (([], 1), ([Pulse.of(0.0)], 1), ([Pulse.of(1e-3)], 0)):
        with pytest.raises(LimitError):
            streamer.load(program, repeats=repeats)
    narrow = PulseStreamerSequencer("10.0.0.7", lines={"laser": 0})
    narrow.open()
    with pytest.raises(LimitError, match="count, which is not wired"):
        narrow.load([Pulse.of(1e-3, COUNT)])
    for lines in ({"laser": 8}, {"laser": 0, "count": 0}, {"lamp": 0}):
        with pytest.raises(RigError):
            PulseStreamerSequencer("10.0.0.7", lines=lines)


# --- Time Tagger ----------------------------------------------------------------------------


@pytest.fixture
def tagger(monkeypatch: pytest.MonkeyPatch) -> stand_ins.TimeTagger:
    module = stand_ins.TimeTagger()
    install(monkeypatch, "Swabian", ModuleType("Swabian"))
    install(monkeypatch, "Swabian.TimeTagger", module)
    return module


def test_the_tagger_counts_in_picoseconds(tagger: stand_ins.TimeTagger) -> None:
    counter = TimeTaggerCounter(
        "1910000OZQ", inputs={"angle": 1, "pl": 2}, gate_input=8, threshold_v=0.8,
        gate_threshold_v=1.2,
    )  # fmt: skip
    counter.open()
    assert counter.identity == "Swabian Instruments,Time Tagger 20,1910000OZQ"
    assert tagger.tagger.levels == pytest.approx({1: 0.8, 2: 0.8, 8: 1.2}, abs=5e-3)
    assert counter.count(0.05) == {"angle": 1, "pl": 2}
    assert tagger.counter[:2] == ([1, 2], 50_000_000_000)
    trace = counter.stream(20e3, 3)
    assert trace["pl"].tolist() == [2, 4, 6]
    assert trace["pl"].dtype == "int64"
    assert trace.sample_rate_hz == 20e3
    assert counter.stream(70e6, 3).sample_rate_hz == pytest.approx(1e12 / 14286, rel=1e-12)
    assert counter.stream(7.0, 1)["angle"].tolist() == [1]
    counter.close()
    assert tagger.freed


def test_what_the_tagger_lost_or_could_not_set_is_an_error(tagger: stand_ins.TimeTagger) -> None:
    counter = TimeTaggerCounter(inputs={"pl": 1}, gate_input=8)
    counter.open()
    tagger.tagger.losing = 17
    with pytest.raises(DeviceError, match=r"`getOverflows\(\)` is answered 17: tags were lost"):
        counter.stream(1e3, 5)
    tagger.tagger.losing = 0
    tagger.sign = -1
    with pytest.raises(DeviceError, match=r"counter at Time Tagger: `getData\(\)` is answered -1"):
        counter.stream(1e3, 5)
    with pytest.raises(DeviceError, match=r"trigger level` reads back 2.5 instead of 3"):
        TimeTaggerCounter(inputs={"pl": 1}, threshold_v=3.0).open()


def test_the_tagger_counts_between_the_edges_of_the_count_line(
    tagger: stand_ins.TimeTagger,
) -> None:
    counter = TimeTaggerCounter(inputs={"angle": 1, "pl": 2}, gate_input=8, patience_s=0.05)
    counter.open()
    with pytest.raises(DeviceError, match="arm_gates"):
        counter.read_gates()
    counter.arm_gates(3)
    assert tagger.markers == (8, -8)
    assert counter.read_gates()["pl"].tolist() == [2, 4, 6]
    tagger.gates_closed = 2
    counter.arm_gates(3)
    with pytest.raises(DeviceError, match="Only 2 of 3 gates came"):
        counter.read_gates()
    tagger.finishes = False
    with pytest.raises(DeviceError, match="is not finished after"):
        counter.count(0.01)
    for call in (lambda: counter.arm_gates(0), lambda: counter.stream(1e3, 0)):
        with pytest.raises(LimitError):
            call()
    for inputs in ({}, {"pl": 8}):
        with pytest.raises(RigError):
            TimeTaggerCounter(inputs=inputs)
