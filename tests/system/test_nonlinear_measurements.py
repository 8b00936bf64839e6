"""`hysteresis`, `angle_jumps` and `lasing_scan` on the rigs of the strong torque."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labctl
from labctl.core import find_sequence
from labctl.data import FitResult, Run, RunStatus
from labctl.errors import ParameterError
from sim_backends.physics.libration import SpinLibration, fold_detunings_hz, lasing_threshold_hz
from tests.physics.exact_world import ExactWorld
from tests.physics.quick_runs import take


def measure(sequence: str, rig: str, tmp_path: Path, **options: Any) -> tuple[Run, FitResult]:
    seed = options.pop("seed", 1)
    with labctl.open_rig(rig, seed=seed) as opened:
        run = labctl.run(sequence, opened, out=tmp_path, **options)
    assert run.status is RunStatus.FINISHED
    assert run.fit is not None
    return run, run.fit


def test_the_bistable_rig_is_the_set_of_the_theory() -> None:
    p, world = SpinLibration.paper_set("BISTW"), ExactWorld.of_rig("sim_bistable", -5.0)
    a = world.apparatus
    _, torques, rates = world.levels(world.rest())
    assert a.rabi_rad_s(-5.0) == pytest.approx(2 * np.pi * p.rabi_hz)
    assert a.t2star_s == p.t2star_s
    assert 1 / a.t1_s == pytest.approx(p.relaxation_rate, rel=1e-6)
    assert a.pump_rate_per_w * world.laser_w == pytest.approx(p.pump_rate, rel=1e-6)
    assert world.gamma_s == pytest.approx(p.gamma_s, rel=1e-3)
    assert world.omega[0] == pytest.approx(p.omega_rad_s)
    assert torques[0, 1, 0] - torques[0, 0, 0] == pytest.approx(1.04 * p.torque_s2, rel=1e-3)
    assert np.abs(torques[0, :, 1:]).max() < 1e-5 * p.torque_s2
    assert rates[0, 1, 0] == pytest.approx(p.pump_rate + p.relaxation_rate, rel=0.02)
    step = 1e-5 * np.eye(3)[0]
    slope = (world.lines_hz(step) - world.lines_hz(-step))[0, 0] / 2e-5
    assert -slope == pytest.approx(p.gradient_hz_per_rad, rel=1e-3)
    for found, meant in zip(world.folds_hz(), fold_detunings_hz(p), strict=True):
        assert abs(found - meant) < 0.15e6


def test_the_lasing_rig_starts_to_oscillate_where_the_theory_does() -> None:
    p = SpinLibration.paper_set("LASE")
    for factor, sign in ((0.98, -1), (1.03, 1)):
        power_dbm = -5 + 20 * np.log10(factor * lasing_threshold_hz(p) / 60e3)
        world = ExactWorld.of_rig("sim_lasing", power_dbm)
        assert sign * world.growth(world.line_hz() + p.detuning_hz) > 0


def test_hysteresis_finds_both_folds(tmp_path: Path) -> None:
    run, fit = measure("hysteresis", "sim_bistable", tmp_path)
    world = ExactWorld.of_rig("sim_bistable", -5.0)
    for name, meant, true in zip(
        ("lower", "upper"),
        fold_detunings_hz(SpinLibration.paper_set("BISTW")),
        world.folds_hz(),
        strict=True,
    ):
        assert abs(fit.values[f"{name}_fold_detuning_hz"].value - meant) < 0.3e6
        fold = fit.values[f"{name}_fold_hz"]
        assert abs(fold.value - world.line_hz() - true) < 3 * fold.error
        assert fold.error < 0.1e6
    loop = fit.values["hysteresis_hz"]
    assert loop.value > 3 * loop.error
    assert loop.value < fit.values["fold_distance_hz"].value
    assert run["angle_counts"].shape == run["frequency_hz"].shape == (60, 4000)


def test_hysteresis_says_where_there_is_none(tmp_path: Path) -> None:
    _, fit = measure("hysteresis", "sim", tmp_path)
    assert any("not bistable" in note for note in fit.notes)
    assert any("no hysteresis" in note for note in fit.notes)
    assert "lower_fold_hz" not in fit.values


def test_the_upper_well_fills_towards_resonance(tmp_path: Path) -> None:
    """`000`, extended data Fig. 9."""
    _, fit = measure("angle_jumps", "sim_bistable", tmp_path)
    table = fit.tables["wells"].columns
    assert np.all(np.diff(table["population_upper"]) > 0)
    assert table["population_upper"][0] < 0.1 < 0.5 < table["population_upper"][-1]
    assert np.all(np.diff(table["residence_a_s"]) < 0)
    assert np.all(np.diff(table["residence_b_s"]) > 0)
    balance = fit.values["balance_hz"]
    assert 2.7119e9 < balance.value < 2.7120e9
    assert fit.values["rise_per_mhz"].value > 10 * fit.values["rise_per_mhz"].error


def test_angle_jumps_says_where_there_are_none(tmp_path: Path) -> None:
    _, fit = measure("angle_jumps", "sim", tmp_path, repeats=2)
    assert any("two wells" in note for note in fit.notes)
    assert not fit.tables


@pytest.mark.parametrize("seed", [1, 2])
def test_lasing_scan_brackets_the_threshold(tmp_path: Path, seed: int) -> None:
    _, fit = measure("lasing_scan", "sim_lasing", tmp_path, seed=seed)
    p = SpinLibration.paper_set("LASE")
    threshold = fit.values["threshold_dbm"]
    theory_dbm = -5 + 20 * np.log10(lasing_threshold_hz(p) / 60e3)
    assert abs(threshold.value - theory_dbm) < 2 * threshold.error
    assert threshold.error < 1
    up, down = fit.values["up_jump_dbm"], fit.values["down_jump_dbm"]
    assert theory_dbm - 2 < down.value < up.value < theory_dbm
    thermal, sine = fit.values["kurtosis_low"], fit.values["kurtosis_high"]
    assert abs(thermal.value) < 3 * thermal.error
    assert abs(sine.value + 1.5) < 3 * sine.error
    table = fit.tables["powers"].columns
    assert np.all(table["log_ratio"][table["power_dbm"] < -9] < 0)
    assert np.all(table["log_ratio"][table["power_dbm"] > -4] > 0)


def test_lasing_scan_says_where_nothing_lases(tmp_path: Path) -> None:
    _, fit = measure("lasing_scan", "sim", tmp_path, points=6, record_s=2)
    assert "threshold_dbm" not in fit.values
    assert any("No record oscillates" in note for note in fit.notes)


@pytest.mark.parametrize("name", ["hysteresis", "angle_jumps", "lasing_scan"])
def test_a_resumed_run_begins_after_what_was_taken(name: str) -> None:
    options: dict[str, Any] = {
        "hysteresis": {"sweeps": 5, "dwell_s": 1e-3},
        "angle_jumps": {"repeats": 2, "points": 3, "record_s": 0.1},
        "lasing_scan": {"points": 3, "record_s": 1.0},
    }[name]
    cls = find_sequence(name)
    label = {"hysteresis": "sweep", "angle_jumps": "frequency_hz", "lasing_scan": "power_dbm"}[name]
    measurement, whole = take(cls, "sim", 1, **options)
    _, rest = take(cls, "sim", 1, done=4, **options)
    assert len(whole) == measurement.length
    assert list(rest[label]) == list(whole[label][4:])
    few = take(cls, "sim", 1, done=measurement.length - 1, **options)[1]
    assert measurement.analyze(few) is None


@pytest.mark.parametrize(
    ("sequence", "options", "words"),
    [
        ("hysteresis", {"start_hz": 2.73e9}, "below"),
        ("hysteresis", {"points": 5}, "points"),
        ("angle_jumps", {"record_s": 1e-3}, "100"),
        ("lasing_scan", {"start_power_dbm": 0}, "below"),
        ("lasing_scan", {"segment_s": 20}, "segment"),
    ],
)
def test_parameters_that_cannot_work_are_refused(
    tmp_path: Path, sequence: str, options: dict[str, Any], words: str
) -> None:
    with labctl.open_rig("sim") as rig, pytest.raises(ParameterError, match=words):
        labctl.run(sequence, rig, out=tmp_path, **options)
