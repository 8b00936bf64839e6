"""What goes wrong is told in one message, and the program goes on."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFrame,
    QLineEdit,
    QListWidget,
    QMessageBox,
    QPlainTextEdit,
)
from pytestqt.qtbot import QtBot

from labctl.data import RunStatus
from labctl.gui.console_window import guard
from labctl.gui.window import MainWindow
from labctl.storage import read_run
from tests.gui.operator import Operator


@pytest.fixture
def user(window: MainWindow, qtbot: QtBot) -> Operator:
    return Operator(qtbot, window)


def endless(user: Operator) -> None:
    """Start a run that goes on until it is stopped."""
    user.choose("mdmr", "sweeps")
    user.type("field_sweeps", "100000")
    user.run()
    user.until(lambda: user.window.station.data is not None)
    user.until(lambda: user.window.station.data.points > 50)


@pytest.mark.parametrize(
    ("field", "text", "told"),
    [
        ("stop_hz", "5 GHz", "microwave"),
        ("start_hz", "3.3 GHz", "must be below"),
        ("start_hz", "17 bananas", "Cannot read"),
        ("start_hz", "", "First frequency needs a value."),
        ("dwell_s", "-1 ms", "must be above 0 s, but is -1 ms"),
        ("points", "1", "Points per sweep must be at least 2"),
        ("points", "3.5", "Points per sweep: "),
        ("power_dbm", "40 dBm", "= 40 dBm is outside the device's limits"),
        ("laser_power_w", "5 mW", "laser"),
        ("current_a", "99 A", "= 99 A is outside"),
    ],
)
def test_wrong_value_is_told_and_blocks_the_run(
    user: Operator, field: str, text: str, told: str
) -> None:
    user.choose("mdmr", "start_hz")
    before = user.find(QLineEdit, f"field_{field}").text()
    user.type(f"field_{field}", text)
    assert told in user.text("form_message")
    assert user.find(QLineEdit, f"field_{field}").property("state") == "wrong"
    assert not user.find(QAbstractButton, "run_button").isEnabled()
    user.type(f"field_{field}", before)
    assert user.text("form_message") == ""
    assert user.find(QAbstractButton, "run_button").isEnabled()


def test_rig_that_does_not_open(
    open_window: Callable[..., MainWindow], qtbot: QtBot, tmp_path: Path
) -> None:
    user = Operator(qtbot, open_window(None))
    bad = tmp_path / "bad.toml"
    bad.write_text('title = "bad"\n[devices.laser]\nclass = "nowhere:Laser"\nsafe_state = "hold"\n')
    field = user.find(QLineEdit, "")  # the only editable field of the rig bar
    choice = field.parent()
    assert choice is not None
    assert choice.objectName() == "rig_choice"
    user.type("", str(bad))
    user.click("open_button")
    bar = user.find(QFrame, "error_bar")
    user.until(bar.isVisible)
    assert "laser" in user.text("error_text")
    user.click("error_details_button")
    assert "RigError" in user.find(QPlainTextEdit, "error_details").toPlainText()
    user.click("error_close")
    assert not bar.isVisible()
    user.type("", "sim")
    user.click("open_button")
    user.until(lambda: user.window.station.rig is not None)
    assert "sim is open" in user.text("rig_state")


def test_unwritable_folder(
    open_window: Callable[..., MainWindow], qtbot: QtBot, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    user = Operator(qtbot, open_window("sim", folder=blocked / "data"))
    user.choose("mdmr", "start_hz")
    user.click("run_button")
    user.until(user.find(QFrame, "error_bar").isVisible)
    assert "output folder" in user.text("error_text")
    user.until(user.find(QAbstractButton, "run_button").isEnabled)


def test_unplugged_during_a_run(user: Operator) -> None:
    endless(user)
    handle = user.window.station.handle
    assert handle is not None
    faults = user.find(QListWidget, "world_faults")
    (item,) = faults.findItems("counter: disconnected", Qt.MatchFlag.MatchExactly)
    item.setCheckState(Qt.CheckState.Checked)
    user.until(lambda: user.window.station.handle is None)
    user.until(user.find(QFrame, "error_bar").isVisible)
    assert "counter (SimAPD) does not answer (connection lost)" in user.text("error_text")
    run = read_run(handle.path)
    assert run.status is RunStatus.FAILED
    assert len(run) > 50
    item.setCheckState(Qt.CheckState.Unchecked)
    user.type("field_sweeps", "1")
    user.run()
    assert user.wait_for_end().status is RunStatus.FINISHED


def test_closing_during_a_run_asks_and_then_aborts(user: Operator) -> None:
    endless(user)
    handle = user.window.station.handle
    assert handle is not None

    def answer(text: str) -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        (button,) = [b for b in box.buttons() if b.text() == text]
        user.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    QTimer.singleShot(300, lambda: answer("Go on measuring"))
    user.window.close()
    assert user.window.isVisible()
    assert user.window.station.handle is handle
    rig = user.window.station.rig
    assert rig is not None
    QTimer.singleShot(300, lambda: answer("Abort and close"))
    user.window.close()
    user.until(lambda: not user.window.isVisible())
    run = read_run(handle.path)
    assert run.status is RunStatus.ABORTED
    assert "closed" in run.reason
    assert list(rig.open_devices()) == []


def test_pause_holds_and_resume_goes_on(user: Operator) -> None:
    endless(user)
    user.click("pause_button")
    station = user.window.station
    assert station.handle is not None
    user.until(lambda: "paused" in user.text("run_label"))
    time.sleep(0.3)
    held = station.handle.runner.done
    time.sleep(0.3)
    assert station.handle.runner.done == held
    assert user.find(QAbstractButton, "pause_button").text() == "Resume"
    user.click("pause_button")
    user.until(lambda: station.handle.runner.done > held)
    user.click("sweep_end_button")
    run = user.wait_for_end()
    assert len(run) % run.parameters["points"] == 0


def test_emergency_stop_while_a_device_hangs(user: Operator) -> None:
    endless(user)
    station = user.window.station
    handle, rig = station.handle, station.rig
    assert handle is not None
    assert rig is not None
    assert rig.simulation is not None
    rig.simulation.inject("counter: hangs")
    with user.qtbot.waitSignal(station.stopped_for_safety, timeout=5000) as told:
        user.click("emergency_button")
    assert any("counter" in line for line in told.args[0])
    assert rig.microwave.output is False
    user.until(lambda: "counter" in user.text("error_text"))
    rig.simulation.clear("counter: hangs")
    user.until(lambda: station.handle is None)
    assert read_run(handle.path).status is RunStatus.ABORTED


@pytest.mark.qt_no_exception_capture
def test_fault_of_the_window_leaves_the_lab_safe(
    user: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "__excepthook__", lambda *_: None)
    endless(user)
    station = user.window.station
    handle, rig = station.handle, station.rig
    assert handle is not None
    assert rig is not None
    guard(user.window)

    def crash() -> None:
        raise ZeroDivisionError("injected")

    QTimer.singleShot(0, crash)
    user.until(lambda: station.handle is None)
    run = read_run(handle.path)
    assert run.status is RunStatus.ABORTED
    assert "injected" in run.reason or "emergency" in run.reason
    assert rig.microwave.output is False
    assert "injected" in user.text("error_text")


@pytest.mark.qt_no_exception_capture
def test_fault_of_the_window_between_runs_leaves_the_lab_safe(
    user: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "__excepthook__", lambda *_: None)
    rig = user.window.station.rig
    assert rig is not None
    user.until(lambda: user.window.findChild(QAbstractButton, "asked_microwave_output") is not None)
    user.click("asked_microwave_output")
    user.until(lambda: rig.microwave.output)
    guard(user.window)

    def crash() -> None:
        raise ZeroDivisionError("injected")

    with user.qtbot.waitSignal(user.window.station.stopped_for_safety, timeout=5000):
        QTimer.singleShot(0, crash)
    assert rig.microwave.output is False
    assert "injected" in user.text("error_text")
