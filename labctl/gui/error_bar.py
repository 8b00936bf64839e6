"""What went wrong, in words, with a fold-out for the details."""

import traceback

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from labctl.gui.overlay import Overlay


class ErrorBar(Overlay):
    """A red bar over the plots, which it does not move; it goes away when it is closed.

    Args:
        over: the plots.
    """

    def __init__(self, over: QWidget) -> None:
        super().__init__(over, Qt.Edge.BottomEdge)
        self.setObjectName("error_bar")
        self._text = QLabel("")
        self._text.setObjectName("error_text")
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._unfold = QToolButton()
        self._unfold.setObjectName("error_details_button")
        self._unfold.setText("Details")
        self._unfold.setCheckable(True)
        self._unfold.setAutoRaise(True)
        shut = QToolButton()
        shut.setObjectName("error_close")
        shut.setText("✕")
        shut.setToolTip("Close (Esc)")
        shut.setAutoRaise(True)
        shut.clicked.connect(self.hide)
        self._details = QPlainTextEdit()
        self._details.setObjectName("error_details")
        self._details.setReadOnly(True)
        self._details.setMaximumHeight(160)
        self._details.hide()
        self._unfold.toggled.connect(self._details.setVisible)
        row = QHBoxLayout()
        row.addWidget(self._text, 1)
        row.addWidget(self._unfold)
        row.addWidget(shut)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 4, 4)
        layout.addLayout(row)
        layout.addWidget(self._details)
        self._unfold.toggled.connect(lambda _: self.place())

    def show_error(self, message: str, details: str) -> None:
        """Show one message; the one before it goes."""
        self._text.setText(message)
        self._details.setPlainText(details)
        self._unfold.setChecked(False)
        self._unfold.setVisible(bool(details))
        self.show()
        self.place()


def details_of(error: BaseException) -> str:
    """The trace of an error, with its causes."""
    return "".join(traceback.format_exception(error)).strip()
