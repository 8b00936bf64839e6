"""Small pictures of runs for the browser, drawn away from the window."""

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QPointF, Qt
from PyQt5.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from labctl.data import Run
from labctl.gui.live_data import data_of
from labctl.gui.theme import Theme

WIDTH, HEIGHT = 96, 40
_FEW = 3


def thumbnail(run: Run, theme: Theme) -> QImage:
    """The default plot of a run without axes; an empty picture where there is nothing to draw."""
    image = QImage(2 * WIDTH, 2 * HEIGHT, QImage.Format.Format_RGB32)  # sharp on HiDPI screens
    image.fill(QColor(theme.plot))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(theme.data), 2.0))
    curve = run.fit.curve if run.fit is not None else None
    if curve is not None:
        log = curve.y_unit.endswith("/Hz")
        frame = _frame(curve.x, curve.y, log=log)
        _draw(painter, curve.x, curve.y, frame, log=log)
        painter.setPen(QPen(QColor(theme.model), 2.0))
        _draw(painter, curve.x, curve.model, frame, log=log)
    elif len(run):
        _draw_data(painter, run)
    painter.end()
    return image


def _draw_data(painter: QPainter, run: Run) -> None:
    data = data_of(run)
    log = data.signal.unit.endswith("/Hz")
    if data.signal.shape:
        y = data.block_mean().ravel()
        x = np.arange(y.size, dtype=np.float64)
    elif len(data.axes) == 1 and not data.axes[0].shape:
        (x, *_), y, _, _ = data.averages()
    else:
        y = np.asarray(data[data.plot.signal], dtype=np.float64).ravel()
        x = np.arange(y.size, dtype=np.float64)
    _draw(painter, x, y, _frame(x, y, log=log), log=log)


_Frame = tuple[float, float, float, float]


def _frame(x: NDArray[np.float64], y: NDArray[np.float64], *, log: bool) -> _Frame:
    with np.errstate(divide="ignore", invalid="ignore"):
        shown = np.log10(y) if log else y
    good = np.isfinite(shown) & np.isfinite(x)
    if good.sum() < _FEW:
        return 0.0, 1.0, 0.0, 1.0
    low, high = float(shown[good].min()), float(shown[good].max())
    return float(x[good].min()), float(x[good].max()), low, high if high > low else low + 1


def _draw(
    painter: QPainter, x: NDArray[np.float64], y: NDArray[np.float64], frame: _Frame, *, log: bool
) -> None:
    left, right, low, high = frame
    with np.errstate(divide="ignore", invalid="ignore"):
        shown = np.log10(y) if log else y
    good = np.flatnonzero(np.isfinite(shown) & np.isfinite(x))
    if good.size < _FEW or right <= left:
        return
    good = good[np.argsort(x[good], kind="stable")]
    step = max(good.size // (8 * WIDTH), 1)
    good = good[::step]
    across = 4 + (x[good] - left) / (right - left) * (2 * WIDTH - 8)
    down = 2 * HEIGHT - 4 - (shown[good] - low) / (high - low) * (2 * HEIGHT - 8)
    points = [QPointF(a, b) for a, b in zip(across.tolist(), down.tolist(), strict=True)]
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF(points))
