"""What is kept of a run under way, and how long data are drawn."""

import numpy as np
import pytest

from labctl.data import Column, PlotHint
from labctl.gui import live_data
from labctl.gui.live_data import LiveData
from labctl.gui.peaks_kept import min_max

AXIS = Column("x_hz", "Hz", "X")
SECOND = Column("y_a", "A", "Y")
COUNTS = Column("counts", "counts", "Counts", "int64")
TRACE = Column("trace", "V", "Trace", shape=(8,))


def in_batches(data: LiveData, *columns: np.ndarray, size: int = 37) -> None:
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    for first in range(0, len(rows), size):
        data.take(rows[first : first + size])


@pytest.mark.parametrize("order", ["up", "down", "alternate", "random"])
def test_mean_and_error_of_each_setpoint(order: str) -> None:
    rng = np.random.default_rng(1)
    sweeps, points = 9, 50
    up = np.linspace(1e9, 2e9, points)
    rows = {"up": [up] * sweeps, "down": [up[::-1]] * sweeps,
            "alternate": [up[:: 1 if n % 2 == 0 else -1] for n in range(sweeps)],
            "random": [rng.permutation(up) for _ in range(sweeps)]}[order]  # fmt: skip
    x = np.concatenate(rows)
    counts = rng.poisson(1000, x.size)
    data = LiveData((AXIS, COUNTS), PlotHint("counts", ("x_hz",)))
    in_batches(data, x, counts)
    (places,), mean, error, repeats = data.averages()
    assert list(places) == list(dict.fromkeys(x.tolist()))
    assert error is not None
    for place, m, e, n in zip(places, mean, error, repeats, strict=True):
        here = counts[x == place]
        assert n == sweeps
        assert m == pytest.approx(here.mean())
        assert e == pytest.approx(here.std(ddof=1) / np.sqrt(sweeps))


def test_mean_of_each_cell_of_a_map() -> None:
    rng = np.random.default_rng(2)
    x, y = (np.tile(a.ravel(), 3) for a in np.meshgrid(np.arange(5.0), np.arange(4.0)))
    counts = rng.poisson(100, x.size)
    data = LiveData((AXIS, SECOND, COUNTS), PlotHint("counts", ("x_hz", "y_a")))
    in_batches(data, x, y, counts)
    (places_x, places_y), mean, _, repeats = data.averages()
    assert np.all(repeats == 3)
    for px, py, m in zip(places_x, places_y, mean, strict=True):
        assert m == pytest.approx(counts[(x == px) & (y == py)].mean())


def test_averages_count_points_that_are_no_longer_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_data, "MAX_SCALARS", 100)
    data = LiveData((AXIS, COUNTS), PlotHint("counts", ("x_hz",)))
    x = np.tile([1.0, 2.0], 500)
    counts = np.arange(1000)
    in_batches(data, x, counts)
    _, mean, _, repeats = data.averages()
    assert list(repeats) == [500, 500]
    assert list(mean) == [499.0, 500.0]
    assert data.points == 1000
    assert data.kept <= 100
    kept = data["counts"]
    assert list(kept) == list(range(1000 - len(kept), 1000))


def test_mean_of_blocks_is_of_all_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_data, "MAX_BLOCK_BYTES", 10 * 8 * 8)
    data = LiveData((TRACE,), PlotHint("trace", ()))
    blocks = np.random.default_rng(3).normal(size=(95, 8))
    for block in blocks:
        data.take([(block,)])
    assert data.block_mean() == pytest.approx(blocks.mean(axis=0))
    assert data.kept <= 10
    assert data["trace"][-1] == pytest.approx(blocks[-1])


def test_columns_handed_out_do_not_change() -> None:
    data = LiveData((AXIS, COUNTS), PlotHint("counts", ("x_hz",)))
    data.take([(1.0, 10), (2.0, 20)])
    before = data.columns()["counts"]
    in_batches(data, np.arange(1000.0), np.arange(1000))
    assert list(before) == [10, 20]


@pytest.mark.parametrize("log", [False, True])
def test_every_peak_survives(log: bool) -> None:
    rng = np.random.default_rng(4)
    x = np.linspace(1.0, 1e6, 1_000_000)
    y = rng.normal(size=x.size)
    for place in rng.integers(0, x.size, 20):
        y[place] = rng.choice([-1, 1]) * rng.uniform(50, 100)
    reduced_x, reduced = min_max(x, y, (x[0], x[-1]), 600, log=log)
    assert len(reduced_x) == len(reduced) <= 1300
    assert reduced.max() == y.max()
    assert reduced.min() == y.min()
    borders = np.geomspace(1, 1e6, 601) if log else np.linspace(1, 1e6, 601)
    columns = np.digitize(x, borders)
    for place in np.flatnonzero(np.abs(y) > 50):
        near = np.abs(np.digitize(reduced_x, borders) - columns[place]) <= 1
        same = y[columns == columns[place]]
        extreme = same.max() if y[place] > 0 else same.min()
        assert extreme in reduced[near]


def test_few_points_stay_as_they_are() -> None:
    x, y = np.arange(10.0), np.arange(10.0) ** 2
    kept_x, kept = min_max(x, y, (2.5, 5.5), 100)
    assert list(kept_x) == [2, 3, 4, 5, 6]
    assert list(kept) == [4, 9, 16, 25, 36]
