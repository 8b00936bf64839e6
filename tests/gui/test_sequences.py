"""Sequences of every kind: relaxation, one from a file, and what the tree and the plot answer."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PyQt5.QtCore import QPoint, QPointF, Qt
from PyQt5.QtWidgets import QLineEdit, QTreeWidget
from pytestqt.qtbot import QtBot

from labctl.data import RunStatus
from labctl.gui.scan_plot import ScanPlot
from labctl.gui.window import MainWindow
from tests.gui.operator import Operator

FLIP = '''
"""A sequence that somebody wrote this morning."""
from labctl.data import Column, PlotHint
from labctl.parameters import SequenceParameters, quantity


class FlipParameters(SequenceParameters):
    points: int = quantity(5, unit="", label="Points", ge=1)


class Flip:
    """Flip: nothing but numbers."""

    name, title, roles, Parameters = "flip", "Flip", (), FlipParameters
    columns = (Column("n", "", "Number", "int64"), Column("side", "", "Side", "int64"))
    plot = PlotHint("side", ("n",))
    duration_s = None

    def __init__(self, parameters):
        self.parameters = parameters

    @property
    def length(self):
        return self.parameters.points

    def run(self, rig, *, done=0):
        for n in range(done, self.length):
            yield {"n": n, "side": n % 2}

    def analyze(self, run):
        return None
'''


@pytest.fixture
def user(open_window: Callable[..., MainWindow], qtbot: QtBot) -> Operator:
    return Operator(qtbot, open_window("sim_vacuum"))


def test_relaxation(user: Operator) -> None:
    user.choose("t1", "pi_time_s")
    user.type("field_pi_time_s", "12 us")
    user.type("field_sweeps", "4")
    user.type("field_points", "8")
    user.run()
    run = user.wait_for_end()
    assert run.status is RunStatus.FINISHED
    assert run.parameters["pi_time_s"] == 12e-6
    shown = user.find(ScanPlot, "scan_plot").export_columns()
    signal = run[run.plot.signal]
    first = run[run.plot.axes[0]] == next(iter(shown.values()))[0]
    assert list(shown.values())[1][0] == pytest.approx(signal[first].mean())


def test_open_pulse_length_without_a_file_is_told(user: Operator) -> None:
    user.choose("t1", "pi_time_s")
    assert user.find(QLineEdit, "field_pi_time_s").placeholderText() == "from rabi"
    user.click("run_button")
    user.until(lambda: "rabi" in user.text("error_text"))
    assert user.window.station.handle is None


def test_sequence_from_a_file(
    user: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "flip_of_today.py"
    file.write_text(FLIP)
    monkeypatch.setattr(
        "labctl.gui.sequence_control.QFileDialog.getOpenFileName", lambda *_: (str(file), "")
    )
    tree = user.find(QTreeWidget, "sequence_tree")
    item = tree.topLevelItem(tree.topLevelItemCount() - 1)
    assert item is not None
    tree.scrollToItem(item)
    place = tree.visualItemRect(item).center()
    user.qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place))
    exact = Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive
    user.until(lambda: len(tree.findItems("Flip", exact)) == 1)
    user.choose("Flip", "points")
    user.type("field_points", "7")
    user.run()
    run = user.wait_for_end()
    assert list(run["side"]) == [0, 1, 0, 1, 0, 1, 0]
    assert run.info.sequence == "flip_of_today:Flip"


def test_cursor_reads_physical_units_and_a_drag_moves_the_view(user: Operator) -> None:
    user.choose("mdmr", "sweeps")
    user.type("field_points", "31")
    user.type("field_sweeps", "2")
    user.run()
    user.wait_for_end()
    view = user.find(ScanPlot, "scan_plot")
    box = view.plot.getViewBox()
    canvas = view.canvas.viewport()
    middle = view.canvas.mapFromScene(box.mapViewToScene(QPointF(2.9e9, box.viewRange()[1][0])))
    place = QPoint(middle.x(), middle.y() - 40)
    user.qtbot.mouseMove(canvas, place + QPoint(3, 0))
    user.qtbot.mouseMove(canvas, place)
    user.until(lambda: "GHz" in user.text("cursor_label"))
    assert user.text("cursor_label").startswith("2.9")
    assert "counts/s" in user.text("cursor_label")

    before = np.array(box.viewRange()[0])
    user.drag(canvas, place, place + QPoint(100, 0))
    moved_hz = 100 * (before[1] - before[0]) / box.width()
    assert np.array(box.viewRange()[0]) == pytest.approx(before - moved_hz, abs=0.05 * moved_hz)
    user.click("whole_range_button")
    user.until(lambda: np.allclose(box.viewRange()[0], before, rtol=1e-2))
