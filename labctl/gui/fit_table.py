"""The numbers of a fit with their errors, and what makes them doubtful."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import Qt
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

from labctl.data import FitResult, FitValue, Table
from labctl.gui.plot_view import PREFIXED
from labctl.units import format_measurement, format_quantity, prefix_exponent, prefixed_unit

Truth = Mapping[str, tuple[NDArray[Any], str]]
NOTHING = "The fit appears here while data come in."
VALUES = "Values"
NOTES = 6
POWERS = 6
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
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
        self._table.setWordWrap(False)
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
        names = ([VALUES] if fit.values else []) + [_words(name) for name in fit.tables]
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
        if chosen == VALUES or not fit.tables:
            heads, rows = _values(fit, self._truth)
        else:
            heads, rows = _cells(next(t for n, t in fit.tables.items() if _words(n) == chosen))
        self._table.setColumnCount(len(heads))
        self._table.setHorizontalHeaderLabels(heads)
        self._table.setRowCount(len(rows))
        header = self._table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        if chosen == VALUES:
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for number, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                item = QTableWidgetItem(cell)
                if column or chosen != VALUES:
                    item.setTextAlignment(_RIGHT)
                item.setToolTip(cell)
                self._table.setItem(number, column, item)


def _values(fit: FitResult, truth: Truth) -> tuple[list[str], list[Sequence[str]]]:
    rows = [
        (
            value.label or _words(name),
            _measured(value),
            _true(name, value.unit, truth),
        )
        for name, value in fit.values.items()
    ]
    if any(row[2] for row in rows):
        return ["Quantity", "Value", "Truth"], list(rows)
    return ["Quantity", "Value"], [row[:2] for row in rows]


def _measured(value: FitValue) -> str:
    """A value with its error; large ones that no prefix helps in powers of ten."""
    exponent = math.floor(math.log10(abs(value.value))) if value.value else 0
    if abs(exponent) < POWERS or value.unit in PREFIXED or not value.error > 0:
        return format_measurement(value.value, value.error, value.unit)
    scaled = format_measurement(value.value / 10**exponent, value.error / 10**exponent, "")
    power = str(exponent).translate(_RAISED)
    return f"({scaled}) · 10{power} {value.unit.replace('^2', '²')}"


def _true(name: str, unit: str, truth: Truth) -> str:
    if name not in truth or truth[name][1] != unit:
        return ""
    flat = np.asarray(truth[name][0], dtype=np.float64).ravel()
    return format_quantity(float(flat[0]), unit) if flat.size == 1 else ""


def _cells(table: Table) -> tuple[list[str], list[Sequence[str]]]:
    """A table with one column per quantity, in a common prefix, errors beside their values."""
    heads: list[str] = []
    columns: list[list[str]] = []
    errors = {name: _error_of(name) for name in table.columns}
    for name, values in table.columns.items():
        if name in errors.values():
            continue
        unit, error = table.units.get(name, ""), table.columns.get(errors[name])
        if values.dtype.kind != "f":
            heads.append(_words(name))
            columns.append([str(value) for value in values])
            continue
        spread = np.full(len(values), np.nan) if error is None else error
        pairs = [(float(v), float(e)) for v, e in zip(values, spread, strict=True)]
        exponent = min((prefix_exponent(v, e, unit) for v, e in pairs), default=0)
        shown = prefixed_unit(exponent, unit)
        heads.append(f"{_words(name)} ({shown})" if shown else _words(name))
        columns.append([_pair(v / 10.0**exponent, e / 10.0**exponent) for v, e in pairs])
    return heads, list(zip(*columns, strict=True))


def _pair(value: float, error: float) -> str:
    if math.isfinite(error) and error > 0:
        return format_measurement(value, error, "")
    return f"{value:.7g}"


def _error_of(name: str) -> str:
    stem, _, unit = name.rpartition("_")
    return f"{stem}_error_{unit}" if unit in _UNITS else f"{name}_error"


def _words(name: str) -> str:
    stem, _, unit = name.rpartition("_")
    return (stem if unit in _UNITS and stem else name).replace("_", " ").capitalize()


_UNITS = {"hz", "t", "s", "a", "v", "w", "rad", "dbm", "pa", "k"}
