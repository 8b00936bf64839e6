"""The points of a run as they come in, kept so that plots need no second look at them."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labctl.data import Column, PlotHint, Run

MAX_SCALARS = 250_000
"""Points kept of scalar columns; the averages go on counting beyond."""
MAX_BLOCK_BYTES = 16_000_000
"""Memory per column for the most recent blocks (traces, spectra)."""

_AT_ONCE = 10_000

Floats = NDArray[np.float64]


class LiveData:
    """Columns, running averages per setpoint, and running mean of blocks of one run.

    The runner's buffer is bounded and may drop; what was taken from it is averaged here for
    good, so an average on the screen is that of every point that was seen.

    Attributes:
        points: how many points were taken in.
    """

    def __init__(self, columns: Sequence[Column], plot: PlotHint) -> None:
        self.specification = tuple(columns)
        self.plot = plot
        self.points = 0
        self._kept = 0
        self._arrays: dict[str, NDArray[Any]] = {}
        self._limits: dict[str, int] = {}
        for column in self.specification:
            dtype = np.dtype(column.dtype)
            size = dtype.itemsize * max(int(np.prod(column.shape)), 1)
            blocks = max(min(MAX_BLOCK_BYTES // size, MAX_SCALARS), 2)
            self._limits[column.name] = blocks if column.shape else MAX_SCALARS
            self._arrays[column.name] = np.empty((min(64, blocks), *column.shape), dtype)
        self._most = min(self._limits.values())
        self._averages = _Averages(len(self.axes)) if self._averages_make_sense() else None
        self._block_sum: NDArray[np.float64] | None = None

    def column_of(self, name: str) -> Column:
        """The declaration of a column."""
        return next(column for column in self.specification if column.name == name)

    @property
    def signal(self) -> Column:
        """The column that the default plot shows."""
        return self.column_of(self.plot.signal)

    @property
    def axes(self) -> tuple[Column, ...]:
        """The columns it is shown against."""
        return tuple(self.column_of(name) for name in self.plot.axes)

    def take(self, points: Sequence[tuple[Any, ...]]) -> None:
        """Add points, their values in the order of the columns."""
        if not points:
            return
        added: dict[str, NDArray[Any]] = {}
        for column, values in zip(self.specification, zip(*points, strict=True), strict=True):
            added[column.name] = np.asarray(values, dtype=column.dtype)
        self.take_columns(added, len(points))

    def take_columns(self, added: Mapping[str, NDArray[Any]], number: int) -> None:
        """Add `number` points given as one array for each column."""
        self._append(added, number)
        self.points += number
        signal = added[self.plot.signal]
        if self._averages is not None:
            self._averages.add([added[name] for name in self.plot.axes], signal)
        elif self.signal.shape:
            total = np.asarray(np.sum(signal, axis=0, dtype=np.float64))
            self._block_sum = total if self._block_sum is None else np.add(self._block_sum, total)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name][: self._kept]

    def columns(self) -> dict[str, NDArray[Any]]:
        """Every column, the most recent points; arrays that later points do not change."""
        return {name: self[name] for name in self._arrays}

    @property
    def kept(self) -> int:
        """How many of the most recent points `columns` holds."""
        return self._kept

    def averages(
        self, *, most_errors: int = MAX_SCALARS
    ) -> tuple[list[Floats], Floats, Floats | None, NDArray[np.int64]]:
        """(values of each axis, mean, its standard error, repeats), one entry per setpoint.

        In the order in which the setpoints were visited first. The error is from the scatter,
        NaN where there was one point only; None where there are more than `most_errors`.
        """
        if self._averages is None:
            raise ValueError(f"`{self.plot.signal}` is no scalar against scalars.")
        return self._averages.result(most_errors=most_errors)

    def block_mean(self) -> Floats:
        """Mean of the signal's blocks over all points, shape of one block."""
        if self._block_sum is None:
            return np.zeros(self.signal.shape)
        return self._block_sum / self.points

    def _averages_make_sense(self) -> bool:
        return not self.signal.shape and all(not axis.shape for axis in self.axes)

    def _append(self, added: Mapping[str, NDArray[Any]], number: int) -> None:
        needed = self._kept + number
        drop = 0
        if needed > self._most:  # forget the oldest half at once, not one at a time
            drop = min(max(needed - self._most, self._kept // 2), self._kept)
        for name, new in added.items():
            array = self._arrays[name]
            kept = self._kept - drop
            new = new[-self._most :]
            if drop or kept + len(new) > len(array):
                # Never in place: views of the old array are being fitted in another thread.
                size = min(max(2 * (kept + len(new)), 64), max(self._most, kept + len(new)))
                grown = np.empty((size, *array.shape[1:]), array.dtype)
                grown[:kept] = array[drop : self._kept]
                self._arrays[name] = array = grown
            array[kept : kept + len(new)] = new
        self._kept = self._kept - drop + min(number, self._most)


class _Places(Protocol):
    """Gives every setpoint a number, and remembers it by that number."""

    def find(self, axes: list[NDArray[Any]]) -> NDArray[np.int64]:
        """Number of the setpoint of each point."""
        ...

    def __len__(self) -> int: ...

    def values(self) -> list[Floats]:
        """Values of each axis by number."""
        ...


class _Line:
    """Setpoints along one axis: numbered as they come, looked up in a sorted copy.

    A scan of a million setpoints goes through here; nothing is done point by point in Python.
    """

    def __init__(self) -> None:
        self._by_number, self._sorted = np.empty(64), np.empty(0)
        self._numbers = np.empty(0, np.int64)
        self._size = 0

    def find(self, axes: list[NDArray[Any]]) -> NDArray[np.int64]:
        (keys,) = axes
        keys = keys.astype(np.float64)
        at = np.searchsorted(self._sorted[: self._size], keys)
        inside = at < self._size
        known = np.zeros(len(keys), bool)
        known[inside] = self._sorted[at[inside]] == keys[inside]
        if not known.all():
            self._learn(keys[~known])
            at = np.searchsorted(self._sorted[: self._size], keys)
        return self._numbers[at]

    def __len__(self) -> int:
        return self._size

    def values(self) -> list[Floats]:
        return [self._by_number[: self._size]]

    def _learn(self, keys: Floats) -> None:
        fresh, first = np.unique(keys, return_index=True)
        order = np.argsort(first)  # numbers in the order of the visits
        size, more = self._size, len(fresh)
        self._by_number = grown(self._by_number, size + more)
        self._by_number[size : size + more] = fresh[order]
        numbers = np.empty(more, np.int64)
        numbers[order] = size + np.arange(more)
        if size and fresh[0] <= self._sorted[size - 1]:
            at = np.searchsorted(self._sorted[:size], fresh)
            self._sorted = np.insert(self._sorted[:size], at, fresh)
            self._numbers = np.insert(self._numbers[:size], at, numbers)
        else:  # a scan upwards: nothing moves
            self._sorted = grown(self._sorted, size + more)
            self._numbers = grown(self._numbers, size + more)
            self._sorted[size : size + more] = fresh
            self._numbers[size : size + more] = numbers
        self._size = size + more


class _Grid:
    """Setpoints along several axes."""

    def __init__(self) -> None:
        self._index: dict[Any, int] = {}

    def find(self, axes: list[NDArray[Any]]) -> NDArray[np.int64]:
        known = self._index
        return np.array(
            [
                known.setdefault(key, len(known))
                for key in zip(*(axis.tolist() for axis in axes), strict=True)
            ],
            np.int64,
        )

    def __len__(self) -> int:
        return len(self._index)

    def values(self) -> list[Floats]:
        return list(np.array(list(self._index), dtype=np.float64).T)


class _Averages:
    """Number, mean and sum of squared deviations of every setpoint (Welford, in batches)."""

    def __init__(self, axes: int) -> None:
        self._places: _Places = _Line() if axes == 1 else _Grid()
        self._count = np.zeros(64, np.int64)
        self._mean, self._squares = np.zeros(64), np.zeros(64)

    def add(self, axes: list[NDArray[Any]], signal: NDArray[Any]) -> None:
        index = self._places.find(axes)
        size = len(self._places)
        self._count = grown(self._count, size)
        self._mean, self._squares = grown(self._mean, size), grown(self._squares, size)
        hit, where, number = np.unique(index, return_inverse=True, return_counts=True)
        values = signal.astype(np.float64)
        mean = np.bincount(where, weights=values) / number
        squares = np.bincount(where, weights=(values - mean[where]) ** 2)
        old, shift = self._count[hit], mean - self._mean[hit]
        self._mean[hit] += shift * number / (old + number)
        self._squares[hit] += squares + shift**2 * old * number / (old + number)
        self._count[hit] += number

    def result(
        self, *, most_errors: int
    ) -> tuple[list[Floats], Floats, Floats | None, NDArray[np.int64]]:
        size = len(self._places)
        count, mean = self._count[:size], self._mean[:size]
        if size > most_errors:
            return self._places.values(), mean, None, count
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.sqrt(self._squares[:size] / (count - 1) / count)
        return self._places.values(), mean, error, count


def grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    """The array itself, or one with its content and room for twice `size`, zeros behind."""
    if size <= len(array):
        return array
    larger = np.zeros((2 * size, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger


def data_of(run: Run) -> LiveData:
    """A recorded run as if it had just come in, without the points that are marked."""
    run = run.sound()
    data = LiveData(run.specification, run.plot)
    for first in range(0, len(run), _AT_ONCE):
        part = {c.name: run[c.name][first : first + _AT_ONCE] for c in run.specification}
        data.take_columns(part, min(_AT_ONCE, len(run) - first))
    return data
