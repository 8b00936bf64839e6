"""Photon statistics and the speckle."""

import numpy as np
import pytest

from sim_backends.physics.detection import (
    SPECKLE_POINTS,
    count_photons,
    linear_table,
    look_up,
    speckle_table,
)
from sim_backends.physics.normals import seed_lanes


def draws(mean: float, window_s: float, dead_time_s: float, n: int = 100_000) -> np.ndarray:
    counts = np.empty(n, dtype=np.int64)
    count_photons(seed_lanes(3, 0), np.full(n, mean), window_s, dead_time_s, counts)
    return counts


@pytest.mark.parametrize("mean", [0.3, 2.0, 30.0, 2e4])
def test_without_dead_time_counts_are_poissonian(mean: float) -> None:
    counts = draws(mean, 1e-3, 0.0)
    n = counts.size
    assert counts.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / n))
    assert counts.var() == pytest.approx(mean, rel=4 * np.sqrt((2 + 1 / mean) / n))


def test_small_means_follow_the_poisson_law_itself() -> None:
    counts = draws(1.7, 1e-6, 0.0)
    expected = np.exp(-1.7) * np.array([1, 1.7, 1.7**2 / 2, 1.7**3 / 6])
    seen = np.array([(counts == k).mean() for k in range(4)])
    assert seen == pytest.approx(expected, abs=4 * np.sqrt(0.25 / counts.size))


@pytest.mark.parametrize(("mean", "window_s"), [(40.0, 20e-6), (4e4, 20e-3)])
def test_dead_time_lowers_mean_and_variance_as_a_renewal_process(
    mean: float, window_s: float
) -> None:
    dead_time_s = 100e-9
    load = 1 + mean / window_s * dead_time_s
    counts = draws(mean, window_s, dead_time_s)
    # A window that opens onto a live counter holds about half a dead photon more.
    assert counts.mean() == pytest.approx(mean / load, rel=0.006)
    assert counts.var() == pytest.approx(mean / load**3, rel=0.03)


def test_windows_of_any_number_and_brightness_are_counted_apart() -> None:
    """Few and many photons share a block of lanes without disturbing each other."""
    means = np.resize([0.0, 1.5, 500.0, 40.0, 70.0], 5 * 20_001)
    counts = np.empty(means.size, dtype=np.int64)
    count_photons(seed_lanes(9, 0), means, 1e-3, 0.0, counts)
    for mean in (0.0, 1.5, 40.0, 70.0, 500.0):
        some = counts[means == mean]
        assert some.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / some.size) + 1e-12)
        assert some.var() == pytest.approx(mean, rel=0.05)


def test_no_light_no_counts() -> None:
    assert draws(0.0, 1e-3, 0.0, 100).sum() == 0


@pytest.mark.parametrize("sign", [-1, 1])
def test_speckle_is_aligned_on_a_slope_of_the_wanted_sign(sign: int) -> None:
    table = speckle_table(grain_rad=0.08, half_range_rad=0.5, slope_sign=sign, seed=7)
    grid = np.linspace(-0.5, 0.5, SPECKLE_POINTS)
    assert np.interp(0.0, grid, table) == pytest.approx(1.0, abs=1e-3)
    slope = np.gradient(table, grid)[SPECKLE_POINTS // 2]
    assert 10 < sign * slope < 60  # 10..43 mrad per Mcounts/s at 1..2.3e6 counts/s
    assert table.min() >= 0.0


def test_interpolation_between_table_points() -> None:
    grid = np.linspace(-0.5, 0.5, SPECKLE_POINTS)
    table = np.sin(30 * grid) + 2
    angles = np.random.default_rng(1).uniform(-0.49, 0.49, 200)
    seen = [look_up(table, 0.5, a) for a in angles]
    assert seen == pytest.approx(np.sin(30 * angles) + 2, abs=1e-7)
    assert look_up(table, 0.5, 7.0) == pytest.approx(table[-1], abs=0.02)


def test_linear_detector_is_linear_and_never_negative() -> None:
    table = linear_table(slope_per_rad=25.0, half_range_rad=0.5)
    assert look_up(table, 0.5, 0.004) == pytest.approx(1.1, abs=1e-6)
    assert table.min() == 0.0
