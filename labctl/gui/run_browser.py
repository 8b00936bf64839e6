"""The files of the folder: what was measured, and what can be done with it."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

from collections.abc import Sequence
from pathlib import Path

from PyQt5.QtCore import QSize, Qt, pyqtSignal
from PyQt5.QtGui import QIcon, QImage, QPixmap
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QAction,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from labctl.console.run_index import RunSummary
from labctl.data import instant_of
from labctl.gui.thumbnail import HEIGHT, WIDTH

ANY = "any"
_PADDING = 16
MOST_ROWS = 1000
"""More than anybody looks through; the filter reaches the others."""
TIME = 1
HEADS = ("", "Time", "Sequence", "Status", "Points", "Fit", "Particle", "Note", "Parameters")
ACTIONS = (
    ("Open", "run_open", "Show it in the plots (double click)"),
    ("Overlay", "run_overlay", "Draw it behind the run that is shown"),
    ("Parameters", "run_parameters", "Take its values into the form"),
    ("Run again", "run_again", "Start it with the same values"),
    ("Resume", "run_resume", "Go on where it was ended early"),
    ("Refit", "run_refit", "Analyse it again and store the result in it"),
    ("Note…", "run_note", "Write something about it into the file"),
    ("Recover", "run_recover", "Make a sound copy of what a killed program left"),
)


MORE_ACTIONS = (("As reference", "run_reference", "Measure temperatures against it"),)
"""In the menu of a row only; the others are there, too."""


class RunBrowser(QWidget):
    """A sortable, filterable table of files with a button per thing to do.

    Attributes:
        acted: name of a button, and the path it is about.
        wanted: paths of rows in view that have no picture yet.
    """

    acted = pyqtSignal(str, Path)
    wanted = pyqtSignal(list)
    filter_changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("run_browser")
        self._runs: dict[str, RunSummary] = {}
        self._pictures: dict[tuple[str, str], QIcon] = {}
        self._filter = QLineEdit()
        self._filter.setObjectName("run_filter")
        self._filter.setPlaceholderText("Filter: words in name, note, particle, parameters …")
        self._filter.setClearButtonEnabled(True)
        self._sequence, self._status = QComboBox(), QComboBox()
        self._sequence.setObjectName("run_filter_sequence")
        self._status.setObjectName("run_filter_status")
        for box in (self._sequence, self._status):
            box.addItem(ANY)
            box.activated.connect(lambda _: self.filter_changed.emit())
        self._filter.textChanged.connect(lambda _: self.filter_changed.emit())
        self._table = QTableWidget(0, len(HEADS))
        self._table.setObjectName("run_table")
        self._table.setHorizontalHeaderLabels(HEADS)
        self._table.setIconSize(QSize(WIDTH, HEIGHT))
        self._table.verticalHeader().hide()
        self._table.verticalHeader().setDefaultSectionSize(HEIGHT + 4)
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.setWordWrap(False)
        self._table.setSortingEnabled(True)
        self._table.sortByColumn(TIME, Qt.SortOrder.DescendingOrder)
        self._table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column, width in enumerate((WIDTH + 8, 152, 90, 76, 60, 260, 80, 120, 400)):
            self._table.setColumnWidth(column, width)
        self._table.itemDoubleClicked.connect(lambda _: self._act("run_open"))
        self._table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        for text, name, tip in (*ACTIONS, *MORE_ACTIONS):
            action = QAction(text, self._table)
            action.setObjectName(f"menu_{name}")
            action.setToolTip(tip)
            action.triggered.connect(lambda _, name=name: self._act(name))
            self._table.addAction(action)
        self._table.verticalScrollBar().valueChanged.connect(lambda _: self.ask_pictures())
        top, buttons = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self._filter, 1)
        top.addWidget(self._sequence)
        top.addWidget(self._status)
        self._shown = QLabel("")
        self._shown.setObjectName("run_count")
        top.addWidget(self._shown)
        buttons.setSpacing(3)
        for text, name, tip in ACTIONS:
            button = QPushButton(text)
            button.setObjectName(name)
            button.setToolTip(tip)
            button.setMinimumWidth(button.fontMetrics().horizontalAdvance(text) + _PADDING)
            button.clicked.connect(lambda _, name=name: self._act(name))
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(3)
        layout.addLayout(top)
        layout.addWidget(self._table, 1)
        layout.addLayout(buttons)

    @property
    def wish(self) -> tuple[str, str | None, str | None]:
        """What to show: words, sequence and status; None is any."""
        sequence, status = self._sequence.currentText(), self._status.currentText()
        return (
            self._filter.text(),
            None if sequence == ANY else sequence,
            None if status == ANY else status,
        )

    def show_runs(self, runs: Sequence[RunSummary], everything: Sequence[RunSummary]) -> None:
        """Show the first of these files; the choices of the filter come from all of them."""
        many = len(runs) > MOST_ROWS
        self._shown.setText(f"newest {MOST_ROWS} of {len(runs)}" if many else f"{len(runs)}")
        runs = runs[:MOST_ROWS]
        chosen = self._chosen()
        _refill(self._sequence, {run.sequence for run in everything if run.sequence})
        _refill(self._status, {run.status for run in everything})
        self._runs = {str(run.path): run for run in runs}
        self._table.setSortingEnabled(False)
        self._table.setRowCount(len(runs))
        for row, run in enumerate(runs):
            for column, text in enumerate(_cells(run)):
                item = _TimeItem(run.start_time) if column == TIME else QTableWidgetItem()
                item.setData(Qt.ItemDataRole.DisplayRole, text)
                item.setToolTip(str(text) if column else run.path.name)
                self._table.setItem(row, column, item)
            self._table.item(row, 0).setData(Qt.ItemDataRole.UserRole, str(run.path))
            picture = self._pictures.get((str(run.path), run.fit))
            if picture is not None:
                self._table.item(row, 0).setIcon(picture)
        self._table.setSortingEnabled(True)
        if chosen is not None:
            self.select(chosen)
        self.ask_pictures()

    def show_picture(self, path: Path, picture: QImage) -> None:
        """Put the picture of a run beside it."""
        run = self._runs.get(str(path))
        row = self._row(path)
        if run is None or row is None:
            return
        icon = QIcon(QPixmap.fromImage(picture))
        self._pictures[(str(path), run.fit)] = icon
        self._table.item(row, 0).setIcon(icon)

    def ask_pictures(self) -> None:
        """Ask for the pictures of the rows in view that have none."""
        first = max(self._table.rowAt(0), 0)
        last = self._table.rowAt(self._table.viewport().height() - 1)
        last = self._table.rowCount() - 1 if last < 0 else last
        wanted = [
            Path(self._table.item(row, 0).data(Qt.ItemDataRole.UserRole))
            for row in range(first, last + 1)
            if self._table.item(row, 0).icon().isNull()
        ]
        if wanted and self.isVisible():
            self.wanted.emit(wanted)

    def forget_pictures(self) -> None:
        """Draw all pictures again, in other colours."""
        self._pictures.clear()
        for row in range(self._table.rowCount()):
            self._table.item(row, 0).setIcon(QIcon())
        self.ask_pictures()

    def filter_by(self, words: str) -> None:
        """Write words into the filter."""
        self._filter.setText(words)

    def select(self, path: Path) -> None:
        """Select the row of a file."""
        row = self._row(path)
        if row is not None:
            self._table.selectRow(row)

    def _row(self, path: Path) -> int | None:
        for row in range(self._table.rowCount()):
            if self._table.item(row, 0).data(Qt.ItemDataRole.UserRole) == str(path):
                return row
        return None

    def _chosen(self) -> Path | None:
        item = self._table.item(self._table.currentRow(), 0)
        return Path(item.data(Qt.ItemDataRole.UserRole)) if item is not None else None

    def _act(self, name: str) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self.acted.emit(name, chosen)


class _TimeItem(QTableWidgetItem):
    """A time as the wall clock showed it, sorted by its instant: in autumn the clock goes back."""

    def __init__(self, time: str) -> None:
        super().__init__()
        try:
            self._seconds = instant_of(time).timestamp()
        except ValueError:
            self._seconds = float("-inf")

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return isinstance(other, _TimeItem) and self._seconds < other._seconds


def _cells(run: RunSummary) -> tuple[str | int, ...]:
    parameters = ", ".join(
        f"{n} = {v:g}" if isinstance(v, float) else f"{n} = {v}"
        for n, v in run.parameters.items()
        if v is not None
    )
    time = run.start_time[:19].replace("T", " ")
    return ("", time, run.sequence or run.path.name, run.status, run.points, run.fit,
            run.particle, run.note, parameters)  # fmt: skip


def _refill(box: QComboBox, choices: set[str]) -> None:
    chosen = box.currentText()
    wanted = [ANY, *sorted(choices)]
    if [box.itemText(i) for i in range(box.count())] != wanted:
        box.clear()
        box.addItems(wanted)
        box.setCurrentText(chosen if chosen in wanted else ANY)
