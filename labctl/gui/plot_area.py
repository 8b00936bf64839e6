"""The plots of one run: live, its fit, its blocks, its columns in time."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from labctl.data import FitResult
from labctl.errors import LabError
from labctl.gui.column_plots import Histogram, TimePlot
from labctl.gui.elided_label import ElidedLabel
from labctl.gui.fit_plot import FitPlot
from labctl.gui.live_data import LiveData
from labctl.gui.map_plot import SetpointMap, Waterfall
from labctl.gui.plot_view import PlotView
from labctl.gui.scan_plot import ScanPlot
from labctl.gui.theme import Theme

EMPTY = "Choose a sequence on the left and press Run (F5)."


class PlotArea(QWidget):
    """Tabs of plots for one run at a time; which ones there are follows from its columns.

    Attributes:
        failed: an export that did not work.
    """

    failed = pyqtSignal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("plot_area")
        self._theme = theme
        self._views: list[PlotView] = []
        self._drawn = -1
        self._data: LiveData | None = None
        self._tabs = QTabWidget()
        self._tabs.setObjectName("plot_tabs")
        self._tabs.setDocumentMode(True)
        self._tabs.currentChanged.connect(lambda _: self._turn())
        self._title = ElidedLabel(EMPTY)
        self._title.setObjectName("plot_title")
        self._overlaid = ElidedLabel()
        self._overlaid.setObjectName("overlay_label")
        self._cursor = ElidedLabel()
        self._cursor.setObjectName("cursor_label")
        self._cursor.setProperty("state", "quiet")
        top, bottom = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self._title, 1)
        top.addWidget(self._overlaid)
        bottom.addWidget(self._cursor, 1)
        for text, name, tip, action in (
            ("Whole range", "whole_range_button", "Show all data again (Ctrl+0)", self.fit_view),
            ("Picture…", "picture_button", "Save this plot as PNG or SVG", self._ask_picture),
            ("Data…", "csv_button", "Save what is shown as CSV", self._ask_data),
        ):
            button = QPushButton(text)
            button.setObjectName(name)
            button.setToolTip(tip)
            button.clicked.connect(lambda _, action=action: action())
            bottom.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addLayout(top)
        layout.addWidget(self._tabs, 1)
        layout.addLayout(bottom)

    @property
    def data(self) -> LiveData | None:
        """The data that are shown."""
        return self._data

    def show_data(self, data: LiveData, title: str, *, dwell_s: float | None = None) -> None:
        """Make the plots of a run, replacing those of the last one."""
        chosen = self._tabs.tabText(self._tabs.currentIndex())
        self._data, self._drawn = data, -1
        self._title.show_text(title)
        font = self._title.font()
        font.setBold(True)
        self._title.setFont(font)
        self._overlaid.show_text("")
        self._cursor.show_text("")
        self._tabs.blockSignals(True)
        for view in self._views:
            view.deleteLater()
        self._tabs.clear()
        self._views = []
        if len(data.axes) > 1 and not data.signal.shape:
            self._add("Map", SetpointMap(data))
        else:
            self._add("Live", ScanPlot(data, dwell_s))
        self._add("Fit and residuals", FitPlot())
        if data.signal.shape:
            self._add("Waterfall", Waterfall(data))
        self._add("In time", TimePlot(data))
        self._add("Histogram", Histogram(data))
        same = [i for i in range(self._tabs.count()) if self._tabs.tabText(i) == chosen]
        self._tabs.setCurrentIndex(same[0] if same else 0)
        self._tabs.blockSignals(False)
        self.refresh(force=True)

    def show_fit(self, fit: FitResult | None) -> None:
        """Lay a fit over the data of every plot that can show it."""
        for view in self._views:
            view.show_fit(fit)

    def show_truth(self, truth: Mapping[str, tuple[NDArray[Any], str]]) -> None:
        """Mark what a simulated world knows, where it is a place on the axis."""
        for view in self._views:
            if isinstance(view, ScanPlot):
                view.show_truth(truth)

    def overlay(self, data: LiveData | None, name: str) -> bool:
        """Compare with another run; returns whether a plot here can show it."""
        for view in self._views:
            if isinstance(view, ScanPlot):
                mine = self._data.signal.shape if self._data is not None else ()
                if data is not None and bool(data.signal.shape) != bool(mine):
                    return False
                view.overlay(data)
                self._overlaid.show_text(f"— {name}")
                self._overlaid.setStyleSheet(f"color: {self._theme.earlier}")
                return True
        return False

    def refresh(self, *, force: bool = False) -> None:
        """Draw the plot in front if points came since the last time."""
        view = self._tabs.currentWidget()
        if self._data is None or not isinstance(view, PlotView):
            return
        if force or self._data.points != self._drawn:
            self._drawn = self._data.points
            view.redraw()

    def fit_view(self) -> None:
        """Show all data in the plot in front."""
        view = self._tabs.currentWidget()
        if isinstance(view, PlotView):
            view.fit_view()
            view.redraw()

    def set_theme(self, theme: Theme) -> None:
        """Change the colours."""
        self._theme = theme
        for view in self._views:
            view.set_theme(theme)
        self._overlaid.setStyleSheet(f"color: {theme.earlier}")

    def save(self, path: Path) -> None:
        """Write the plot in front: .png, .svg, or its data as .csv."""
        view = self._tabs.currentWidget()
        if not isinstance(view, PlotView):
            return
        try:
            if path.suffix == ".csv":
                view.save_data(path)
            else:
                view.save_picture(path)
        except LabError as error:
            self.failed.emit(error)

    def _turn(self) -> None:
        self._cursor.show_text("")
        self.refresh(force=True)

    def _ask_picture(self) -> None:
        self._ask("Save the plot", "plot.png", "Pictures (*.png *.svg)")

    def _ask_data(self) -> None:
        self._ask("Save the data", "plot.csv", "Comma-separated values (*.csv)")

    def _ask(self, title: str, name: str, kinds: str) -> None:
        if not self._views:
            return
        chosen, _ = QFileDialog.getSaveFileName(self, title, name, kinds)
        if chosen:
            self.save(Path(chosen))

    def _add(self, title: str, view: PlotView) -> None:
        view.set_theme(self._theme)
        view.pointed_at.connect(self._cursor.show_text)
        self._views.append(view)
        self._tabs.addTab(view, title)
