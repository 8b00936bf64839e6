"""Joins the sequence panel to the station: classes, plans, presets, files, runs."""

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QObject, QSettings
from PyQt5.QtWidgets import QFileDialog

from labctl.core import MeasurementSequence, find_sequence, sequence_names
from labctl.core.plan import Plan
from labctl.data import Run
from labctl.errors import CatalogError, LabError
from labctl.gui.run_control import in_words
from labctl.gui.sequence_panel import SequencePanel
from labctl.gui.station import Station
from labctl.storage import read_run

INSTALLED, FILES = "Installed", "From files"


class SequenceControl(QObject):
    """Answers what the sequence panel asks for; sequences are imported away from the window."""

    def __init__(
        self, station: Station, panel: SequencePanel, settings: QSettings, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._station, self._panel, self._settings = station, panel, settings
        panel.set_sequences(INSTALLED, sequence_names())
        remembered = settings.value("modules", [])
        self._modules = [remembered] if isinstance(remembered, str) else list(remembered or [])
        if self._modules:
            self._load(self._modules)
        panel.chosen.connect(self._choose)
        panel.run_asked.connect(station.start)
        panel.plan_asked.connect(self._plan)
        panel.file_asked.connect(self._ask_file)
        panel.module_asked.connect(self._ask_module)

    def load_parameters(self, run: Run) -> None:
        """Show a run's sequence with the values it had."""
        self._panel.select(run.info.sequence, run.parameters)

    def load_module(self, path: str) -> None:
        """List the sequences of a .py file, now and at the next start."""
        if path not in self._modules:
            self._modules.append(path)
            self._settings.setValue("modules", self._modules)
        self._load([path])

    def _load(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._station.files_lane.submit(
                lambda path=path: sequences_in(Path(path)),
                lambda names: self._panel.set_sequences(FILES, names),
            )

    def _choose(self, name: str) -> None:
        self._station.files_lane.submit(
            lambda: find_sequence(name), lambda cls: self._show(name, cls)
        )

    def _show(self, name: str, cls: type[MeasurementSequence]) -> None:
        self._panel.show_sequence(name, cls, ())

    def _plan(self, name: str, values: dict[str, Any]) -> None:
        self._station.plan(name, values, self._show_plan)

    def _show_plan(self, plan: Plan | BaseException) -> None:
        if isinstance(plan, BaseException):
            if not isinstance(plan, LabError):
                self._station.report(plan)
            self._panel.show_plan(str(plan), good=False)
            return
        points = "until stopped" if plan.points is None else f"{plan.points} points"
        takes = "unknown time" if plan.duration_s is None else in_words(plan.duration_s)
        size = f"{plan.file_bytes / 1e6:.1f} MB" + (" per point" if plan.points is None else "")
        text = "\n".join([f"{points}, {takes} of measuring, {size}", *plan.warnings])
        self._panel.show_plan(text, good=not plan.warnings)

    def _ask_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self._panel, "Take the values of", str(self._station.out), "Runs (*.h5)"
        )
        if path:
            self._station.files_lane.submit(lambda: read_run(Path(path)), self.load_parameters)

    def _ask_module(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self._panel, "Load sequences of", str(Path.cwd()), "Python (*.py)"
        )
        if path:
            self.load_module(path)


def sequences_in(path: Path) -> list[str]:
    """Import a .py file and name its sequences as "module:Class".

    Raises:
        CatalogError: the file cannot be imported, or holds no sequence.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise CatalogError(f"{path} is no Python file.")
    if path.stem in sys.modules and getattr(sys.modules[path.stem], "__file__", "") != str(path):
        raise CatalogError(f"A module `{path.stem}` is loaded already; rename {path.name}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # anything may stand in a file
        del sys.modules[path.stem]
        raise CatalogError(f"Cannot import {path}: {type(error).__name__}: {error}.") from error
    names: list[str] = []
    for name, item in vars(module).items():
        if isinstance(item, type) and item.__module__ == path.stem:
            try:
                find_sequence(f"{path.stem}:{name}")
            except CatalogError:
                continue  # a class, but no sequence
            names.append(f"{path.stem}:{name}")
    if not names:
        raise CatalogError(f"{path} holds no sequence.")
    return names
