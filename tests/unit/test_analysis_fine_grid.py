"""The grid on which a model is drawn."""

import numpy as np
import pytest

from labctl.analysis.fine_grid import AT_MOST, fine_grid
from labctl.analysis.rabi import fit_rabi, rabi_contrast
from labctl.analysis.ring_down import fit_ring_down


@pytest.mark.parametrize(
    "x", [np.linspace(0, 1, 8), np.geomspace(1e-8, 1e-3, 20), np.array([3.0, 1.0, 1.0, 2.0])]
)
def test_every_place_is_kept_and_every_gap_is_divided(x):
    grid = fine_grid(x)
    assert np.all(np.diff(grid) > 0)
    assert np.all(np.min(np.abs(grid[:, None] - x), axis=0) <= 1e-12 * np.abs(x))
    places = np.unique(x)
    inside = np.diff(np.searchsorted(grid, places))
    assert inside.min() >= 4
    assert np.ptp(inside) == 0


@pytest.mark.parametrize("x", [[], [2.0], np.arange(AT_MOST + 5.0), np.arange(AT_MOST - 5.0)])
def test_no_grid_is_coarser_than_the_data_or_without_end(x):
    grid = fine_grid(x)
    assert np.unique(x).size <= grid.size <= max(AT_MOST, len(x))


def test_a_coarse_scan_is_drawn_as_the_oscillation_that_was_fitted() -> None:
    """Between points 60 ns apart the curve turns as an 8 MHz oscillation does."""
    time_s = np.linspace(5e-8, 2e-6, 34)
    rng = np.random.default_rng(3)
    loss = rabi_contrast(time_s, 0.06, 2e6 * np.pi * 8, 500e-9)
    fit = fit_rabi(time_s, rng.poisson(1e8 * (1 - loss)), rng.poisson(1e8, loss.size))
    assert fit is not None
    assert fit.curve is not None
    drawn = fit.curve.model_y
    true = rabi_contrast(fit.curve.model_x, 0.06, 2e6 * np.pi * 8, 500e-9)
    assert np.max(np.abs(drawn - true)) < 3e-3
    assert np.allclose(np.interp(time_s, *fit.curve.drawn), fit.curve.model)


def test_a_ring_down_is_drawn_between_its_samples() -> None:
    rng = np.random.default_rng(4)
    t = np.arange(300) / 2e3
    clean = 1e5 * np.exp(-np.pi * 10 * t) * np.cos(2 * np.pi * 480 * t)
    fit = fit_ring_down(t, clean + 2e3 * rng.standard_normal((12, t.size)))
    assert fit.curve is not None
    x, y = fit.curve.drawn
    assert x.size > 4 * t.size - 4
    true = 1e5 * np.exp(-np.pi * 10 * x) * np.cos(2 * np.pi * 480 * x)
    assert np.max(np.abs(y - true)) < 1e4
