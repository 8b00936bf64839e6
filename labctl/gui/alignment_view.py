"""Large numbers and a bar, to be read from the optical table while the fibre is turned."""

from collections import deque

from PyQt5.QtCore import QRectF, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QPainter, QPaintEvent
from PyQt5.QtWidgets import (
    QApplication,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from labctl.gui.live_data import LiveData
from labctl.gui.theme import Theme

CONTRAST, ERROR, ON, OFF = "contrast_rate", "contrast_error", "on_rate", "off_rate"
KEPT = 40
"""Cycles over which the best is remembered, and which the bar spans."""


class ContrastBar(QWidget):
    """How large the contrast is against the largest of the last cycles."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("contrast_bar")
        self.setMinimumHeight(28)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.theme = theme
        self.share = 0.0
        """Contrast over the best, 0 to 1."""

    def show_share(self, share: float) -> None:
        """Draw another length."""
        self.share = min(max(share, 0.0), 1.0)
        self.update()

    def paintEvent(self, a0: QPaintEvent | None) -> None:  # noqa: N802  Qt's name
        painter = QPainter(self)
        whole = QRectF(self.rect())
        painter.fillRect(whole, QColor(self.theme.field))
        part = QRectF(whole)
        part.setWidth(whole.width() * self.share)
        good = self.share > 0.9
        painter.fillRect(part, QColor(self.theme.good if good else self.theme.accent))
        painter.setPen(QColor(self.theme.border))
        painter.drawRect(whole.adjusted(0, 0, -1, -1))
        painter.end()


class AlignmentView(QWidget):
    """The contrast of the 1 Hz switching while the alignment sequence runs.

    Attributes:
        start_asked: the alignment is to be started, until stopped.
    """

    start_asked = pyqtSignal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("alignment_view")
        self._recent: deque[float] = deque(maxlen=KEPT)
        self._seen = 0
        self._contrast = self._number("alignment_contrast", 30)
        self._sigmas = self._number("alignment_sigmas", 12)
        self._levels = self._number("alignment_levels", 10)
        self._best = self._number("alignment_best", 12)
        self._bar = ContrastBar(theme)
        self._sound = QCheckBox("Sound at a new best")
        self._sound.setObjectName("alignment_sound")
        start = QPushButton("Start alignment")
        start.setObjectName("alignment_start")
        start.setToolTip("Switch the microwave at 1 Hz until stopped (F10)")
        start.clicked.connect(lambda _: self.start_asked.emit())
        row = QHBoxLayout()
        row.addWidget(start)
        row.addWidget(self._sound)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.addLayout(row)
        layout.addWidget(self._contrast)
        layout.addWidget(self._bar)
        for label in (self._best, self._sigmas, self._levels):
            layout.addWidget(label)
        layout.addStretch(1)
        self.begin()

    def begin(self) -> None:
        """Forget what was shown."""
        self._recent.clear()
        self._seen = 0
        self._contrast.setText("—")
        self._sigmas.setText("Contrast: microwave on less off")
        self._levels.setText("")
        self._best.setText("")
        self._bar.show_share(0.0)

    def set_theme(self, theme: Theme) -> None:
        """Change the colours."""
        self._bar.theme = theme
        self._bar.update()

    def show_data(self, data: LiveData) -> None:
        """Show the last cycle, if the run is one that has a contrast."""
        if data.points == self._seen or not data.kept:
            return
        if not {CONTRAST, ERROR, ON, OFF} <= {c.name for c in data.specification}:
            return
        new = min(data.points - self._seen, data.kept, KEPT)
        before = max(self._recent, default=0.0)
        self._recent.extend(abs(float(v)) for v in data[CONTRAST][-new:])
        self._seen = data.points
        contrast, error = float(data[CONTRAST][-1]), float(data[ERROR][-1])
        best = max(self._recent)
        unit = '<span style="font-size: 12pt"> kcounts/s</span>'
        self._contrast.setText(f"{contrast / 1e3:+.1f}{unit}")
        self._sigmas.setText(f"± {error / 1e3:.1f} kcounts/s,  {abs(contrast) / error:.0f} σ")
        self._levels.setText(
            f"on {float(data[ON][-1]) / 1e6:.3f},  off {float(data[OFF][-1]) / 1e6:.3f} Mcounts/s"
        )
        self._best.setText(f"best of {len(self._recent)}: {best / 1e3:.1f} kcounts/s")
        self._bar.show_share(abs(contrast) / best if best else 0.0)
        if self._sound.isChecked() and best > before > 0:
            QApplication.beep()

    def _number(self, name: str, points: int) -> QLabel:
        label = QLabel("")
        label.setObjectName(name)
        label.setStyleSheet(f"font-size: {points}pt; font-weight: bold;")
        label.setAlignment(Qt.Alignment(Qt.AlignmentFlag.AlignHCenter))
        label.setWordWrap(points < 20)
        return label
