"""Changing a closed file, which always means a new file in its place: never in place."""

import contextlib
import errno
import math
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py

from labctl.data import FitResult, RunStatus
from labctl.errors import DataFileError, OutputError, StorageError
from labctl.storage import layout
from labctl.storage.fit import fit_bytes, write_fit
from labctl.storage.layout import dataset_at, group_at, value_at
from labctl.storage.note import write_note
from labctl.storage.reader import DAMAGE, complete_points, open_for_reading, read_columns
from labctl.storage.space import Reservation, abandon, one_line, trim
from labctl.storage.writing import forget_writing

_SPARE_BYTES = 1 << 20
_SLAB_BYTES = 16 << 20


def append_fit(path: Path, fit: FitResult) -> None:
    """Store a fit in a closed file, in place of an earlier one.

    The file is copied, changed and then replaced in one step, so that nothing that happens
    meanwhile can harm the data.

    Raises:
        DataFileError: the file is not ours, or was never closed.
        StorageError: it cannot be replaced.
    """
    _change(path, "the fit", fit_bytes(fit), lambda entry: write_fit(entry, fit))


def add_note(path: Path, text: str) -> None:
    """Store a note in a closed file, in place of an earlier one; read back as `Run.note`.

    The file is replaced as by `append_fit`; an empty text removes the note.

    Raises:
        DataFileError: the file is not ours, is still being written or was never closed.
        StorageError: it cannot be replaced.
    """
    _change(path, "the note", 4 * len(text), lambda entry: write_note(entry, text))


def _change(path: Path, what: str, size: int, write: Callable[[h5py.Group], None]) -> None:
    path = Path(path).resolve()
    with open_for_reading(path) as (file, growing):
        # The process that writes a file opens it as if it were closed.
        if growing or _status(file) == RunStatus.RUNNING:
            raise DataFileError(
                f"{path} was not closed: its run goes on, or was killed; then run "
                f"`labctl recover` on it first."
            )
    with _sibling(path) as part:
        try:
            shutil.copyfile(path, part)
            shutil.copymode(path, part)
            with _editing(part, "r+", path.stat().st_size + size) as file:
                write(group_at(file, layout.ENTRY))
            part.replace(path)
        except OSError as error:
            raise StorageError(f"Cannot store {what} in {path}: {one_line(error)}.") from error


def recover(path: Path, out: Path | None = None) -> Path:
    """Copy what a killed program left behind into a clean file; returns its path.

    Args:
        path: the file that was never closed; it is left as it is.
        out: the new file, by default `<stem>_recovered.h5` beside the old one.

    Raises:
        DataFileError: not one of our files, closed properly after all, or the new file exists.
        OutputError: there is no place for the new file.
        StorageError: too damaged, or the new file cannot be written.
    """
    path = Path(path)
    out = path.with_name(f"{path.stem}_recovered.h5") if out is None else Path(out)
    try:
        if out.exists():
            raise DataFileError(f"{out} exists already; nothing was recovered.")
    except (OSError, ValueError) as error:  # a name that no system takes
        raise OutputError(f"Cannot write {out}: {one_line(error)}.") from error
    if not out.parent.is_dir():
        raise OutputError(f"Cannot write {out}: there is no folder {out.parent}.")
    with open_for_reading(path) as (source, growing), _sibling(out) as part:
        try:
            if not growing:
                _refuse_complete(source, path)
            with _editing(part, "w", path.stat().st_size) as target:
                points = _copy(source, target)
                run = group_at(group_at(target, layout.ENTRY), layout.RUN)
                reason = f"The program was killed; {points} points were recovered from {path.name}."
                dataset_at(run, "reason")[()] = layout.fixed_text(reason, layout.REASON_BYTES)
                dataset_at(run, "status")[()] = layout.fixed_text(
                    RunStatus.RECOVERED, layout.STATUS_BYTES
                )
                target.attrs["file_name"] = out.name
            _publish(part, out)
        except FileExistsError as error:
            raise DataFileError(f"{out} exists already; nothing was recovered.") from error
        except DAMAGE as error:
            raise StorageError(f"Cannot recover {path}: {one_line(error)}.") from error
    forget_writing(path)
    return out


def _refuse_complete(source: h5py.File, path: Path) -> None:
    status = _status(source)
    if status != RunStatus.RUNNING:
        raise DataFileError(f"{path} was closed properly ({status}); it needs no recovery.")


def _status(file: h5py.File) -> str:
    return value_at(group_at(group_at(file, layout.ENTRY), layout.RUN), "status")


def _copy(source: h5py.File, target: h5py.File) -> int:
    """Copy a whole file, the columns cut to the points that all of them have."""
    for name, value in source.attrs.items():
        target.attrs[name] = value
    old = group_at(source, layout.ENTRY)
    new = target.create_group(layout.ENTRY, track_order=True)
    for name, value in old.attrs.items():
        new.attrs[name] = value
    for name in old:
        if name != layout.DATA:
            source.copy(old[name], new, name)
    old_data = group_at(old, layout.DATA)
    data = new.create_group(layout.DATA, track_order=True)
    for name, value in old_data.attrs.items():
        data.attrs[name] = value
    columns = read_columns(old_data)
    points = complete_points(old_data, columns)
    for column in columns:
        dataset = dataset_at(old_data, column.name)
        copy = data.create_dataset(
            column.name,
            shape=(points, *column.shape),
            maxshape=dataset.maxshape,
            chunks=dataset.chunks,
            dtype=dataset.dtype,
        )
        for name, value in dataset.attrs.items():
            copy.attrs[name] = value
        points = min(points, _copy_column(dataset, copy, points))
    for name in old_data:
        if name not in data:
            source.copy(old_data[name], data, name)
    for column in columns:
        dataset_at(data, column.name).resize(points, axis=0)
    return points


def _copy_column(source: h5py.Dataset, target: h5py.Dataset, points: int) -> int:
    """Copy slab by slab; returns how many points could be read."""
    rows = source.chunks[0] if source.chunks else 1
    point_bytes = source.dtype.itemsize * math.prod(source.shape[1:])
    step = rows * max(1, _SLAB_BYTES // (rows * point_bytes))
    for begin in range(0, points, step):
        end = min(begin + step, points)
        try:
            slab = source[begin:end]
        except (OSError, RuntimeError):
            return begin
        target[begin:end] = slab
    return points


@contextlib.contextmanager
def _sibling(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`; whatever stands there in the end is removed."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def _editing(path: Path, mode: str, size: int) -> Iterator[h5py.File]:
    """Open for writing with room for `size` bytes; an error leaves no dirty HDF5 file behind."""
    file = h5py.File(path, mode, libver=layout.LIBVER)
    space = Reservation(file, path)
    try:
        space.claim(size + _SPARE_BYTES)
        yield file
        file.close()
    except BaseException:
        abandon(file, space.descriptor)
        raise
    trim(path)


def _publish(part: Path, out: Path) -> None:
    """Give a finished file its name, unless something has that name by now."""
    try:
        os.link(part, out)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError) as error:  # a file system without hard links
        if out.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(out)) from error
        part.rename(out)
