"""Queue, presets, and the browser of files."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDockWidget,
    QLineEdit,
    QSpinBox,
    QTableWidget,
)
from pytestqt.qtbot import QtBot

from labctl.console.run_index import RunSummary
from labctl.data import RunStatus
from labctl.gui.run_browser import RunBrowser
from labctl.gui.scan_plot import ScanPlot
from labctl.gui.window import MainWindow
from labctl.storage import read_run
from tests.gui.operator import Operator


@pytest.fixture
def user(window: MainWindow, qtbot: QtBot) -> Operator:
    return Operator(qtbot, window)


def short_scan(user: Operator, sweeps: int = 1) -> None:
    user.choose("mdmr", "sweeps")
    user.type("field_points", "31")
    user.type("field_sweeps", str(sweeps))


def waiting(user: Operator) -> list[str]:
    return user.cells("queue_table", 2)


def test_queue_keeps_order_repeats_and_survives_a_restart(
    user: Operator, open_window: Callable[..., MainWindow], out: Path
) -> None:
    for sweeps in (1, 2, 3):
        short_scan(user, sweeps)
        user.click("queue_button")
        user.until(lambda sweeps=sweeps: len(waiting(user)) == sweeps)
    table = user.find(QTableWidget, "queue_table")
    table.selectRow(2)
    user.click("queue_up")
    user.until(lambda: "sweeps = 3" in waiting(user)[1])
    table.selectRow(0)
    user.click("queue_remove")
    user.until(lambda: len(waiting(user)) == 2)
    spin = table.cellWidget(1, 1)
    assert isinstance(spin, QSpinBox)
    spin.setValue(2)
    user.until(lambda: user.text("queue_state") == "3 runs wait.")
    user.window.close()
    user.until(lambda: not user.window.isVisible())

    again = Operator(user.qtbot, open_window())
    assert [text.count("sweeps = 3") for text in waiting(again)] == [1, 0]
    again.click("queue_start")
    again.until(lambda: not again.find(QAbstractButton, "queue_start").isChecked())
    again.until(lambda: again.window.station.handle is None)
    runs = [read_run(path) for path in sorted(out.glob("*.h5"))]
    assert sorted(run.parameters["sweeps"] for run in runs) == [2, 2, 3]
    assert all(run.status is RunStatus.FINISHED for run in runs)
    assert waiting(again) == []


def test_abort_stops_the_queue(user: Operator) -> None:
    for _ in range(2):
        short_scan(user, 100_000)
        user.click("queue_button")
    user.until(lambda: len(waiting(user)) == 2)
    user.click("queue_start")
    user.until(lambda: user.window.station.handle is not None)
    user.click("abort_button")
    user.until(lambda: user.window.station.handle is None)
    user.until(lambda: not user.find(QAbstractButton, "queue_start").isChecked())
    assert len(waiting(user)) == 1
    assert user.window.station.handle is None


def test_preset_brings_the_values_back(user: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "labctl.gui.sequence_control.QInputDialog.getText", lambda *_: ("narrow", True)
    )
    user.choose("mdmr", "start_hz")
    user.type("field_start_hz", "2.7 GHz")
    user.type("field_stop_hz", "2.75 GHz")
    user.click("preset_save")
    presets = user.find(QComboBox, "preset_choice")
    user.until(lambda: presets.currentText() == "narrow")
    presets.setCurrentIndex(0)
    presets.activated.emit(0)
    start = user.find(QLineEdit, "field_start_hz")
    user.until(lambda: start.text() == "2.6 GHz")
    presets.setCurrentIndex(1)
    presets.activated.emit(1)
    user.until(lambda: start.text() == "2.7 GHz")
    user.click("preset_delete")
    user.until(lambda: presets.count() == 1)


def test_plan_tells_how_long_and_warns(user: Operator) -> None:
    short_scan(user, 4)
    user.click("plan_button")
    user.until(lambda: "124 points" in user.text("plan_text"))
    assert "1 s of measuring" in user.text("plan_text")
    user.type("field_power_dbm", "9.9 dBm")
    user.click("plan_button")
    user.until(lambda: "near the limits" in user.text("plan_text"))


def select(user: Operator, row: int) -> None:
    user.find(QTableWidget, "run_table").selectRow(row)


def test_browser_opens_overlays_notes_refits_and_repeats(
    user: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_scan(user, 2)
    user.run()
    first = user.wait_for_end()
    user.type("field_sweeps", "3")
    user.run()
    second = user.wait_for_end()
    user.until(lambda: len(user.cells("run_table", 1)) == 2)
    assert user.cells("run_table", 2) == ["mdmr", "mdmr"]
    assert user.cells("run_table", 4) == ["93", "62"]
    select(user, 1)
    user.click("run_overlay")
    assert first.path is not None
    user.until(lambda: first.path.stem in user.text("overlay_label"))
    user.click("run_open")
    user.until(lambda: first.path.name in user.text("plot_title"))
    shown = user.find(ScanPlot, "scan_plot").export_columns()
    assert len(shown["frequency_hz (Hz)"]) == 31

    monkeypatch.setattr(
        "labctl.gui.browser_control.QInputDialog.getMultiLineText", lambda *_: ("odd line", True)
    )
    user.click("run_note")
    user.until(lambda: "odd line" in user.cells("run_table", 7))
    user.click("run_parameters")
    user.until(lambda: user.find(QLineEdit, "field_sweeps").text() == "2")
    user.click("run_refit")
    user.until(lambda: "fitted again" in user.window.statusBar().currentMessage())
    user.qtbot.keyClicks(user.find(QLineEdit, "run_filter"), "odd")
    user.until(lambda: len(user.cells("run_table", 1)) == 1)
    user.find(QLineEdit, "run_filter").clear()
    select(user, 0)
    user.click("run_again")
    user.until(lambda: user.window.station.handle is not None)
    again = user.wait_for_end()
    assert again.parameters == second.parameters


def test_export_writes_what_is_shown(user: Operator, tmp_path: Path) -> None:
    short_scan(user, 2)
    user.run()
    run = user.wait_for_end()
    for name in ("plot.png", "plot.svg", "plot.csv"):
        user.window.plots.save(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 300
    lines = (tmp_path / "plot.csv").read_text().splitlines()
    assert lines[0].startswith("frequency_hz (Hz),angle_counts (counts/s),standard_error")
    assert len(lines) == 32
    frequency, rate = (float(cell) for cell in lines[1].split(",")[:2])
    here = run["frequency_hz"] == frequency
    assert rate == pytest.approx(run["angle_counts"][here].mean() / run.parameters["dwell_s"])
    user.window.plots.save(tmp_path / "missing" / "plot.csv")
    assert "Cannot write" in user.text("error_text")


def test_damaged_file_is_listed_and_told(user: Operator, out: Path) -> None:
    out.mkdir(exist_ok=True)
    (out / "2026-01-01_000000_mdmr.h5").write_bytes(b"no data")
    user.window.runs.refresh()
    user.until(lambda: user.cells("run_table", 3) == ["damaged"])
    select(user, 0)
    user.click("run_open")
    user.until(lambda: "HDF5" in user.text("error_text"))
    assert user.find(QTableWidget, "run_table").item(0, 0) is not None


def test_layout_theme_and_keys(user: Operator, open_window: Callable[..., MainWindow]) -> None:
    short_scan(user)
    user.qtbot.keyClick(user.window, Qt.Key.Key_F5)
    user.until(lambda: user.window.station.handle is not None)
    user.wait_for_end()
    background = user.window.palette().color(user.window.backgroundRole()).lightness()
    user.click("theme_button")
    assert user.window.palette().color(user.window.backgroundRole()).lightness() < background / 2
    user.find(QDockWidget, "dock_sequences").setFloating(True)
    user.window.close()
    user.until(lambda: not user.window.isVisible())
    again = open_window(None, theme=None)
    assert again.theme.name == "dark"
    dock = again.findChild(QDockWidget, "dock_sequences")
    assert dock is not None
    assert dock.isFloating()


def test_the_folder_is_looked_at_during_a_run_but_for_its_own_file(
    user: Operator, out: Path
) -> None:
    user.find(QDockWidget, "dock_runs").raise_()
    short_scan(user, 100_000)
    user.run()
    handle = user.window.station.handle
    assert handle is not None
    (out / "2026-01-01_000000_mdmr.h5").write_bytes(b"no data")
    user.window.runs.refresh()
    user.until(lambda: user.cells("run_table", 3) == ["damaged"])
    user.click("abort_button")
    run = user.wait_for_end()
    user.until(lambda: "aborted" in user.cells("run_table", 3))
    assert run.status is RunStatus.ABORTED
    assert sorted(user.cells("run_table", 3)) == ["aborted", "damaged"]


def test_a_full_folder_shows_its_newest_files(
    user: Operator, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labctl.gui.run_browser.MOST_ROWS", 3)
    out.mkdir(exist_ok=True)
    for day in range(1, 6):
        path = out / f"2026-01-0{day}_000000_mdmr.h5"
        path.write_bytes(b"no data")
        os.utime(path, (day * 86400.0, day * 86400.0))
    user.window.runs.refresh()
    user.until(lambda: user.text("run_count") == "newest 3 of 5")
    names = [name.split()[0] for name in user.cells("run_table", 2)]
    assert names == [f"2026-01-0{day}_000000_mdmr.h5" for day in (5, 4, 3)]
    user.qtbot.keyClicks(user.find(QLineEdit, "run_filter"), "2026-01-01")
    user.until(lambda: user.text("run_count") == "1")


def test_times_are_sorted_by_their_instant(qtbot: QtBot) -> None:
    """The clock goes back from 03:00 to 02:00: the run of 02:10 came after that of 02:40."""
    browser = RunBrowser()
    qtbot.addWidget(browser)
    runs = [
        RunSummary(Path("b.h5"), start_time="2026-10-25T02:40:00+02:00"),
        RunSummary(Path("a.h5"), start_time="2026-10-25T02:10:00+01:00"),
        RunSummary(Path("c.h5"), start_time=""),
    ]
    browser.show_runs(runs, runs)
    table = browser.findChild(QTableWidget, "run_table")
    assert table is not None
    times = [item.text() for row in range(3) if (item := table.item(row, 1)) is not None]
    assert times == ["2026-10-25 02:10:00", "2026-10-25 02:40:00", ""]
