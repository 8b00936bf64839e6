"""Tables that other programs wrote: text, .npz, .mat, .h5. Numbers are read, nothing is run."""

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from labctl.errors import DataFileError
from labctl.storage.reader import DAMAGE
from labctl.storage.space import SIGNATURE, one_line

Floats = NDArray[np.float64]

LARGEST_BYTES = 512 << 20
MOST_VALUES = 50_000_000
FEWEST_ROWS = 3
_SAMPLE = 20
_SEPARATORS = (";", "\t", ",", None)
_COMMENTS = "#%!/"
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")


@dataclass(frozen=True)
class ForeignTable:
    """Columns of equal length, in the order of the file.

    Attributes:
        columns: name -> values, shape (rows,); "column 1" ... where the file names none.
    """

    columns: Mapping[str, Floats]


def read_table(path: Path) -> ForeignTable:
    """The longest table of numbers in a file: .csv, .txt, .dat, .tsv, .npz, .npy, .mat, .h5.

    Raises:
        DataFileError: it cannot be read, is too large, or holds no table of numbers.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise DataFileError(f"Cannot read {path}: {error.strerror}.") from error
    if size > LARGEST_BYTES:
        raise DataFileError(f"{path} has {size / 1e6:.0f} MB; a table may have 512 MB.")
    try:
        found = dict(_reader(path, start)(path))
    except (*DAMAGE, MemoryError, EOFError, NotImplementedError, zipfile.BadZipFile) as error:
        raise DataFileError(f"Cannot read a table from {path}: {one_line(error)}.") from error
    columns = _longest(found)
    if len(columns) < 2:
        raise DataFileError(
            f"{path} holds no table: two columns of {FEWEST_ROWS} or more numbers are needed."
        )
    return ForeignTable(columns)


def _reader(path: Path, start: bytes) -> Callable[[Path], Iterator[tuple[str, Floats]]]:
    suffix = path.suffix.lower()
    if start == SIGNATURE:
        return _hdf5
    if suffix in (".npz", ".npy"):
        return _numpy
    return _matlab if suffix == ".mat" else _text


def _longest(found: Mapping[str, Floats]) -> dict[str, Floats]:
    """The columns that have the length of most values."""
    lengths = [len(values) for values in found.values() if len(values) >= FEWEST_ROWS]
    paired = [n for n in lengths if lengths.count(n) > 1]
    return {name: v for name, v in found.items() if paired and len(v) == max(paired)}


def _columns_of(name: str, values: NDArray[np.generic]) -> Iterator[tuple[str, Floats]]:
    """A vector as one column, a matrix as one for each of its shorter side."""
    if values.dtype.kind not in "iuf" or values.size > MOST_VALUES:
        return
    matrix = np.squeeze(np.asarray(values, dtype=np.float64))
    if matrix.ndim == 1:
        yield name, matrix
    elif matrix.ndim == 2:
        columns = matrix if matrix.shape[0] < matrix.shape[1] else matrix.T
        for number, column in enumerate(columns, start=1):
            yield f"{name} {number}", column


def _hdf5(path: Path) -> Iterator[tuple[str, Floats]]:
    """Every dataset in the file itself; links to other files are not followed."""
    with h5py.File(path, "r") as file:
        kept: list[tuple[str, h5py.Dataset]] = []
        # A visit goes by hard links only, and so through every object once.
        file.visititems(
            lambda name, item: kept.append((name, item)) if isinstance(item, h5py.Dataset) else None
        )
        for name, dataset in kept:
            inside = not dataset.is_virtual and dataset.external is None
            if inside and dataset.dtype.kind in "iuf" and (dataset.size or 0) <= MOST_VALUES:
                yield from _columns_of(name, dataset[()])


def _numpy(path: Path) -> Iterator[tuple[str, Floats]]:
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        yield from _columns_of("column", loaded)
        return
    with loaded:
        for name in loaded.files:
            yield from _columns_of(name, loaded[name])


def _matlab(path: Path) -> Iterator[tuple[str, Floats]]:
    from scipy.io import loadmat  # rarely needed

    for name, values in loadmat(path).items():
        if isinstance(values, np.ndarray):
            yield from _columns_of(name, values)


def _text(path: Path) -> Iterator[tuple[str, Floats]]:
    raw = path.read_bytes()
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = raw.decode("utf-16")
    else:
        text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines()]
    for separator in _SEPARATORS:
        rows = [_numbers(line, separator) for line in lines]
        sample = [len(row) for row in rows if row][-_SAMPLE:]
        width = sample[-1] if sample else 0
        if width < 2 or sample.count(width) < len(sample):
            continue
        first = next(i for i, row in enumerate(rows) if len(row) == width)
        names = _heads(lines[:first], separator, width)
        table = np.array([row for row in rows if len(row) == width])
        yield from zip(names, table.T, strict=True)
        return


def _fields(line: str, separator: str | None) -> list[str]:
    parts = line.split(separator)
    while len(parts) > 1 and not parts[-1].strip():
        parts.pop()  # a separator at the end of the line
    return [part.strip().strip("\"'") for part in parts]


def _numbers(line: str, separator: str | None) -> list[float]:
    """The numbers of a line; empty where anything else stands in it."""
    if not line or line[0] in _COMMENTS:
        return []
    if separator != ",":
        line = _DECIMAL_COMMA.sub(".", line)
    try:
        return [float(part) if part else np.nan for part in _fields(line, separator)]
    except ValueError:
        return []


def _heads(before: list[str], separator: str | None, width: int) -> list[str]:
    """What the line just above the numbers calls them."""
    for line in reversed([line for line in before if line]):
        for sign in (separator, "\t", ",", ";", None):
            heads = _fields(line.lstrip(_COMMENTS + " "), sign)
            if len(heads) == width and all(heads) and len(set(heads)) == width:
                return heads
        break
    return [f"column {number}" for number in range(1, width + 1)]
