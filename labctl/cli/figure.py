"""The picture of a run: its fit where there is one, else its default columns."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from labctl.cli.tables import RESONANCES, TRUE_RESONANCES
from labctl.data import Column, FitCurve, FitResult, Run, RunStatus
from labctl.errors import BadInputError, OutputError, SequenceError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".png", ".svg", ".pdf")
_PREFIXES = {-12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}
_SCALED = {"Hz", "s", "V", "A", "W", "T", "Pa", "m", "rad", "counts", "counts/s"}
_DATA, _MODEL, _TRUTH, _QUIET = "#33658a", "#c8553d", "#5b8c5a", "#555555"
_FEW = 100
"""Cells of a map below which its colours span everything."""
_STYLE: dict[Any, Any] = {
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "svg.hashsalt": "labctl",
}

MANY_PLACES = 5


def save_figure(run: Run, path: Path) -> None:
    """Draw a run into a .png, .svg or .pdf file; no window, no global pyplot state.

    Raises:
        BadInputError: another kind of file is asked for, or the run has no points.
        OutputError: the file cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise BadInputError(f"Cannot draw {path.name}; choose one of {', '.join(SUFFIXES)}.")
    if len(run) == 0:
        raise BadInputError("There is nothing to draw: the file holds no points.")
    with mpl.rc_context(_STYLE):
        figure = draw(run)
        try:
            figure.savefig(path, dpi=150)
        except OSError as error:
            raise OutputError(f"Cannot write the picture {path}: {error.strerror}.") from error


def draw(run: Run) -> Figure:
    """The figure of a run, without the points that are marked."""
    run = run.sound()
    figure = Figure(figsize=(8.0, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if run.fit is not None and run.fit.curve is not None:
        _draw_fit(axes, run, run.fit, run.fit.curve)
    else:
        _draw_columns(figure, axes, run)
    axes.set_title(run.info.title, loc="left", fontweight="bold")
    figure.supxlabel(_caption(run), fontsize=7.5, color=_QUIET, x=0.99, ha="right")
    return figure


def _caption(run: Run) -> str:
    kind = f"simulated, seed {run.info.seed}" if run.info.simulated else "measured"
    parts = [run.info.start_time[:19].replace("T", " "), f"rig {run.info.rig_name} ({kind})"]
    if run.status is not RunStatus.FINISHED:
        parts.append(f"{run.status} after {len(run)} points")
    return "  ·  ".join((*parts, f"run {run.info.run_id}"))


def _draw_fit(axes: "Axes", run: Run, fit: FitResult, curve: FitCurve) -> None:
    order = np.argsort(curve.x)
    x_scale, x_label = _axis(curve.x, curve.x_unit, curve.x_label)
    y_scale, y_label = _axis(curve.y, curve.y_unit, curve.y_label)
    x, y = curve.x[order] / x_scale, curve.y[order] / y_scale
    axes.errorbar(
        x, y, curve.y_error[order] / y_scale, fmt="o", markersize=2.6, color=_DATA,
        ecolor=_DATA, elinewidth=0.7, alpha=0.75, zorder=2, label="measured ± 1σ",
    )  # fmt: skip
    line_x, model = curve.drawn[0] / x_scale, curve.drawn[1] / y_scale
    axes.plot(line_x, model, color=_MODEL, linewidth=1.6, zorder=3, label=f"fit: {fit.model}")
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.margins(x=0.02)
    if _geometric(x):
        axes.set_xscale("log")
    if curve.y_unit.endswith("/Hz") and y.min() > 0:
        axes.set_yscale("log")  # a spectrum spans decades
        axes.set_ylim(0.5 * model.min(), 2 * max(y.max(), model.max()))
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3)
        return
    room = _mark_resonances(axes, fit, x_scale, line_x, model) if curve.x_unit == "Hz" else 0.0
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + room * (high - low))
    if curve.x_unit == "Hz":
        _mark_truth(axes, run, curve, x_scale, height=1 / (1 + room))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3)


def _geometric(x: NDArray[np.float64]) -> bool:
    """Whether setpoints were spread by ratio over a decade or more."""
    if x.size < MANY_PLACES or x[0] <= 0 or x[-1] < 10 * x[0]:
        return False
    spread = [np.ptp(gaps) / np.mean(gaps) for gaps in (np.diff(np.log(x)), np.diff(x))]
    return bool(spread[0] < 0.5 * spread[1])


def _mark_resonances(
    axes: "Axes", fit: FitResult, x_scale: float, x: NDArray[Any], model: NDArray[Any]
) -> float:
    """Write each frequency upright above its line; returns the share of height it needs."""
    found = fit.tables.get(RESONANCES)
    if found is None or not len(found.columns["frequency_hz"]):
        return 0.0
    top = axes.get_ylim()[1]
    rows = sorted(
        zip(found.columns["frequency_hz"], found.columns["frequency_error_hz"], strict=True)
    )
    gap = 0.022 * (x[-1] - x[0])  # the width of one upright label
    spots = _spread([float(value) / x_scale for value, _ in rows], gap)
    for (value, error), spot in zip(rows, spots, strict=True):
        place = float(value) / x_scale
        height = float(np.interp(place, x, model))
        axes.annotate(
            _label(float(value), float(error)),
            xy=(place, height), xytext=(spot, top), rotation=90, ha="center", va="bottom",
            fontsize=7.5, color=_MODEL, zorder=4,
            arrowprops={"arrowstyle": "-", "color": _MODEL, "linewidth": 0.7, "alpha": 0.6},
        )  # fmt: skip
    return 0.38


def _label(value_hz: float, error_hz: float) -> str:
    """A frequency with its error in the last digits, "2749.41(13) MHz"."""
    value, error = value_hz / 1e6, error_hz / 1e6
    if not (math.isfinite(error) and error > 0):
        return f"{value:.3f} MHz"
    decimals = min(max(1 - math.floor(math.log10(error)), 0), 6)
    if error >= 1:
        return f"{value:.{decimals}f} ± {error:.{decimals}f} MHz"
    return f"{value:.{decimals}f}({round(error * 10**decimals)}) MHz"


def _spread(places: list[float], gap: float) -> list[float]:
    """Move rising places apart until neighbours are at least `gap` from each other."""
    spots = list(places)
    for _ in range(100):
        moved = False
        for i in range(1, len(spots)):
            lack = gap - (spots[i] - spots[i - 1])
            if lack > 1e-9 * gap:
                spots[i - 1] -= lack / 2
                spots[i] += lack / 2
                moved = True
        if not moved:
            break
    return spots


def _mark_truth(axes: "Axes", run: Run, curve: FitCurve, x_scale: float, *, height: float) -> None:
    values, _ = run.info.truth.get(TRUE_RESONANCES, (np.empty(0), ""))
    true = np.asarray(values, dtype=np.float64).ravel()
    inside = true[(true >= curve.x.min()) & (true <= curve.x.max())] / x_scale
    for i, place in enumerate(inside):
        axes.axvline(
            place, ymax=height, color=_TRUTH, linestyle=(0, (2, 3)), linewidth=1.0, zorder=1,
            label="truth (simulated)" if i == 0 else None,
        )  # fmt: skip


def _draw_columns(figure: Figure, axes: "Axes", run: Run) -> None:
    columns = {column.name: column for column in run.specification}
    if run.plot.signal not in columns or not run.plot.axes:
        raise SequenceError(f"The file names no default plot for `{run.info.sequence}`.")
    signal, axis = columns[run.plot.signal], columns[run.plot.axes[0]]
    x, y = run[axis.name], run[signal.name]
    x_scale, x_label = _axis(x, axis.unit, axis.label)
    y_scale, y_label = _axis(y, signal.unit, signal.label)
    if y.ndim > 1:
        image = axes.imshow(
            y.reshape(len(y), -1) / y_scale, aspect="auto", origin="lower", interpolation="nearest"
        )
        figure.colorbar(image, ax=axes, label=y_label)
        axes.grid(visible=False)
        axes.set(xlabel="Sample", ylabel="Point")
    elif len(run.plot.axes) > 1:
        _draw_map(figure, axes, run, columns)
    elif x.ndim == 1:
        place, mean, error = _averaged(x, y)
        axes.errorbar(
            place / x_scale, mean / y_scale, error / y_scale,
            fmt="o", markersize=2.6, color=_DATA, elinewidth=0.7,
        )  # fmt: skip
        axes.set(xlabel=x_label, ylabel=y_label)
    else:
        raise SequenceError(f"Column `{axis.name}` is a block and cannot be an axis.")


def _draw_map(figure: Figure, axes: "Axes", run: Run, columns: dict[str, Column]) -> None:
    """A signal against two axes: mean of the repeats, one cell per pair, lines of a fit on top."""
    signal = columns[run.plot.signal]
    first, second = (columns[name] for name in run.plot.axes[:2])
    (x_scale, x_label), (y_scale, y_label), (scale, label) = (
        _axis(run[column.name], column.unit, column.label) for column in (first, second, signal)
    )
    x, column = np.unique(run[first.name], return_inverse=True)
    y, row = np.unique(run[second.name], return_inverse=True)
    cell = row * x.size + column
    number = np.bincount(cell, minlength=x.size * y.size)
    total = np.bincount(cell, weights=run[signal.name], minlength=x.size * y.size)
    mean = np.full(number.size, np.nan)
    np.divide(total, number, out=mean, where=number > 0)
    seen = mean[number > 0] / scale
    # A stray point must not take the contrast from everything else.
    low, high = np.percentile(seen, [1, 99]) if seen.size > _FEW else (seen.min(), seen.max())
    image = axes.pcolormesh(
        _edges(x / x_scale), _edges(y / y_scale), (mean / scale).reshape(y.size, x.size),
        vmin=low, vmax=high, cmap="viridis", rasterized=True,
    )  # fmt: skip
    figure.colorbar(image, ax=axes, label=f"Mean {label}", extend="both")
    for table in run.fit.tables.values() if run.fit is not None else ():
        if {first.name, second.name} <= set(table.columns) and len(table.columns[first.name]):
            axes.plot(
                table.columns[first.name] / x_scale, table.columns[second.name] / y_scale,
                "o", markersize=4, markerfacecolor="none", color=_MODEL, label="fitted lines",
            )  # fmt: skip
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13))
    axes.grid(visible=False)
    axes.set(xlabel=x_label, ylabel=y_label)


def _edges(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of the cells around rising centres, (n + 1,)."""
    if centres.size == 1:
        return centres[0] + np.array([-0.5, 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def _averaged(
    x: NDArray[Any], y: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean of `y` and its standard error wherever `x` repeats; no error where it does not."""
    place, group, number = np.unique(x, return_inverse=True, return_counts=True)
    mean = np.bincount(group, weights=y) / number
    scatter = np.bincount(group, weights=(y - mean[group]) ** 2)
    error = np.sqrt(scatter / np.maximum(number - 1, 1) / number)
    return place, mean, error


def _axis(values: NDArray[Any], unit: str, label: str) -> tuple[float, str]:
    """(what to divide by, label with the prefixed unit)."""
    if not unit:
        return 1.0, label
    numbers = np.abs(np.asarray(values, dtype=np.float64))
    largest = float(np.max(numbers[np.isfinite(numbers)], initial=0.0))
    if unit not in _SCALED or largest == 0:
        return 1.0, f"{label} ({unit})"
    exponent = min(max(3 * math.floor(math.log10(largest) / 3), -12), 9)
    if unit == "counts" and largest < 1e4:
        exponent = 0  # whole photons
    return 10.0**exponent, f"{label} ({_PREFIXES[exponent]}{unit})"
