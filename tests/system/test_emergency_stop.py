"""The emergency stop: devices safe and the file closed, whatever hangs."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import labctl
from labctl.core import Rig
from labctl.data import Column, PlotHint, Point, RunStatus
from labctl.errors import DeviceError, RigError, RunAbortedError
from labctl.hal import ROLES, Instruments, Pulse
from labctl.parameters import SequenceParameters
from labctl.safety.emergency_stop import emergency_stop
from labctl.session import RunHandle, end_at_once
from sim_backends.world import World
from tests.system.command_line import environment, finish, spawn
from tests.system.test_cli_run_ends import toy, wait_for_points
from tests.system.toy_lab import SCAN, unsafe_traces

SOON_S = 20.0
IDLE_POWER_W = 100e-6


@pytest.fixture
def lab() -> Iterator[Rig]:
    """The simulated lab at the pace of the wall clock; every fault is cleared in the end."""
    with labctl.open_rig("sim", seed=3, speed=1.0) as rig:
        yield rig
        for name in world(rig).injected:
            world(rig).clear(name)
        wait_until(lambda: rig.active is None and not rig.unresponsive)
        world(rig).speed = None


def world(rig: Rig) -> World:
    assert isinstance(rig.simulation, World)
    return rig.simulation


def wait_until(condition: Any) -> None:
    deadline_s = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def measuring(rig: Rig, out: Path, points: int = 3) -> RunHandle:
    """A scan under way with the microwave on and the magnet up."""
    settings = {"points": 400, "sweeps": 50, "current_a": 0.5, "dwell_s": 0.005}
    handle = labctl.start("mdmr", rig, settings, out=out)
    wait_until(lambda: handle.runner.done >= points)
    return handle


def unsafe(rig: Rig) -> set[str]:
    """Roles that are not in their safe state, the magnet aside."""
    controls = world(rig).controls
    found = set()
    if controls.microwave_on:
        found.add("microwave")
    if abs(controls.laser_w - IDLE_POWER_W) > 1e-9 or not controls.laser_gate:
        found.add("laser")
    if not controls.laser_line:
        found.add("sequencer")
    if not controls.trap_on or controls.trap_v != 2000.0:
        found.add("trap")
    return found


def test_from_the_middle_of_a_run(lab: Rig, tmp_path: Path) -> None:
    handle = measuring(lab, tmp_path)
    assert emergency_stop(lab) == []
    assert unsafe(lab) == set()
    with pytest.raises(RunAbortedError, match="emergency stop"):
        handle.result()
    run = labctl.load(handle.path)
    assert (run.status, run.reason) == (RunStatus.ABORTED, "emergency stop")
    assert len(run) >= 3
    assert unsafe(lab) == set()
    assert lab.electromagnet.current_a == 0
    assert lab.active is None


def test_from_idle_with_everything_on(lab: Rig) -> None:
    lab.microwave.output = True
    lab.laser.power_w = 1e-3
    lab.sequencer.load([Pulse.of(900.0)])
    lab.sequencer.start()
    lab.clock.sleep_s(0.01)
    assert {"microwave", "laser", "sequencer"} == unsafe(lab)
    assert emergency_stop(lab) == []
    assert unsafe(lab) == set()


def test_the_ramp_of_the_magnet_is_begun_and_not_waited_for(lab: Rig) -> None:
    world(lab).speed = None
    lab.electromagnet.ramp_to(8.0)
    world(lab).speed = 0.5
    assert emergency_stop(lab) == []
    assert lab.electromagnet.current_a > 4.0  # at 5 A/s it needs 3.2 s on this clock
    wait_until(lambda: lab.electromagnet.current_a < 7.5)
    world(lab).speed = None
    wait_until(lambda: lab.electromagnet.current_a == 0)


@pytest.mark.parametrize("role", ROLES)
def test_a_device_that_hangs_holds_up_nobody(lab: Rig, tmp_path: Path, role: str) -> None:
    handle = measuring(lab, tmp_path)
    lab.laser.power_w = 1e-3
    world(lab).inject(f"{role}: hangs")
    time.sleep(0.05)
    before_s = time.monotonic()
    failures = end_at_once(lab)
    assert time.monotonic() - before_s < 1.0
    assert failures == [f"{role} does not answer; it may not be in its safe state"]
    assert unsafe(lab) <= {role}
    assert handle.wait(0)
    assert handle.runner.status is RunStatus.ABORTED or role in handle.runner.reason
    run = labctl.load(handle.path)
    assert "emergency stop" in run.reason
    assert len(run) == handle.runner.done >= 3
    assert lab.unresponsive == {role}
    with pytest.raises(RigError, match=f"busy|{role} did not answer"):
        labctl.start("mdmr", lab, {}, out=tmp_path)

    world(lab).clear(f"{role}: hangs")
    wait_until(lambda: lab.active is None and not lab.unresponsive)
    assert unsafe(lab) == set()
    wait_until(lambda: lab.electromagnet.current_a == 0)
    assert labctl.load(handle.path).reason == run.reason
    world(lab).speed = None
    assert labctl.run("mdmr", lab, points=9, sweeps=1, out=tmp_path).status is RunStatus.FINISHED


def test_a_disconnected_device_is_told_and_the_others_are_safe(lab: Rig) -> None:
    lab.microwave.output = True
    lab.laser.power_w = 1e-3
    for role in ("laser", "gauge"):
        world(lab).inject(f"{role}: disconnected")
    told = sorted(emergency_stop(lab))
    assert len(told) == 3
    assert told[0] == "gauge (SimGauge) does not answer (connection lost)."
    assert all(line.startswith("laser.") and "connection lost" in line for line in told[1:])
    assert unsafe(lab) == {"laser"}


def test_the_rig_closes_although_a_device_hangs(tmp_path: Path) -> None:
    with labctl.open_rig("sim", seed=3) as rig:
        measuring(rig, tmp_path)
        world(rig).inject("counter: hangs")
        time.sleep(0.02)
        end_at_once(rig)
    assert world(rig).controls.microwave_on is False
    assert world(rig).controls.current_a == 0
    world(rig).clear("counter: hangs")


def test_a_run_that_is_abandoned_without_an_emergency_keeps_the_devices(
    lab: Rig, tmp_path: Path
) -> None:
    handle = measuring(lab, tmp_path)
    world(lab).inject("counter: hangs")
    time.sleep(0.05)
    handle.abandon("the counter is stuck")
    assert handle.wait(0)
    with pytest.raises(RunAbortedError, match="the counter is stuck"):
        handle.result()
    assert labctl.load(handle.path).status is RunStatus.ABORTED
    with pytest.raises(RigError, match="busy"):
        labctl.start("mdmr", lab, {}, out=tmp_path)
    world(lab).clear("counter: hangs")
    wait_until(lambda: lab.active is None)
    assert unsafe(lab) == set()


def test_abandoning_a_run_that_ends_by_itself_changes_nothing(lab: Rig, tmp_path: Path) -> None:
    world(lab).speed = None
    handle = labctl.start("mdmr", lab, {"points": 9, "sweeps": 1}, out=tmp_path)
    handle.wait()
    handle.abandon("too late")
    assert handle.runner.status is RunStatus.FINISHED
    assert labctl.load(handle.path).status is RunStatus.FINISHED


class Toggling:
    """Switches the microwave on at every turn, as fast as it can, and never yields."""

    name = "toggling"
    title = "Toggling"
    roles = ("microwave",)
    Parameters = SequenceParameters
    columns = (Column("i", "", "Number", "int64"),)
    plot = PlotHint("i", ("i",))
    length = None
    duration_s = None
    began = threading.Event()

    def __init__(self, parameters: SequenceParameters) -> None:
        self.parameters = parameters

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        while True:
            rig.microwave.output = True
            self.began.set()
        yield {"i": 0}

    def analyze(self, run: Any) -> None:
        return None


def test_a_sequence_cannot_switch_on_again_what_was_just_made_safe(
    lab: Rig, tmp_path: Path
) -> None:
    handle = labctl.start(Toggling, lab, {}, out=tmp_path)
    assert Toggling.began.wait(10)
    assert emergency_stop(lab) == []
    assert handle.wait(10)
    assert handle.runner.status is RunStatus.ABORTED
    assert lab.microwave.output is False


class Hooked:
    """A device whose driver throws whatever it likes."""

    identity = "Hooked,1"
    limits: Mapping[str, Any] = {}

    def settings(self) -> Mapping[str, Any]:
        raise DeviceError("hooked: no settings today")


def test_an_error_of_a_device_that_is_held_is_told(lab: Rig, monkeypatch: Any) -> None:
    monkeypatch.setitem(lab.devices, "gauge", Hooked())  # type: ignore[arg-type]
    assert emergency_stop(lab) == ["gauge: hooked: no settings today"]
    monkeypatch.undo()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent the POSIX way")
def test_second_ctrl_c_ends_a_command_whose_device_hangs(tmp_path: Path) -> None:
    journal = tmp_path / "journal.txt"
    rig = toy(tmp_path, journal, fault="counter.count", after=20, error="hang")
    process = spawn("run", SCAN, "points=1000", "--rig", rig, "--out", tmp_path / "data")
    wait_for_points(journal, 20, process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    outcome = finish(process, timeout_s=15)
    assert outcome.code == 1
    assert "error: Run aborted (emergency stop)" in outcome.err
    assert not unsafe_traces(journal)
    (path,) = (tmp_path / "data").glob("*.h5")
    run = labctl.load(path)
    assert (run.status, run.reason, len(run)) == (RunStatus.ABORTED, "emergency stop", 20)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent the POSIX way")
@pytest.mark.parametrize("verb", ["microwave.frequency_hz", "laser.identity"])
def test_second_ctrl_c_with_another_device_hanging(tmp_path: Path, verb: str) -> None:
    journal = tmp_path / "journal.txt"
    # The laser is asked who it is before the first point, and again after the last.
    points, after, taken = (1000, 9, 9) if verb == "microwave.frequency_hz" else (10, 1, 10)
    rig = toy(tmp_path, journal, fault=verb, after=after, error="hang")
    process = spawn("run", SCAN, f"points={points}", "--rig", rig, "--out", tmp_path / "data")
    wait_for_points(journal, taken, process)
    time.sleep(0.3)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    outcome = finish(process, timeout_s=15)
    assert outcome.code == 1
    assert not unsafe_traces(journal)
    (path,) = (tmp_path / "data").glob("*.h5")
    assert len(labctl.load(path)) == taken


def test_a_program_does_not_end_before_its_run(tmp_path: Path) -> None:
    script = (
        "import labctl; rig = labctl.open_rig('sim', speed=20.0);"
        f"labctl.start('mdmr', rig, {{'points': 101, 'sweeps': 2}}, out={str(tmp_path)!r})"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env=environment(), timeout=120)
    (path,) = tmp_path.glob("*.h5")
    run = labctl.load(path)
    assert (run.status, len(run)) == (RunStatus.FINISHED, 202)
