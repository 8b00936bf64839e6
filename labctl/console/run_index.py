"""All data files of a folder in brief, kept up to date at little cost."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labctl.data import FitValue, instant_of
from labctl.errors import StorageError
from labctl.storage import is_record, read_record, read_summary
from labctl.units import format_measurement

DAMAGED = "damaged"
PROTOCOL = "protocol"
SHOWN_VALUES = 3


@dataclass(frozen=True)
class RunSummary:
    """One file of the folder.

    Attributes:
        sequence: as the file has it; "protocol" for the record of a protocol.
        status: as `Run.status` in words; "damaged" for what labctl cannot read.
        fit: the main fitted values with their errors, as one line; "" without a fit.
        note: what somebody wrote about it; why it cannot be read where it is damaged.
    """

    path: Path
    sequence: str = ""
    title: str = ""
    start_time: str = ""
    status: str = DAMAGED
    rig: str = ""
    particle: str = ""
    points: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    fit: str = ""
    note: str = ""
    run_id: str = ""


class RunIndex:
    """The files of a folder; a file is read again only when its time or size has changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[tuple[int, int], RunSummary]] = {}
        self._listed: list[RunSummary] = []

    def refresh(self, *, growing: Path | None = None) -> list[RunSummary]:
        """Look at the folder again; every .h5 file in it, the newest first.

        What is no data file, or damaged, is listed as such. Safe to call from any thread.

        Args:
            growing: a file that this very program writes; it is left alone. HDF5 shares what it
                has open of one file within a process: a reader would keep it from being closed.
        """
        with self._lock:
            known: dict[Path, tuple[tuple[int, int], RunSummary]] = {}
            for path in self._files():
                if growing is not None and path.name == growing.name:
                    continue
                try:
                    state = path.stat()
                except OSError:
                    continue  # deleted meanwhile
                stamp = (state.st_mtime_ns, state.st_size)
                old = self._known.get(path)
                known[path] = old if old and old[0] == stamp else (stamp, _summarise(path))
            self._known = known
            newest = sorted(known.values(), key=lambda item: _age(*item), reverse=True)
            self._listed = [summary for _, summary in newest]
            return list(self._listed)

    def filtered(
        self, text: str, sequence: str | None = None, status: str | None = None
    ) -> list[RunSummary]:
        """What the last `refresh` found, as far as it matches.

        Args:
            text: words that must all occur in a file's name, title, particle, note, fit,
                parameters, rig or start time; upper and lower case are alike.
            sequence: name it must have.
            status: status it must have.
        """
        words = text.casefold().split()
        return [
            item
            for item in self._listed
            if sequence in (None, item.sequence)
            and status in (None, item.status)
            and all(word in _searchable(item) for word in words)
        ]

    def _files(self) -> list[Path]:
        try:
            found = [path for path in self.folder.iterdir() if path.suffix == ".h5"]
        except OSError:
            return []
        return [path for path in found if not path.name.startswith(".") and path.is_file()]


def _summarise(path: Path) -> RunSummary:
    try:
        found = read_summary(path, values=SHOWN_VALUES)
    except StorageError as error:
        return _protocol(path) or RunSummary(path, note=str(error))
    except Exception as error:  # noqa: BLE001  a foreign file may break a reader anywhere
        return RunSummary(path, note=f"{path} is damaged: {error}")
    return RunSummary(
        path=path,
        sequence=found.sequence,
        title=found.title,
        start_time=found.start_time,
        status=str(found.status),
        rig=found.rig,
        particle=found.particle,
        points=found.points,
        parameters=found.parameters,
        fit=", ".join(_shown(name, value) for name, value in found.fit.items()),
        note=found.note,
        run_id=found.run_id,
    )


def _protocol(path: Path) -> RunSummary | None:
    """The record of a protocol, or None if it is none."""
    try:
        if not is_record(path):
            return None
        record = read_record(path)
    except Exception:  # noqa: BLE001  as above
        return None
    return RunSummary(
        path=path,
        sequence=PROTOCOL,
        title=record.name,
        start_time=record.start_time,
        status=str(record.status),
        rig=record.rig_name,
        points=sum(1 for step in record.steps if step.file),
        run_id=record.record_id,
    )


def _shown(name: str, value: FitValue) -> str:
    return f"{value.label or name} {format_measurement(value.value, value.error, value.unit)}"


def _age(stamp: tuple[int, int], summary: RunSummary) -> tuple[float, int, str]:
    """When a run began; a file that does not tell goes by its date."""
    try:
        start_s = instant_of(summary.start_time).timestamp()
    except ValueError:
        start_s = stamp[0] / 1e9
    return start_s, stamp[0], summary.path.name


def _searchable(item: RunSummary) -> str:
    parameters = " ".join(f"{name}={value}" for name, value in item.parameters.items())
    parts = (item.path.name, item.sequence, item.title, item.particle, item.note, item.fit,
             item.rig, item.start_time, item.run_id, parameters)  # fmt: skip
    return " ".join(parts).casefold()
