"""The panels of a reproduced figure, drawn as in a paper."""

import io
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

from labctl.paper import Panel, PaperFigure, Style, Trace

PIXELS_PER_INCH = 150
"""Of the page: a picture of two columns fills its width."""
_OVERSAMPLED = 1.5
_PANEL_INCHES = (3.75, 2.85)
_COLUMNS = 2
_SERIES = ("#0072b2", "#d55e00", "#009e73", "#7b3294", "#666666", "#b8860b")
_STYLE: dict[Any, Any] = {
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.7,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "legend.handlelength": 1.6,
    "legend.labelspacing": 0.25,
}


def picture(figure: PaperFigure) -> tuple[bytes, int]:
    """PNG of all panels, and its width on the page in pixels."""
    with mpl.rc_context(_STYLE):
        drawn = draw(figure)
        buffer = io.BytesIO()
        drawn.savefig(buffer, format="png", dpi=_OVERSAMPLED * PIXELS_PER_INCH)
        return buffer.getvalue(), round(drawn.get_size_inches()[0] * PIXELS_PER_INCH)


def draw(figure: PaperFigure) -> Figure:
    """Panels in reading order, two in a row, lettered."""
    columns = min(len(figure.panels), _COLUMNS)
    rows = -(-len(figure.panels) // columns)
    drawn = Figure(
        figsize=(_PANEL_INCHES[0] * columns, _PANEL_INCHES[1] * rows), layout="constrained"
    )
    FigureCanvasAgg(drawn)
    for place, panel in enumerate(figure.panels):
        axes = drawn.add_subplot(rows, columns, place + 1)
        letter = f"({chr(ord('a') + place)}) " if len(figure.panels) > 1 else ""
        _draw_panel(axes, panel)
        axes.set_title(letter + panel.title, loc="left")
    return drawn


def _draw_panel(axes: Axes, panel: Panel) -> None:
    if panel.log_x:
        axes.set_xscale("log")
    if panel.log_y:
        axes.set_yscale("log")
    for trace in panel.traces:
        _draw_trace(axes, trace, crowded=len(panel.traces) > 1)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    image = any(trace.style is Style.IMAGE for trace in panel.traces)
    if not image:
        axes.margins(x=0.02)
    labels = {trace.label for trace in panel.traces if trace.style is not Style.IMAGE} - {""}
    if labels:
        if not image:  # room for the legend above the data
            low, high = axes.get_ylim()
            room = 0.07 * (-(-len(labels) // 2) + 1)
            top = high * (high / low) ** room if panel.log_y else high + room * (high - low)
            axes.set_ylim(low, top)
        axes.legend(loc="upper center" if len(labels) > 1 else "best", ncols=min(len(labels), 2),
                    columnspacing=1.0)  # fmt: skip
    for axis, log in ((axes.xaxis, panel.log_x), (axes.yaxis, panel.log_y)):
        _space_ticks(axis, log=log)


def _space_ticks(axis: Any, *, log: bool) -> None:
    """So few labels that none touches its neighbour, and on logarithmic axes two at least."""
    low, high = axis.get_view_interval()
    decades = np.log10(high / low) if log and low > 0 else 0.0
    if decades >= 2:
        axis.set_major_locator(LogLocator(numticks=6))
        axis.set_minor_formatter(NullFormatter())
        return
    axis.set_minor_locator(NullLocator())
    if decades > 0.8:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
    else:
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    if log:
        axis.set_major_formatter(lambda value, _: f"{value:.4g}")


def _draw_trace(axes: Axes, trace: Trace, *, crowded: bool) -> None:
    label, color = trace.label or None, _SERIES[trace.series % len(_SERIES)]
    if trace.style is Style.IMAGE and trace.rows is not None:
        image = axes.pcolormesh(trace.x, trace.rows, trace.y, shading="nearest", rasterized=True)
        axes.figure.colorbar(image, ax=axes, label=trace.label)
    elif trace.style is Style.POINTS:
        many = trace.x.size > 150
        axes.errorbar(
            trace.x, trace.y, trace.y_error, fmt="o", ms=1.6 if many else 3, color=color,
            elinewidth=0.8, capsize=0 if many else 1.5, alpha=0.45 if many and crowded else 0.8,
            label=label, zorder=2,
        )  # fmt: skip
    elif trace.style is Style.STEPS:
        axes.step(trace.x, trace.y, where="mid", lw=1, color=color, label=label)
    else:
        axes.plot(trace.x, trace.y, lw=1.3, color=_darker(color), label=label, zorder=3)


def _darker(color: str) -> tuple[float, float, float]:
    """The same hue, so that a line stands out from points of its series."""
    red, green, blue = to_rgb(color)
    return 0.72 * red, 0.72 * green, 0.72 * blue
