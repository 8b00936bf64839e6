"""A band that lies on another widget, so that nothing moves when it comes and goes."""

from PyQt5.QtCore import QEvent, QObject, Qt
from PyQt5.QtWidgets import QFrame, QWidget

_MARGIN = 6
_ABOVE_BUTTONS = 40
"""What a band at the lower edge leaves free: the row of buttons below a plot."""


class Overlay(QFrame):
    """Keeps the width of what is below, and the height of what it says.

    Args:
        over: the widget that it lies on.
        edge: the upper or the lower one.
    """

    def __init__(self, over: QWidget, edge: Qt.Edge = Qt.Edge.TopEdge) -> None:
        super().__init__(over)
        self._over, self._edge = over, edge
        over.installEventFilter(self)
        self.hide()

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:  # noqa: N802  Qt's name
        """Follow the size of what is below."""
        if a0 is self._over and a1 is not None and a1.type() == QEvent.Type.Resize:
            self.place()
        return False

    def place(self) -> None:
        """Take the room that the text needs, in front of everything."""
        width = self._over.width() - 2 * _MARGIN
        height = max(self.heightForWidth(width), self.minimumSizeHint().height())
        bottom = max(self._over.height() - height - _ABOVE_BUTTONS, 0)
        top = _MARGIN if self._edge == Qt.Edge.TopEdge else bottom
        self.setGeometry(_MARGIN, top, width, height)
        self.raise_()
