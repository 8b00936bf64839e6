"""Monitors between measurements, on the simulated lab."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import labctl
from labctl.console.monitors import Monitors
from labctl.core import Rig
from labctl.data import RunStatus
from labctl.errors import RigError
from sim_backends.world import World


@pytest.fixture
def lab() -> Iterator[Rig]:
    with labctl.open_rig("sim", seed=4) as rig:
        yield rig


@pytest.fixture
def monitors(lab: Rig) -> Iterator[Monitors]:
    made = Monitors(lab, interval_s=0.01)
    yield made
    assert made.stop(10)


def world(lab: Rig) -> World:
    assert isinstance(lab.simulation, World)
    return lab.simulation


def wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def test_what_it_reads_is_what_the_devices_tell(lab: Rig, monitors: Monitors) -> None:
    lab.microwave.frequency_hz = 2.75e9
    assert monitors.sample()
    latest = monitors.latest()
    assert latest["microwave.frequency_hz"].value == 2.75e9
    assert latest["microwave.frequency_hz"].unit == "Hz"
    assert latest["microwave.output"].value == 0.0
    assert latest["trap.amplitude_v"].value == lab.trap.amplitude_v
    assert (latest["pressure_pa"].value, latest["pressure_pa"].unit) == (1e5, "Pa")
    rates = [latest["pl_rate"].value]
    for _ in range(30):
        monitors.sample()
        rates.append(monitors.latest()["pl_rate"].value)
    counted = lab.counter.count(1.0)["pl"]
    assert np.mean(rates) == pytest.approx(counted, rel=0.02)
    assert latest["angle_rate"].unit == "counts/s"
    assert abs(latest["pl_rate"].time_s - time.time()) < 60


def test_the_history_is_bounded_and_in_order(lab: Rig) -> None:
    monitors = Monitors(lab, kept=5)
    for volts in range(1000, 2200, 100):
        lab.trap.amplitude_v = volts
        monitors.sample()
    times, values = monitors.history("trap.amplitude_v")
    assert values.tolist() == [1700, 1800, 1900, 2000, 2100]
    assert np.all(np.diff(times) > 0)
    assert monitors.history("nothing")[0].shape == (0,)
    assert "trap.amplitude_v" in monitors.names()


def test_it_samples_by_itself_until_it_is_stopped(monitors: Monitors) -> None:
    monitors.start()
    monitors.start()
    wait_until(lambda: monitors.history("pl_rate")[0].size >= 3)
    assert monitors.running
    assert monitors.stop(10)
    assert not monitors.running
    seen = monitors.history("pl_rate")[0].size
    time.sleep(0.1)
    assert monitors.history("pl_rate")[0].size == seen
    monitors.start()
    wait_until(lambda: monitors.history("pl_rate")[0].size > seen)


def test_a_run_has_the_devices_to_itself(lab: Rig, tmp_path: Path) -> None:
    """With monitors at full speed the file is byte for byte that of a run without them."""

    def measured(watched: bool) -> labctl.Run:
        with labctl.open_rig("sim", seed=9) as rig:
            handle = labctl.start("mdmr", rig, {"points": 101, "sweeps": 3}, out=tmp_path)
            monitors = Monitors(rig, interval_s=0.0)
            if watched:
                monitors.start()
            run = handle.result()
            assert monitors.stop(10)
            return run

    plain, watched = measured(False), measured(True)
    np.testing.assert_array_equal(plain["angle_counts"], watched["angle_counts"])
    np.testing.assert_array_equal(plain["elapsed_s"], watched["elapsed_s"])


def test_runs_begin_and_end_between_samples(lab: Rig, tmp_path: Path) -> None:
    monitors = Monitors(lab, interval_s=0.0)
    monitors.start()
    for _ in range(5):
        seen = monitors.history("pl_rate")[0].size
        wait_until(lambda seen=seen: monitors.history("pl_rate")[0].size > seen)
        run = labctl.run("mdmr", lab, points=9, sweeps=1, out=tmp_path)
        assert run.status is RunStatus.FINISHED
        # A sample in between would have taken the lab's time.
        assert run["elapsed_s"][-1] == pytest.approx(9 * run.parameters["dwell_s"], rel=0.2)
    assert monitors.stop(10)
    assert monitors.messages == ()


def test_a_device_that_fails_leaves_a_gap_and_a_line(lab: Rig, monitors: Monitors) -> None:
    monitors.sample()
    world(lab).inject("gauge: disconnected")
    for _ in range(3):
        assert monitors.sample()
    assert monitors.messages == ("gauge (SimGauge) does not answer (connection lost).",)
    pressures = monitors.history("pressure_pa")[1]
    assert pressures[0] == 1e5
    assert np.isnan(pressures[1:]).all()
    assert pressures.size == monitors.history("pl_rate")[1].size == 4
    assert np.isfinite(monitors.history("pl_rate")[1]).all()
    world(lab).clear("gauge: disconnected")
    monitors.sample()
    assert monitors.messages == ()
    assert monitors.history("pressure_pa")[1][-1] == 1e5


def test_a_device_that_hangs_does_not_hang_whoever_stops_it(lab: Rig, monitors: Monitors) -> None:
    monitors.start()
    wait_until(lambda: "pl_rate" in monitors.names())
    world(lab).inject("counter: hangs")
    time.sleep(0.1)
    assert monitors.stop(0.05) is False
    world(lab).clear("counter: hangs")


def test_a_run_is_refused_while_a_sample_hangs(lab: Rig, tmp_path: Path) -> None:
    monitors = Monitors(lab, interval_s=0.0)
    world(lab).inject("gauge: hangs")
    monitors.start()
    time.sleep(0.1)
    with pytest.raises(RigError, match="does not answer its monitor"):
        labctl.start("mdmr", lab, {"points": 9}, out=tmp_path)
    world(lab).clear("gauge: hangs")
    assert monitors.stop(10)
    assert labctl.run("mdmr", lab, points=9, sweeps=1, out=tmp_path).status is RunStatus.FINISHED


def test_closed_devices_are_left_out() -> None:
    with labctl.open_rig("sim") as lab:
        monitors = Monitors(lab)
    assert monitors.sample() is False
    assert monitors.names() == ()
