"""The simulated world from outside: how it is, how fast it goes, what goes wrong in it."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

from collections.abc import Collection, Mapping

import numpy as np
from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGroupBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from labctl.gui.read_out import ReadOut
from labctl.gui.upright_area import UprightArea
from labctl.hal import Simulation
from labctl.units import format_quantity

SPEEDS: Mapping[str, float | None] = {
    "as fast as possible": None,
    "real time": 1.0,
    "10 × real time": 10.0,
    "100 × real time": 100.0,
}
LOOK_MS = 200
_MANY = 6


class WorldPanel(UprightArea):
    """State, pace and faults of the world behind a simulated rig; empty on a real one.

    Attributes:
        failed: the world did not do what was asked.
        pace_asked: speed of its clock, None for as fast as possible.
    """

    failed = pyqtSignal(object)
    pace_asked = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("world_panel")
        self._world: Simulation | None = None
        self._values: dict[str, QLabel] = {}
        self._nothing = QLabel("Only a simulated rig has a world to look at.")
        self._nothing.setProperty("state", "quiet")
        self._nothing.setWordWrap(True)
        self._pace = QComboBox()
        self._pace.setObjectName("world_speed")
        self._pace.addItems(list(SPEEDS))
        self._pace.activated.connect(
            lambda index: self.pace_asked.emit(list(SPEEDS.values())[index])
        )
        self._state = QGroupBox("Now")
        self._rows = QFormLayout(self._state)
        self._rows.setVerticalSpacing(2)
        self._faults = QListWidget()
        self._faults.setObjectName("world_faults")
        self._faults.setMinimumHeight(150)
        self._faults.itemChanged.connect(self._set_fault)
        pace, faults = QGroupBox("Clock"), QGroupBox("Faults (ticked: in force)")
        for group, widget in ((pace, self._pace), (faults, self._faults)):
            QVBoxLayout(group).addWidget(widget)
        self._inner = QWidget()
        layout = QVBoxLayout(self._inner)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addWidget(self._nothing)
        layout.addWidget(pace)
        layout.addWidget(self._state)
        layout.addWidget(faults, 1)
        self._groups = (pace, self._state, faults)
        self.setWidget(self._inner)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self.set_world(None)

    def set_world(self, world: Simulation | None) -> None:
        """Look at another world, or at none."""
        self._world = world
        self._nothing.setVisible(world is None)
        for group in self._groups:
            group.setVisible(world is not None)
        while self._rows.rowCount():
            self._rows.removeRow(0)
        self._values = {}
        if world is None:
            self._timer.stop()
            return
        self._pace.setCurrentIndex(next(
            (i for i, speed in enumerate(SPEEDS.values()) if speed == world.speed), 0
        ))  # fmt: skip
        self._list_faults(world)
        self._timer.start(LOOK_MS)

    def _list_faults(self, world: Simulation) -> None:
        self._faults.blockSignals(True)
        self._faults.clear()
        for name in world.faults:
            item = QListWidgetItem(name)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)  # pyright: ignore
            checked = name in world.injected
            item.setCheckState(Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked)
            self._faults.addItem(item)
        self._faults.blockSignals(False)

    def _tick_faults(self, injected: Collection[str]) -> None:
        self._faults.blockSignals(True)
        for row in range(self._faults.count()):
            item = self._faults.item(row)
            on = Qt.CheckState.Checked if item.text() in injected else Qt.CheckState.Unchecked
            if item.checkState() != on:
                item.setCheckState(on)
        self._faults.blockSignals(False)

    def _set_fault(self, item: QListWidgetItem) -> None:
        if self._world is None:
            return
        act = self._world.inject if item.checkState() == Qt.CheckState.Checked else (
            self._world.clear
        )  # fmt: skip
        try:
            act(item.text())
        except Exception as error:  # noqa: BLE001  shown to the user
            self.failed.emit(error)

    def _look(self) -> None:
        if self._world is None or not self.isVisible():
            return
        try:
            state = self._world.state()
        except Exception as error:  # noqa: BLE001  shown once, in the panel itself
            state = {"error": (np.array(np.nan), f"({error})")}
        self._tick_faults(self._world.injected)
        for name, (values, unit) in state.items():
            if name not in self._values:
                label = ReadOut()
                label.setObjectName(f"world_{name}")
                label.reserve(f"-888.8 m{unit}")
                self._rows.addRow(_title(name, np.asarray(values)), label)
                self._values[name] = label
            self._values[name].setText(_text(np.asarray(values, dtype=np.float64), unit))


def _title(name: str, values: np.ndarray) -> str:
    if name == "populations":
        return "Populations (0, −, +)"
    stem, _, unit = name.rpartition("_")
    words = stem if unit in {"rad", "k", "w", "t", "hz", "pa", "s", "a"} else name
    return words.replace("_", " ").capitalize()


def _text(values: np.ndarray, unit: str) -> str:
    if values.ndim == 2:  # one line per NV class
        return "\n".join("  ".join(f"{cell:.3f}" for cell in row) for row in values[:_MANY])
    flat = values.ravel()
    return "\n".join(
        "not known" if np.isnan(v) else format_quantity(float(v), unit, digits=4)
        for v in flat[:_MANY]
    )
