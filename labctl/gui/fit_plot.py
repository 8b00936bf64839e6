"""The fit by itself: what was fitted with its errors, the model on top, and what is left."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QLabel, QWidget

from labctl.data import FitCurve, FitResult
from labctl.gui.peaks_kept import PeaksKept
from labctl.gui.plot_view import PlotView, RoundTicks, label_axis, labelled
from labctl.gui.theme import Theme


class FitPlot(PlotView):
    """Data and model above, residuals in standard errors below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("fit_plot", parent)
        self._curve: FitCurve | None = None
        self._data = PeaksKept(self.plot, dots=True, line=False)
        self._model = PeaksKept(self.plot)
        self.rest: Any = self.canvas.addPlot(
            row=1, col=0, axisItems={"bottom": RoundTicks("bottom")}
        )
        self.rest.setXLink(self.plot)
        self.plot.getAxis("bottom").setStyle(showValues=False)  # they stand below the residuals
        self.plot.getAxis("bottom").showLabel(False)
        self.rest.showGrid(x=True, y=True, alpha=0.18)
        self.rest.hideButtons()
        self.rest.getAxis("left").setLabel("Residual (σ)")
        self.canvas.ci.layout.setRowStretchFactor(0, 3)
        self.canvas.ci.layout.setRowStretchFactor(1, 1)
        for axis in (self.plot.getAxis("left"), self.rest.getAxis("left")):
            axis.setWidth(64)
        self._residual = PeaksKept(self.rest, dots=True, line=False)
        self._nothing = QLabel("The fit appears here while data come in.")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._nothing.setProperty("state", "quiet")
        self.column_of_widgets.addWidget(self._nothing)
        self.canvas.hide()
        self.set_theme(self.theme)

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        if not hasattr(self, "_residual"):
            return
        for name in ("left", "bottom"):
            self.rest.getAxis(name).setPen(theme.quiet)
            self.rest.getAxis(name).setTextPen(theme.text)
        self._data.set_colour(theme.data)
        self._model.set_colour(theme.model, 2.0)
        self._residual.set_colour(theme.data)

    def show_fit(self, fit: FitResult | None) -> None:
        curve = fit.curve if fit is not None else None
        first = self._curve is None
        self._curve = curve
        self.canvas.setVisible(curve is not None)
        self._nothing.setVisible(curve is None)
        if curve is None:
            for item in (self._data, self._model, self._residual):
                item.clear()
            return
        log = curve.y_unit.endswith("/Hz")
        x = (curve.x_label, curve.x_unit)
        self.set_axes(x, (curve.y_label, curve.y_unit), log=log)
        self.rest.setLogMode(log, False)
        label_axis(self.rest.getAxis("bottom"), *x, log=log)
        self._data.set_data(curve.x, curve.y, curve.y_error)
        self._model.set_data(*curve.drawn)
        with np.errstate(divide="ignore", invalid="ignore"):
            residual = (curve.y - curve.model) / curve.y_error
        self._residual.set_data(curve.x, np.where(np.isfinite(residual), residual, np.nan))
        if first:
            self.fit_view()

    def redraw(self) -> None:
        for item in (self._data, self._model, self._residual):
            item.refresh()

    def fit_view(self) -> None:
        super().fit_view()
        self.rest.enableAutoRange()

    def export_columns(self) -> Mapping[str, NDArray[Any]]:
        curve = self._curve
        if curve is None:
            return {}
        return {
            labelled(curve.x_name, curve.x_unit): curve.x,
            labelled(curve.y_name, curve.y_unit): curve.y,
            labelled("standard_error", curve.y_unit): curve.y_error,
            labelled("model", curve.y_unit): curve.model,
        }
