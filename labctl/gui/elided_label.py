"""A line of text that takes the room there is and asks for none."""

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtGui import QPainter, QPaintEvent
from PyQt5.QtWidgets import QLabel, QSizePolicy, QWidget

LEAST_WIDTH = 40


class ElidedLabel(QLabel):
    """Shows as much of a plain text as fits; all of it as a tool tip.

    The name of a file must not decide how wide a window is.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.show_text(text)

    def show_text(self, text: str) -> None:
        """Show another text."""
        self.setText(text)
        self.setToolTip(text)

    def minimumSizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """Room for a few letters, or none without a text."""
        return QSize(LEAST_WIDTH if self.text() else 0, super().minimumSizeHint().height())

    def paintEvent(self, a0: QPaintEvent | None) -> None:  # noqa: N802  Qt's name
        """Draw the beginning and the end; the middle of a file's name tells least."""
        del a0
        painter = QPainter(self)
        room = self.contentsRect()
        text = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideMiddle, room.width()
        )
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(room, int(self.alignment()), text)
        painter.end()
