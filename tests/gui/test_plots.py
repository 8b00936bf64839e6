"""The plots as they are looked at: zoomed, compared, in the dark, while messages come and go."""

from pathlib import Path

import numpy as np
import pyqtgraph as pg
import pytest
from numpy.typing import NDArray
from PyQt5.QtCore import QPoint, QRegularExpression, Qt
from PyQt5.QtWidgets import QDockWidget, QHeaderView, QLabel, QTableWidget, QTabWidget
from pytestqt.qtbot import QtBot

from labctl.analysis.resonances import fit_resonances
from labctl.data import Column, FitCurve, FitResult, FitValue, PlotHint
from labctl.gui.fit_plot import FitPlot
from labctl.gui.fit_table import FitTable
from labctl.gui.instrument_panel import InstrumentCard
from labctl.gui.live_data import LiveData
from labctl.gui.peaks_kept import PeaksKept
from labctl.gui.plot_area import PlotArea
from labctl.gui.read_out import ReadOut
from labctl.gui.scan_plot import ScanPlot
from labctl.gui.theme import DARK, LIGHT
from labctl.gui.window import MainWindow
from tests.gui.operator import Operator

IDENTITY = QRegularExpression("identity_")
COLUMNS = (
    Column("frequency_hz", "Hz", "Microwave frequency"),
    Column("signal", "", "Signal"),
)


def scan(points: int) -> LiveData:
    """One line in noise."""
    data = LiveData(COLUMNS, PlotHint("signal", ("frequency_hz",)))
    x = np.linspace(2.8e9, 2.9e9, points)
    y = 1 / (1 + ((x - 2.85e9) / 4e6) ** 2) + np.random.default_rng(1).normal(0, 0.05, points)
    data.take_columns({"frequency_hz": x, "signal": y}, points)
    return data


def fit_of(data: LiveData) -> FitResult:
    x, y = data["frequency_hz"], data["signal"]
    return fit_resonances(x, y, np.full(len(x), 0.05))


def drawn(item: PeaksKept) -> NDArray[np.float64]:
    """Where a curve is drawn along the axis, shape (n,)."""
    x, _ = item.item.getData()
    return np.empty(0) if x is None else x


@pytest.mark.parametrize("points", [200, 30_000])
def test_after_a_zoom_the_whole_curve_is_back(qtbot: QtBot, points: int) -> None:
    """Curves that came while a part was shown are whole again with the whole range."""
    plot = pg.PlotWidget()
    qtbot.addWidget(plot)
    plot.show()
    x = np.linspace(2.8e9, 2.9e9, points)
    old, new = PeaksKept(plot.plotItem), PeaksKept(plot.plotItem)
    old.set_data(x, np.sin(x / 1e6))
    plot.plotItem.setXRange(2.84e9, 2.86e9)
    new.set_data(x, np.cos(x / 1e6))
    plot.plotItem.enableAutoRange()

    def whole() -> bool:
        low, high = plot.plotItem.vb.viewRange()[0]
        return low <= 2.8e9 and high >= 2.9e9

    qtbot.waitUntil(whole)
    for item in (old, new):
        assert drawn(item)[0] == 2.8e9
        assert drawn(item)[-1] > 2.8995e9


def test_the_model_is_drawn_on_its_own_grid(qtbot: QtBot) -> None:
    x = np.linspace(0, 1e-6, 8)
    fine = np.linspace(0, 1e-6, 400)
    curve = FitCurve(
        x=x, y=np.cos(2e7 * x), y_error=np.full(8, 0.1), model=np.cos(2e7 * x),
        x_name="frequency_hz", x_unit="Hz", x_label="t", y_name="signal", y_unit="", y_label="S",
        model_x=fine, model_y=np.cos(2e7 * fine),
    )  # fmt: skip
    fit = FitResult("cosine", {}, np.empty((0, 0)), 1.0, curve=curve)
    for view in (FitPlot(), ScanPlot(scan(8), None)):
        qtbot.addWidget(view)
        view.show_fit(fit)
        lengths = [
            len(item.getData()[0])
            for item in view.plot.listDataItems()
            if item.getData()[0] is not None
        ]
        assert 400 in lengths


def test_the_fit_is_not_shown_before_it_is_there_and_its_axes_have_prefixes(qtbot: QtBot) -> None:
    view = FitPlot()
    qtbot.addWidget(view)
    view.show()
    assert not view.canvas.isVisible()
    view.show_fit(fit_of(scan(200)))
    assert view.canvas.isVisible()
    for axis in (view.plot.getAxis("bottom"), view.rest.getAxis("bottom")):
        assert axis.labelUnits == "Hz"
        assert axis.autoSIPrefix
    assert "Microwave frequency" in view.rest.getAxis("bottom").labelString()
    view.show_fit(None)
    assert not view.canvas.isVisible()


def test_names_at_peaks_stand_on_the_colour_of_the_plot(qtbot: QtBot) -> None:
    data = scan(200)
    view = ScanPlot(data, None)
    qtbot.addWidget(view)
    view.set_theme(LIGHT)
    view.redraw()
    view.show_fit(fit_of(data))
    view.set_theme(DARK)
    labels = [item.label for item in view.plot.items if isinstance(item, pg.InfiniteLine)]
    assert labels
    for label in labels:
        assert label.fill.color().name() == pg.mkColor(DARK.plot).name()


def test_the_cursor_is_that_of_the_plot_in_front(qtbot: QtBot) -> None:
    area = PlotArea(LIGHT)
    qtbot.addWidget(area)
    area.show()
    area.show_data(scan(50), "one")
    cursor = area.findChild(QLabel, "cursor_label")
    tabs = area.findChild(QTabWidget, "plot_tabs")
    assert cursor is not None
    assert tabs is not None

    def point() -> None:
        view = tabs.currentWidget()
        assert isinstance(view, ScanPlot)
        view.pointed_at.emit("2.85 GHz,  1")
        assert cursor.text() == "2.85 GHz,  1"

    point()
    tabs.setCurrentIndex(tabs.count() - 1)
    assert cursor.text() == ""
    tabs.setCurrentIndex(0)
    point()
    area.show_data(scan(60), "two")
    assert cursor.text() == ""


def test_a_value_is_never_squeezed_by_its_name(qtbot: QtBot) -> None:
    table = FitTable()
    qtbot.addWidget(table)
    table.resize(290, 400)
    table.show()
    values = {
        "amplitude": FitValue(0.1234, 0.0012, "", "Amplitude of the oscillation of the counts"),
        "rabi_hz": FitValue(3.21e6, 1.3e4, "Hz", "Rabi frequency at the power that was set"),
    }
    table.show_fit(FitResult("damped", values, np.eye(2), 1.0), {}, live=False)
    found = table.findChild(QTableWidget, "fit_table")
    assert found is not None
    header = found.horizontalHeader()
    assert isinstance(header, QHeaderView)
    wanted = found.sizeHintForColumn(1)
    assert header.sectionSize(1) >= wanted
    assert header.sectionSize(0) > 80


@pytest.fixture
def user(window: MainWindow, qtbot: QtBot) -> Operator:
    return Operator(qtbot, window)


def places(window: MainWindow) -> list[object]:
    docks = [dock.geometry() for dock in window.findChildren(QDockWidget) if dock.isVisible()]
    return [window.plots.mapTo(window, QPoint(0, 0)), window.plots.size(), *docks]


def instruments_shown(user: Operator) -> None:
    """Every card has its rows, and the window has made room for them."""
    cards = user.window.findChildren(InstrumentCard)
    identities = [label for card in cards for label in card.findChildren(QLabel, IDENTITY)]
    assert identities
    user.qtbot.waitUntil(lambda: not any(label.text() == "…" for label in identities))
    seen = [places(user.window)]
    while len(seen) < 4 or seen[-4:] != seen[-1:] * 4:
        user.qtbot.wait(100)
        seen.append(places(user.window))
        assert len(seen) < 50


def test_names_and_messages_move_nothing(user: Operator) -> None:
    window = user.window
    window.resize(1200, 720)
    window.plots.show_data(scan(50), "short")

    instruments_shown(user)
    before, narrowest = places(window), window.minimumSizeHint()
    window.plots.show_data(scan(50), "a file with a name as long as " + "x" * 300)
    assert window.plots.overlay(scan(40), Path("another one " * 40).name)
    window.statusBar().showMessage("Saved: " + "y" * 400)
    window.station.failed.emit("It went wrong " * 30, "details")
    user.qtbot.wait(100)
    assert window.errors.isVisible()
    assert places(window) == before
    assert window.minimumSizeHint() == narrowest
    user.qtbot.keyClick(window, Qt.Key.Key_Escape)
    window.errors.hide()
    assert places(window) == before


def test_live_values_move_nothing(user: Operator) -> None:
    """Whatever a world or an instrument says next, as wide as a value of its kind can be."""
    window = user.window
    instruments_shown(user)
    narrowest = window.minimumSizeHint()
    readouts = [label for label in window.findChildren(ReadOut) if label.isVisible()]
    assert len(readouts) > 10
    for text in ("-888.8 mrad\n" * 3).strip(), "0":
        for label in readouts:
            if label.objectName().startswith("world_"):
                label.setText(text)
        user.qtbot.wait(20)
        assert window.minimumSizeHint() == narrowest
