"""From runs to panels and rows: what the figures of a reproduction share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from labctl.data import Run
from labctl.paper import Comparison, Panel, Style, Trace, Verdict

Floats = NDArray[np.float64]

GAUSSIAN_FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))


def fitted(
    run: Run, label: str = "", *, x_scale: float = 1.0, y_scale: float = 1.0, x_zero: float = 0.0,
    lift: float = 0.0, series: int = 0,
) -> list[Trace]:  # fmt: skip
    """Data with errors and the model of a run's fit; nothing where there is none.

    `x_zero` is taken from x before scaling; `lift` moves both up afterwards.
    """
    curve = run.fit.curve if run.fit else None
    if curve is None:
        return []
    drawn_x, drawn_y = curve.drawn
    return [
        Trace(
            x_scale * (curve.x - x_zero), y_scale * curve.y + lift, label or "measured",
            Style.POINTS, y_scale * curve.y_error, series=series,
        ),
        Trace(
            x_scale * (drawn_x - x_zero), y_scale * drawn_y + lift,
            "" if label else "fit", series=series,
        ),
    ]  # fmt: skip


def averaged(
    run: Run, axis: str, signal: str, dwell_s: float, *, x_scale: float = 1.0, label: str = "",
    lift: float = 0.0, series: int = 0,
) -> Trace:  # fmt: skip
    """Mean rate of a repeated scan against one of its columns, Mcounts/s, with its scatter.

    Slow drifts are taken away sweep by sweep; `lift` moves the trace up, to part it from others.
    """
    x, y = np.asarray(run[axis], dtype=float), np.asarray(run[signal], dtype=float) / dwell_s
    if x.ndim > 1:  # a whole sweep in every point
        sweep = np.repeat(np.arange(len(x)), x.shape[1])
    else:
        _, sweep = np.unique(run["sweep"], return_inverse=True)
    x, y = x.ravel(), y.ravel()
    level = np.bincount(sweep, weights=y) / np.bincount(sweep)
    y = y - level[sweep] + y.mean()
    places, column = np.unique(np.round(x, 12), return_inverse=True)
    repeats = np.bincount(column)
    mean = np.bincount(column, weights=y) / repeats
    square = np.bincount(column, weights=(y - mean[column]) ** 2)
    error = np.sqrt(square / np.maximum(repeats - 1, 1) / repeats)
    return Trace(
        x_scale * places, 1e-6 * mean + lift, label, Style.POINTS, 1e-6 * error, series=series
    )


def only(run: Run, column: str, value: float) -> Run:
    """The points of a run at one value of a column."""
    here = np.isclose(run[column], value)
    return replace(run, columns={name: data[here] for name, data in run.columns.items()})


def table_of(run: Run, name: str) -> dict[str, NDArray[Any]]:
    """The columns of a table of a run's fit; empty where there is none."""
    table = run.fit.tables.get(name) if run.fit else None
    return dict(table.columns) if table else {}


def value_of(run: Run, name: str) -> tuple[float, float] | None:
    """A fitted value with its error, or None."""
    found = run.fit.values.get(name) if run.fit else None
    return (found.value, found.error) if found else None


def nearest_row(
    table: Mapping[str, NDArray[Any]], axis: str, place: float, within: float
) -> int | None:
    """The row of a table whose `axis` lies nearest to `place`, or None beyond `within`."""
    places = table.get(axis, np.array([]))
    if not places.size:
        return None
    n = int(np.argmin(np.abs(places - place)))
    return n if abs(places[n] - place) <= within else None


def lines(run: Run, words: str, *, within_hz: float = 12e6) -> list[Comparison]:
    """Every line of a spectrum beside the true one, MHz; one that is not found says so.

    True lines closer than 4 MHz are one. Of ODMR the lines without the torque's pull count.
    """
    found = table_of(run, "pulled_resonances") or table_of(run, "resonances")
    true_hz = np.sort(np.asarray(run.info.truth["resonance_frequency_hz"][0], dtype=float))
    f = np.asarray(run["frequency_hz"], dtype=float)
    inside = true_hz[(true_hz > f.min()) & (true_hz < f.max())]
    groups = np.split(inside, np.flatnonzero(np.diff(inside) > 4e6) + 1) if inside.size else []
    rows = []
    for group in groups:
        line = float(group.mean())
        n = nearest_row(found, "frequency_hz", line, within_hz)
        name = f"{words} line at {1e-6 * line:.0f} MHz"
        if n is None:
            rows.append(Comparison(name, "MHz", theory=1e-6 * line, note="the fit found none"))
            continue
        rows.append(
            Comparison(
                name, "MHz", theory=1e-6 * line, measured=1e-6 * float(found["frequency_hz"][n]),
                error=1e-6 * float(found["frequency_error_hz"][n]),
                note=f"{group.size} classes share it" if group.size > 1 else "",
            )
        )  # fmt: skip
    return rows


def lines_repeated(
    first: list[Comparison], measure_again: Callable[[], list[Comparison]]
) -> list[Comparison]:
    """Lines of which those that differ are measured once more, with another seed.

    Of many lines one lies beyond three standard errors by chance. Where that is all, the second
    run does not differ and the row says so; where it does, the row stays unexplained.
    """
    if all(row.verdict is Verdict.MATCHES for row in first):
        return first
    again = {row.quantity: row for row in measure_again()}
    rows = []
    for row in first:
        other = again.get(row.quantity)
        if row.verdict is not Verdict.MATCHES and other and other.verdict is Verdict.MATCHES:
            row = replace(row, note=f"chance: {other.deviation:+.1f} σ with another seed")
        rows.append(row)
    return rows


def least_squares_curve(
    model: Callable[..., Any], trace: Trace, start: Sequence[float]
) -> tuple[Floats, Floats]:
    """Parameters of a curve through a trace and their errors; a trace without errors gives none.

    Errors are widened where the points scatter more than their own say.
    """
    sigma = trace.y_error
    best, covariance = curve_fit(
        model, trace.x, trace.y, start, sigma=sigma, absolute_sigma=True, maxfev=20_000
    )
    if sigma is None:
        return best, np.zeros_like(best)
    chi_square = float(np.sum(((trace.y - model(trace.x, *best)) / sigma) ** 2))
    spread = max(chi_square / max(trace.x.size - best.size, 1), 1.0)
    return best, np.sqrt(spread * np.diag(covariance))


def notes_of(*runs: Run) -> tuple[str, ...]:
    """What the fits of runs warn of, without repetition."""
    return tuple(dict.fromkeys(n for run in runs if run.fit for n in run.fit.notes))


def panel(title: str, x_label: str, y_label: str, traces: Sequence[Trace], **more: Any) -> Panel:
    """A panel without the traces that are empty."""
    return Panel(title, x_label, y_label, [trace for trace in traces if trace.x.size], **more)
