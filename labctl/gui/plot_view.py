"""What every plot of the window has: axes with units, a cursor read-out, and export."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt5.QtCore import QEvent, pyqtSignal
from PyQt5.QtWidgets import QVBoxLayout, QWidget

from labctl.data import FitResult
from labctl.errors import OutputError
from labctl.gui.theme import LIGHT, Theme
from labctl.units import PREFIXED, format_quantity


class RoundTicks(pg.AxisItem):
    """An axis that writes at 1, 2 and 5 of a decade only, where it is logarithmic."""

    def logTickStrings(  # noqa: N802  pyqtgraph's name
        self, values: list[float], scale: float, spacing: float
    ) -> list[str]:
        written = super().logTickStrings(values, scale, spacing)
        return [
            text if round(10 ** (float(value) % 1), 6) in (1, 2, 5, 10) else ""
            for text, value in zip(written, values, strict=True)
        ]


class PlotView(QWidget):
    """One plot with its axes; the kinds of plots build on it.

    Attributes:
        pointed_at: tells where the cursor is, in physical units.
    """

    pointed_at = pyqtSignal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.theme = LIGHT
        self._units = ("", "")
        self.canvas: Any = pg.GraphicsLayoutWidget()  # pyqtgraph adds attributes as it goes
        self.canvas.ci.layout.setContentsMargins(4, 4, 8, 4)
        self.plot: Any = self.canvas.addPlot(
            axisItems={side: RoundTicks(side) for side in ("left", "bottom")}
        )
        self.plot.showGrid(x=True, y=True, alpha=0.18)
        self.plot.setMenuEnabled(True)
        self.plot.hideButtons()
        self.column_of_widgets = QVBoxLayout(self)
        self.column_of_widgets.setContentsMargins(0, 0, 0, 0)
        self.column_of_widgets.addWidget(self.canvas)
        self._moved = pg.SignalProxy(
            self.canvas.scene().sigMouseMoved, rateLimit=20, slot=self._mouse_moved
        )

    def redraw(self) -> None:
        """Show what has come since the last time."""

    def show_fit(self, fit: FitResult | None) -> None:
        """Lay the model of a fit over the data, or take it away."""

    def export_columns(self) -> Mapping[str, NDArray[Any]]:
        """What is shown, name with unit -> values, for a file of comma-separated values."""
        return {}

    def set_theme(self, theme: Theme) -> None:
        """Change the colours."""
        self.theme = theme
        self.canvas.setBackground(theme.plot)
        for name in ("left", "bottom"):
            axis = self.plot.getAxis(name)
            axis.setPen(theme.quiet)
            axis.setTextPen(theme.text)

    def set_axes(self, x: tuple[str, str], y: tuple[str, str], *, log: bool = False) -> None:
        """(label, SI unit) of both axes, linear or both logarithmic."""
        self._units = (x[1], y[1])
        self.plot.setLogMode(log, log)
        for name, (label, unit) in (("bottom", x), ("left", y)):
            label_axis(self.plot.getAxis(name), label, unit, log=log)

    def fit_view(self) -> None:
        """Show everything, and go on doing so."""
        self.plot.enableAutoRange()

    def save_picture(self, path: Path) -> None:
        """Write the plot as .png or .svg.

        Raises:
            OutputError: the file cannot be written.
        """
        import pyqtgraph.exporters as exporters

        make = exporters.SVGExporter if path.suffix == ".svg" else exporters.ImageExporter
        try:
            path.open("ab").close()
            make(self.canvas.scene()).export(str(path))
        except OSError as error:
            raise OutputError(f"Cannot write the picture {path}: {error.strerror}.") from error

    def save_data(self, path: Path) -> None:
        """Write what is shown as comma-separated values, in SI.

        Raises:
            OutputError: the file cannot be written.
        """
        columns = self.export_columns()
        try:
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(columns)
                writer.writerows(
                    zip(*(np.ravel(c).tolist() for c in columns.values()), strict=True)
                )
        except OSError as error:
            raise OutputError(f"Cannot write the data {path}: {error.strerror}.") from error

    def read_out(self, x: float, y: float) -> str:
        """A place in the plot in words."""
        x_unit, y_unit = self._units
        return f"{format_quantity(x, x_unit)},  {format_quantity(y, y_unit, digits=5)}"

    def leaveEvent(self, a0: QEvent | None) -> None:  # noqa: N802  Qt's name
        """Without a cursor there is nothing to read out."""
        super().leaveEvent(a0)
        self.pointed_at.emit("")

    def _mouse_moved(self, event: tuple[Any]) -> None:
        place = event[0]
        if not self.isVisible():  # the move was told late, and another plot is in front
            return
        if not self.plot.sceneBoundingRect().contains(place):
            return
        at = self.plot.getViewBox().mapSceneToView(place)
        x, y = at.x(), at.y()
        if self.plot.getAxis("bottom").logMode:
            x, y = 10.0 ** min(x, 300.0), 10.0 ** min(y, 300.0)
        self.pointed_at.emit(self.read_out(x, y))


def label_axis(axis: pg.AxisItem, label: str, unit: str, *, log: bool) -> None:
    """Name an axis, with SI prefixes where its unit takes them."""
    prefixed = unit in PREFIXED | {"counts"} and not log
    axis.enableAutoSIPrefix(prefixed)
    if prefixed:
        axis.setLabel(label, units=unit)
    else:
        written = unit.replace("^2", "²")
        axis.setLabel(f"{label} ({written})" if unit else label, units=None)


def labelled(name: str, unit: str) -> str:
    """Head of a column in a file of comma-separated values."""
    return f"{name} ({unit})" if unit else name
