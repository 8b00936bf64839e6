"""What the lab does between measurements: the latest values, and one of them in time."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

import math
import time

from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHeaderView,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from labctl.console.monitors import Monitors
from labctl.core import Rig
from labctl.gui.peaks_kept import PeaksKept
from labctl.gui.plot_view import PlotView
from labctl.gui.theme import Theme
from labctl.units import format_quantity

LOOK_MS = 500
STOP_S = 0.05


class MonitorPanel(QWidget):
    """A table of every monitored value; a click shows its history."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("monitor_panel")
        self._monitors: Monitors | None = None
        self._shown = ""
        self._on = QCheckBox("Keep watching between measurements")
        self._on.setObjectName("monitor_on")
        self._on.setChecked(True)
        self._on.toggled.connect(self._switch)
        self._table = QTableWidget(0, 2)
        self._table.setObjectName("monitor_table")
        self._table.setHorizontalHeaderLabels(["Quantity", "Now"])
        self._table.verticalHeader().hide()
        self._table.verticalHeader().setDefaultSectionSize(22)
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self._table.itemSelectionChanged.connect(self._choose)
        self._view = PlotView("monitor_plot")
        self._view.setMinimumSize(200, 100)
        self._curve = PeaksKept(self._view.plot, dots=True)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(self._table)
        splitter.addWidget(self._view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self._on)
        splitter.setSizes([280, 420])
        layout.addWidget(splitter, 1)
        self.set_theme(theme)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(LOOK_MS)

    def set_rig(self, rig: Rig | None) -> None:
        """Watch another rig, or none."""
        if self._monitors is not None:
            self._monitors.stop(STOP_S)
        self._monitors = Monitors(rig, 1.0) if rig is not None else None
        self._table.setRowCount(0)
        self._curve.clear()
        self._switch(self._on.isChecked())

    def close_monitors(self) -> None:
        """Watch no more."""
        self._timer.stop()
        if self._monitors is not None:
            self._monitors.stop()

    def set_theme(self, theme: Theme) -> None:
        """Change the colours."""
        self._view.set_theme(theme)
        self._curve.set_colour(theme.data)

    def _switch(self, on: bool) -> None:
        if self._monitors is None:
            return
        if on:
            self._monitors.start()
        else:
            self._monitors.stop(STOP_S)

    def _look(self) -> None:
        if self._monitors is None or not self.isVisible():
            return
        latest = self._monitors.latest()
        self._table.setRowCount(len(latest))
        for row, (name, reading) in enumerate(latest.items()):
            known = not math.isnan(reading.value)
            text = format_quantity(reading.value, reading.unit) if known else "no answer"
            for column, cell in enumerate((name.replace("_", " "), text)):
                item = self._table.item(row, column)
                if item is None:
                    item = QTableWidgetItem()
                    self._table.setItem(row, column, item)
                item.setText(cell)
            self._table.item(row, 0).setData(Qt.ItemDataRole.UserRole, name)
        if not self._shown and latest:
            self._table.selectRow(0)
        self._draw()

    def _choose(self) -> None:
        item = self._table.item(self._table.currentRow(), 0)
        if item is not None:
            self._shown = str(item.data(Qt.ItemDataRole.UserRole))
            self._view.fit_view()
            self._draw()

    def _draw(self) -> None:
        if self._monitors is None or not self._shown:
            return
        reading = self._monitors.latest().get(self._shown)
        if reading is None:
            return
        times, values = self._monitors.history(self._shown)
        self._view.set_axes(("Time from now", "s"), (self._shown.replace("_", " "), reading.unit))
        self._curve.set_data(times - time.time(), values)
