"""A live value: its digits change, its place does not."""

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtWidgets import QLabel, QWidget


class ReadOut(QLabel):
    """Keeps the width of the widest text it has shown, so that no layout follows its digits."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAlignment(
            Qt.Alignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)  # pyright: ignore
        )
        self._widest = 0

    def reserve(self, text: str) -> None:
        """Keep room for this text from the start."""
        self._widest = max(self._widest, self.fontMetrics().horizontalAdvance(text))

    def sizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """The size of the text, at least as wide as any before."""
        return self._kept(super().sizeHint())

    def minimumSizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """As `sizeHint`."""
        return self._kept(super().minimumSizeHint())

    def _kept(self, size: QSize) -> QSize:
        self._widest = max(self._widest, size.width())
        return QSize(self._widest, size.height())
