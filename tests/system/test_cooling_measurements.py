"""`cooling_scan`, `equal_angle_points` and temperatures by `psd` on the spin-cooling rig."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import labctl
from labctl.data import FitResult, Run, RunStatus
from labctl.errors import ParameterError

LINE_HZ, COLD_HZ = 2.623e9, 2.61991e9


def measure(sequence: str, tmp_path: Path, seed: int = 1, **options: Any) -> Run:
    with labctl.open_rig("sim_cooling", seed=seed) as rig:
        return labctl.run(sequence, rig, out=tmp_path, **options)


def fit_of(run: Run) -> FitResult:
    assert run.status is RunStatus.FINISHED
    assert run.fit is not None
    return run.fit


def near(value: float, error: float, true: float) -> bool:
    return abs(value - true) < 3 * error


@pytest.mark.parametrize("seed", [1, 2])
def test_cooling_scan_measures_60_hz_and_80_k(tmp_path: Path, seed: int) -> None:
    fit = fit_of(
        measure("cooling_scan", tmp_path, seed, start_hz=COLD_HZ, stop_hz=COLD_HZ, points=1,
                references=2, blocks=60)
    )  # fmt: skip
    damping, kelvin = fit.values["coldest_damping_hz"], fit.values["coldest_temperature_k"]
    assert near(fit.values["reference_damping_hz"].value,
                fit.values["reference_damping_hz"].error, 16.0)  # fmt: skip
    assert damping.value == pytest.approx(60.0, rel=0.1)
    assert near(damping.value, damping.error, 60.0)
    assert near(kelvin.value, kelvin.error, 80.0)
    assert kelvin.error < 6


def test_cooling_scan_reports_both_sides_of_the_line(tmp_path: Path) -> None:
    run = measure("cooling_scan", tmp_path, blocks=12)
    fit = fit_of(run)
    table = fit.tables["microwave"].columns
    at, damping = table["microwave_hz"], table["damping_hz"]
    assert at.size == 13
    red, blue = at < LINE_HZ - 1.5e6, at > LINE_HZ + 1.5e6
    assert np.max(damping[red]) > 45
    assert np.min(damping[blue]) < 0
    assert table["frequency_hz"][red].min() < 470 < 485 < table["frequency_hz"][blue].max()
    assert np.all(np.isnan(table["temperature_k"][damping < 0]))
    assert any("Self-oscillation" in note for note in fit.notes)
    assert any("Heating" in note for note in fit.notes)
    assert run.path is not None
    again = labctl.load(run.path).fit
    assert again is not None
    assert again.values == fit.values


def test_temperature_by_area_and_by_damping(tmp_path: Path) -> None:
    """88 K and 80 K against a spectrum at the same angle, which a weak microwave holds.

    On the line the spins neither cool nor heat, and -13.9 dBm turns as far as -10 dBm at the
    cold point; the angle still differs by a little, and so does the line's slope from zero: the
    reference's own temperature is 300 K times 16 Hz over its damping.
    """
    off = fit_of(measure("psd", tmp_path, averages=240, fit_to_hz=900))
    level = fit_of(
        measure("psd", tmp_path, averages=240, fit_to_hz=900, microwave_hz=2.6224e9,
                power_dbm=-14.2)
    )  # fmt: skip
    bath, held = (fit.values["mode_1_damping_hz"] for fit in (off, level))
    cold = fit_of(
        measure(
            "psd", tmp_path, averages=240, fit_to_hz=900, microwave_hz=COLD_HZ,
            reference_area=level.values["mode_1_area"].value,
            reference_area_error=level.values["mode_1_area"].error,
            reference_frequency_hz=level.values["mode_1_frequency_hz"].value,
            reference_damping_hz=held.value,
            reference_damping_error_hz=held.error,
            reference_temperature_k=300 * bath.value / held.value,
        )
    )  # fmt: skip
    by_area = cold.values["temperature_by_area_k"]
    by_damping = cold.values["temperature_by_damping_k"]
    shared = 88 * np.hypot(bath.error / bath.value, held.error / held.value)
    assert abs(by_area.value - 88) < 3 * np.hypot(by_area.error, shared)
    assert abs(by_damping.value - 80) < 3 * np.hypot(by_damping.error, 80 / 88 * shared)
    assert cold.covariance.shape == (9, 9)


def test_psd_keeps_its_counts_compressed(tmp_path: Path) -> None:
    run = measure("psd", tmp_path, averages=8, store_counts=True)
    assert run["counts"].shape == (2, 12500)
    assert np.mean(run["counts"], axis=1) * 5e3 == pytest.approx(run["angle_rate"])
    assert run.path is not None
    with h5py.File(run.path) as file:
        dataset = file["entry/data/counts"]
        assert isinstance(dataset, h5py.Dataset)
        assert dataset.compression == "gzip"
        assert dataset.shuffle
        assert dataset.id.get_storage_size() < 0.25 * dataset.nbytes


def test_equal_angle_points_hold_one_angle(tmp_path: Path) -> None:
    """At the points found, a long count gives the rate of the reference."""
    fit = fit_of(measure("equal_angle_points", tmp_path))
    table = fit.tables["points"].columns
    assert np.all(table["power_dbm"] == -10)
    red, blue = table["microwave_hz"]
    assert red < LINE_HZ - 6e6 < LINE_HZ + 6e6 < blue
    with labctl.open_rig("sim_cooling", seed=7) as rig:
        rig.laser.power_w, rig.laser.gate = 330e-6, True
        rig.microwave.output = True

        def rate(frequency_hz: float, power_dbm: float) -> float:
            rig.microwave.frequency_hz, rig.microwave.power_dbm = frequency_hz, power_dbm
            rig.clock.sleep_s(0.2)
            return rig.counter.count(1.0)["angle"]

        here = [(2.623e9, -20.0), (float(red), -10.0), (2.623e9, -40.0)]
        # Taken in turns, so that the drift is the same for all.
        held, cold, dark = np.mean([[rate(*point) for point in here] for _ in range(12)], axis=0)
    assert cold - dark == pytest.approx(held - dark, rel=0.12)


@pytest.mark.parametrize(
    ("sequence", "options", "words"),
    [
        ("psd", {"reference_area": 1e10}, "reference_frequency_hz"),
        ("cooling_scan", {"start_hz": 2.7e9}, "below"),
        ("equal_angle_points", {"first_power_dbm": 0.0}, "below"),
        ("equal_angle_points", {"reference_power_dbm": -13.0}, "one of -20, -10"),
        ("equal_angle_points", {"reference_hz": 2.7e9}, "between"),
    ],
)
def test_parameters_that_cannot_work_are_refused(
    tmp_path: Path, sequence: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ParameterError, match=words):
        measure(sequence, tmp_path, **options)
