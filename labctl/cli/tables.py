"""The outcome of a run as tables: what was found, with errors, and the truth where it is known."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from labctl.cli.console import table
from labctl.data import FitResult, Table
from labctl.fit_cells import Truth, table_cells, value_rows, words
from labctl.units import format_quantity

TRUE_RESONANCES = "resonance_frequency_hz"
"""Name under which a simulated world tells its transitions."""
RESONANCES = "resonances"
"""Table of a fit with one row per resonance and its place in `frequency_hz`."""
_NO_TRUTH = ("quantity", "value")


def print_fit(console: Console, fit: FitResult | None, truth: Truth) -> None:
    """Print a fit: its tables, the values no table holds, and what makes it doubtful."""
    if fit is None:
        console.print("No fit result.")
        return
    for name in sorted(fit.tables, key=lambda name: name != RESONANCES):
        _print_table(console, name, fit.tables[name], truth)
    _print_values(console, fit, truth)
    chi_square = fit.reduced_chi_square
    quality = f", reduced chi-square {chi_square:.3g}" if np.isfinite(chi_square) else ""
    console.print(f"Model: {fit.model}{quality}")
    for note in (*fit.notes, *missed_resonances(fit, truth)):
        console.print(f"Note: {note}")


def compare_resonances(fit: FitResult, truth: Truth) -> list[dict[str, float]]:
    """Each measured resonance beside the nearest true one; empty on a real rig.

    Returns:
        One dict per resonance with measured_hz, error_hz, true_hz, deviation_hz and sigmas.
    """
    found, true_hz = fit.tables.get(RESONANCES), _true_resonances(truth)
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


def missed_resonances(fit: FitResult, truth: Truth) -> list[str]:
    """In simulated mode, the true transitions in the window that no measured line is next to."""
    true_hz, nearest = _true_resonances(truth), compare_resonances(fit, truth)
    if true_hz is None or fit.curve is None or RESONANCES not in fit.tables:
        return []
    taken = {row["true_hz"] for row in nearest}
    low, high = float(np.min(fit.curve.x)), float(np.max(fit.curve.x))
    missed = [f for f in true_hz if low <= f <= high and float(f) not in taken]
    if not missed:
        return []
    places = ", ".join(format_quantity(float(f), "Hz", digits=7) for f in missed)
    return [f"true transitions without a line of their own: {places}."]


def _true_resonances(truth: Truth) -> NDArray[np.float64] | None:
    values, _ = truth.get(TRUE_RESONANCES, (np.empty(0), ""))
    flat = np.sort(np.asarray(values, dtype=np.float64).ravel())
    return flat if flat.size else None


def _print_table(console: Console, name: str, found: Table, truth: Truth) -> None:
    shown = table_cells(found)
    true_hz = _true_resonances(truth)
    if name == RESONANCES and true_hz is not None:
        shown |= _truth_cells(found, true_hz)
    made = table(words(name).capitalize(), "#", *shown)
    for column in made.columns:
        column.justify = "right"
    for number, row in enumerate(zip(*shown.values(), strict=True), start=1):
        made.add_row(str(number), *row)
    console.print(made)


def _truth_cells(found: Table, true_hz: NDArray[np.float64]) -> dict[str, list[str]]:
    true_mhz, deviation, sigmas = [], [], []
    errors = found.columns["frequency_error_hz"]
    for value, error in zip(found.columns["frequency_hz"], errors, strict=True):
        true = _nearest(true_hz, value)
        true_mhz.append(f"{true / 1e6:.3f}")
        deviation.append(f"{(value - true) / 1e6:+.3f}")
        sigmas.append(f"{(value - true) / error:+.1f}" if error > 0 else "")
    return {"truth\n(MHz)": true_mhz, "deviation\n(MHz)": deviation, "deviation\n(sigma)": sigmas}


def _nearest(true_hz: NDArray[np.float64], value: float) -> float:
    return float(true_hz[np.argmin(np.abs(true_hz - value))])


def _print_values(console: Console, fit: FitResult, truth: Truth) -> None:
    tabulated = {value for found in fit.tables.values() for value in _numbers(found)}
    values = {n: v for n, v in fit.values.items() if v.value not in tabulated}
    if not values:
        return
    rows = value_rows(replace(fit, values=values), truth)
    headers = ("quantity", "value", "truth") if any(row[2] for row in rows) else _NO_TRUTH
    made = table("Fit", *headers)
    for row in rows:
        made.add_row(*row[: len(headers)])
    console.print(made)


def _numbers(found: Table) -> Iterator[float]:
    for column in found.columns.values():
        if column.dtype.kind == "f":
            yield from column.tolist()
