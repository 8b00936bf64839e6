"""The drift monitor on the simulated lab, judged by the creep the lab was given."""

from pathlib import Path

import numpy as np
import pytest

import labctl
from labctl.core import RigFile, load_rig_file
from labctl.data import RunStatus
from labctl.errors import ParameterError, RunAbortedError
from labctl.session import start

SLOPE_PER_RAD, ANGLE_RATE = 25.0, 2.0e6


def creeping_lab(drift_rad_per_s: float) -> RigFile:
    return load_rig_file("sim").with_shared_arguments(
        "world",
        detection="linear",
        linear_slope_per_rad=SLOPE_PER_RAD,
        angle_rate=ANGLE_RATE,
        drift_rad_per_s=drift_rad_per_s,
        drift_rad_per_sqrt_s=0.0,
        dead_time_s=0.0,
    )


@pytest.mark.parametrize("drift_rad_per_s", [0.0, 5e-5, -5e-5])
def test_drift_of_the_angle_is_the_creep_of_the_working_point(
    tmp_path: Path, drift_rad_per_s: float
) -> None:
    """Counts change by rate x slope x creep; the photoluminescence does not creep."""
    with labctl.open_rig(creeping_lab(drift_rad_per_s)) as rig:
        run = labctl.run("drift", rig, out=tmp_path)
    assert run.fit is not None
    angle, pl = (run.fit.values[f"{name}_drift_per_s2"] for name in ("angle", "pl"))
    expected = ANGLE_RATE * SLOPE_PER_RAD * drift_rad_per_s
    assert abs(angle.value - expected) < 3 * angle.error < 1000
    assert abs(pl.value) < 3 * pl.error < 600


def test_points_come_at_the_interval_with_the_pressure(tmp_path: Path) -> None:
    with labctl.open_rig("sim") as rig:
        run = labctl.run("drift", rig, out=tmp_path, points=9, interval_s=2, dwell_s=0.5)
    assert run["time_s"] == pytest.approx(2.0 * np.arange(9) + 0.25)
    assert run["pressure_pa"] == pytest.approx(np.full(9, 1e5), rel=0.2)
    assert run["elapsed_s"] == pytest.approx(run["time_s"] + 0.25)


def test_thermal_libration_is_noted_as_more_than_counting_noise(tmp_path: Path) -> None:
    with labctl.open_rig("sim") as rig:
        run = labctl.run("drift", rig, out=tmp_path)
    assert run.fit is not None
    assert any("Angle: scatter exceeds counting statistics" in note for note in run.fit.notes)
    assert not any(note.startswith("PL") for note in run.fit.notes)


def test_runs_until_stopped(tmp_path: Path) -> None:
    with labctl.open_rig("sim") as rig:
        handle = start("drift", rig, {"points": 0}, out=tmp_path)
        while handle.runner.done < 12:
            assert not handle.wait(0.01)
        handle.stop()
        with pytest.raises(RunAbortedError):
            handle.result()
    run = labctl.load(handle.path)
    assert run.status is RunStatus.ABORTED
    assert len(run) >= 12
    assert run.fit is not None


def test_a_record_too_short_has_no_fit(tmp_path: Path) -> None:
    with labctl.open_rig("sim") as rig:
        assert labctl.run("drift", rig, out=tmp_path, points=3).fit is None


def test_dwell_longer_than_the_interval_is_refused(tmp_path: Path) -> None:
    with (
        labctl.open_rig("sim") as rig,
        pytest.raises(ParameterError, match="must not exceed `interval_s`"),
    ):
        labctl.run("drift", rig, out=tmp_path, interval_s=0.1, dwell_s=0.2)
