"""An MDMR scan from the form to the fit and the file."""

from PyQt5.QtWidgets import QLabel, QProgressBar
from pytestqt.qtbot import QtBot

from labctl.data import RunStatus
from labctl.gui.window import MainWindow
from tests.gui.operator import Operator


def test_from_the_form_to_the_fit(window: MainWindow, qtbot: QtBot) -> None:
    user = Operator(qtbot, window)
    assert user.find(QLabel, "simulated_banner").isVisible()
    user.choose("mdmr", "start_hz")
    user.type("field_start_hz", "2.65 GHz")
    user.type("field_stop_hz", "2780 MHz")
    user.type("field_points", "66")
    user.type("field_sweeps", "6")
    user.type("field_dwell_s", "20ms")
    assert user.text("form_message") == ""
    user.run()
    run = user.wait_for_end()
    assert run.status is RunStatus.FINISHED
    assert len(run) == 66 * 6
    assert run.parameters["start_hz"] == 2.65e9
    assert run.parameters["stop_hz"] == 2.78e9
    assert run.parameters["dwell_s"] == 0.02
    assert run.fit is not None
    found = run.fit.values["frequency_1_hz"]
    user.until(lambda: len(user.cells("fit_table", 0)) == len(run.fit.values))
    row = user.cells("fit_table", 0).index("Resonance 1")
    assert f"{found.value / 1e6:.1f}" in user.cells("fit_table", 1)[row]
    assert "396" in user.find(QProgressBar, "run_progress").text()
    assert user.text("run_label") == "mdmr: finished, 396 points"
    plot = window.plots.data
    assert plot is not None
    assert plot.points == 396
