"""A user of the window: finds things by name, clicks and types, reads what is shown."""

from pathlib import Path
from typing import TypeVar

from PyQt5.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt5.QtGui import QMouseEvent
from PyQt5.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QLineEdit,
    QTableWidget,
    QTreeWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from labctl.data import Run
from labctl.gui.window import MainWindow
from labctl.storage import read_run

Widget = TypeVar("Widget", bound=QWidget)
PATIENCE_MS = 60_000


class Operator:
    """Sits in front of one window."""

    def __init__(self, qtbot: QtBot, window: MainWindow) -> None:
        self.qtbot, self.window = qtbot, window

    def find(self, kind: type[Widget], name: str) -> Widget:
        found = self.window.findChild(kind, name)
        assert found is not None, f"nothing is called {name}"
        return found

    def click(self, name: str) -> None:
        button = self.find(QAbstractButton, name)
        assert button.isEnabled(), f"{name} cannot be pressed: {button.toolTip()}"
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def text(self, name: str) -> str:
        return self.find(QLabel, name).text()

    def until(self, condition: object, timeout_ms: int = PATIENCE_MS) -> None:
        self.qtbot.waitUntil(condition, timeout=timeout_ms)

    def choose(self, sequence: str, first_parameter: str) -> None:
        """Click a sequence in the tree and wait for its form."""
        tree = self.find(QTreeWidget, "sequence_tree")
        (item,) = tree.findItems(sequence, Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive)
        tree.scrollToItem(item)
        place = tree.visualItemRect(item).center()
        self.qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place))
        self.until(lambda: self.window.findChild(QLineEdit, f"field_{first_parameter}") is not None)

    def type(self, field: str, text: str) -> None:
        """Replace what stands in a field and leave it."""
        edit = self.find(QLineEdit, field)
        edit.selectAll()
        self.qtbot.keyClicks(edit, text)
        if not text:
            self.qtbot.keyClick(edit, Qt.Key.Key_Delete)
        self.qtbot.keyClick(edit, Qt.Key.Key_Return)

    def drag(self, widget: QWidget | None, start: QPoint, end: QPoint, steps: int = 10) -> None:
        """Press the left button, move in steps, let go."""
        assert widget is not None
        self.qtbot.mousePress(widget, Qt.MouseButton.LeftButton, pos=start)
        for step in range(1, steps + 1):
            place = start + (end - start) * step / steps
            held = QMouseEvent(  # qtbot's own moves hold no button
                QEvent.Type.MouseMove, QPointF(place), QPointF(widget.mapToGlobal(place)),
                Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton,
                Qt.KeyboardModifier.NoModifier,
            )  # fmt: skip
            QApplication.sendEvent(widget, held)
            self.qtbot.wait(20)
        self.qtbot.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=end)

    def run(self) -> None:
        """Press Run and wait until the run is under way."""
        self.click("run_button")
        self.until(lambda: self.window.station.handle is not None)

    def wait_for_end(self) -> Run:
        """Wait for the end of the run; returns its file, read back."""
        handle = self.window.station.handle
        assert handle is not None
        self.until(lambda: self.window.station.handle is None)
        return read_run(Path(handle.path))

    def cells(self, table: str, column: int) -> list[str]:
        found = self.find(QTableWidget, table)
        items = (found.item(row, column) for row in range(found.rowCount()))
        return [item.text() for item in items if item is not None]
