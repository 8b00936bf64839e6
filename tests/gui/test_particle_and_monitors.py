"""The passport of the particle, and what is watched between measurements."""

from pathlib import Path

import pytest
from PyQt5.QtWidgets import QComboBox, QDockWidget, QLineEdit
from pytestqt.qtbot import QtBot

from labctl.gui.plot_view import PlotView
from labctl.gui.window import MainWindow
from tests.gui.operator import Operator


@pytest.fixture
def user(window: MainWindow, qtbot: QtBot) -> Operator:
    return Operator(qtbot, window)


def test_particle_is_written_into_its_runs_and_they_are_found(user: Operator) -> None:
    user.find(QDockWidget, "dock_particle").raise_()
    user.type("particle_new", "D17")
    choice = user.find(QComboBox, "particle_choice")
    user.until(lambda: choice.currentText() == "D17")
    user.type("particle_charge", "1200")
    user.choose("drift", "points")
    user.type("field_points", "5")
    user.run()
    run = user.wait_for_end()
    assert run.info.particle == "D17"
    user.until(lambda: "drift" in user.text("particle_drift"))
    user.click("particle_runs")
    assert user.find(QLineEdit, "run_filter").text() == "D17"
    user.until(lambda: user.cells("run_table", 6) == ["D17"])
    user.type("particle_new", "D17")
    user.until(lambda: "already" in user.text("error_text"))
    assert choice.currentText() == "D17"


def test_monitors_go_on_between_measurements(user: Operator, out: Path) -> None:
    user.find(QDockWidget, "dock_monitors").raise_()
    user.until(lambda: "pressure pa" in user.cells("monitor_table", 0))
    row = user.cells("monitor_table", 0).index("pressure pa")
    assert user.cells("monitor_table", 1)[row].endswith("Pa")
    assert user.find(PlotView, "monitor_plot").isVisible()
