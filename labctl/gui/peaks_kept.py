"""Drawing long data by its extremes in each column of pixels, so that every peak is seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SPARSE = 1500
"""Points in view up to which each gets a dot."""


def min_max(
    x: Floats, y: Floats, view: tuple[float, float], pixels: int, *, log: bool = False
) -> tuple[Floats, Floats]:
    """Reduce a curve to the lowest and highest point in each of `pixels` columns of a view.

    Args:
        x: ascending, shape (n,).
        y: shape (n,); NaN are skipped unless a whole column is NaN.
        view: range of x that is shown.
        pixels: columns.
        log: the axis of x is logarithmic.

    Returns:
        x and y in view and one point beyond at either end; as they are where they are few.
    """
    first = max(int(np.searchsorted(x, view[0])) - 1, 0)
    last = min(int(np.searchsorted(x, view[1], side="right")) + 1, len(x))
    x, y = x[first:last], y[first:last]
    if len(x) <= 4 * pixels:
        return x, y
    low, high = max(view[0], x[0]), min(view[1], x[-1])
    if log:
        positive = x[np.searchsorted(x, 0.0, side="right") :]
        low = max(low, positive[0]) if positive.size else 1.0
        borders = np.geomspace(low, max(high, low), pixels + 1)
    else:
        borders = np.linspace(low, high, pixels + 1)
    starts = np.unique(np.concatenate([[0], np.searchsorted(x, borders[:-1])]))
    starts = starts[starts < len(x)]
    reduced = np.empty(2 * len(starts))
    reduced[0::2] = np.fmin.reduceat(y, starts)
    reduced[1::2] = np.fmax.reduceat(y, starts)
    return np.repeat(x[starts], 2), reduced


class PeaksKept:
    """A curve of any length in a plot; dots and error bars where there are few points.

    Args:
        plot: where it is drawn.
        dots: draw the points themselves where there are few in view.
        line: join them; always done where there are many.
    """

    def __init__(self, plot: pg.PlotItem, *, dots: bool = False, line: bool = True) -> None:
        self._plot = plot
        self._dots, self._line = dots, line
        self._x = self._y = np.empty(0)
        self._error: Floats | None = None
        self._whole = True
        self._colour, self._width = "#808080", 1.0
        self.item = pg.PlotDataItem()
        self._bars = pg.ErrorBarItem(beam=0.0)
        plot.addItem(self._bars)
        plot.addItem(self.item)
        self._bars.setVisible(False)
        plot.getViewBox().sigXRangeChanged.connect(self._view_changed)
        plot.getViewBox().sigStateChanged.connect(self._state_changed)

    @property
    def data(self) -> tuple[Floats, Floats, Floats | None]:
        """(x, y, error) as they were given, in ascending order of x."""
        return self._x, self._y, self._error

    def set_colour(self, colour: str, width: float = 1.0) -> None:
        """Choose the pen."""
        self._colour, self._width = colour, width
        self._bars.setData(pen=pg.mkPen(colour, width=1))
        self._draw()

    def set_data(self, x: Any, y: Any, error: Any = None) -> None:
        """Show other data; `error` (shape of y) is a standard error."""
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        error = None if error is None else np.asarray(error, dtype=np.float64)
        if len(x) > 1 and np.any(x[1:] < x[:-1]):
            order = np.argsort(x, kind="stable")
            x, y = x[order], y[order]
            error = None if error is None else error[order]
        self._x, self._y, self._error = x, y, error
        self._draw()

    def refresh(self) -> None:
        """Draw for the view as it is now."""
        self._draw()

    def clear(self) -> None:
        """Show nothing."""
        self.set_data([], [])

    def _view_changed(self, _: object, __: Sequence[float]) -> None:
        if len(self._x) > SPARSE and not self._plot.getViewBox().autoRangeEnabled()[0]:
            self._draw()

    def _state_changed(self, _: object) -> None:
        # Not while the range is being changed: the plot would forget that there is more to show.
        if not self._whole and self._plot.getViewBox().autoRangeEnabled()[0]:
            self._draw()

    def _draw(self) -> None:
        box = self._plot.getViewBox()
        log = bool(self._plot.getAxis("bottom").logMode)
        if not len(self._x):
            self.item.setData([], [])
            self._bars.setVisible(False)
            return
        view = (float(self._x[0]), float(self._x[-1]))
        few = len(self._x) <= SPARSE
        self._whole = few or bool(box.autoRangeEnabled()[0])
        if not self._whole:
            low, high = box.viewRange()[0]
            view = (10.0**low, 10.0**high) if log else (low, high)
        pixels = max(int(box.width()), 100)
        x, y = (self._x, self._y) if few else min_max(self._x, self._y, view, pixels, log=log)
        dots = self._dots and few
        pen = pg.mkPen(self._colour, width=self._width) if self._line or not dots else None
        self.item.setData(
            x, y, pen=pen, symbol="o" if dots else None, symbolSize=5, symbolPen=None,
            symbolBrush=self._colour, connect="finite" if np.isnan(y).any() else "all",
        )  # fmt: skip
        self._draw_bars(shown=few and not log)

    def _draw_bars(self, *, shown: bool) -> None:
        if self._error is None or not shown:
            self._bars.setVisible(False)
            return
        known = np.isfinite(self._error) & np.isfinite(self._y)
        self._bars.setData(x=self._x[known], y=self._y[known], height=2 * self._error[known])
        self._bars.setVisible(bool(np.any(known)))
