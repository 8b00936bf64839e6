"""Plots in colour: a signal against two axes, and blocks one above the other."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt5.QtCore import QRectF
from PyQt5.QtWidgets import QWidget

from labctl.data import FitResult
from labctl.gui.live_data import LiveData
from labctl.gui.plot_view import PlotView, labelled
from labctl.gui.theme import Theme
from labctl.units import format_quantity

FEW = 100
"""Cells below which the colours span everything."""
ROWS, COLUMNS = 200, 2000
"""Most blocks and most samples of a waterfall; beyond, the highest of neighbours is shown."""


class MapPlot(PlotView):
    """An image with its colour bar; what the cells are, the two kinds below say."""

    def __init__(self, name: str, data: LiveData, label: str, parent: QWidget | None) -> None:
        super().__init__(name, parent)
        self._data = data
        self._label = label
        self.image = pg.ImageItem(axisOrder="row-major")
        self.plot.addItem(self.image)
        self.plot.showGrid(x=False, y=False)
        self._bar = pg.ColorBarItem(
            values=(0, 1), colorMap=pg.colormap.get("viridis"), label=label, interactive=False,
            width=14,
        )  # fmt: skip
        self._bar.setImageItem(self.image, insert_in=self.plot)
        self._bar.getAxis("right").setWidth(52)
        self._cells = np.empty((0, 0))
        self._place = (0.0, 0.0, 1.0, 1.0)
        self.set_theme(self.theme)

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self._bar.getAxis("right").setPen(theme.quiet)
        self._bar.getAxis("right").setTextPen(theme.text)
        self._bar.getAxis("left").setTextPen(theme.text)
        self._bar.getAxis("left").setLabel(self._label, color=theme.text)

    def show_cells(self, cells: NDArray[np.float64], x: tuple[float, float], y: tuple[float, float]
                   ) -> None:  # fmt: skip
        """Show cells, (rows, columns), whose outermost *centres* are at `x` and `y`."""
        rows, columns = cells.shape
        step_x = (x[1] - x[0]) / (columns - 1) if columns > 1 else 1.0
        step_y = (y[1] - y[0]) / (rows - 1) if rows > 1 else 1.0
        self._cells = cells
        self._place = (x[0] - step_x / 2, y[0] - step_y / 2, columns * step_x, rows * step_y)
        seen = cells[np.isfinite(cells)]
        if not seen.size:
            return
        # A stray point must not take the contrast from everything else.
        low, high = np.percentile(seen, [1, 99]) if seen.size > FEW else (seen.min(), seen.max())
        self.image.setImage(cells, autoLevels=False)
        self.image.setRect(QRectF(*self._place))
        self._bar.setLevels((float(low), float(high) if high > low else float(low) + 1.0))

    def read_out(self, x: float, y: float) -> str:
        left, bottom, width, height = self._place
        rows, columns = self._cells.shape
        text = super().read_out(x, y)
        if not rows or not (0 <= x - left < width and 0 <= y - bottom < height):
            return text
        row = min(int((y - bottom) / height * rows), rows - 1)
        column = min(int((x - left) / width * columns), columns - 1)
        return f"{text}:  {self._cells[row, column]:.6g}"


class SetpointMap(MapPlot):
    """A signal against two axes, the mean of the repeats in each cell; the fit's lines on top."""

    def __init__(self, data: LiveData, parent: QWidget | None = None) -> None:
        signal = data.signal
        super().__init__("map_plot", data, f"Mean {signal.label} ({signal.unit})", parent)
        first, second = data.axes[:2]
        self.set_axes((first.label, first.unit), (second.label, second.unit))
        self._lines = pg.ScatterPlotItem(size=7, brush=None)
        self.plot.addItem(self._lines)

    def redraw(self) -> None:
        if not self._data.points:
            return
        (x, y, *_), mean, _, _ = self._data.averages()
        places_x, column = np.unique(x, return_inverse=True)
        places_y, row = np.unique(y, return_inverse=True)
        cells = np.full((places_y.size, places_x.size), np.nan)
        cells[row, column] = mean
        self.show_cells(cells, (places_x[0], places_x[-1]), (places_y[0], places_y[-1]))

    def show_fit(self, fit: FitResult | None) -> None:
        first, second = self._data.plot.axes[:2]
        self._lines.setData([], [])
        for table in fit.tables.values() if fit is not None else ():
            if {first, second} <= set(table.columns):
                self._lines.setData(
                    table.columns[first], table.columns[second],
                    pen=pg.mkPen(self.theme.model, width=1.5),
                )  # fmt: skip

    def export_columns(self) -> Mapping[str, NDArray[Any]]:
        (x, y, *_), mean, error, repeats = self._data.averages()
        first, second = self._data.axes[:2]
        unit = self._data.signal.unit
        return {
            labelled(first.name, first.unit): x,
            labelled(second.name, second.unit): y,
            labelled(self._data.signal.name, unit): mean,
            labelled("standard_error", unit): np.empty(0) if error is None else error,
            "repeats": repeats,
        }


class Waterfall(MapPlot):
    """The most recent blocks (spectra, traces) one above the other, the newest on top."""

    def __init__(self, data: LiveData, parent: QWidget | None = None) -> None:
        signal = data.signal
        self._log = signal.unit.endswith("/Hz")
        text = f"lg {signal.label}" if self._log else f"{signal.label} ({signal.unit})"
        super().__init__("waterfall_plot", data, text, parent)
        axis = data.axes[0] if data.axes else None
        self._axis = axis if axis is not None and axis.shape == signal.shape else None
        x = (self._axis.label, self._axis.unit) if self._axis else ("Sample", "")
        self.set_axes(x, ("Point", ""))

    def redraw(self) -> None:
        if not self._data.kept:
            return
        recent = np.asarray(self._data[self._data.plot.signal][-ROWS:], dtype=np.float64)
        recent = recent.reshape(len(recent), -1)
        if self._axis is not None:
            x = np.asarray(self._data[self._axis.name][-1], dtype=np.float64)
        else:
            x = np.arange(recent.shape[1], dtype=np.float64)
        width = -(-recent.shape[1] // COLUMNS)
        if width > 1:
            whole = recent.shape[1] // width * width
            recent = recent[:, :whole].reshape(len(recent), -1, width).max(axis=2)
            x = x[:whole].reshape(-1, width).mean(axis=1)
        if self._log:
            with np.errstate(divide="ignore"):
                recent = np.log10(recent)
        last = self._data.points
        self.show_cells(recent, (x[0], x[-1]), (last - len(recent) + 1, last))

    def read_out(self, x: float, y: float) -> str:
        unit = self._axis.unit if self._axis else ""
        return f"{format_quantity(x, unit)},  point {max(round(y), 0)}"

    def export_columns(self) -> Mapping[str, NDArray[Any]]:
        names = (f"point_{i}" for i in range(max(len(self._cells), 1)))
        return dict(zip(names, self._cells, strict=False))
