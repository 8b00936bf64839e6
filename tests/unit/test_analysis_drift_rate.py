"""Drift of a count rate from synthetic monitors."""

import numpy as np
import pytest

from labctl.analysis.drift_rate import DriftRate, fit_drift
from labctl.errors import ParameterError

DRIFT_PER_S2 = 30.0
DWELL_S = 0.5


def monitor(seed: int, *, walk: float = 0.0, points: int = 120) -> DriftRate:
    """One point per second for 2 minutes at 2e6 counts/s; `walk` in counts/s per sqrt(s)."""
    noise = np.random.default_rng(seed)
    time_s = np.arange(points) * 1.0
    rate = 2e6 + DRIFT_PER_S2 * time_s + np.cumsum(walk * noise.standard_normal(points))
    return fit_drift(time_s, noise.poisson(rate * DWELL_S), DWELL_S)


@pytest.mark.parametrize(
    ("walk", "narrowest", "widest"),
    [(0.0, 0.4, 1.2), (500.0, 0.8, 1.5), (1e3, 0.8, 1.2), (3e3, 0.8, 1.2), (3e4, 0.8, 1.2)],
)
def test_errors_cover_the_truth(walk: float, narrowest: float, widest: float) -> None:
    """Too wide without a walk and too narrow for one that hides below the counting noise."""
    fits = [monitor(seed, walk=walk) for seed in range(150)]
    pulls = [(fit.drift_per_s2 - DRIFT_PER_S2) / fit.error_per_s2 for fit in fits]
    assert narrowest < np.std(pulls) < widest
    assert abs(np.mean(pulls)) < 0.3


def test_error_without_a_walk_is_near_that_of_a_straight_line() -> None:
    """sqrt(12 P/n^3) for n points with variance P, one second apart."""
    line = np.sqrt(12 * 2e6 / DWELL_S / 120**3)
    errors = [monitor(seed).error_per_s2 for seed in range(50)]
    assert line < np.mean(errors) < 3.5 * line


def test_a_walk_limits_the_drift_as_its_two_ends_do() -> None:
    """A pure random walk tells its drift by its ends alone: the error is walk/sqrt(T)."""
    errors = [monitor(seed, walk=3e4).error_per_s2 for seed in range(50)]
    assert np.mean(errors) == pytest.approx(3e4 / np.sqrt(119), rel=0.1)


def test_allan_deviation_is_that_of_the_counts() -> None:
    fits = [monitor(seed) for seed in range(50)]
    ratios = [fit.allan_per_s / fit.allan_poisson_per_s for fit in fits]
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.03)
    assert np.mean([fit.reduced_chi_square for fit in fits]) == pytest.approx(1.0, abs=0.06)
    assert monitor(1).allan_poisson_per_s == pytest.approx(np.sqrt(2e6 / DWELL_S), rel=0.01)


def test_noiseless_line_is_exact() -> None:
    time_s = np.array([0.0, 1.0, 2.5, 3.0, 5.0, 6.0, 8.0, 9.0])
    fit = fit_drift(time_s, 1e6 + 40.0 * time_s, 1.0)
    assert fit.drift_per_s2 == pytest.approx(40.0, abs=1e-6)


@pytest.mark.parametrize(
    ("time_s", "counts", "dwell_s", "words"),
    [
        (np.arange(7), np.ones(7), 1.0, "at least 8 points"),
        (np.arange(9), np.ones(8), 1.0, "equal lengths"),
        (np.zeros(9), np.ones(9), 1.0, "must rise"),
        (np.arange(9), np.full(9, np.nan), 1.0, "finite"),
        (np.arange(9), np.full(9, -1), 1.0, "not be negative"),
        (np.arange(9), np.ones(9), 0.0, "must be positive"),
    ],
)
def test_bad_monitor(time_s: np.ndarray, counts: np.ndarray, dwell_s: float, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        fit_drift(time_s, counts, dwell_s)
