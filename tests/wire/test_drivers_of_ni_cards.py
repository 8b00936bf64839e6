"""Drivers of National Instruments cards: what they call of `nidaqmx`, in what order."""

import numpy as np
import pytest

from drivers.ni.aom import NIAOM
from drivers.ni.counter import NICounter
from labctl.errors import DeviceError, LimitError, RigError
from labctl.hal import CountTrace
from tests.wire.nidaqmx_package import NIDAQmx
from tests.wire.test_drivers_of_vendor_packages import install


def ni(monkeypatch: pytest.MonkeyPatch, package: NIDAQmx) -> NICounter:
    install(monkeypatch, "nidaqmx", package)
    for part in ("constants", "stream_readers", "system"):
        install(monkeypatch, f"nidaqmx.{part}", getattr(package, part))
    return NICounter(
        "Dev1",
        counters={"angle": "ctr0", "pl": "ctr1"},
        inputs={"angle": "PFI8", "pl": "PFI3"},
        gate_input="PFI0",
        patience_s=0.05,
    )


def test_bins_are_differences_of_latched_counters_that_may_wrap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    latched = {"Dev1/ctr0": [5, 12, 30, 31], "Dev1/ctr1": [2**32 - 2, 3, 3, 10]}
    package = NIDAQmx(latched)
    counter = ni(monkeypatch, package)
    counter.open()
    assert counter.identity == "National Instruments,PCIe-6363,1A2B3C"
    trace = counter.stream(20e3, 3)
    assert trace["angle"].tolist() == [7, 18, 1]
    assert trace["pl"].tolist() == [5, 0, 7]
    clock, angle, _ = package.tasks
    assert clock.told["clock"] == ("Dev1/ctr2", "/Dev1/100MHzTimebase", 2500, 2500)
    assert trace.sample_rate_hz == 20e3
    assert clock.told["implicit"][1]["samps_per_chan"] == 4
    assert angle.ci_count_edges_term == "/Dev1/PFI8"
    assert angle.told["timing"][1]["source"] == "/Dev1/Ctr2InternalOutput"
    assert all(task.started and task.closed for task in package.tasks)
    with pytest.raises(DeviceError, match=r"counter at Dev1 after `count 1 bins .*-200284"):
        counter.count(0.01)
    assert all(task.closed for task in package.tasks)


@pytest.mark.parametrize(
    ("fastest_hz", "asked_hz", "kept_hz"),
    [
        (100e6, 44.1e3, 100e6 / 2268),
        (100e6, 700e3, 100e6 / 143),
        (80e6, 999e3, 80e6 / 80),
        (100e6, 0.0137, 20e6 / round(20e6 / 0.0137)),
    ],
)
def test_a_stream_tells_the_rate_that_the_clock_made(
    monkeypatch: pytest.MonkeyPatch, fastest_hz: float, asked_hz: float, kept_hz: float
) -> None:
    per_s = 3e9 * asked_hz / 1e6
    package = NIDAQmx({}, fastest_hz=fastest_hz, light=lambda t_s: round(per_s * t_s))
    counter = ni(monkeypatch, package)
    counter.open()
    trace = counter.stream(asked_hz, 1000)
    assert trace.sample_rate_hz == pytest.approx(kept_hz, rel=1e-12)
    assert trace.sample_rate_hz == pytest.approx(package.clock_hz, rel=1e-12)
    # Photons per second come out right with that rate, and with no other.
    assert trace["pl"].sum() * trace.sample_rate_hz / 1000 == pytest.approx(per_s, rel=1e-6)


def test_a_count_that_the_clock_cannot_keep_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    package = NIDAQmx({}, light=lambda t_s: round(1e6 * t_s))
    counter = ni(monkeypatch, package)
    counter.open()
    assert counter.count(1.23456) == {"angle": 1234560, "pl": 1234560}
    assert counter.count(300.0)["pl"] == 300_000_000  # a slower clock counts that far
    with pytest.raises(LimitError, match=r"cannot count for 1\.234 us; take 1\.23 us or 1\.24 us"):
        counter.count(1.234e-6)
    with pytest.raises(DeviceError, match="its counters have 24 bits"):
        ni(monkeypatch, NIDAQmx({}, bits=24)).open()


def test_a_trace_beside_another_clock_must_keep_step_with_it() -> None:
    trace = CountTrace({"pl": np.zeros(2000, dtype=np.int64)}, 100e6 / 2268)
    assert trace.in_step_with(100e6 / 2268) is trace
    assert CountTrace({"pl": np.zeros(2000, dtype=np.int64)}, 10e3).in_step_with(10e3 * 1.0002)
    with pytest.raises(DeviceError, match=r"44200 Hz became 44091.*slips by 4.91 of 2000 samples"):
        CountTrace({"pl": np.zeros(2000, dtype=np.int64)}, 100e6 / 2268).in_step_with(44.2e3)


def test_gates_latch_the_counters_as_they_close(monkeypatch: pytest.MonkeyPatch) -> None:
    latched = {"Dev1/ctr0": [4, 9], "Dev1/ctr1": [10, 30]}
    package = NIDAQmx(latched, available=2)
    counter = ni(monkeypatch, package)
    counter.open()
    with pytest.raises(DeviceError, match="arm_gates"):
        counter.read_gates()
    counter.arm_gates(2)
    angle = package.tasks[0]
    assert vars(angle.pause) == {
        "trig_type": "level", "dig_lvl_src": "/Dev1/PFI0", "dig_lvl_when": "low",
    }  # fmt: skip
    assert angle.told["timing"][1]["active_edge"] == "falling"
    counts = counter.read_gates()
    assert counts["angle"].tolist() == [4, 5]
    assert counts["pl"].tolist() == [10, 20]
    assert all(task.closed for task in package.tasks)
    counter.arm_gates(3)
    with pytest.raises(DeviceError, match="Only 2 of 3 gates came"):
        counter.read_gates()
    counter.arm_gates(3)
    counter.close()
    assert all(task.closed for task in package.tasks)


def test_a_card_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = ni(monkeypatch, NIDAQmx({}))
    counter._device = "Dev7"
    with pytest.raises(DeviceError, match="no such card; NI-DAQmx knows Dev1"):
        counter.open()
    with pytest.raises(RigError):
        NICounter("Dev1", counters={"pl": "ctr0"}, inputs={"angle": "PFI8"})


def test_the_aoms_analogue_output_is_dark_until_its_gate_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = NIDAQmx({})
    install(monkeypatch, "nidaqmx", package)
    calibration = [[0.0, 0.1], [0.5, 0.5], [1.0, 0.9]]
    aom = NIAOM("Dev1/ao0", calibration=calibration, full_power_w=1e-3)
    aom.open()
    aom.power_w = 0.5e-3
    assert aom.gate is False
    aom.gate = True
    aom.power_w = 1e-3
    aom.gate = False
    task = package.tasks[0]
    assert task.told["output"] == (("Dev1/ao0",), {"min_val": 0.0, "max_val": 0.9})
    assert task.written == pytest.approx([0.1, 0.1, 0.5, 0.9, 0.1])
    told = {name: item.readback for name, item in aom.settings().items()}
    assert told == {"power_w": 1e-3, "gate": False}
    aom.close()
    assert task.closed
    with pytest.raises(RigError):
        NIAOM("Dev1/ao0", calibration=[[0.0, 0.0], [1.0, 11.0]], full_power_w=1e-3)
