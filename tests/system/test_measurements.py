"""Whole measurements on the simulated lab, judged by what the world knows."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labctl
from labctl.core import RigFile, load_rig_file
from labctl.data import Run, RunStatus
from sim_backends.physics import nv

MHZ = 1e6


def lines_of(run: Run) -> dict[str, np.ndarray]:
    assert run.fit is not None
    return dict(run.fit.tables["resonances"].columns)


def true_lines(run: Run) -> np.ndarray:
    return run.info.truth["resonance_frequency_hz"][0]


def rig_with(name: str, **world: Any) -> RigFile:
    return load_rig_file(name).with_shared_arguments("world", **world)


def test_mdmr_finds_all_eight_transitions(tmp_path: Path) -> None:
    with labctl.open_rig("sim") as rig:
        run = labctl.run("mdmr", rig, out=tmp_path, sweeps=50)
    assert run.status is RunStatus.FINISHED
    found, truth = lines_of(run), true_lines(run)
    assert len(found["frequency_hz"]) == len(truth) == 8
    deviation = found["frequency_hz"] - truth
    assert np.all(np.abs(deviation) < 3 * found["frequency_error_hz"])
    assert np.all(np.abs(deviation) < 2 * MHZ)
    assert np.all(found["frequency_error_hz"] < 1 * MHZ)


def test_mdmr_branches_of_a_class_have_opposite_signs_on_a_linear_slope(tmp_path: Path) -> None:
    rig_file = rig_with("sim", detection="linear")
    with labctl.open_rig(rig_file) as rig:
        run = labctl.run("mdmr", rig, out=tmp_path, sweeps=30, direction="alternate")
        field = np.array(rig.simulation.apparatus.bias_field_t)
    found = lines_of(run)
    for lower_hz, upper_hz in nv.transition_frequencies_hz(field):
        heights = [
            found["amplitude"][np.argmin(np.abs(found["frequency_hz"] - line))]
            for line in (lower_hz, upper_hz)
        ]
        assert heights[0] * heights[1] < 0


@pytest.mark.parametrize(
    ("current_a", "expected_mhz"),
    [
        (10, [2657.2, 2733.3, 2763.3, 2832.7]),
        (17, [2646.8, 2749.4, 2843.3]),
        (25, [2635.3, 2733.8, 2768.1, 2855.6]),
    ],
)
def test_dipolar_rig_shows_the_second_papers_scan(
    tmp_path: Path, current_a: float, expected_mhz: list[float]
) -> None:
    """`002`, Fig. 4a: four lines beside the degeneracy, three on it."""
    with labctl.open_rig("sim_dipolar") as rig:
        run = labctl.run(
            "mdmr", rig, out=tmp_path, current_a=current_a, power_dbm=-5,
            start_hz="2.6 GHz", stop_hz="2.9 GHz", points=151, sweeps=200,
        )  # fmt: skip
    found = lines_of(run)["frequency_hz"] / MHZ
    assert found == pytest.approx(expected_mhz, abs=1.0)


def test_dipolar_crossing_moves_as_the_widths_say() -> None:
    """`002`: widths of 2.1 and 2.8 G are 9 and 12 MHz, so nu1 - nu2 moves 4.29 MHz per gauss."""
    arguments = load_rig_file("sim_dipolar").shared["world"].arguments
    bias, slope = (np.array(arguments[name]) for name in ("bias_field_t", "electromagnet_t_per_a"))
    assert np.linalg.norm(slope) == pytest.approx(1e-4, rel=1e-6)

    def gap_mhz(current_a: float) -> float:
        lines = nv.transition_frequencies_hz(bias + current_a * slope)[:, 0]
        return float(lines[0] - lines[1]) / MHZ

    assert gap_mhz(17.0) == pytest.approx(0.0, abs=1e-3)
    assert abs(gap_mhz(17.5) - gap_mhz(16.5)) == pytest.approx(4.29, abs=0.01)


def test_odmr_shows_eight_dips_at_30_gauss(tmp_path: Path) -> None:
    field = 3e-3 * np.array([0.8693, 0.4419, 0.2215])
    with labctl.open_rig(rig_with("sim", bias_field_t=field.tolist())) as rig:
        run = labctl.run(
            "odmr", rig, out=tmp_path, start_hz="2.77 GHz", stop_hz="2.97 GHz", points=201,
            sweeps=60, power_dbm=-5,
        )  # fmt: skip
    found, truth = lines_of(run), true_lines(run)
    assert len(found["frequency_hz"]) == 8
    assert np.all(found["amplitude"] < 0)
    assert found["frequency_hz"] == pytest.approx(truth, abs=1.5 * MHZ)


def test_same_seed_same_data_other_seed_other_noise_same_lines(tmp_path: Path) -> None:
    def measure(seed: int) -> Run:
        with labctl.open_rig("sim", seed=seed) as rig:
            return labctl.run("mdmr", rig, out=tmp_path, sweeps=10)

    first, second, other = measure(11), measure(11), measure(12)
    for name in first.columns:
        assert np.array_equal(first[name], second[name]), name
    assert not np.array_equal(first["angle_counts"], other["angle_counts"])
    assert true_lines(first) == pytest.approx(true_lines(other), abs=0.05 * MHZ)
    for run in (first, other):
        found = lines_of(run)
        for line, error in zip(found["frequency_hz"], found["frequency_error_hz"], strict=True):
            assert np.abs(true_lines(run) - line).min() < 4 * error


def test_a_run_reads_back_as_arrays_and_xarray(tmp_path: Path) -> None:
    with labctl.open_rig("sim") as rig:
        run = labctl.run("mdmr", rig, out=tmp_path, points=11, sweeps=2, dwell_s="2 ms")
    assert run["frequency_hz"].shape == (22,)
    assert run["angle_counts"].dtype == np.int64
    assert run.parameters["dwell_s"] == 2e-3
    data = run.to_xarray()
    assert data["angle_counts"].attrs["units"] == "counts"
    assert data["elapsed_s"].values[-1] == pytest.approx(22 * 2e-3, rel=1e-6)
    assert {record.role for record in run.instruments} == set(rig.devices)
    assert labctl.load(run.path).info.run_id == run.info.run_id
