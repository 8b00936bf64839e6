"""The grid on which a model is drawn."""

import numpy as np
import pytest

from labctl.analysis.fine_grid import AT_MOST, fine_grid


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
