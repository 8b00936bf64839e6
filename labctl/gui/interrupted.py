"""Asks at the start what shall become of a run that a killed program has left behind."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt5.QtCore import QObject, QSettings
from PyQt5.QtWidgets import QMessageBox, QWidget

from labctl.console.run_index import RunIndex, RunSummary
from labctl.data import RunStatus
from labctl.gui.station import Station
from labctl.storage import is_being_written, recover

_ASKED = "interrupted_asked"


class InterruptedRuns(QObject):
    """Looks once through the folder for files that were never closed and that nobody writes.

    Each is asked about once: recover it, go on with it, or leave it.
    """

    def __init__(self, station: Station, settings: QSettings, parent: QWidget) -> None:
        super().__init__(parent)
        self._station, self._settings, self._window = station, settings, parent
        self._wanted: Path | None = None
        station.rig_changed.connect(lambda rig: self._resume_wanted() if rig is not None else None)
        station.files_lane.submit(partial(interrupted_in, station.out), self._ask, lambda _: None)

    def _ask(self, runs: list[RunSummary]) -> None:
        told = self._settings.value(_ASKED, [])
        asked = {told} if isinstance(told, str) else set(told or [])
        new = [run for run in runs if run.run_id not in asked]
        self._settings.setValue(_ASKED, sorted(run.run_id for run in runs))
        if not new:
            return
        run = new[0]
        box = QMessageBox(self._window)
        box.setObjectName("interrupted_question")
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("A run was interrupted")
        box.setText(f"The run of {clock(run.start_time)} was interrupted: {run.sequence}, "
                    f"{run.points} points.")  # fmt: skip
        more = f" {len(new) - 1} earlier ones are under Runs as well." if len(new) > 1 else ""
        box.setInformativeText(
            "Recover makes a sound copy of its file. Resume measures the rest, in a new file that "
            f"begins with its points. Either can be done later under Runs.{more}"
        )
        acts: dict[str, Callable[[], None]] = {
            "Recover": lambda: self._recover(run.path),
            "Resume": lambda: self._resume(run),
            "Leave it": lambda: None,
        }
        for text, act in acts.items():
            role = QMessageBox.ButtonRole.ActionRole
            leave = text == "Leave it"
            button = box.addButton(text, QMessageBox.ButtonRole.RejectRole if leave else role)
            if button is not None:
                button.clicked.connect(lambda _, act=act: act())
        box.open()

    def _recover(self, path: Path) -> None:
        self._station.files_lane.submit(
            lambda: recover(path), lambda out: self._station.told.emit(f"Recovered into {out}")
        )

    def _resume(self, run: RunSummary) -> None:
        self._wanted = run.path
        if self._station.rig is None and not self._station.opening:
            self._station.open_rig(run.rig)
        else:
            self._resume_wanted()

    def _resume_wanted(self) -> None:
        if self._wanted is not None and self._station.rig is not None:
            path, self._wanted = self._wanted, None
            self._station.resume(path)


def interrupted_in(folder: Path) -> list[RunSummary]:
    """Runs of a folder that were never closed though nobody writes them, the newest first."""
    running = (run for run in RunIndex(folder).refresh() if run.status == RunStatus.RUNNING)
    return [run for run in running if not is_being_written(run.path)]


def clock(start_time: str) -> str:
    """When a run began, as one says it: "05:31 on 2026-11-28"."""
    day, _, time = start_time[:16].partition("T")
    return f"{time} on {day}" if time else start_time
