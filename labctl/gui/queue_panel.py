"""The runs that wait for their turn."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

from collections.abc import Sequence
from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from labctl.console.queue import MOST_REPEATS, QueuedRun


class QueuePanel(QWidget):
    """A row per queued run, in order; what is shown is what the queue's file holds.

    Attributes:
        moved: id of a run, and its new place.
        removed: id of a run.
        repeats_set: id of a run, and how often it shall be done.
        started: the queue is to work, or to stop after the run under way.
        edited: sequence and values of a run, to be looked at in the form.
    """

    moved = pyqtSignal(str, int)
    removed = pyqtSignal(str)
    repeats_set = pyqtSignal(str, int)
    started = pyqtSignal(bool)
    edited = pyqtSignal(str, dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queue_panel")
        self._items: list[QueuedRun] = []
        self._table = QTableWidget(0, 3)
        self._table.setObjectName("queue_table")
        self._table.setHorizontalHeaderLabels(["Sequence", "Repeats", "Parameters"])
        self._table.verticalHeader().setDefaultSectionSize(24)
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header = self._table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self._table.itemDoubleClicked.connect(lambda _: self._edit())
        self._start = QPushButton("Start queue")
        self._start.setObjectName("queue_start")
        self._start.setCheckable(True)
        self._start.setToolTip("Work off the queue, run after run (Shift+F5)")
        self._start.toggled.connect(self._toggled)
        self._state = QLabel("The queue is empty.")
        self._state.setObjectName("queue_state")
        row = QHBoxLayout()
        row.addWidget(self._start)
        self._buttons = [self._start]
        for text, name, tip, action in (
            ("▲", "queue_up", "Earlier", lambda: self._move(-1)),
            ("▼", "queue_down", "Later", lambda: self._move(1)),
            ("Remove", "queue_remove", "Take it out of the queue", self._remove),
        ):
            button = QPushButton(text)
            button.setObjectName(name)
            button.setToolTip(tip)
            button.setMaximumWidth(70)
            button.clicked.connect(lambda _, action=action: action())
            row.addWidget(button)
            self._buttons.append(button)
        row.addWidget(self._state, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(row)
        layout.addWidget(self._table, 1)

    def show_items(self, items: Sequence[QueuedRun]) -> None:
        """Show what the queue holds now; the same run stays selected."""
        chosen = self._chosen()
        self._items = list(items)
        self._table.setRowCount(len(self._items))
        for row, item in enumerate(self._items):
            for column, text in ((0, item.sequence), (2, _brief(item))):
                cell = QTableWidgetItem(text)
                cell.setToolTip(text)
                self._table.setItem(row, column, cell)
            self._table.setCellWidget(row, 1, self._spin(item))
            if chosen is not None and item.id == chosen.id:
                self._table.selectRow(row)
        runs = sum(item.repeats for item in self._items)
        self._state.setText(f"{runs} runs wait." if runs else "The queue is empty.")

    def set_owned(self, owned: bool) -> None:
        """Let the queue be used, or say that it is another window's."""
        for widget in (self._table, *self._buttons):
            widget.setEnabled(owned)
        if not owned:
            self._state.setText("The queue belongs to another labctl window.")

    def set_working(self, working: bool) -> None:
        """Show whether the queue is being worked off."""
        self._start.blockSignals(True)
        self._start.setChecked(working)
        self._start.setText("Stop queue" if working else "Start queue")
        self._start.blockSignals(False)

    def toggle(self) -> None:
        """What the start button does."""
        self._start.click()

    def _toggled(self, on: bool) -> None:
        self._start.setText("Stop queue" if on else "Start queue")
        self.started.emit(on)

    def _spin(self, item: QueuedRun) -> QSpinBox:
        spin = QSpinBox()
        spin.setObjectName(f"repeats_{item.id}")
        spin.setRange(1, MOST_REPEATS)
        spin.setValue(item.repeats)
        spin.setKeyboardTracking(False)
        spin.valueChanged.connect(lambda number: self.repeats_set.emit(item.id, number))
        return spin

    def _chosen(self) -> QueuedRun | None:
        row = self._table.currentRow()
        return self._items[row] if 0 <= row < len(self._items) else None

    def _move(self, by: int) -> None:
        chosen = self._chosen()
        if chosen is not None:
            to = min(max(self._table.currentRow() + by, 0), len(self._items) - 1)
            self._table.selectRow(to)
            self.moved.emit(chosen.id, to)
            self._table.selectRow(to)

    def _remove(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self.removed.emit(chosen.id)

    def _edit(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self.edited.emit(chosen.sequence, dict(chosen.parameters))

    def keyPressEvent(self, a0: Any) -> None:  # noqa: N802  Qt's name
        """Delete removes the selected run."""
        if a0 is not None and a0.key() == Qt.Key.Key_Delete:
            self._remove()
        else:
            super().keyPressEvent(a0)


def _brief(item: QueuedRun) -> str:
    values = ", ".join(
        f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in item.parameters.items()
        if value is not None
    )
    return f"[{item.note}] {values}" if item.note else values
