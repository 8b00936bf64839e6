"""The parent record of a protocol: which runs it made, and what was decided between them.

::

    /                     NXroot        @default = entry
      entry               NXentry       title, start_time, end_time, description
        protocol          NXcollection  name, status, reason, parameters and source text
        steps             NXcollection  in order: notes, and runs with their file
          NN_mdmr         NXcollection  run_id, sequence, status, reason, file
            entry         external link to the run's own entry
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py

from labctl.errors import DataFileError, OutputError
from labctl.storage import layout
from labctl.storage.layout import add_group, add_value, group_at, groups, value_at

PROTOCOL = "protocol"
STEPS = "steps"


@dataclass(frozen=True)
class RecordedStep:
    """One step of a protocol: a note, or a run with its file (a name beside the record)."""

    time: str
    text: str
    sequence: str = ""
    run_id: str = ""
    status: str = ""
    reason: str = ""
    file: str = ""


@dataclass(frozen=True)
class ProtocolRecord:
    """What a protocol did; `steps` in order."""

    record_id: str
    name: str
    description: str
    start_time: str
    rig_name: str
    parameters_json: str
    source: str
    status: str = "running"
    reason: str = ""
    end_time: str = ""
    steps: Sequence[RecordedStep] = field(default_factory=tuple)


def write_record(path: Path, record: ProtocolRecord) -> None:
    """Write a record as a whole; an earlier version is replaced in one go, or stays.

    Raises:
        OutputError: the file cannot be written.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        with h5py.File(fresh, "w", libver=layout.LIBVER) as file:
            _write(file, record)
        os.replace(fresh, path)  # noqa: PTH105  both paths are ours
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise OutputError(f"Cannot write the record {path}: {error}.") from error


def read_record(path: Path) -> ProtocolRecord:
    """Read the record of a protocol.

    Raises:
        DataFileError: no such file, or no record of a protocol.
    """
    try:
        with h5py.File(path, "r") as file:
            entry = group_at(file, layout.ENTRY)
            protocol = group_at(entry, PROTOCOL)
            texts = {name: str(value_at(protocol, name)) for name in _PROTOCOL_TEXTS}
            return ProtocolRecord(
                record_id=value_at(entry, "entry_identifier"),
                description=value_at(entry, "experiment_description"),
                start_time=value_at(entry, "start_time"),
                end_time=value_at(entry, "end_time"),
                steps=tuple(
                    RecordedStep(**{name: str(value_at(step, name)) for name in _STEP_TEXTS})
                    for _, step in groups(group_at(entry, STEPS))
                ),
                **texts,
            )
    except (OSError, KeyError) as error:
        raise DataFileError(f"{path} is no record of a protocol: {error}.") from error


def is_record(path: Path) -> bool:
    """Whether a file is the record of a protocol."""
    try:
        with h5py.File(path, "r") as file:
            return f"{layout.ENTRY}/{PROTOCOL}" in file
    except OSError:
        return False


_PROTOCOL_TEXTS = ("name", "rig_name", "parameters_json", "source", "status", "reason")
_STEP_TEXTS = ("time", "text", "sequence", "run_id", "status", "reason", "file")


def _write(file: h5py.File, record: ProtocolRecord) -> None:
    file.attrs["NX_class"] = "NXroot"
    file.attrs["default"] = layout.ENTRY
    file.attrs["creator"] = layout.CREATOR
    entry = add_group(file, layout.ENTRY, "NXentry")
    add_value(entry, "title", record.name)
    add_value(entry, "experiment_description", record.description)
    add_value(entry, "entry_identifier", record.record_id)
    add_value(entry, "start_time", record.start_time)
    add_value(entry, "end_time", record.end_time)
    protocol = add_group(entry, PROTOCOL, "NXcollection")
    for name in _PROTOCOL_TEXTS:
        add_value(protocol, name, getattr(record, name))
    steps = add_group(entry, STEPS, "NXcollection")
    for number, step in enumerate(record.steps, start=1):
        name = Path(step.file).stem.partition("_")[2].partition("_")[2] if step.file else "note"
        group = layout.add_named_group(steps, f"{number:03d}_{name}", "NXcollection")
        for text in _STEP_TEXTS:
            add_value(group, text, getattr(step, text))
        if step.file:
            group["entry"] = h5py.ExternalLink(step.file, f"/{layout.ENTRY}")
