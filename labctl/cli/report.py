"""One HTML file with the figures of a reproduction and what they are compared with."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from labctl.cli.report_picture import picture
from labctl.errors import OutputError
from labctl.paper import BEYOND, Comparison, PaperFigure, Verdict

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem;
  color: #1d1d1f; background: #fff; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: .25rem .8rem; border-bottom: 1px solid #e3e3e3;
  vertical-align: top; }
th { background: #f5f5f7; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.differs td { background: #fff3e6; }
tr.impossible td { color: #777; font-style: italic; }
td.verdict { white-space: nowrap; font-weight: 600; }
ul { margin: 0; padding-left: 1.1rem; }
p.note { color: #555; }
img { max-width: 100%; height: auto; }
"""
_KINDS = {
    Verdict.MATCHES: "",
    Verdict.DIFFERS: "differs",
    Verdict.NOT_REPRODUCIBLE: "impossible",
}


def write_report(
    path: Path, title: str, paper: str, facts: Sequence[str], figures: Sequence[PaperFigure]
) -> None:
    """Write the report as it stands; an earlier version is replaced in one go.

    Raises:
        OutputError: the file cannot be written.
    """
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(title)}</title>",
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1><p>{escape(paper)}</p>",
        "".join(f"<p class='note'>{escape(fact)}</p>" for fact in facts),
        _verdicts(figures),
        "<p>Reported: the paper's own number. Theory: from the equations, for the simulated "
        "apparatus. Measured: from the photon counts of the simulated lab, with its standard "
        "error; where the paper itself computes, computed here, with the numerical error. A row "
        f"differs, and is shaded, when it lies more than {BEYOND:g} standard errors from theory "
        "or outside of what the paper reports; what cannot be reproduced is set in italics, with "
        "the reason.</p>",
        *(_section(figure) for figure in figures),
        "</html>",
    ]
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_text("\n".join(parts), encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise OutputError(f"Cannot write the report {path}: {error.strerror}.") from error


def _verdicts(figures: Sequence[PaperFigure]) -> str:
    """What a hurried reader needs: figure by figure, does it come out, and if not, why."""
    if not figures:
        return ""
    rows = []
    for figure in figures:
        why = "".join(f"<li>{escape(reason)}</li>" for reason in figure.reasons)
        rows.append(
            f"<tr class='{_KINDS[figure.verdict]}'>"
            f"<td><a href='#fig-{escape(figure.number, quote=True)}'>{_name(figure)}</a></td>"
            f"<td class='verdict'>{figure.verdict}</td><td>{f'<ul>{why}</ul>' if why else ''}</td>"
            "</tr>"
        )
    head = "<tr><th>figure</th><th>verdict</th><th>why</th></tr>"
    return f"<table class='verdicts'>{head}{''.join(rows)}</table>"


def _name(figure: PaperFigure) -> str:
    number = f"Fig. {figure.number}" if figure.number[:1].isdigit() else figure.number
    return f"{escape(number)}: {escape(figure.title)}"


def _section(figure: PaperFigure) -> str:
    head = f"<h2 id='fig-{escape(figure.number, quote=True)}'>{_name(figure)}</h2>"
    notes = "".join(f"<p class='note'>{escape(note)}</p>" for note in figure.notes)
    return head + _image(figure) + _table(figure.comparisons) + notes


def _image(figure: PaperFigure) -> str:
    if not figure.panels:
        return ""
    png, width = picture(figure)
    data = base64.b64encode(png).decode()
    words = escape(f"Figure {figure.number}: {figure.title}", quote=True)
    return f"<img alt='{words}' width='{width}' src='data:image/png;base64,{data}'>"


def _table(rows: Sequence[Comparison]) -> str:
    if not rows:
        return ""
    head = "".join(
        f"<th>{name}</th>" for name in ("", "reported", "theory", "measured", "from theory", "")
    )
    return f"<table><tr>{head}</tr>{''.join(map(_row, rows))}</table>"


def _row(row: Comparison) -> str:
    unit = f" {row.unit}" if row.unit else ""
    measured = "" if row.measured is None else f"{_number(row.measured, row.error)}{unit}"
    theory = "" if row.theory is None else f"{row.theory:.5g}{unit}"
    deviation = "" if row.deviation is None else f"{row.deviation:+.1f} σ"
    kind = _KINDS[row.verdict]
    cells = [escape(row.quantity), row.reported, theory, measured, deviation]
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
