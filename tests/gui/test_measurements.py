"""Spectrum, ring-down, map, alignment: what the plots show is what the file holds."""

from collections.abc import Callable

import numpy as np
import pytest
from PyQt5.QtWidgets import QAction, QLineEdit, QTableWidget, QTabWidget
from pytestqt.qtbot import QtBot

from labctl.data import RunStatus
from labctl.gui.alignment_view import ContrastBar
from labctl.gui.map_plot import SetpointMap, Waterfall
from labctl.gui.scan_plot import ScanPlot
from labctl.gui.window import MainWindow
from labctl.units import format_measurement
from tests.gui.operator import Operator


@pytest.fixture
def user(open_window: Callable[..., MainWindow], qtbot: QtBot) -> Operator:
    return Operator(qtbot, open_window("sim_vacuum"))


def open_tab(user: Operator, title: str) -> None:
    tabs = user.find(QTabWidget, "plot_tabs")
    number = next(i for i in range(tabs.count()) if tabs.tabText(i) == title)
    tabs.setCurrentIndex(number)


def test_spectrum_is_the_mean_of_all_points(user: Operator) -> None:
    user.choose("psd", "segment_s")
    user.type("field_segment_s", "400 ms")
    user.type("field_averages", "24")
    user.run()
    run = user.wait_for_end()
    assert run.status is RunStatus.FINISHED
    assert run.fit is not None
    columns = user.find(ScanPlot, "scan_plot").export_columns()
    shown = columns["psd (counts^2/s^2/Hz)"]
    assert shown == pytest.approx(np.mean(run["psd"], axis=0)[1:])
    assert columns["frequency_hz (Hz)"] == pytest.approx(run["frequency_hz"][0][1:])
    model = columns["model (counts^2/s^2/Hz)"]
    peak = np.nanargmax(model)
    assert columns["frequency_hz (Hz)"][peak] == pytest.approx(480, abs=10)
    first = run.fit.values["mode_1_frequency_hz"]
    row = user.cells("fit_table", 0).index("Frequency 1")
    text = format_measurement(first.value, first.error, "Hz")
    assert user.cells("fit_table", 1)[row] == text
    open_tab(user, "Waterfall")
    cells = user.find(Waterfall, "waterfall_plot").export_columns()
    assert len(cells) == len(run)
    assert cells["point_0"] == pytest.approx(np.log10(run["psd"][0]))


def test_ring_down(user: Operator) -> None:
    user.choose("ring_down", "averages")
    user.type("field_averages", "40")
    user.type("field_decay_s", "0.1")
    user.run()
    run = user.wait_for_end()
    assert run.parameters["decay_s"] == 0.1
    columns = user.find(ScanPlot, "scan_plot").export_columns()
    assert columns["trace (counts/s)"] == pytest.approx(np.mean(run["trace"], axis=0))
    assert np.isfinite(columns["model (counts/s)"]).any()


def test_map_is_the_mean_of_each_cell(user: Operator) -> None:
    user.choose("mdmr_map", "currents")
    user.type("field_points", "21")
    user.type("field_sweeps", "2")
    user.type("field_currents", "3")
    user.run()
    run = user.wait_for_end()
    columns = user.find(SetpointMap, "map_plot").export_columns()
    assert len(columns["repeats"]) == 63
    assert np.all(columns["repeats"] == 2)
    here = (run["frequency_hz"] == columns["frequency_hz (Hz)"][30]) & (
        run["current_a"] == columns["current_a (A)"][30]
    )
    assert columns["angle_counts (counts)"][30] == pytest.approx(run["angle_counts"][here].mean())


def test_alignment_shows_the_last_contrast_in_large(user: Operator) -> None:
    user.click("alignment_start")
    user.until(lambda: user.window.station.handle is not None)
    user.until(lambda: "best of" in user.text("alignment_best"))
    user.click("abort_button")
    run = user.wait_for_end()
    assert run.status is RunStatus.ABORTED
    assert f"{run['contrast_rate'][-1] / 1e3:+.1f}" in user.text("alignment_contrast")
    best = np.max(np.abs(run["contrast_rate"][-40:]))
    share = user.find(ContrastBar, "contrast_bar").share
    assert share == pytest.approx(abs(run["contrast_rate"][-1]) / best)


def test_histogram_and_time_count_every_point(user: Operator) -> None:
    user.choose("drift", "interval_s")
    user.type("field_points", "12")
    user.run()
    run = user.wait_for_end()
    open_tab(user, "Histogram")
    histogram = user.find(QTabWidget, "plot_tabs").currentWidget()
    assert histogram is not None
    columns = histogram.export_columns()
    assert columns["points"].sum() == 12
    open_tab(user, "In time")
    plot = user.find(QTabWidget, "plot_tabs").currentWidget()
    assert plot is not None
    assert list(plot.export_columns()["angle_counts (counts)"]) == list(run["angle_counts"])


def test_temperature_against_an_earlier_spectrum(user: Operator) -> None:
    user.choose("psd", "averages")
    user.type("field_averages", "80")
    user.run()
    earlier = user.wait_for_end()
    assert earlier.fit is not None
    user.until(lambda: len(user.cells("run_table", 1)) == 1)
    user.find(QTableWidget, "run_table").selectRow(0)
    action = user.window.findChild(QAction, "menu_run_reference")
    assert action is not None
    action.trigger()
    area = user.find(QLineEdit, "field_reference_area")
    user.until(lambda: area.text() != "")
    assert float(area.text()) == pytest.approx(earlier.fit.values["mode_1_area"].value)
    user.run()
    run = user.wait_for_end()
    assert run.fit is not None
    user.until(lambda: "Temperature by damping" in user.cells("fit_table", 0))
    for name in ("temperature_by_damping_k", "temperature_by_area_k"):
        found = run.fit.values[name]
        assert abs(found.value - 300) < 3 * found.error
        assert found.error < 60
