"""Instruments set by hand: asked for and read back, same checks, locked during a run."""

import pytest
from PyQt5.QtWidgets import QFrame, QLabel, QLineEdit, QPushButton
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
    from PyQt5.QtWidgets import QComboBox, QDockWidget

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
