"""What cannot wait to be noticed, laid over the plots."""

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QWidget

from labctl.gui.overlay import Overlay


class AlarmBar(Overlay):
    """A band at the top of another widget; it goes when there is nothing more to say.

    Args:
        over: the widget that it lies on.
    """

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self.setObjectName("alarm_bar")
        self._text = QLabel("")
        self._text.setObjectName("alarm_text")
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 5, 8, 5)
        layout.addWidget(self._text)

    def show_lines(self, lines: list[str]) -> None:
        """Show these, a line each; none hides the band."""
        text = "\n".join(lines)
        if text == self._text.text() and self.isHidden() is not bool(text):
            return
        self._text.setText(text)
        self.setVisible(bool(text))
        self.place()
