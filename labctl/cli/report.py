"""One HTML file with the figures of a reproduction and what they are compared with."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labctl.errors import OutputError
from labctl.paper import Comparison, Panel, PaperFigure, Style, Trace

_PANEL_INCHES = (4.6, 3.2)
_COLUMNS = 3
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem;
  color: #1d1d1f; background: #fff; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: .25rem .8rem; border-bottom: 1px solid #e3e3e3;
  vertical-align: top; }
th { background: #f5f5f7; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.far td { background: #fff3e6; }
tr.impossible td { color: #777; font-style: italic; }
p.note { color: #555; }
img { max-width: 100%; }
"""


def write_report(path: Path, title: str, paper: str, facts: Sequence[str],
                 figures: Sequence[PaperFigure]) -> None:  # fmt: skip
    """Write the report as it stands; an earlier version is replaced in one go.

    Raises:
        OutputError: the file cannot be written.
    """
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(title)}</title>",
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1><p>{escape(paper)}</p>",
        "".join(f"<p class='note'>{escape(fact)}</p>" for fact in facts),
        "<p>Reported: the paper's own figure. Theory: from the equations, for the simulated "
        "apparatus. Measured: from the photon counts of the simulated lab, with its standard "
        "error. Rows further than three standard errors from theory are shaded; what cannot be "
        "reproduced is set in italics, with the reason.</p>",
        *(_section(figure) for figure in figures),
        "</html>",
    ]
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_text("\n".join(parts), encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise OutputError(f"Cannot write the report {path}: {error.strerror}.") from error


def _section(figure: PaperFigure) -> str:
    head = f"<h2>Fig. {escape(figure.number)}: {escape(figure.title)}</h2>"
    notes = "".join(f"<p class='note'>{escape(note)}</p>" for note in figure.notes)
    return head + _picture(figure) + _table(figure.comparisons) + notes


def _table(rows: Sequence[Comparison]) -> str:
    if not rows:
        return ""
    head = "".join(
        f"<th>{name}</th>" for name in ("", "reported", "theory", "measured", "deviation", "")
    )
    return f"<table><tr>{head}</tr>{''.join(map(_row, rows))}</table>"


def _row(row: Comparison) -> str:
    unit = f" {row.unit}" if row.unit else ""
    measured = "" if row.measured is None else f"{_number(row.measured, row.error)}{unit}"
    theory = "" if row.theory is None else f"{row.theory:.5g}{unit}"
    deviation = "" if row.deviation is None else f"{row.deviation:+.1f} σ"
    kind = "impossible" if not row.reproduced else ""
    if row.deviation is not None and abs(row.deviation) > 3 and row.reproduced:
        kind = "far"
    cells = [escape(row.quantity), escape(row.reported), theory, measured, deviation]
    numbers = "".join(f"<td class='number'>{escape(cell)}</td>" for cell in cells[1:])
    return f"<tr class='{kind}'><td>{cells[0]}</td>{numbers}<td>{escape(row.note)}</td></tr>"


def _number(value: float, error: float | None) -> str:
    if not error or not np.isfinite(error):
        return f"{value:.4g}"
    digits = int(np.floor(np.log10(error)))
    if not -5 <= np.floor(np.log10(max(abs(value), error))) <= 6:
        return f"{value:.4g} ± {error:.1g}"
    places = max(1 - digits, 0)
    return f"{value:.{places}f} ± {error:.{places}f}"


def _picture(figure: PaperFigure) -> str:
    if not figure.panels:
        return ""
    columns = min(len(figure.panels), _COLUMNS)
    rows = -(-len(figure.panels) // columns)
    size = (_PANEL_INCHES[0] * columns, _PANEL_INCHES[1] * rows)
    drawn = Figure(figsize=size, layout="constrained")
    for place, panel in enumerate(figure.panels, start=1):
        _draw(drawn.add_subplot(rows, columns, place), panel)
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", dpi=110)
    data = base64.b64encode(buffer.getvalue()).decode()
    words = escape(f"Figure {figure.number}: {figure.title}", quote=True)
    return f"<img alt='{words}' src='data:image/png;base64,{data}'>"


def _draw(axes: Axes, panel: Panel) -> None:
    for trace in panel.traces:
        _draw_trace(axes, trace)
    axes.set_title(panel.title, fontsize=10)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    if panel.log_x:
        axes.set_xscale("log")
    if panel.log_y:
        axes.set_yscale("log")
    if any(trace.label and trace.style is not Style.IMAGE for trace in panel.traces):
        axes.legend(fontsize=7)


def _draw_trace(axes: Axes, trace: Trace) -> None:
    label = trace.label or None
    if trace.style is Style.IMAGE and trace.rows is not None:
        image = axes.pcolormesh(trace.x, trace.rows, trace.y, shading="nearest")
        axes.figure.colorbar(image, ax=axes, label=trace.label)
    elif trace.style is Style.POINTS:
        axes.errorbar(trace.x, trace.y, trace.y_error, fmt="o", ms=3, lw=1, label=label)
    elif trace.style is Style.STEPS:
        axes.step(trace.x, trace.y, where="mid", lw=1, label=label)
    else:
        axes.plot(trace.x, trace.y, lw=1.2, label=label)
