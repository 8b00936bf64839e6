"""Nothing is cut off in a window as small as a laptop's screen."""

import re
from pathlib import Path

import numpy as np
import pytest
from PyQt5.QtCore import QRect, Qt
from PyQt5.QtWidgets import QShortcut, QTableWidget, QTreeWidget, QTreeWidgetItemIterator
from pytestqt.qtbot import QtBot

from labctl.core.catalog import find_sequence, sequence_names
from labctl.data import FitResult, FitValue
from labctl.gui.plot_view import PlotView
from labctl.gui.window import MainWindow
from tests.gui.operator import Operator

MARGIN = 8


@pytest.fixture
def user(window: MainWindow, qtbot: QtBot) -> Operator:
    window.resize(1366, 740)
    return Operator(qtbot, window)


@pytest.mark.parametrize("sequence", sequence_names())
def test_every_label_of_a_form_is_whole(user: Operator, sequence: str) -> None:
    first = next(iter(find_sequence(sequence).Parameters.model_fields))
    user.choose(sequence, first)
    tree = user.find(QTreeWidget, "parameter_tree")
    room = tree.columnWidth(0) - MARGIN
    rows = QTreeWidgetItemIterator(tree)
    labels: list[str] = []
    while (item := rows.value()) is not None:
        labels.append(item.text(0))
        rows += 1
    assert len(labels) >= 2
    assert [text for text in labels if tree.fontMetrics().horizontalAdvance(text) > room] == []


def test_long_values_of_a_fit_wrap(user: Operator) -> None:
    values = {
        "frequency_1_hz": FitValue(480.08, 0.36, "Hz", "Frequency 1"),
        "area_1": FitValue(1.229e10, 5.6e8, "counts^2/s^2", "Area 1"),
        "floor": FitValue(3.491e6, 3.7e4, "counts^2/s^2/Hz", "White floor of both counters"),
    }
    fit = FitResult("3 thermal modes over a white floor", values, np.eye(3), 1.01)
    user.window.fits.show_fit(fit, {}, live=False)
    table = user.find(QTableWidget, "fit_table")
    user.until(lambda: table.columnWidth(1) > 50)
    bar = table.horizontalScrollBar()
    assert bar is not None
    assert bar.maximum() == 0
    for row in range(3):
        for column in range(2):
            item = table.item(row, column)
            assert item is not None
            inside = QRect(0, 0, table.columnWidth(column) - MARGIN, 1000)
            needed = table.fontMetrics().boundingRect(
                inside, int(Qt.TextFlag.TextWordWrap), item.text()
            )
            assert needed.width() <= inside.width(), item.text()
            assert needed.height() <= table.rowHeight(row), item.text()


def test_the_documentation_has_every_key(repository: Path, user: Operator) -> None:
    page = (repository / "docs" / "console.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| (\S+) \|", page, re.MULTILINE)) - {"key"}
    keys = {shortcut.key().toString() for shortcut in user.window.findChildren(QShortcut)}
    assert told == keys


def test_a_logarithmic_axis_is_written_at_1_2_and_5(user: Operator) -> None:
    view = PlotView("ticks")
    user.qtbot.addWidget(view)
    view.set_axes(("Frequency", "Hz"), ("PSD", "counts^2/s^2/Hz"), log=True)
    decade = [float(np.log10(n)) for n in range(1, 11)]
    written = view.plot.getAxis("bottom").tickStrings(decade, 1.0, None)
    assert written == ["1", "2", "", "", "5", "", "", "", "", "10¹"]
