"""What cannot wait to be noticed, laid over the plots so that nothing moves when it comes."""

from PyQt5.QtCore import QEvent, QObject, Qt
from PyQt5.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

_MARGIN = 6


class AlarmBar(QFrame):
    """A band at the top of another widget; it goes when there is nothing more to say.

    Args:
        over: the widget that it lies on.
    """

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self.setObjectName("alarm_bar")
        self._over = over
        self._text = QLabel("")
        self._text.setObjectName("alarm_text")
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 5, 8, 5)
        layout.addWidget(self._text)
        over.installEventFilter(self)
        self.hide()

    def show_lines(self, lines: list[str]) -> None:
        """Show these, a line each; none hides the band."""
        text = "\n".join(lines)
        if text == self._text.text() and self.isHidden() is not bool(text):
            return
        self._text.setText(text)
        self.setVisible(bool(text))
        self._place()
        self.raise_()

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:  # noqa: N802  Qt's name
        """Keep the width of what is below."""
        if a0 is self._over and a1 is not None and a1.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        width = self._over.width() - 2 * _MARGIN
        height = max(self.heightForWidth(width), self.minimumSizeHint().height())
        self.setGeometry(_MARGIN, _MARGIN, width, height)
