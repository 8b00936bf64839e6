"""The report of a reproduction: what it measures, what it says, how it ends."""

import re
import types
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from labctl.cli.report import write_report
from labctl.core.catalog import plug_in_names
from labctl.errors import CatalogError, OutputError, RigError
from labctl.paper import Comparison, Panel, PaperFigure, ReproductionLab, Style, Trace, comparison
from labctl.reproduction import GROUP, Laboratory, find_reproduction, reproduce
from tests.system.command_line import call

X = np.linspace(0, 1, 20)
PANELS = (
    Panel("a", "x", "y", [Trace(X, X, "line"), Trace(X, X, "", Style.POINTS, 0.1 + X)]),
    Panel("b", "x", "y", [Trace(X, 1 + X, "", Style.STEPS)], log_x=True, log_y=True),
    Panel("c", "x", "y", [Trace(X, np.outer(X, X), "z", Style.IMAGE, rows=X)]),
)


class Cells(HTMLParser):
    """Rows of every table, and the sources of the pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.kinds: list[str] = []
        self.pictures: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "tr":
            self.rows.append([])
            self.kinds.append(values.get("class") or "")
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self._inside = True
        elif tag == "img":
            self.pictures.append(values["src"] or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data


def figure_1(lab: ReproductionLab) -> PaperFigure:
    """A scan."""
    run = lab.run("sim", "mdmr", points=61, sweeps=2)
    return PaperFigure("1", "a scan", PANELS, [comparison("none", "Hz", run, "nothing_such")])


def figure_2(lab: ReproductionLab) -> PaperFigure:
    """Breaks."""
    raise ZeroDivisionError("by chance")


def module(*figures: object) -> types.ModuleType:
    made = types.ModuleType("toy")
    made.TITLE, made.PAPER, made.FIGURES = "Toy", "A paper", figures
    return made


def test_a_figure_that_fails_does_not_stop_the_rest(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path, quick=True)
    told: list[str] = []
    figures = list(reproduce(module(figure_2, figure_1), lab, tmp_path, told.append))
    assert [figure.number for figure in figures] == ["2", "1"]
    assert "ZeroDivisionError: by chance" in figures[0].notes[0]
    assert figures[1].comparisons[0].note == "the fit found none"
    assert told == ["Toy: Breaks.", "Toy: A scan."]
    assert len(list(tmp_path.glob("*_mdmr.h5"))) == 1


def test_the_report_says_what_was_compared(tmp_path: Path) -> None:
    rows = [
        Comparison("damping", "Hz", "60 Hz", 60.0, 61.2, 0.8),
        Comparison("far", "K", "80 K", 80.0, 99.0, 2.0),
        Comparison("torque", "N m", "1e-19", 1.7e-17, note="not from <these> figures",
                   reproduced=False),
        Comparison("small", "N m", measured=1.23e-26, error=4e-28),
    ]  # fmt: skip
    path = tmp_path / "report.html"
    write_report(path, "Title & more", "Paper", ["a fact"], [PaperFigure("2c", "T", PANELS, rows)])
    text = path.read_text(encoding="utf-8")
    cells = Cells(text)
    assert cells.rows[1] == ["damping", "60 Hz", "60 Hz", "61.20 ± 0.80 Hz", "+1.5 σ", ""]
    assert cells.rows[2][3:5] == ["99.0 ± 2.0 K", "+9.5 σ"]
    assert cells.rows[3][5] == "not from <these> figures"
    assert cells.rows[4][3] == "1.23e-26 ± 4e-28 N m"
    assert cells.kinds == ["", "", "far", "impossible", ""]
    assert "Title &amp; more" in text
    assert len(cells.pictures) == 1
    assert cells.pictures[0].startswith("data:image/png;base64,")
    assert not re.search(r"https?://", text)  # one file, nothing from elsewhere
    assert not list(tmp_path.glob(".*"))


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OutputError, match="Cannot write the report"):
        write_report(tmp_path / "report.html", "T", "P", [], [])


def test_a_real_lab_is_refused(tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    real.write_text('title = "real"\n[devices]\n', encoding="utf-8")
    with pytest.raises(RigError, match="real lab"):
        Laboratory(tmp_path, quick=True).run(str(real), "mdmr")


def test_unknown_papers_are_refused() -> None:
    with pytest.raises(CatalogError, match="Did you mean `spin-cooling`"):
        find_reproduction("spin-coolng")
    with pytest.raises(CatalogError, match="lacks TITLE, PAPER, FIGURES"):
        find_reproduction("labctl.units:parse_quantity")


def test_an_unwritable_folder_is_one_line(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    outcome = call(capfd, "reproduce", "spin-cooling", "--out", tmp_path / "file" / "report")
    assert outcome.code == 2
    assert "Cannot write into the output folder" in outcome.err


@pytest.mark.parametrize("name", plug_in_names(GROUP))
def test_every_reproduction_is_complete(name: str) -> None:
    reproduction = find_reproduction(name)
    assert reproduction.TITLE
    assert all(figure.__doc__ for figure in reproduction.FIGURES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "figures"),
    [("dipolar-torque", ("2c", "6")), ("spin-cooling", ("2b", "3a"))],
)
def test_measured_agrees_with_theory(tmp_path: Path, name: str, figures: tuple[str, ...]) -> None:
    """Two figures of each paper: every number within four standard errors of its theory."""
    reproduction = find_reproduction(name)
    chosen = [f for f in reproduction.FIGURES if f.__name__.removeprefix("figure_") in figures]
    short = module(*chosen)
    lab = Laboratory(tmp_path, quick=True)
    found = list(reproduce(short, lab, tmp_path, lambda _: None))
    assert [figure.number for figure in found] == list(figures)
    compared = [row for figure in found for row in figure.comparisons if row.deviation is not None]
    assert len(compared) >= 3
    for row in compared:
        assert abs(row.deviation or 0.0) < 4, row
    write_report(tmp_path / "report.html", "T", "P", [], found)
    pictures = Cells((tmp_path / "report.html").read_text(encoding="utf-8")).pictures
    assert len(pictures) == 2
