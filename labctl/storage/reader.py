"""Reading data files: finished, still growing, or left behind by a killed program."""

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import h5py
import numpy as np

from labctl.data import (
    Column,
    InstrumentRecord,
    Mark,
    ParameterRecord,
    PlotHint,
    Run,
    RunInfo,
    RunStatus,
    Setting,
)
from labctl.errors import DataFileError
from labctl.storage import layout
from labctl.storage.fit import read_fit
from labctl.storage.layout import (
    dataset_at,
    datasets,
    group_at,
    groups,
    text_attribute,
    value_at,
    value_of,
)
from labctl.storage.note import read_note
from labctl.storage.space import SIGNATURE, SUPERBLOCK_BYTES, end_of_file, one_line

Content = TypeVar("Content")

_PATIENCE_S = 0.5
_ATTEMPTS = 5
_METADATA_ATTEMPTS = 25
_AT_START, _AT_END = 0, 1

# What h5py raises when a file is not what it should be.
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError)


def read_run(path: Path) -> Run:
    """Read a data file; of a run that is still going on, everything up to its last flush.

    Raises:
        DataFileError: no such file, not one of ours, or damaged.
    """
    path = Path(path)
    return read_patiently(path, lambda file, growing: _read(file, path, growing=growing))


def read_patiently(path: Path, read: Callable[[h5py.File, bool], Content]) -> Content:
    """What `read` makes of one of our files and of whether it was never closed.

    Raises:
        DataFileError: as `read_run`.
    """
    for attempt in range(_ATTEMPTS):
        with open_for_reading(path) as (file, growing):
            try:
                return read(file, growing)
            except DAMAGE as error:
                # A reader can meet the writer half-way; meeting it every time is damage.
                if not growing or attempt == _ATTEMPTS - 1:
                    raise DataFileError(f"{path} is damaged: {one_line(error)}.") from error
        time.sleep(0.02)
    raise AssertionError("unreachable")


@contextlib.contextmanager
def open_for_reading(path: Path) -> Iterator[tuple[h5py.File, bool]]:
    """Open one of our files; yields it and whether it was never closed by its writer.

    Raises:
        DataFileError: no such file, not HDF5, or not written by labctl.
    """
    file, growing = _open(path)
    with contextlib.closing(file):
        try:
            ours = file.attrs.get("creator") == layout.CREATOR and all(
                f"{layout.ENTRY}/{name}" in file for name in (layout.DATA, layout.RUN)
            )
            version = int(text_attribute(file, "labctl_format")) if ours else 0
        except DAMAGE as error:
            raise DataFileError(f"{path} is damaged: {one_line(error)}.") from error
        if not ours:
            raise DataFileError(f"{path} was not written by labctl.")
        if version > layout.FORMAT:
            raise DataFileError(f"{path} was written by a newer labctl; update this one.")
        yield file, growing


def _open(path: Path) -> tuple[h5py.File, bool]:
    deadline_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with path.open("rb") as raw:
                start = raw.read(SUPERBLOCK_BYTES)
                size = raw.seek(0, os.SEEK_END)
        except OSError as error:
            raise DataFileError(f"Cannot read {path}: {error.strerror}.") from error
        if start and start[:8] != SIGNATURE:
            raise DataFileError(f"{path} is not an HDF5 file.")
        if start and (len(start) < SUPERBLOCK_BYTES or size < end_of_file(start)):
            # HDF5 itself (2.0) can loop for ever in a text that is cut off.
            raise DataFileError(f"{path} is damaged: cut off after {size} bytes.")
        for growing in (False, True):
            try:
                return (_open_growing(path) if growing else h5py.File(path, "r")), growing
            except (OSError, RuntimeError, ValueError) as error:
                failure = error
        # While a writer creates the file it holds the lock: a matter of milliseconds.
        in_creation = isinstance(failure, BlockingIOError) or not start
        if not in_creation or time.monotonic() > deadline_s:
            reason = "it is empty" if not start else one_line(failure)
            raise DataFileError(f"{path} is damaged: {reason}.") from failure
        time.sleep(0.02)


def _open_growing(path: Path) -> h5py.File:
    """Open for SWMR reading; on damage HDF5 gives up after some 0.04 s.

    By itself it tries a hundred times, each time after twice the last pause, which is forever.
    h5py does not pass this setting on, so it is made in the HDF5 library that h5py has loaded.
    """
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)  # h5py's own choice, must be the same
    for library in ("hdf5.dll",) if sys.platform == "win32" else (h5py.h5p.__file__, None):
        try:
            set_attempts = ctypes.CDLL(library).H5Pset_metadata_read_attempts
        except (OSError, AttributeError):
            continue
        set_attempts.argtypes = (ctypes.c_int64, ctypes.c_uint)
        set_attempts(access.id, _METADATA_ATTEMPTS)
        break
    flags = h5py.h5f.ACC_RDONLY | h5py.h5f.ACC_SWMR_READ
    return h5py.File(h5py.h5f.open(os.fsencode(path), flags, fapl=access))


def complete_points(data: h5py.Group, columns: tuple[Column, ...]) -> int:
    """Number of points that every column has."""
    return min(dataset_at(data, column.name).shape[0] for column in columns)


def read_columns(data: h5py.Group) -> tuple[Column, ...]:
    """The declared columns of a file, in order."""
    return tuple(
        Column(
            name=name,
            unit=text_attribute(dataset, "units"),
            label=text_attribute(dataset, "long_name"),
            dtype=dataset.dtype.name,
            shape=tuple(dataset.shape[1:]),
        )
        for name, dataset in datasets(data)
        if layout.NO_COLUMN not in dataset.attrs
    )


def _read(file: h5py.File, path: Path, *, growing: bool) -> Run:
    entry = group_at(file, layout.ENTRY)
    data, run = group_at(entry, layout.DATA), group_at(entry, layout.RUN)
    columns = read_columns(data)
    points = complete_points(data, columns)
    axes = np.asarray(data.attrs["plot_axes"])
    instruments = group_at(entry, layout.INSTRUMENT)
    return Run(
        info=_read_info(entry),
        specification=columns,
        columns={column.name: dataset_at(data, column.name)[:points] for column in columns},
        plot=PlotHint(text_attribute(data, "signal"), tuple(str(name) for name in axes)),
        status=RunStatus.RUNNING if growing else RunStatus(value_at(run, "status")),
        reason=value_at(run, "reason"),
        end_time=value_at(entry, "end_time"),
        instruments=_read_instruments(instruments, _AT_START),
        instruments_at_end=_read_instruments(instruments, _AT_END),
        fit=read_fit(entry),
        note=read_note(entry),
        path=path,
        marks=_read_marks(run, points),
    )


def _read_marks(run: h5py.Group, points: int) -> tuple[Mark, ...]:
    """What is marked among the first `points` points."""
    if layout.MARKS not in run:  # files of earlier versions
        return ()
    ranges, reasons = dataset_at(run, layout.MARKS)[()], value_at(run, layout.MARK_REASONS)
    return tuple(
        Mark(first, min(last, points - 1), str(reason))
        for (first, last), reason in zip(ranges.tolist(), np.atleast_1d(reasons), strict=False)
        if 0 <= first < points and first <= last
    )


def _read_info(entry: h5py.Group) -> RunInfo:
    run = group_at(entry, layout.RUN)
    truth = datasets(group_at(entry, layout.TRUTH)) if layout.TRUTH in entry else ()
    return RunInfo(
        run_id=value_at(entry, "entry_identifier"),
        sequence=value_at(run, "sequence"),
        title=value_at(entry, "title"),
        description=value_at(entry, "experiment_description"),
        start_time=value_at(entry, "start_time"),
        parameters=tuple(
            ParameterRecord(
                name=name,
                value=value_of(dataset),
                unit=text_attribute(dataset, "units"),
                label=text_attribute(dataset, "long_name"),
            )
            for name, dataset in datasets(group_at(entry, layout.PARAMETERS))
        ),
        parameters_json=value_at(run, "parameters_json"),
        rig_name=value_at(run, "rig_name"),
        rig_text=value_at(run, "rig_text"),
        simulated=value_at(run, "simulated"),
        seed=value_at(run, "seed"),
        host=value_at(run, "host"),
        user=value_at(group_at(entry, layout.USER), "name"),
        versions={name: value_of(dataset) for name, dataset in datasets(group_at(run, "versions"))},
        git_revision=value_at(run, "git_revision"),
        imported_from=value_at(run, "imported_from") if "imported_from" in run else "",
        resumed_from=value_at(run, "resumed_from") if "resumed_from" in run else "",
        part_of=value_at(run, "part_of") if "part_of" in run else "",
        particle=value_at(run, "particle") if "particle" in run else "",
        truth={
            name: (np.asarray(value_of(dataset)), text_attribute(dataset, "units"))
            for name, dataset in truth
        },
    )


def _read_instruments(parent: h5py.Group, moment: int) -> tuple[InstrumentRecord, ...]:
    """The instruments at one moment; empty if nothing was recorded then."""
    records = []
    recorded = moment == _AT_START
    for role, group in groups(parent):
        settings: dict[str, Setting] = {}
        for name, item in groups(group_at(group, "settings")):
            switch = bool(item.attrs["switch"])
            readbacks = dataset_at(item, "readback")
            setpoint = _setting(value_at(item, "setpoint")[moment], switch=switch)
            readback = _setting(value_of(readbacks)[moment], switch=switch)
            recorded |= readback is not None
            unit = text_attribute(readbacks, "units")
            settings[name] = Setting(setpoint, np.nan if readback is None else readback, unit)
        limits = {}
        for name, pair in datasets(group_at(group, "limits")):
            low, high = value_of(pair).tolist()
            limits[name] = (low, high, text_attribute(pair, "units"))
        records.append(
            InstrumentRecord(
                role=role,
                class_path=value_at(group, "class_path"),
                identity=value_at(group, "identity"),
                settings=settings,
                limits=limits,
                safe_state=value_at(group, "safe_state"),
            )
        )
    return tuple(records) if recorded else ()


def _setting(value: float, *, switch: bool) -> float | bool | None:
    if np.isnan(value):
        return None
    return bool(value) if switch else float(value)
