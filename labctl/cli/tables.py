"""The outcome of a run as tables: what was found, with errors, and the truth where it is known."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from labctl.cli.console import table
from labctl.data import FitResult, FitValue, RunInfo, Table
from labctl.units import format_measurement, format_quantity, prefix_exponent, prefixed_unit

TRUE_RESONANCES = "resonance_frequency_hz"
"""Name under which a simulated world tells its transitions."""
RESONANCES = "resonances"
"""Table of a fit with one row per resonance and its place in `frequency_hz`."""
_LARGE_ANGLE_RAD = 0.1  # a direction, which one thinks of in degrees; librations stay below


def print_fit(console: Console, fit: FitResult | None, info: RunInfo) -> None:
    """Print a fit: its tables, the values no table holds, and what makes it doubtful."""
    if fit is None:
        console.print("No fit result.")
        return
    for name in sorted(fit.tables, key=lambda name: name != RESONANCES):
        _print_table(console, name, fit.tables[name], info)
    _print_values(console, fit, info)
    chi_square = fit.reduced_chi_square
    quality = f", reduced chi-square {chi_square:.3g}" if np.isfinite(chi_square) else ""
    console.print(f"Model: {fit.model}{quality}")
    for note in (*fit.notes, *missed_resonances(fit, info)):
        console.print(f"Note: {note}")


def compare_resonances(fit: FitResult, info: RunInfo) -> list[dict[str, float]]:
    """Each measured resonance beside the nearest true one; empty on a real rig.

    Returns:
        One dict per resonance with measured_hz, error_hz, true_hz, deviation_hz and sigmas.
    """
    found, true_hz = fit.tables.get(RESONANCES), _true_resonances(info)
    if found is None or true_hz is None:
        return []
    measured, errors = found.columns["frequency_hz"], found.columns["frequency_error_hz"]
    rows: list[dict[str, float]] = []
    for value, error in zip(measured, errors, strict=True):
        true = _nearest(true_hz, value)
        deviation = float(value) - true
        rows.append(
            {
                "measured_hz": float(value),
                "error_hz": float(error),
                "true_hz": true,
                "deviation_hz": deviation,
                "sigmas": deviation / float(error) if error > 0 else float("nan"),
            }
        )
    return rows


def missed_resonances(fit: FitResult, info: RunInfo) -> list[str]:
    """In simulated mode, the true transitions in the window that no measured line is next to."""
    true_hz, nearest = _true_resonances(info), compare_resonances(fit, info)
    if true_hz is None or fit.curve is None or RESONANCES not in fit.tables:
        return []
    taken = {row["true_hz"] for row in nearest}
    low, high = float(np.min(fit.curve.x)), float(np.max(fit.curve.x))
    missed = [f for f in true_hz if low <= f <= high and float(f) not in taken]
    if not missed:
        return []
    places = ", ".join(format_quantity(float(f), "Hz", digits=7) for f in missed)
    return [f"true transitions without a line of their own: {places}."]


def _true_resonances(info: RunInfo) -> NDArray[np.float64] | None:
    values, _ = info.truth.get(TRUE_RESONANCES, (np.empty(0), ""))
    flat = np.sort(np.asarray(values, dtype=np.float64).ravel())
    return flat if flat.size else None


def _print_table(console: Console, name: str, found: Table, info: RunInfo) -> None:
    shown = dict(_column(found, column) for column in _own_columns(found.columns))
    true_hz = _true_resonances(info)
    if name == RESONANCES and true_hz is not None:
        shown |= _truth_cells(found, true_hz)
    made = table(_words(name).capitalize(), "#", *shown)
    for column in made.columns:
        column.justify = "right"
    for number, row in enumerate(zip(*shown.values(), strict=True), start=1):
        made.add_row(str(number), *row)
    console.print(made)


def _truth_cells(found: Table, true_hz: NDArray[np.float64]) -> dict[str, list[str]]:
    truth, deviation, sigmas = [], [], []
    errors = found.columns["frequency_error_hz"]
    for value, error in zip(found.columns["frequency_hz"], errors, strict=True):
        true = _nearest(true_hz, value)
        truth.append(f"{true / 1e6:.3f}")
        deviation.append(f"{(value - true) / 1e6:+.3f}")
        sigmas.append(f"{(value - true) / error:+.1f}" if error > 0 else "")
    return {"truth\n(MHz)": truth, "deviation\n(MHz)": deviation, "deviation\n(sigma)": sigmas}


def _nearest(true_hz: NDArray[np.float64], value: float) -> float:
    return float(true_hz[np.argmin(np.abs(true_hz - value))])


def _print_values(console: Console, fit: FitResult, info: RunInfo) -> None:
    tabulated = {value for found in fit.tables.values() for value in _numbers(found)}
    values = {n: v for n, v in fit.values.items() if v.value not in tabulated}
    if not values:
        return
    truths = {name: _true_value(name, value, info) for name, value in values.items()}
    headers = ("quantity", "value", "truth") if any(truths.values()) else ("quantity", "value")
    made = table("Fit", *headers)
    for name, value in values.items():
        cells = (
            value.label or _words(name),
            format_measurement(value.value, value.error, value.unit),
        )
        made.add_row(*(*cells, truths[name])[: len(headers)])
    console.print(made)


def _true_value(name: str, value: FitValue, info: RunInfo) -> str:
    if name not in info.truth:
        return ""
    truth, unit = info.truth[name]
    flat = np.asarray(truth, dtype=np.float64).ravel()
    return format_quantity(float(flat[0]), unit) if flat.size == 1 and unit == value.unit else ""


def _numbers(found: Table) -> Iterator[float]:
    for column in found.columns.values():
        if column.dtype.kind == "f":
            yield from column.tolist()


def error_name(name: str) -> str:
    """Column with the standard errors of another: `frequency_hz` -> `frequency_error_hz`."""
    stem, _, unit = name.rpartition("_")
    return f"{stem}_error_{unit}" if stem else f"{name}_error"


def _error_column(columns: Mapping[str, NDArray[Any]], name: str) -> str | None:
    return next((n for n in (error_name(name), f"{name}_error") if n in columns), None)


def _own_columns(columns: Mapping[str, NDArray[Any]]) -> list[str]:
    errors = {_error_column(columns, name) for name in columns}
    return [name for name in columns if name not in errors]


def _column(found: Table, name: str) -> tuple[str, list[str]]:
    """Header and cells; values with errors share a prefix, so that they can be compared."""
    unit, error = found.units.get(name, ""), _error_column(found.columns, name)
    values = found.columns[name]
    if error is None:
        numeric = values.dtype.kind == "f"
        return _words(name), [
            format_quantity(float(v), unit) if numeric else f"{v} {unit}".strip() for v in values
        ]
    pairs = [(float(v), float(e)) for v, e in zip(values, found.columns[error], strict=True)]
    if unit == "rad" and max((abs(v) for v, _ in pairs), default=0) > _LARGE_ANGLE_RAD:
        scale, shown = math.pi / 180, "°"
    else:
        exponent = min((prefix_exponent(v, e, unit) for v, e in pairs), default=0)
        scale, shown = 10.0**exponent, prefixed_unit(exponent, unit)
    header = f"{_words(name)}\n({shown})" if shown else _words(name)
    return header, [format_measurement(v / scale, e / scale, "") for v, e in pairs]


def _words(name: str) -> str:
    stem, _, unit = name.rpartition("_")
    bare = stem if unit in {"hz", "t", "s", "a", "v", "w", "rad", "dbm", "pa"} and stem else name
    return bare.replace("_", " ").replace("fwhm", "FWHM")
