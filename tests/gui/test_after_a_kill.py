"""What a killed program leaves is told at the next start; what one window has, another has not."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PyQt5.QtWidgets import (
    QAbstractButton,
    QFrame,
    QLabel,
    QMessageBox,
    QPushButton,
    QTableWidget,
)
from pytestqt.qtbot import QtBot

from labctl.console.queue import RunQueue
from labctl.console.run_index import RunIndex
from labctl.data import RunStatus
from labctl.gui.interrupted import interrupted_in
from labctl.gui.window import MainWindow
from labctl.storage import read_run
from tests.gui.operator import Operator
from tests.system.command_line import spawn

Open = Callable[..., MainWindow]


@pytest.fixture
def killed(out: Path) -> Path:
    """The file of a run whose program was killed."""
    process = spawn("run", "mdmr", "sweeps=100000", "points=11", "--out", out)
    end_s = time.monotonic() + 60
    while not (found := RunIndex(out).refresh()) or not found[0].points:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end_s
        time.sleep(0.1)
    assert interrupted_in(out) == []
    process.kill()
    process.communicate()
    (summary,) = interrupted_in(out)
    assert summary.points > 0
    return summary.path


def question(user: Operator) -> QMessageBox:
    user.until(lambda: user.window.findChild(QMessageBox, "interrupted_question") is not None)
    return user.find(QMessageBox, "interrupted_question")


def press(box: QMessageBox, text: str) -> None:
    next(button for button in box.buttons() if button.text() == text).click()


@pytest.mark.skipif(sys.platform == "win32", reason="kills the POSIX way")
def test_the_next_start_asks_once_what_shall_become_of_it(
    killed: Path, open_window: Open, qtbot: QtBot, out: Path
) -> None:
    user = Operator(qtbot, open_window(None))
    box = question(user)
    told = read_run(killed).info.start_time[11:16]
    assert f"The run of {told} on " in box.text()
    assert "was interrupted: mdmr" in box.text()
    press(box, "Recover")
    recovered = out / f"{killed.stem}_recovered.h5"
    user.until(recovered.exists)
    user.until(lambda: not user.window.station.files_lane.waiting)
    assert read_run(recovered).status is RunStatus.RECOVERED
    user.window.close_without_asking()
    again = Operator(qtbot, open_window(None))
    again.until(lambda: not again.window.station.files_lane.waiting)
    assert again.window.findChild(QMessageBox, "interrupted_question") is None


@pytest.mark.skipif(sys.platform == "win32", reason="kills the POSIX way")
def test_it_can_be_resumed_with_no_rig_open(killed: Path, open_window: Open, qtbot: QtBot) -> None:
    user = Operator(qtbot, open_window(None))
    press(question(user), "Resume")
    user.until(lambda: user.window.station.handle is not None)
    points = len(read_run(killed))
    user.until(lambda: user.window.station.handle.runner.done > points + 20)
    user.click("abort_button")
    run = user.wait_for_end()
    assert run.info.resumed_from == read_run(killed).info.run_id


def test_the_interrupted_run_of_a_queue_comes_back_marked(
    open_window: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "settings").mkdir()
    queue = RunQueue(tmp_path / "settings" / "queue.json")
    queue.add("mdmr", {"points": 11}, repeats=3)
    queue.take()  # and killed
    user = Operator(qtbot, open_window(None))
    user.until(lambda: user.find(QTableWidget, "queue_table").rowCount() == 2)
    shown = user.cells("queue_table", 2)
    assert shown[0].startswith("[interrupted; what it measured is under Runs] points = 11")
    assert shown[1] == "points = 11"
    assert "3 runs wait" in user.text("queue_state")


def test_closing_the_window_brings_the_run_of_the_queue_back(
    open_window: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    user = Operator(qtbot, open_window())
    user.window.queue.add("mdmr", {"points": 11, "sweeps": 100_000})
    user.until(lambda: user.find(QTableWidget, "queue_table").rowCount() == 1)
    user.click("queue_start")
    user.until(lambda: user.window.station.handle is not None)
    user.window.close_without_asking()
    user.until(lambda: not user.window.isVisible())
    (item,) = RunQueue(tmp_path / "settings" / "queue.json").items
    assert (item.parameters["points"], item.note[:11]) == (11, "interrupted")


def test_a_second_window_says_so_and_has_no_queue(
    open_window: Open, qtbot: QtBot, out: Path
) -> None:
    out.mkdir()
    first = Operator(qtbot, open_window(None))
    first.window.queue.add("mdmr", {"points": 11})
    first.until(lambda: first.find(QTableWidget, "queue_table").rowCount() == 1)
    second = Operator(qtbot, open_window(None))
    assert "second window" in second.window.windowTitle()
    assert "Another labctl window works in the folder" in second.text("error_text")
    assert second.find(QFrame, "error_bar").isVisible()
    assert not second.find(QPushButton, "queue_start").isEnabled()
    assert "another labctl window" in second.find(QLabel, "queue_state").text()
    second.window.queue.add("psd", {})
    assert "queue belongs to another" in second.text("error_text")
    assert first.window.windowTitle() == "labctl"
    first.window.close_without_asking()
    second.until(second.find(QAbstractButton, "queue_start").isEnabled, 5000)
    assert second.find(QTableWidget, "queue_table").rowCount() == 1
    second.until(lambda: second.window.windowTitle() == "labctl", 5000)
