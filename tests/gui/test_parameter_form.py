"""The form of parameters: in its own words, and with values that another version wrote."""

from collections.abc import Mapping
from typing import Any

import pytest
from PyQt5.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from labctl.gui.parameter_form import ParameterForm
from sequences.drift import Drift
from sequences.mdmr import MDMR


@pytest.fixture
def form(qtbot: QtBot) -> ParameterForm:
    made = ParameterForm()
    qtbot.addWidget(made)
    made.set_model(MDMR.Parameters)
    made.show()
    return made


def field(form: ParameterForm, name: str) -> QLineEdit:
    found = form.findChild(QLineEdit, f"field_{name}")
    assert found is not None
    return found


def write(qtbot: QtBot, form: ParameterForm, name: str, text: str) -> None:
    edit = field(form, name)
    edit.selectAll()
    qtbot.keyClicks(edit, text)
    edit.editingFinished.emit()


def told(form: ParameterForm) -> str:
    label = form.findChild(QLabel, "form_message")
    assert label is not None
    assert label.text() == form.error
    return label.text()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("start_hz", "3.5 GHz", "First frequency must be below Last frequency, but 3.5 GHz >= 3.2"),
        ("start_hz", "2.7 ghz", "GHz?"),
        ("start_hz", "2,7 GHz", "First frequency: Cannot read '2,7 GHz' as a quantity; write it"),
        ("points", "1", "Points per sweep must be at least 2, but is 1."),
        ("dwell_s", "-1 ms", "but is -1 ms."),
    ],
)
def test_messages_use_the_words_of_the_form(
    qtbot: QtBot, form: ParameterForm, name: str, text: str, message: str
) -> None:
    write(qtbot, form, name, text)
    assert message in told(form)
    assert "`" not in told(form)
    assert field(form, name).property("state") == "wrong"
    assert field(form, name).text() == text


def test_thousands_apart_are_read(qtbot: QtBot, form: ParameterForm) -> None:
    write(qtbot, form, "start_hz", "2 750 MHz")
    assert form.error == ""
    assert form.values()["start_hz"] == 2.75e9
    assert field(form, "start_hz").text() == "2.75 GHz"


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"laser_power_mw": 0.01, "direction": "both"}, ("laser_power_mw = 0.01", "'both'")),
        ({"pointz": 5}, ("pointz = 5",)),
        ({"points": 5.5}, ("Points per sweep", "5.5")),
        ({"dwell_s": "soon"}, ("soon",)),
        ({"start_hz": [2.6e9, 2.7e9]}, ("First frequency",)),
    ],
)
def test_values_of_another_version_are_named_and_stop_the_form(
    form: ParameterForm, values: Mapping[str, Any], names: tuple[str, ...]
) -> None:
    form.set_values(values)
    assert all(name in told(form) for name in names)
    given = form.values()
    assert all(given[name] == value for name, value in values.items())


def test_an_unknown_choice_stays_visible_until_a_known_one_is_chosen(
    form: ParameterForm,
) -> None:
    form.set_values({"direction": "both"})
    box = form.findChild(QComboBox, "field_direction")
    assert box is not None
    assert box.currentText() == "both"
    assert "Direction must be" in told(form)
    box.setCurrentText("down")
    assert form.error == ""
    assert form.values()["direction"] == "down"


def test_what_is_unknown_is_left_out_only_on_request(qtbot: QtBot, form: ParameterForm) -> None:
    form.set_values({"laser_power_mw": 0.01, "points": 11})
    write(qtbot, form, "sweeps", "3")
    assert "laser_power_mw" in form.error
    button = form.findChild(QAbstractButton, "form_leave_out")
    assert button is not None
    assert button.isVisible()
    button.click()
    assert not button.isVisible()
    assert form.error == ""
    assert (form.values()["points"], form.values()["sweeps"]) == (11, 3)
    assert "laser_power_mw" not in form.values()


def test_another_sequence_or_good_values_end_it(form: ParameterForm) -> None:
    form.set_values({"laser_power_mw": 0.01})
    form.set_values({"points": 11})
    assert form.error == ""
    form.set_values({"laser_power_mw": 0.01})
    form.set_model(Drift.Parameters)
    assert form.error == ""
