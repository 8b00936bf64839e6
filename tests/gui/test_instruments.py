"""Instruments set by hand: asked for and read back, same checks, locked during a run."""

import pytest
from PyQt5.QtCore import QTimer
from PyQt5.QtWidgets import (
    QApplication,
    QComboBox,
    QDockWidget,
    QFrame,
    QGroupBox,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
)
from pytestqt.qtbot import QtBot

from labctl.gui.window import MainWindow
from tests.gui.operator import Operator


@pytest.fixture
def user(window: MainWindow, qtbot: QtBot) -> Operator:
    made = Operator(qtbot, window)
    made.until(lambda: window.findChild(QLineEdit, "asked_microwave_frequency_hz") is not None)
    return made


def test_value_typed_arrives_at_the_device(user: Operator) -> None:
    user.type("asked_microwave_frequency_hz", "2.75 GHz")
    user.until(lambda: user.text("actual_microwave_frequency_hz") == "2.75 GHz")
    rig = user.window.station.rig
    assert rig is not None
    assert rig.microwave.frequency_hz == 2.75e9
    user.type("asked_electromagnet_current_a", "500 mA")
    user.until(lambda: user.text("actual_electromagnet_current_a") == "500 mA")
    assert rig.electromagnet.current_a == pytest.approx(0.5)


def test_value_outside_the_limits_is_refused(user: Operator) -> None:
    before = user.text("actual_laser_power_w")
    user.type("asked_laser_power_w", "5 mW")
    user.until(user.find(QFrame, "error_bar").isVisible)
    assert "outside the device's limits" in user.text("error_text")
    user.until(lambda: user.find(QLineEdit, "asked_laser_power_w").text() == before)


def test_switch(user: Operator) -> None:
    rig = user.window.station.rig
    assert rig is not None
    user.click("asked_microwave_output")
    user.until(lambda: user.text("actual_microwave_output") == "on")
    assert rig.microwave.output is True
    user.click("asked_microwave_output")
    user.until(lambda: user.text("actual_microwave_output") == "off")


def test_locked_while_a_run_owns_the_device(user: Operator) -> None:
    user.choose("mdmr", "sweeps")
    user.type("field_sweeps", "100000")
    user.run()
    assert not user.find(QLineEdit, "asked_microwave_frequency_hz").isEnabled()
    assert not user.find(QPushButton, "asked_laser_gate").isEnabled()
    assert user.find(QLineEdit, "asked_trap_amplitude_v").isEnabled()
    user.click("abort_button")
    user.until(lambda: user.window.station.handle is None)
    assert user.find(QLineEdit, "asked_microwave_frequency_hz").isEnabled()


def answer(button: str, heard: list[str]) -> None:
    """Press a button of the question that is about to come."""

    def press() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        heard.append(box.text())
        next(b for b in box.buttons() if b.text() == button).click()

    QTimer.singleShot(200, press)


def test_what_the_rig_holds_asks_first(user: Operator) -> None:
    rig = user.window.station.rig
    assert rig is not None
    heard: list[str] = []
    user.until(lambda: user.text("actual_trap_output") == "on")
    answer("Leave it", heard)
    user.click("asked_trap_output")
    assert user.find(QPushButton, "asked_trap_output").text() == "on"
    assert user.find(QPushButton, "asked_trap_output").isChecked()
    before = user.text("actual_trap_amplitude_v")
    answer("Leave it", heard)
    user.type("asked_trap_amplitude_v", "1.2 kV")
    assert user.find(QLineEdit, "asked_trap_amplitude_v").text() == before
    assert rig.trap.output is True
    assert heard == [
        "Set trap.output to off? This may lose the levitated particle.",
        "Set trap.amplitude_v to 1.2 kV? This may lose the levitated particle.",
    ]
    answer("Change it", heard)
    user.type("asked_trap_amplitude_v", "1.3 kV")
    user.until(lambda: user.text("actual_trap_amplitude_v") == "1.3 kV")


def test_what_the_rig_holds_is_locked_while_a_particle_is_declared(user: Operator) -> None:
    user.find(QDockWidget, "dock_particle").raise_()
    user.type("particle_new", "D17")
    user.until(lambda: not user.find(QPushButton, "asked_trap_output").isEnabled())
    assert "holds D17" in user.find(QGroupBox, "card_trap").title()
    assert user.find(QPushButton, "asked_microwave_output").isEnabled()
    choice = user.find(QComboBox, "particle_choice")
    choice.setCurrentIndex(0)
    choice.activated.emit(0)
    user.until(user.find(QPushButton, "asked_trap_output").isEnabled)
    assert user.window.station.particle == ""


def test_read_back_beyond_tolerance_is_marked(user: Operator) -> None:
    from labctl.core.by_hand import DeviceState
    from labctl.data import Setting

    state = DeviceState("m", {"frequency_hz": Setting(2.8e9, 2.81e9, "Hz")})
    user.window.instruments.show_states({"microwave": state})
    actual = user.find(QLabel, "actual_microwave_frequency_hz")
    assert actual.property("state") == "off"
    state = DeviceState("m", {"frequency_hz": Setting(2.8e9, 2.8e9, "Hz")})
    user.window.instruments.show_states({"microwave": state})
    assert actual.property("state") == ""


def test_world_shows_its_state_and_takes_another_pace(user: Operator) -> None:
    user.find(QDockWidget, "dock_world").raise_()
    user.until(lambda: user.window.findChild(QLabel, "world_light_w") is not None)
    user.until(lambda: user.text("world_light_w") == "100 uW")
    speed = user.find(QComboBox, "world_speed")
    user.qtbot.keyClicks(speed, "10 ×")
    speed.activated.emit(speed.currentIndex())
    rig = user.window.station.rig
    assert rig is not None
    assert rig.simulation is not None
    user.until(lambda: rig.simulation is not None and rig.simulation.speed == 10.0)
