"""An instrument that hangs and a particle that is lost are told at once, and what helps."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PyQt5.QtWidgets import QAbstractButton, QFrame
from pytestqt.qtbot import QtBot

from labctl.cli.trouble import Trouble
from labctl.data import RunStatus
from labctl.gui.window import MainWindow
from labctl.storage import read_run
from tests.gui.operator import Operator


@pytest.fixture
def user(window: MainWindow, qtbot: QtBot) -> Operator:
    return Operator(qtbot, window)


def measure(user: Operator) -> None:
    user.choose("mdmr", "sweeps")
    user.type("field_sweeps", "100000")
    user.run()
    user.until(lambda: user.window.station.data is not None)
    user.until(lambda: user.window.station.data.points > 50)


def test_silence_is_told_within_two_seconds_and_abort_at_once(user: Operator) -> None:
    measure(user)
    station = user.window.station
    handle, rig = station.handle, station.rig
    assert handle is not None
    assert rig is not None
    assert rig.simulation is not None
    alarm = user.find(QFrame, "alarm_bar")
    assert not alarm.isVisible()
    plots = user.window.plots.geometry()
    terminal = Trouble(handle)
    terminal.news(stopping=False)
    rig.simulation.inject("counter: hangs")
    try:
        begun_s = time.monotonic()
        user.until(alarm.isVisible, 5000)
        assert time.monotonic() - begun_s < 2.5
        told = user.text("alarm_text")
        assert told.startswith("counter has not answered for 2 s. Abort ends the run when")
        assert "Emergency stop makes every other device safe at once" in told
        assert user.window.plots.geometry() == plots
        user.until(lambda: "for 3 s" in user.text("alarm_text"), 3000)
        user.click("abort_button")
        assert "aborting" in user.text("run_label")
        user.until(lambda: "The abort waits for it" in user.text("alarm_text"), 1000)
        terminal.news(stopping=False)
        time.sleep(1.6)
        (line, *_) = terminal.news(stopping=False)
        assert line.startswith("counter has not answered for 2 s; Ctrl-C ends the run when")
        assert terminal.news(stopping=False) == []
    finally:
        rig.simulation.clear("counter: hangs")
    user.until(lambda: station.handle is None)
    user.until(lambda: not alarm.isVisible())
    assert terminal.news(stopping=False) == ["counter answers again after 2 s"]
    assert read_run(handle.path).status is RunStatus.ABORTED


def test_silence_between_runs_is_told_as_well(user: Operator) -> None:
    rig = user.window.station.rig
    assert rig is not None
    assert rig.simulation is not None
    rig.simulation.inject("gauge: hangs")
    try:
        user.until(user.find(QFrame, "alarm_bar").isVisible, 6000)
        assert user.text("alarm_text").startswith("gauge has not answered for 2 s. Nothing can be")
        assert not user.find(QFrame, "error_bar").isVisible()
    finally:
        rig.simulation.clear("gauge: hangs")
    user.until(lambda: not user.find(QFrame, "alarm_bar").isVisible())


def test_a_lost_particle_pauses_the_run_and_its_points_are_marked(user: Operator) -> None:
    measure(user)
    station = user.window.station
    handle, rig = station.handle, station.rig
    assert handle is not None
    assert rig is not None
    assert rig.simulation is not None
    rig.simulation.inject("particle lost")
    user.until(user.find(QFrame, "alarm_bar").isVisible, 2500)
    told = user.text("alarm_text")
    assert "The particle may be lost: no light on angle" in told
    assert "The run is paused" in told
    assert "paused" in user.text("run_label")
    (mark,) = handle.runner.marks
    assert f"Points {mark.first} to {mark.last} are marked" in told
    rig.simulation.clear("particle lost")
    user.click("pause_button")
    user.until(lambda: not user.find(QFrame, "alarm_bar").isVisible())
    user.until(lambda: handle.runner.done > mark.last + 20)
    user.click("abort_button")
    run = user.wait_for_end()
    assert list(run.marks) == [mark]
    assert len(run.sound()) == len(run) - (mark.last - mark.first + 1)
    assert run.sound()["angle_counts"].min() > 1000
    assert run["angle_counts"][mark.first : mark.last + 1].min() < 100


def test_a_sequence_without_a_rule_of_the_rig_asks_for_no_light(
    open_window: Callable[..., MainWindow], qtbot: QtBot, tmp_path: Path
) -> None:
    rule = tmp_path / "no_rule.toml"
    rule.write_text('extends = "sim"\n[particle_present]\nangle = "1 Hz"\n')
    user = Operator(qtbot, open_window(str(rule)))
    rig = user.window.station.rig
    assert rig is not None
    assert rig.simulation is not None
    rig.simulation.inject("particle lost")
    user.choose("mdmr", "sweeps")
    user.type("field_sweeps", "2")
    user.click("run_button")
    user.until(user.find(QAbstractButton, "abort_button").isEnabled)
    assert user.wait_for_end().status is RunStatus.FINISHED
