"""The numbers of a fit with their errors, and what makes them doubtful."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

import math
from collections.abc import Mapping

import numpy as np
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from labctl.data import FitResult
from labctl.units import format_measurement, format_quantity

NOTHING = "The fit appears here while data come in."


class FitTable(QWidget):
    """One row per fitted value: label, value with error, and in simulation the truth."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("fit_panel")
        self._model = QLabel(NOTHING)
        self._model.setObjectName("fit_model")
        self._model.setWordWrap(True)
        self._table = QTableWidget(0, 3)
        self._table.setObjectName("fit_table")
        self._table.setHorizontalHeaderLabels(["Quantity", "Value", "Truth"])
        self._table.verticalHeader().hide()
        self._table.verticalHeader().setDefaultSectionSize(22)
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.setShowGrid(False)
        self._table.setAlternatingRowColors(True)
        self._table.setWordWrap(False)
        self._table.setColumnHidden(2, True)
        header = self._table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self._notes = QLabel("")
        self._notes.setObjectName("fit_notes")
        self._notes.setWordWrap(True)
        self._notes.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self._model)
        layout.addWidget(self._table, 1)
        layout.addWidget(self._notes)

    def show_fit(
        self, fit: FitResult | None, truth: Mapping[str, tuple[np.ndarray, str]], *, live: bool
    ) -> None:
        """Show a fit; `truth` is what a simulated world knows by the same names."""
        if fit is None:
            self._table.setRowCount(0)
            self._notes.setText("")
            self._model.setText("No fit yet." if live else "No fit.")
            return
        quality = fit.reduced_chi_square
        text = f", χ²/ν = {quality:.3g}" if math.isfinite(quality) else ""
        state = " (points so far)" if live else ""
        self._model.setText(f"<b>{fit.model}</b>{text}{state}")
        rows = _rows(fit, truth)
        self._table.setRowCount(len(rows))
        for number, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                item = QTableWidgetItem(cell)
                if column:
                    item.setTextAlignment(
                        int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                    )
                item.setToolTip(cell)
                self._table.setItem(number, column, item)
        self._table.setColumnHidden(2, not any(cells[2] for cells in rows))
        shown = fit.notes[:6]
        more = len(fit.notes) - len(shown)
        notes = [f"• {note}" for note in shown] + ([f"… and {more} more notes."] if more else [])
        self._notes.setText("\n".join(notes))
        self._notes.setToolTip("\n".join(fit.notes))


def _rows(
    fit: FitResult, truth: Mapping[str, tuple[np.ndarray, str]]
) -> list[tuple[str, str, str]]:
    rows = [
        (
            value.label or name.replace("_", " "),
            format_measurement(value.value, value.error, value.unit),
            _truth(name, value.unit, truth),
        )
        for name, value in fit.values.items()
    ]
    if rows:
        return rows
    for name, table in fit.tables.items():  # such as the lines of a map, one row each
        columns = [c for c in table.columns if "error" not in c]
        for number, cells in enumerate(zip(*(table.columns[c] for c in columns), strict=True)):
            text = ", ".join(
                format_quantity(float(cell), table.units.get(column, ""), digits=7)
                if isinstance(cell, float | int | np.number)
                else str(cell)
                for column, cell in zip(columns, cells, strict=True)
            )
            rows.append((f"{name} {number + 1}", text, ""))
    return rows


def _truth(name: str, unit: str, truth: Mapping[str, tuple[np.ndarray, str]]) -> str:
    if name not in truth or truth[name][1] != unit:
        return ""
    flat = np.asarray(truth[name][0], dtype=np.float64).ravel()
    return format_quantity(float(flat[0]), unit) if flat.size == 1 else ""
