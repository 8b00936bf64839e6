"""`psd` and `ring_down` on the simulated lab at 1 mbar, judged by its apparatus."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labctl
from labctl.core import load_rig_file
from labctl.data import FitResult, Run, RunStatus
from labctl.errors import ParameterError
from tests.system.command_line import call

LIBRATION_HZ = (480.0, 590.0)
DAMPING_HZ = 15.0 * 1000.0 / (1000.0 + 15.0)
"""`apparatus.damping_hz_per_mbar` at 1 mbar, joined with the viscous limit."""


def measure(sequence: str, tmp_path: Path, rig_name: str = "sim_vacuum", **options: Any) -> Run:
    seed = options.pop("seed", 1)
    with labctl.open_rig(rig_name, seed=seed) as rig:
        return labctl.run(sequence, rig, out=tmp_path, **options)


def near_truth(fit: FitResult, row: int, libration_hz: float) -> None:
    table = fit.tables["modes"].columns
    for name, error, true in (
        ("frequency_hz", "frequency_error_hz", libration_hz),
        ("damping_hz", "damping_error_hz", DAMPING_HZ),
    ):
        assert abs(table[name][row] - true) < 3 * table[error][row], name


def test_the_rig_is_the_one_meant() -> None:
    arguments = load_rig_file("sim_vacuum").shared["world"].arguments
    assert arguments["pressure_pa"] == 100.0


@pytest.mark.parametrize("seed", [1, 2])
def test_psd_finds_the_modes(tmp_path: Path, seed: int) -> None:
    run = measure("psd", tmp_path, seed=seed)
    assert run.status is RunStatus.FINISHED
    assert run["psd"].shape == run["frequency_hz"].shape == (20, 2501)
    assert np.ptp(run["frequency_hz"], axis=0).max() == 0
    assert run.fit is not None
    for row, libration_hz in enumerate(LIBRATION_HZ):
        near_truth(run.fit, row, libration_hz)
    again = labctl.load(run.path).fit
    assert again is not None
    assert again.values == run.fit.values


def test_psd_at_atmospheric_pressure_says_that_it_is_overdamped(tmp_path: Path) -> None:
    run = measure("psd", tmp_path, "sim", averages=20)
    assert run.fit is not None
    assert any("overdamped" in note or "merged" in note for note in run.fit.notes)


@pytest.mark.parametrize("averages", [None, 0])
def test_psd_without_a_number_of_averages_runs_until_stopped(
    tmp_path: Path, averages: int | None
) -> None:
    with labctl.open_rig("sim_vacuum") as rig:
        handle = labctl.start("psd", rig, {"averages": averages}, out=tmp_path)
        handle.stop()
        assert handle.runner.total is None
        assert handle.wait(60)


@pytest.mark.parametrize("seed", [1, 2])
def test_ring_down_finds_the_excited_mode(tmp_path: Path, seed: int) -> None:
    run = measure("ring_down", tmp_path, seed=seed)
    assert run.status is RunStatus.FINISHED
    assert len(run) == 30
    assert run.fit is not None
    near_truth(run.fit, 0, LIBRATION_HZ[0])
    start_s = run["time_s"][0, 0]
    assert start_s == pytest.approx(-5 / 480 + 0.5e-4)


def test_ring_down_excites_the_mode_it_is_told(tmp_path: Path) -> None:
    run = measure("ring_down", tmp_path, libration_hz=590, frequency_hz=2.834e9, pulses=10)
    assert run.fit is not None
    found = run.fit.tables["modes"].columns
    near_truth(run.fit, int(np.argmin(np.abs(found["frequency_hz"] - 590))), LIBRATION_HZ[1])


@pytest.mark.parametrize(("after_hz", "sign"), [(2.7165e9, -1), (2.724e9, 1)])
def test_ring_down_under_a_microwave_shows_the_spin_spring(
    tmp_path: Path, after_hz: float, sign: int
) -> None:
    """Either side of the line at 2.7203 GHz the torque's slope softens or stiffens the trap."""
    run = measure("ring_down", tmp_path, after_frequency_hz=after_hz, averages=200)
    assert run.fit is not None
    frequency = run.fit.values["mode_1_frequency_hz"]
    assert sign * (frequency.value - LIBRATION_HZ[0]) > 3 * frequency.error


@pytest.mark.parametrize(
    ("sequence", "options", "words"),
    [
        ("psd", {"segment_s": 1e-3}, "segment"),
        ("psd", {"fit_from_hz": 2000}, "below"),
        ("ring_down", {"sample_rate_hz": 1000}, "four times"),
        ("ring_down", {"decay_s": 1e-3}, "64"),
    ],
)
def test_parameters_that_cannot_work_are_refused(
    tmp_path: Path, sequence: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ParameterError, match=words):
        measure(sequence, tmp_path, **options)


def test_an_earlier_spectrum_is_the_reference_of_a_later_one(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    earlier = measure("psd", tmp_path, averages=40)
    assert earlier.path is not None
    assert earlier.fit is not None
    told = call(
        capfd, "run", "psd", "averages=40", "--rig", "sim_vacuum", "--seed", 2,
        "--reference", earlier.path, "--out", tmp_path,
    )  # fmt: skip
    assert told.code == 0, told.err
    later = labctl.load(told.out.splitlines()[-1])
    assert later.parameters["reference_area"] == earlier.fit.values["mode_1_area"].value
    assert later.fit is not None
    for name in ("temperature_by_damping_k", "temperature_by_area_k"):
        found = later.fit.values[name]
        assert abs(found.value - 300) < 3 * found.error
    for arguments, words in (
        (("run", "mdmr", "--reference", earlier.path), "A mdmr run takes no reference"),
        (("run", "psd", "--reference", tmp_path / "none.h5"), "Cannot read"),
    ):
        wrong = call(capfd, *arguments, "--out", tmp_path / "new")
        assert wrong.code != 0
        assert wrong.err.count("\n") == 1
        assert words in wrong.err
    assert not (tmp_path / "new").exists()
