"""`labctl plan`: a dry run that touches nothing."""

import json
from pathlib import Path

import pytest

import labctl
from labctl import session
from labctl.core import load_rig_file
from sim_backends.devices.microwave import SimulatedMicrowaveSource
from tests.system.command_line import call

Capture = pytest.CaptureFixture[str]


def planned(capfd: Capture, *arguments: str) -> dict:
    outcome = call(capfd, "plan", *arguments, "--json")
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)["plan"]


def test_plan_says_how_long_how_many_and_how_big(capfd: Capture, tmp_path: Path) -> None:
    plan = planned(capfd, "mdmr", "points=101", "sweeps=7", "dwell_s=5 ms")
    assert plan["points"] == 707
    assert plan["duration_s"] == pytest.approx(707 * 5e-3)
    with labctl.open_rig("sim") as rig:
        start_s = rig.clock.now_s()
        run = labctl.run("mdmr", rig, out=tmp_path, points=101, sweeps=7, dwell_s="5 ms")
        assert rig.clock.now_s() - start_s == pytest.approx(plan["duration_s"], rel=0.01)
    assert run.path is not None
    assert plan["file_bytes"] == pytest.approx(run.path.stat().st_size, rel=0.8)


def test_gated_plan_counts_every_pulse(capfd: Capture) -> None:
    plan = planned(capfd, "odmr", "points=11", "sweeps=3", "repeats=5", "off_s=1 ms")
    assert plan["duration_s"] == pytest.approx(11 * 3 * 5 * 1.5e-3)


def test_setpoints_stand_beside_their_limits(capfd: Capture) -> None:
    plan = planned(capfd, "mdmr", "power_dbm=-3")
    by_name = {item["parameter"]: item for item in plan["settings"]}
    assert by_name["power_dbm"]["value"] == -3
    assert by_name["power_dbm"]["limits"]["maximum"] == 10
    assert "current_a" not in by_name  # left as it is


def test_a_setpoint_near_its_limit_is_warned_of(capfd: Capture) -> None:
    near = call(capfd, "plan", "mdmr", "power_dbm=9")
    assert near.code == 0
    assert "power_dbm" in near.err
    assert "near" in near.err
    far = call(capfd, "plan", "mdmr", "power_dbm=0")
    assert far.err == ""
    assert "Nothing was switched on." in far.out


def test_a_bad_plan_is_refused_like_the_run(capfd: Capture) -> None:
    outcome = call(capfd, "plan", "mdmr", "start_hz=9 GHz", "stop_hz=9.1 GHz")
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) == 1


def test_planning_opens_no_device() -> None:
    """A rig whose device refuses to open can still be planned for."""
    rig_file = load_rig_file("sim")
    device = rig_file.devices["microwave"]
    closed = device.model_copy(update={"class_path": f"{__name__}:SealedMicrowave"})
    devices = {**rig_file.devices, "microwave": closed}
    plan = session.plan("mdmr", rig_file.model_copy(update={"devices": devices}), {})
    assert plan.points == 301 * 60


class SealedMicrowave(SimulatedMicrowaveSource):
    """Fails if anybody opens it."""

    def open(self) -> None:
        raise AssertionError("a plan opened a device")
