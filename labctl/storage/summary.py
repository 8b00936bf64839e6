"""What a list of files shows of each, read without touching its columns."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import h5py

from labctl.data import FitValue, RunStatus
from labctl.storage import layout
from labctl.storage.fit import read_values
from labctl.storage.layout import dataset_at, group_at, text_attribute, value_at
from labctl.storage.note import read_note
from labctl.storage.reader import complete_points, read_columns, read_patiently

_LAST = "elapsed_s"


@dataclass(frozen=True)
class FileSummary:
    """One data file in brief.

    Attributes:
        status: as `Run.status`; `running` for a file that was never closed.
        fit: the first few fitted values by name; empty without a fit.
    """

    run_id: str
    sequence: str
    title: str
    start_time: str
    status: RunStatus
    rig: str
    particle: str
    points: int
    parameters: Mapping[str, Any]
    fit: Mapping[str, FitValue]
    note: str


@dataclass(frozen=True)
class FileOrigin:
    """What made a data file, and when.

    Attributes:
        sequence: installed name, or "package.module:Class".
        start_time: ISO 8601 with the offset of the wall clock.
        file_name: what it was called when it was made.
    """

    sequence: str
    start_time: str
    file_name: str


def read_origin(path: Path) -> FileOrigin:
    """Read what made a file and when; much faster than `read_summary`.

    Raises:
        DataFileError: as `read_run`.
    """
    return read_patiently(Path(path), lambda file, _: _origin(file))


def _origin(file: h5py.File) -> FileOrigin:
    entry = group_at(file, layout.ENTRY)
    return FileOrigin(
        sequence=value_at(group_at(entry, layout.RUN), "sequence"),
        start_time=value_at(entry, "start_time"),
        file_name=text_attribute(file, "file_name"),
    )


def read_summary(path: Path, *, values: int = 4) -> FileSummary:
    """Read a file in brief, with at most that many fitted values.

    Raises:
        DataFileError: as `read_run`.
    """
    return read_patiently(
        Path(path), lambda file, growing: _read(file, growing=growing, values=values)
    )


def _read(file: h5py.File, *, growing: bool, values: int) -> FileSummary:
    entry = group_at(file, layout.ENTRY)
    run, data = group_at(entry, layout.RUN), group_at(entry, layout.DATA)
    found: dict[str, FitValue] = {}
    if layout.FIT in entry:
        found = dict(islice(read_values(group_at(entry, layout.FIT)), values))
    return FileSummary(
        run_id=value_at(entry, "entry_identifier"),
        sequence=value_at(run, "sequence"),
        title=value_at(entry, "title"),
        start_time=value_at(entry, "start_time"),
        status=RunStatus.RUNNING if growing else RunStatus(value_at(run, "status")),
        rig=value_at(run, "rig_name"),
        particle=value_at(run, "particle") if "particle" in run else "",
        points=_points(data),
        parameters=json.loads(value_at(run, "parameters_json")),
        fit=found,
        note=read_note(entry),
    )


def _points(data: h5py.Group) -> int:
    # The writer fills column after column, and the runner's own last.
    if _LAST in data:
        return dataset_at(data, _LAST).shape[0]
    return complete_points(data, read_columns(data))
