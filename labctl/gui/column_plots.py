"""Plots of any column of a run: against time, and how often each value comes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt5.QtWidgets import QComboBox, QWidget

from labctl.data import Column
from labctl.gui.live_data import LiveData
from labctl.gui.peaks_kept import PeaksKept
from labctl.gui.plot_view import PlotView, labelled
from labctl.gui.theme import Theme

TIME = "elapsed_s"


class ColumnPlot(PlotView):
    """A plot with a choice of the column that it shows."""

    def __init__(self, name: str, data: LiveData, parent: QWidget | None) -> None:
        super().__init__(name, parent)
        self.data = data
        self._choice = QComboBox()
        self._choice.setObjectName(f"{name}_column")
        scalars = [c for c in data.specification if not c.shape and c.name != TIME]
        for column in scalars:
            self._choice.addItem(column.label, column.name)
        at = max(self._choice.findData(data.plot.signal), 0)
        self._choice.setCurrentIndex(at)
        self.column_of_widgets.insertWidget(0, self._choice)
        self._choice.currentIndexChanged.connect(self._chosen)

    @property
    def column(self) -> Column | None:
        """The column that is shown; None where a run has no scalar columns."""
        name = self._choice.currentData()
        return None if name is None else self.data.column_of(name)

    def label_axes(self) -> None:
        """Write at the axes what is shown."""

    def _chosen(self) -> None:
        self.label_axes()
        self.fit_view()
        self.redraw()


class TimePlot(ColumnPlot):
    """Any scalar column against the time since the run began."""

    def __init__(self, data: LiveData, parent: QWidget | None = None) -> None:
        super().__init__("time_plot", data, parent)
        self._curve = PeaksKept(self.plot, dots=True)
        self.label_axes()
        self.set_theme(self.theme)

    def label_axes(self) -> None:
        if self.column is not None:
            self.set_axes(("Time", "s"), (self.column.label, self.column.unit))

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self._curve.set_colour(theme.data)

    def redraw(self) -> None:
        if self.column is not None and self.data.kept:
            self._curve.set_data(self.data[TIME], self.data[self.column.name])

    def export_columns(self) -> Mapping[str, NDArray[Any]]:
        if self.column is None:
            return {}
        name = labelled(self.column.name, self.column.unit)
        return {"elapsed_s (s)": self.data[TIME], name: self.data[self.column.name]}


class Histogram(ColumnPlot):
    """How often each value of a scalar column came."""

    def __init__(self, data: LiveData, parent: QWidget | None = None) -> None:
        super().__init__("histogram_plot", data, parent)
        self._bars = pg.PlotDataItem(stepMode="center", fillLevel=0)
        self.plot.addItem(self._bars)
        self._shown: Mapping[str, NDArray[Any]] = {}
        self.label_axes()
        self.set_theme(self.theme)

    def label_axes(self) -> None:
        if self.column is not None:
            self.set_axes((self.column.label, self.column.unit), ("Points", ""))

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self._bars.setPen(theme.data)
        fill = pg.mkColor(theme.data)
        fill.setAlphaF(0.4)
        self._bars.setFillBrush(fill)

    def redraw(self) -> None:
        if self.column is None or self.data.kept < 2:
            return
        values = self.data[self.column.name]
        values = values[np.isfinite(values)]
        if not values.size:
            return
        bins = int(np.clip(np.sqrt(values.size), 8, 200))
        if self.column.dtype.startswith("int"):  # a bin holds whole numbers only
            low, high = int(values.min()), int(values.max())
            edges = np.arange(low, high + 2 + max(-(-(high - low + 1) // bins), 1),
                              max(-(-(high - low + 1) // bins), 1)) - 0.5  # fmt: skip
            number, edges = np.histogram(values, edges)
        else:
            number, edges = np.histogram(values, bins)
        self._bars.setData(edges, number)
        self._shown = {labelled(self.column.name, self.column.unit): edges[:-1], "points": number}

    def export_columns(self) -> Mapping[str, NDArray[Any]]:
        return self._shown
