"""Reading data files: finished, still growing, or left behind by a killed program."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from labctl.data import (
    Column,
    InstrumentRecord,
    ParameterRecord,
    PlotHint,
    Run,
    RunInfo,
    RunStatus,
    Setting,
)
from labctl.errors import StorageError
from labctl.storage import layout
from labctl.storage.fit import read_fit
from labctl.storage.layout import children, value_of

_PATIENCE_S = 1.0
_ATTEMPTS = 5

# What h5py raises when a file is not what it should be.
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError)


def read_run(path: Path) -> Run:
    """Read a data file; of a run that is still going on, everything up to its last flush.

    Raises:
        StorageError: no such file, not one of ours, or damaged.
    """
    path = Path(path)
    for attempt in range(_ATTEMPTS):
        with open_for_reading(path) as (file, growing):
            try:
                return _read(file, path, growing=growing)
            except DAMAGE as error:
                # A reader can meet the writer half-way; meeting it every time is damage.
                if not growing or attempt == _ATTEMPTS - 1:
                    raise StorageError(f"{path} is damaged: {one_line(error)}.") from error
        time.sleep(0.02)
    raise AssertionError("unreachable")


@contextlib.contextmanager
def open_for_reading(path: Path) -> Iterator[tuple[h5py.File, bool]]:
    """Open one of our files; yields it and whether it was never closed by its writer.

    Raises:
        StorageError: no such file, not HDF5, or not written by labctl.
    """
    file, growing = _open(path)
    with contextlib.closing(file):
        try:
            ours = file.attrs.get("creator") == layout.CREATOR and layout.ENTRY in file
            version = int(file.attrs.get("labctl_format", 0)) if ours else 0
        except DAMAGE as error:
            raise StorageError(f"{path} is damaged: {one_line(error)}.") from error
        if not ours:
            raise StorageError(f"{path} was not written by labctl.")
        if version > layout.FORMAT:
            raise StorageError(f"{path} was written by a newer labctl; update this one.")
        yield file, growing


def _open(path: Path) -> tuple[h5py.File, bool]:
    deadline_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with path.open("rb") as raw:
                signature = raw.read(8)
        except OSError as error:
            raise StorageError(f"Cannot read {path}: {error.strerror}.") from error
        if signature and signature != b"\x89HDF\r\n\x1a\n":
            raise StorageError(f"{path} is not an HDF5 file.")
        for growing in (False, True):
            try:
                return h5py.File(path, "r", swmr=growing), growing
            except (OSError, RuntimeError, ValueError) as error:
                failure = error
        # While a writer creates the file it holds the lock: a matter of milliseconds.
        in_creation = isinstance(failure, BlockingIOError) or not signature
        if not in_creation or time.monotonic() > deadline_s:
            reason = "it is empty" if not signature else one_line(failure)
            raise StorageError(f"{path} is damaged: {reason}.") from failure
        time.sleep(0.02)


def complete_points(data: h5py.Group, columns: tuple[Column, ...]) -> int:
    """Number of points that every column has."""
    return min(data[column.name].shape[0] for column in columns)


def read_columns(data: h5py.Group) -> tuple[Column, ...]:
    """The declared columns of a file, in order."""
    return tuple(
        Column(
            name=name,
            unit=str(dataset.attrs["units"]),
            label=str(dataset.attrs["long_name"]),
            dtype=dataset.dtype.name,
            shape=tuple(dataset.shape[1:]),
        )
        for name, dataset in children(data)
    )


def one_line(error: BaseException) -> str:
    """The first line of an error, as part of a sentence."""
    text = str(error).strip("'\"") or type(error).__name__
    return text.splitlines()[0].rstrip(".,")


def _read(file: h5py.File, path: Path, *, growing: bool) -> Run:
    entry = file[layout.ENTRY]
    data, run = entry[layout.DATA], entry[layout.RUN]
    columns = read_columns(data)
    points = complete_points(data, columns)
    plot = PlotHint(str(data.attrs["signal"]), tuple(str(x) for x in data.attrs["plot_axes"]))
    return Run(
        info=_read_info(entry),
        specification=columns,
        columns={column.name: data[column.name][:points] for column in columns},
        plot=plot,
        status=RunStatus.RUNNING if growing else RunStatus(value_of(run["status"])),
        reason=value_of(run["reason"]),
        end_time=value_of(entry["end_time"]),
        instruments=_read_instruments(entry[layout.INSTRUMENT], 0),
        instruments_at_end=_read_instruments(entry[layout.INSTRUMENT], 1),
        fit=read_fit(entry),
        path=path,
    )


def _read_info(entry: h5py.Group) -> RunInfo:
    run = entry[layout.RUN]
    return RunInfo(
        run_id=value_of(entry["entry_identifier"]),
        sequence=value_of(run["sequence"]),
        title=value_of(entry["title"]),
        description=value_of(entry["experiment_description"]),
        start_time=value_of(entry["start_time"]),
        parameters=tuple(
            ParameterRecord(
                name=name,
                value=value_of(dataset),
                unit=str(dataset.attrs["units"]),
                label=str(dataset.attrs["long_name"]),
            )
            for name, dataset in children(entry[layout.PARAMETERS])
        ),
        parameters_json=value_of(run["parameters_json"]),
        rig_name=value_of(run["rig_name"]),
        rig_text=value_of(run["rig_text"]),
        simulated=value_of(run["simulated"]),
        seed=value_of(run["seed"]),
        host=value_of(run["host"]),
        user=value_of(entry[layout.USER]["name"]),
        versions={name: value_of(dataset) for name, dataset in children(run["versions"])},
        git_revision=value_of(run["git_revision"]),
        truth={
            name: (np.asarray(value_of(dataset)), str(dataset.attrs["units"]))
            for name, dataset in children(entry.get(layout.TRUTH, {}))
        },
    )


def _read_instruments(parent: h5py.Group, moment: int) -> tuple[InstrumentRecord, ...]:
    """The instruments at the start (0) or the end (1); empty if nothing was recorded then."""
    records = []
    recorded = moment == 0
    for role, group in children(parent):
        if not isinstance(group, h5py.Group):
            continue
        settings: dict[str, Setting] = {}
        for name, item in children(group["settings"]):
            switch = bool(item.attrs["switch"])
            setpoint = _setting(item["setpoint"][moment], switch=switch)
            readback = _setting(item["readback"][moment], switch=switch)
            recorded |= readback is not None
            unit = str(item["readback"].attrs["units"])
            settings[name] = Setting(setpoint, np.nan if readback is None else readback, unit)
        limits = {
            name: (float(pair[0]), float(pair[1]), str(pair.attrs["units"]))
            for name, pair in children(group["limits"])
        }
        records.append(
            InstrumentRecord(
                role=role,
                class_path=value_of(group["class_path"]),
                identity=value_of(group["identity"]),
                settings=settings,
                limits=limits,
                safe_state=value_of(group["safe_state"]),
            )
        )
    return tuple(records) if recorded else ()


def _setting(value: Any, *, switch: bool) -> float | bool | None:
    if np.isnan(value):
        return None
    return bool(value) if switch else float(value)
