"""Keeps the passport of the particle up to date with what is measured."""

from collections.abc import Callable
from pathlib import Path

from PyQt5.QtCore import QObject

from labctl.console.passport import Passports
from labctl.gui.passport_panel import PassportPanel
from labctl.gui.station import Outcome, Station


class PassportControl(QObject):
    """Joins the passports of a folder, their panel and the station."""

    def __init__(
        self, station: Station, panel: PassportPanel, folder: Path, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._station, self._panel = station, panel
        self._passports = Passports(folder)
        panel.selected.connect(self._select)
        panel.loaded.connect(lambda name: self._do(lambda: self._passports.new(name)))
        panel.described.connect(
            lambda name, notes, charge: self._do(
                lambda: self._passports.describe(name, notes=notes, charge=charge)
            )
        )
        station.run_ended.connect(self._learn)
        if self._passports.warning and folder.is_dir():
            station.failed.emit(self._passports.warning, "")
        self._show()

    def _select(self, name: str) -> None:
        self._do(lambda: self._passports.select(name) if name else self._passports.leave())

    def _do(self, act: Callable[[], object]) -> None:
        self._station.files_lane.submit(act, lambda _: self._show(), self._failed)

    def _failed(self, error: BaseException) -> None:
        self._station.report(error)
        self._show()

    def _learn(self, outcome: Outcome | None) -> None:
        run = outcome.run if outcome is not None else None
        if run is not None and run.info.particle:
            self._do(lambda: self._passports.update_from(run))

    def _show(self) -> None:
        current = self._passports.current
        self._station.declare(current.particle if current is not None else "")
        self._panel.show_passports(self._passports.all(), current)
