"""Points in memory on their way to the disk."""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.data import Column, PlotHint
from labctl.errors import SequenceError
from labctl.storage.layout import is_column_name

_CODES = {"float64": "d", "int64": "q"}
_MISFITS = (struct.error, TypeError, ValueError, OverflowError)


class PointBuffer:
    """Packs points as they come: checked, copied, and as cheap as `struct` makes it.

    One thread adds, another peeks and drops; list operations are atomic, so no lock is needed.

    Attributes:
        add: stage the values of one point, in the order of the columns; returns how many points
            are staged. Raises SequenceError naming the column that a value does not fit.
        point_bytes: payload of one point.
    """

    add: Callable[[tuple[Any, ...]], int]

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = tuple(columns)
        self._scalars = [i for i, column in enumerate(columns) if column.shape == ()]
        self._blocks = [i for i, column in enumerate(columns) if column.shape != ()]
        codes = "".join(_CODES[columns[i].dtype] for i in self._scalars)
        self._pack = struct.Struct(f"={codes}").pack
        self._row_dtype = np.dtype([(columns[i].name, columns[i].dtype) for i in self._scalars])
        self._rows: list[bytes] = []
        self._traces: dict[int, list[NDArray[Any]]] = {i: [] for i in self._blocks}
        self.point_bytes = sum(8 * int(np.prod(column.shape)) for column in columns)
        self.add = self._add_with_blocks if self._blocks else self._add_scalars

    def __len__(self) -> int:
        return len(self._rows)

    def _add_scalars(self, values: tuple[Any, ...]) -> int:
        rows = self._rows
        try:
            rows.append(self._pack(*values))
        except _MISFITS:
            raise self._misfit(values) from None
        return len(rows)

    def _add_with_blocks(self, values: tuple[Any, ...]) -> int:
        if len(values) != len(self._columns):
            raise self._misfit(values)
        try:
            row = self._pack(*[values[i] for i in self._scalars])
        except _MISFITS:
            raise self._misfit(values) from None
        traces = [(i, _fit_block(self._columns[i], values[i])) for i in self._blocks]
        for i, trace in traces:
            self._traces[i].append(trace)
        self._rows.append(row)  # last, because its length is the number of complete points
        return len(self._rows)

    def peek(self, points: int) -> Mapping[str, NDArray[Any]]:
        """The oldest `points` points, column by column in the declared order."""
        batch = {i: np.stack(traces[:points]) for i, traces in self._traces.items()}
        if self._scalars:
            table = np.frombuffer(b"".join(self._rows[:points]), dtype=self._row_dtype)
            batch |= {i: table[self._columns[i].name] for i in self._scalars}
        return {column.name: batch[i] for i, column in enumerate(self._columns)}

    def drop(self, points: int) -> None:
        """Forget the oldest `points` points."""
        for traces in self._traces.values():
            del traces[:points]
        del self._rows[:points]

    def _misfit(self, values: tuple[Any, ...]) -> SequenceError:
        if len(values) != len(self._columns):
            names = ", ".join(column.name for column in self._columns)
            return SequenceError(
                f"A point carries {len(values)} values, but the declared columns are {names}."
            )
        for i in self._scalars:
            column = self._columns[i]
            try:
                struct.pack(_CODES[column.dtype], values[i])
            except _MISFITS:
                wanted = "a number" if column.dtype == "float64" else "a 64-bit whole number"
                return SequenceError(
                    f"Column `{column.name}` takes {wanted}, but the sequence gave "
                    f"{_shown(values[i])}."
                )
        return SequenceError("A point does not fit the declared columns.")


def check_columns(columns: Sequence[Column], plot: PlotHint) -> None:
    """Check that a file can hold these columns.

    Raises:
        SequenceError: no columns, a name twice or no identifier, an unknown dtype, a bad shape,
            or a plot of columns that do not exist.
    """
    names = [column.name for column in columns]
    if not names:
        raise SequenceError("The sequence declares no columns.")
    for column in columns:
        if not is_column_name(column.name) or names.count(column.name) > 1:
            raise SequenceError(f"Column name {column.name!r} must be an ASCII identifier, once.")
        if column.dtype not in _CODES:
            known = " or ".join(_CODES)
            raise SequenceError(f"Column `{column.name}` is {column.dtype}; use {known}.")
        if any(n < 1 for n in column.shape):
            raise SequenceError(f"Column `{column.name}` has an empty shape {column.shape}.")
    for name in (plot.signal, *plot.axes):
        if name not in names:
            raise SequenceError(f"The plot names `{name}`, which is no declared column.")


def _fit_block(column: Column, value: Any) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.empty((), dtype=object)  # ragged
    if array.dtype.kind not in ("iub" if column.dtype == "int64" else "fiub"):
        wanted = "whole numbers" if column.dtype == "int64" else "numbers"
        raise SequenceError(
            f"Column `{column.name}` takes {wanted}, but the sequence gave {_shown(value)}."
        )
    if array.shape != column.shape:
        raise SequenceError(
            f"Column `{column.name}` has shape {column.shape}, but the sequence gave {array.shape}."
        )
    if array.dtype == np.uint64 and column.dtype == "int64" and array.max() > 2**63 - 1:
        raise SequenceError(f"Column `{column.name}` takes 64-bit signed whole numbers.")
    return np.array(array, dtype=column.dtype, order="C", copy=True)


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
