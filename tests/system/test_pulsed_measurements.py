"""`rabi`, `ramsey`, `t1` and `polarization_rates` through the session, with files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labctl
from labctl.core import find_sequence
from labctl.data import Run, RunStatus
from labctl.errors import LabError, ParameterError
from labctl.session import plan

QUICK: dict[str, Any] = {"repeats": 40, "sweeps": 2}


def measure(sequence: str, tmp_path: Path, rig_name: str = "sim_t1", **options: Any) -> Run:
    with labctl.open_rig(rig_name, seed=1) as rig:
        run = labctl.run(sequence, rig, out=tmp_path, **options)
        assert rig.microwave.output is False
    assert run.status is RunStatus.FINISHED
    return run


def test_a_pi_pulse_found_by_rabi_serves_ramsey_and_t1(tmp_path: Path) -> None:
    rabi = measure("rabi", tmp_path, **QUICK)
    assert rabi.fit is not None
    pi = rabi.fit.values["pi_time_s"]
    assert abs(rabi.fit.values["rabi_hz"].value - 8e6) < 3 * rabi.fit.values["rabi_hz"].error
    ramsey = measure("ramsey", tmp_path, repeats=300, sweeps=2)
    t1 = measure("t1", tmp_path, **QUICK)
    for run in (ramsey, t1):
        assert run.parameters["pi_time_s"] == pi.value
        assert run.fit is not None
        assert run.fit.values
    assert np.all(t1["difference_counts"] == t1["plain_counts"] - t1["flipped_counts"])
    assert t1.path is not None
    assert t1.fit is not None
    again = labctl.load(t1.path).fit
    assert again is not None
    assert again.values == t1.fit.values
    assert again.tables["models"].columns["exponent"].tolist()[:2] == [1.0, 0.5]


def test_every_shot_is_as_long_as_its_reference_whatever_the_time() -> None:
    """So that relaxation and charge are the same in all, and in no difference."""

    def lengths(sequence: str, shots: str, *rest: float) -> set[float]:
        parameters = find_sequence(sequence).Parameters()
        pairs = (getattr(parameters, shots)(time_s, *rest) for time_s in parameters.times_s)
        return {round(sum(p.duration_s for p in shot), 12) for pair in pairs for shot in pair}

    assert len(lengths("rabi", "shots")) == 1
    assert len(lengths("ramsey", "shots", 63e-9)) == 1
    assert len(lengths("polarization_rates", "light_shots")) == 1
    assert len(lengths("polarization_rates", "microwave_shots")) == 1
    assert len(lengths("t1", "shots", 63e-9)) == 16


@pytest.mark.parametrize("sequence", ["ramsey", "t1"])
def test_without_a_pi_pulse_a_run_is_refused(tmp_path: Path, sequence: str) -> None:
    with labctl.open_rig("sim_t1") as rig, pytest.raises(ParameterError, match="rabi"):
        labctl.run(sequence, rig, out=tmp_path)
    assert not list(tmp_path.iterdir())
    assert (plan(sequence, "sim_t1", {}).duration_s or 0) > 1


def test_the_default_rig_is_overdamped_and_says_so(tmp_path: Path) -> None:
    run = measure("rabi", tmp_path, "sim", repeats=300, sweeps=4)
    assert run.fit is not None
    assert any("Overdamped" in note for note in run.fit.notes)
    assert 5e-6 < run.fit.values["pi_time_s"].value < 60e-6


def test_polarization_rates(tmp_path: Path) -> None:
    run = measure(
        "polarization_rates", tmp_path, repeats=50, sweeps=4, power_dbm=-35.0, saturate_s=63e-9
    )
    assert run.fit is not None
    for name, true in {"polarization_rate_per_s": 3.3e3, "microwave_rate_per_s": 6.4e3}.items():
        value = run.fit.values[name]
        assert abs(value.value - true) < 3 * value.error


def test_an_aborted_t1_keeps_what_it_averaged(tmp_path: Path) -> None:
    options = {"pi_time_s": 63e-9, "sweeps": 3, "points": 8, "repeats": 20}
    cls = find_sequence("t1")
    measurement = cls(cls.Parameters(**options))
    with labctl.open_rig("sim_t1", seed=1) as rig:
        whole = list(measurement.run(rig))
        rest = list(measurement.run(rig, done=13))
    assert [point["dark_s"] for point in rest] == [point["dark_s"] for point in whole[13:]]
    assert [point["sweep"] for point in rest] == [1] * 3 + [2] * 8


@pytest.mark.parametrize(
    ("sequence", "options", "words"),
    [
        ("rabi", {"start_s": 1e-3, "stop_s": 1e-4}, "below"),
        ("t1", {"recovery_s": 2e-3, "pi_time_s": 1e-7}, "polarize_s"),
        ("t1", {"pi_time_s": 1e-9}, "`pi_time_s` = 1 ns is outside"),
        ("ramsey", {"pi_time_s": -1}, "must be above 0 s"),
    ],
)
def test_parameters_that_cannot_work_are_refused(
    tmp_path: Path, sequence: str, options: dict[str, Any], words: str
) -> None:
    with labctl.open_rig("sim") as rig, pytest.raises(LabError, match=words):
        labctl.run(sequence, rig, out=tmp_path, **options)
