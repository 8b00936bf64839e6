"""The log panel: what happened, in which run, from which level on."""

import logging
from pathlib import Path

import pytest
from PyQt5.QtWidgets import QComboBox, QDockWidget, QLineEdit, QPlainTextEdit
from pytestqt.qtbot import QtBot

from labctl.gui.window import MainWindow
from tests.gui.operator import Operator


@pytest.fixture
def user(window: MainWindow, qtbot: QtBot) -> Operator:
    made = Operator(qtbot, window)
    made.find(QDockWidget, "dock_log").raise_()
    return made


def lines(user: Operator) -> list[str]:
    return user.find(QPlainTextEdit, "log_text").toPlainText().splitlines()


def test_lines_of_a_run_carry_its_id_and_levels_are_chosen(user: Operator) -> None:
    logger = logging.getLogger("labctl.test")
    user.choose("mdmr", "sweeps")
    user.type("field_sweeps", "100000")
    user.run()
    handle = user.window.station.handle
    assert handle is not None
    logger.info("a remark")
    logger.warning("a warning")
    logger.debug("a detail")
    user.until(lambda: any("a warning" in line for line in lines(user)))
    (warning,) = [line for line in lines(user) if "a warning" in line]
    assert f"[{handle.info.run_id[:8]}]" in warning
    assert any("a remark" in line for line in lines(user))
    assert not any("a detail" in line for line in lines(user))
    user.click("abort_button")
    user.wait_for_end()
    levels = user.find(QComboBox, "log_level")
    levels.setCurrentText("WARNING")
    user.until(lambda: not any("a remark" in line for line in lines(user)))
    assert any("a warning" in line for line in lines(user))
    logger.warning("after the run")
    user.until(lambda: any("after the run" in line for line in lines(user)))
    assert "[" not in next(line for line in lines(user) if "after the run" in line)


def test_values_come_back_from_an_earlier_run(
    user: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    user.choose("mdmr", "sweeps")
    user.type("field_points", "31")
    user.type("field_sweeps", "2")
    user.run()
    run = user.wait_for_end()
    user.choose("odmr", "sweeps")
    monkeypatch.setattr(
        "labctl.gui.sequence_control.QFileDialog.getOpenFileName",
        lambda *_: (str(Path(str(run.path))), ""),
    )
    user.click("from_run")
    user.until(lambda: user.window.sequences.sequence == "mdmr")
    user.until(lambda: user.find(QLineEdit, "field_points").text() == "31")
    assert user.find(QLineEdit, "field_sweeps").text() == "2"
