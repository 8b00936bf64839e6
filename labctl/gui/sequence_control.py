"""Joins the sequence panel to the station: classes, plans, presets, files, runs."""

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QObject, QSettings
from PyQt5.QtWidgets import QFileDialog, QInputDialog

from labctl.console.presets import Presets
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
        self,
        station: Station,
        panel: SequencePanel,
        settings: QSettings,
        presets: Presets,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._presets = presets
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
        panel.preset_asked.connect(self._take_preset)
        panel.preset_save_asked.connect(self._save_preset)
        panel.preset_delete_asked.connect(self._delete_preset)

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
            lambda: (find_sequence(name), self._presets.names(name)),
            lambda found: self._show(name, *found),
        )

    def _show(self, name: str, cls: type[MeasurementSequence], presets: Iterable[str]) -> None:
        self._panel.show_sequence(name, cls, presets)

    def _take_preset(self, sequence: str, name: str) -> None:
        def load() -> dict[str, Any]:
            model = find_sequence(sequence).Parameters
            defaults = {
                key: field.get_default(call_default_factory=True)
                for key, field in model.model_fields.items()
                if not field.is_required()
            }
            return {**defaults, **(self._presets.load(sequence, name) if name else {})}

        self._station.files_lane.submit(load, lambda values: _fill(self._panel, values))

    def _save_preset(self, sequence: str) -> None:
        if not sequence or self._panel.form.error:
            return
        name, given = QInputDialog.getText(self._panel, "Save as preset", "Name")
        if given:
            self.save_preset(sequence, name)

    def save_preset(self, sequence: str, name: str) -> None:
        """Keep the values of the form under a name."""
        values = self._panel.form.values()

        def save() -> tuple[str, ...]:
            self._presets.save(sequence, name, values)
            return self._presets.names(sequence)

        def show(names: tuple[str, ...]) -> None:
            self._panel.set_presets(names)
            self._panel.choose_preset(name)

        self._station.files_lane.submit(save, show)

    def _delete_preset(self, sequence: str, name: str) -> None:
        def delete() -> tuple[str, ...]:
            self._presets.delete(sequence, name)
            return self._presets.names(sequence)

        if sequence and name in self._panel.presets:
            self._station.files_lane.submit(delete, self._panel.set_presets)

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


def _fill(panel: SequencePanel, values: dict[str, Any]) -> None:
    panel.form.set_values(values)


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
