"""From runs to panels: what the figures of a reproduction share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.data import Run
from labctl.paper import Panel, Style, Trace


def fitted(run: Run, label: str = "", *, x_scale: float = 1.0, y_scale: float = 1.0) -> list[Trace]:
    """Data with errors and the model of a run's fit; nothing where there is none."""
    curve = run.fit.curve if run.fit else None
    if curve is None:
        return []
    x = x_scale * curve.x
    line_x, line_y = curve.drawn
    return [
        Trace(x, y_scale * curve.y, label or "measured", Style.POINTS, y_scale * curve.y_error),
        Trace(x_scale * line_x, y_scale * line_y, f"{label}, fit" if label else "fit"),
    ]


def spectrum(run: Run, label: str = "") -> Trace:
    """Mean of a `psd` run, counts^2/s^2 per Hz."""
    return Trace(run["frequency_hz"][0][1:], run["psd"].mean(axis=0)[1:], label)


def averaged(
    run: Run,
    axis: str,
    signal: str,
    dwell_s: float,
    *,
    x_scale: float = 1.0,
    label: str = "",
    style: Style = Style.POINTS,
    lift: float = 0.0,
) -> Trace:
    """Mean rate of a repeated scan against one of its columns, Mcounts/s, with its scatter.

    Slow drifts are taken away sweep by sweep; `lift` moves the trace up, to part it from others.
    """
    x, y = np.asarray(run[axis], dtype=float), np.asarray(run[signal], dtype=float) / dwell_s
    sweep = np.asarray(run["sweep"])
    level = np.bincount(sweep, weights=y) / np.maximum(np.bincount(sweep), 1)
    y = y - level[sweep] + y.mean()
    places, column = np.unique(np.round(x, 12), return_inverse=True)
    repeats = np.bincount(column)
    mean = np.bincount(column, weights=y) / repeats
    square = np.bincount(column, weights=(y - mean[column]) ** 2)
    error = np.sqrt(square / np.maximum(repeats - 1, 1) / repeats)
    return Trace(x_scale * places, 1e-6 * mean + lift, label, style, 1e-6 * error)


def table_of(run: Run, name: str) -> dict[str, NDArray[Any]]:
    """The columns of a table of a run's fit; empty where there is none."""
    table = run.fit.tables.get(name) if run.fit else None
    return dict(table.columns) if table else {}


def value_of(run: Run, name: str) -> tuple[float, float] | None:
    """A fitted value with its error, or None."""
    found = run.fit.values.get(name) if run.fit else None
    return (found.value, found.error) if found else None


def notes_of(*runs: Run) -> tuple[str, ...]:
    """What the fits of runs warn of, without repetition."""
    return tuple(dict.fromkeys(n for run in runs if run.fit for n in run.fit.notes))


def panel(title: str, x_label: str, y_label: str, traces: Sequence[Trace], **more: Any) -> Panel:
    """A panel without the traces that are empty."""
    return Panel(title, x_label, y_label, [trace for trace in traces if trace.x.size], **more)
