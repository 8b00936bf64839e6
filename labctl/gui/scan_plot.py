"""Plots of one quantity against another: scans, traces, spectra, with their fit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QWidget

from labctl.data import Column, FitResult, Table
from labctl.gui.live_data import LiveData
from labctl.gui.peaks_kept import SPARSE, PeaksKept
from labctl.gui.plot_view import PlotView, labelled
from labctl.gui.theme import Theme
from labctl.units import format_measurement

MAX_MARKERS = 24


class ScanPlot(PlotView):
    """The signal against its axis: mean of all sweeps with errors, or mean of all blocks.

    Counts are shown as a rate where the run tells the counting time, as its fit does. Spectra
    are drawn with both axes logarithmic.

    Args:
        data: of the run.
        dwell_s: counting time of a point, or None.
    """

    def __init__(
        self, data: LiveData, dwell_s: float | None, parent: QWidget | None = None
    ) -> None:
        super().__init__("scan_plot", parent)
        self._data = data
        signal, self._axis = data.signal, data.axes[0] if data.axes else None
        per_s = signal.unit == "counts" and dwell_s is not None and not signal.shape
        self._scale = 1 / dwell_s if per_s and dwell_s else 1.0
        self.unit = "counts/s" if per_s else signal.unit
        self.is_block = bool(signal.shape)
        self.is_spectrum = self.is_block and signal.unit.endswith("/Hz")
        self.set_axes(_axis_text(self._axis), (signal.label, self.unit), log=self.is_spectrum)
        self._last = PeaksKept(self.plot) if self.is_block else None
        self._mean = PeaksKept(self.plot, dots=not self.is_block, line=self.is_block)
        self._earlier = PeaksKept(self.plot)
        self._model = PeaksKept(self.plot)
        self._room = pg.ScatterPlotItem(size=1, pen=None, brush=None)
        self.plot.addItem(self._room)
        self._markers: list[pg.InfiniteLine] = []
        self._truth: list[pg.InfiniteLine] = []
        self.set_theme(self.theme)

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        if self._last is not None:
            faint = pg.mkColor(theme.data)
            faint.setAlphaF(0.35)
            self._last.set_colour(faint)
        self._mean.set_colour(theme.data, 1.5 if self.is_block else 1.0)
        self._earlier.set_colour(theme.earlier, 1.2)
        self._model.set_colour(theme.model, 2.0)
        for line in self._truth:
            line.setPen(_dotted(theme))
        for marker in self._markers:
            marker.setPen(_dashed(theme))
            marker.label.setColor(theme.model)
            marker.label.fill = pg.mkBrush(_plate(theme))
            marker.label.update()

    def redraw(self) -> None:
        if not self._data.points:
            return
        if self.is_block:
            x = self._block_axis()
            keep = x > 0 if self.is_spectrum else slice(None)  # no logarithm of zero frequency
            self._mean.set_data(x[keep], self._data.block_mean()[keep])
            if self._last is not None and self._data.points > 1:
                self._last.set_data(x[keep], self._data[self._data.plot.signal][-1][keep])
            return
        (x, *_), mean, error, _ = self._data.averages(most_errors=SPARSE)
        error = None if error is None else error * self._scale
        self._mean.set_data(x, mean * self._scale, error)

    def overlay(self, data: LiveData | None) -> None:
        """Draw the same signal of another run behind this one, or take it away."""
        if data is None or not data.points:
            self._earlier.clear()
        elif data.signal.shape:
            x = np.asarray(data[data.plot.axes[0]][-1], dtype=np.float64)
            keep = x > 0 if self.is_spectrum else slice(None)
            self._earlier.set_data(x[keep], data.block_mean()[keep])
        else:
            (x, *_), mean, _, _ = data.averages()
            self._earlier.set_data(x, mean * self._scale)

    def show_fit(self, fit: FitResult | None) -> None:
        for marker in self._markers:
            self.plot.removeItem(marker)
        self._markers = []
        curve = fit.curve if fit is not None else None
        axis_unit = self._axis.unit if self._axis is not None else ""
        if fit is None or curve is None or (curve.x_unit, curve.y_unit) != (axis_unit, self.unit):
            self._model.clear()
            self._make_room(False)
            return
        self._model.set_data(*curve.drawn)
        peaks = _peaks(fit)
        self._make_room(len(peaks) > 0)
        places = [float(np.log10(place)) if self.is_spectrum else place for place, _ in peaks]
        for number, (at, (_, text)) in enumerate(zip(places, peaks, strict=True)):
            # Of two lines side by side the first is named on its left.
            left = number + 1 < len(places) and places[number + 1] - at < self._label_width()
            anchor = (1, 1) if left else (1, 0)
            marker = pg.InfiniteLine(
                at, angle=90, pen=_dashed(self.theme), label=text,
                labelOpts={"position": 0.98, "rotateAxis": (1, 0), "anchors": [anchor, anchor],
                           "color": self.theme.model, "fill": _plate(self.theme)},
            )  # fmt: skip
            self.plot.addItem(marker, ignoreBounds=True)
            self._markers.append(marker)

    def export_columns(self) -> Mapping[str, NDArray[Any]]:
        x, y, error = self._mean.data
        name = self._axis.name if self._axis is not None else "sample"
        unit = self._axis.unit if self._axis is not None else ""
        columns = {labelled(name, unit): x, labelled(self._data.plot.signal, self.unit): y}
        if error is not None:
            columns[labelled("standard_error", self.unit)] = error
        fit_x, model, _ = self._model.data
        if len(fit_x):
            columns[labelled("model", self.unit)] = np.interp(
                x, fit_x, model, left=np.nan, right=np.nan
            )
        return columns

    def show_truth(self, truth: Mapping[str, tuple[NDArray[Any], str]]) -> None:
        """Mark what a simulated world knows on the axis of frequencies."""
        unit = self._axis.unit if self._axis is not None else ""
        for values, its_unit in truth.values() if unit == "Hz" else ():
            for place in np.asarray(values, dtype=np.float64).ravel() if its_unit == unit else ():
                if np.isfinite(place) and place > 0:
                    at = float(np.log10(place)) if self.is_spectrum else float(place)
                    line = pg.InfiniteLine(at, angle=90, pen=_dotted(self.theme))
                    line.setZValue(-10)
                    self.plot.addItem(line, ignoreBounds=True)
                    self._truth.append(line)

    def _label_width(self) -> float:
        """Width of a name written upright, along the axis as it is drawn."""
        x = self._mean.data[0]
        if len(x) < 2:
            return 0.0
        ends = np.log10(x[[0, -1]]) if self.is_spectrum else x[[0, -1]]
        return float(0.035 * (ends[1] - ends[0]))

    def _make_room(self, wanted: bool) -> None:
        """Leave a third of the height and more above the data for what is written at the peaks."""
        x, y, _ = self._mean.data
        seen = y[np.isfinite(y) & (y > 0)] if self.is_spectrum else y[np.isfinite(y)]
        if not wanted or not seen.size:
            self._room.setData([], [])
            return
        low, high = float(seen.min()), float(seen.max())
        if self.is_spectrum:
            top = np.log10(high) + 0.55 * np.log10(high / low)
            self._room.setData([np.log10(x[-1])], [top])
        else:
            self._room.setData([x[-1]], [high + 0.55 * (high - low)])

    def _block_axis(self) -> NDArray[np.float64]:
        if self._axis is None or self._axis.shape != self._data.signal.shape:
            return np.arange(int(np.prod(self._data.signal.shape)), dtype=np.float64)
        return np.asarray(self._data[self._axis.name][-1], dtype=np.float64)


def _dashed(theme: Theme) -> Any:
    return pg.mkPen(theme.model, style=Qt.PenStyle.DashLine)


def _plate(theme: Theme) -> Any:
    """What a name at a peak is written on, so that no curve runs through it."""
    fill = pg.mkColor(theme.plot)
    fill.setAlphaF(0.75)
    return fill


def _dotted(theme: Theme) -> Any:
    return pg.mkPen(theme.truth, style=Qt.PenStyle.DotLine, width=1.5)


def _axis_text(axis: Column | None) -> tuple[str, str]:
    return ("Sample", "") if axis is None else (axis.label, axis.unit)


def _peaks(fit: FitResult) -> list[tuple[float, str]]:
    """Place and text of every peak of a fit against frequency."""
    if fit.curve is None or fit.curve.x_unit != "Hz":
        return []
    tables: list[Table] = [t for t in fit.tables.values() if "frequency_hz" in t.columns]
    if not tables:
        return []
    places = tables[0].columns["frequency_hz"]
    errors = tables[0].columns.get("frequency_error_hz", np.full(len(places), np.nan))
    return [
        (float(place), format_measurement(float(place), float(error), "Hz"))
        for place, error in zip(places[:MAX_MARKERS], errors, strict=False)
        if place > 0
    ]
