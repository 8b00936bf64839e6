"""The numbers of a fit with their errors, and what makes them doubtful."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

import math

from PyQt5.QtCore import Qt
from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from labctl.data import FitResult
from labctl.fit_cells import Truth, table_cells, value_rows, words

NOTHING = "The fit appears here while data come in."
VALUES = "Values"
NOTES = 6
_LEAST_NAME = 1 / 3
"""Part of the width that a long name has at least."""
_RIGHT = int(Qt.AlignmentFlag.AlignRight) | int(Qt.AlignmentFlag.AlignVCenter)


class FitTable(QWidget):
    """The values of a fit, or one of its tables; each value with its error."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("fit_panel")
        self._fit: FitResult | None = None
        self._truth: Truth = {}
        self._model = QLabel(NOTHING)
        self._model.setObjectName("fit_model")
        self._model.setWordWrap(True)
        self._choice = QComboBox()
        self._choice.setObjectName("fit_choice")
        self._choice.activated.connect(lambda _: self._fill())
        self._choice.hide()
        self._table = QTableWidget(0, 0)
        self._table.setObjectName("fit_table")
        self._table.verticalHeader().hide()
        self._table.verticalHeader().setDefaultSectionSize(22)
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.setShowGrid(False)
        self._table.setAlternatingRowColors(True)
        self._table.horizontalHeader().sectionResized.connect(self._table.resizeRowsToContents)
        self._notes = QLabel("")
        self._notes.setObjectName("fit_notes")
        self._notes.setWordWrap(True)
        self._notes.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self._model)
        layout.addWidget(self._choice)
        layout.addWidget(self._table, 1)
        layout.addWidget(self._notes)

    def show_fit(
        self, fit: FitResult | None, truth: Truth, *, live: bool, of: str = "points so far"
    ) -> None:
        """Show a fit.

        Args:
            fit: or None, where there is none.
            truth: what a simulated world knows by the same names.
            live: the run is under way.
            of: what of it was fitted.
        """
        self._fit, self._truth = fit, truth
        if fit is None:
            self._table.setRowCount(0)
            self._choice.hide()
            self._notes.setText("")
            self._model.setText("No fit yet." if live else "No fit.")
            return
        quality = fit.reduced_chi_square
        text = f", χ²/ν = {quality:.3g}" if math.isfinite(quality) else ""
        self._model.setText(f"<b>{fit.model}</b>{text}{f' ({of})' if live else ''}")
        chosen = self._choice.currentText()
        names = ([VALUES] if fit.values else []) + [_capital(words(name)) for name in fit.tables]
        self._choice.clear()
        self._choice.addItems(names)
        self._choice.setCurrentText(chosen if chosen in names else (names or [""])[0])
        self._choice.setVisible(len(names) > 1)
        self._fill()
        notes = [f"• {note}" for note in fit.notes[:NOTES]]
        more = len(fit.notes) - len(notes)
        self._notes.setText("\n".join(notes + ([f"… and {more} more notes."] if more else [])))
        self._notes.setToolTip("\n".join(fit.notes))

    def _fill(self) -> None:
        fit, chosen = self._fit, self._choice.currentText()
        if fit is None:
            return
        rows: list[tuple[str, ...]]
        if chosen == VALUES or not fit.tables:
            heads, rows = ["Quantity", "Value", "Truth"], [*value_rows(fit, self._truth)]
            if not any(truth for _, _, truth in rows):
                heads, rows = heads[:2], [row[:2] for row in rows]
            rows = [(_capital(name), *rest) for name, *rest in rows]
        else:
            table = next(t for n, t in fit.tables.items() if _capital(words(n)) == chosen)
            cells = table_cells(table)
            heads, rows = [_capital(head) for head in cells], [*zip(*cells.values(), strict=True)]
        self._table.setColumnCount(len(heads))
        self._table.setHorizontalHeaderLabels(heads)
        self._table.setRowCount(len(rows))
        header = self._table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        for number, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                item = QTableWidgetItem(cell)
                if column or chosen != VALUES:
                    item.setTextAlignment(_RIGHT)
                item.setToolTip(cell)
                self._table.setItem(number, column, item)
        self._share_width()
        self._table.resizeRowsToContents()

    def resizeEvent(self, a0: QResizeEvent | None) -> None:  # noqa: N802  Qt's name
        """Share the new width."""
        super().resizeEvent(a0)
        self._share_width()

    def _share_width(self) -> None:
        """Where it is too narrow, long names wrap first, down to a third; then values do."""
        if self._choice.currentText() != VALUES or self._table.columnCount() < 2:
            return
        header, width = self._table.horizontalHeader(), self._table.viewport().width()
        name, value, *truth = (
            max(self._table.sizeHintForColumn(c), header.sectionSizeHint(c))
            for c in range(self._table.columnCount())
        )
        left = width - sum(truth)
        first = max(left - value, min(name, int(_LEAST_NAME * left)))
        for column, size in ((0, first), (1, left - first)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, size)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
