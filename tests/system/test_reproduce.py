"""The report of a reproduction: what it measures, what it says, how it ends."""

import re
import types
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from labctl.cli.report import write_report
from labctl.cli.report_picture import draw
from labctl.core.catalog import plug_in_names
from labctl.errors import CatalogError, OutputError, RigError
from labctl.paper import (
    Comparison,
    Panel,
    PaperFigure,
    ReproductionLab,
    Style,
    Trace,
    Verdict,
    comparison,
)
from labctl.reproduction import GROUP, Laboratory, find_reproduction, reproduce
from sim_backends.reproductions.panels import lines_repeated
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


def figure_3(lab: ReproductionLab) -> PaperFigure:
    """The same scan in other words."""
    run = lab.run("sim", "mdmr", sweeps=2, points=61)
    return PaperFigure("3", str(run.info.run_id), PANELS)


def module(*figures: object) -> types.ModuleType:
    made = types.ModuleType("toy")
    made.TITLE, made.PAPER, made.FIGURES = "Toy", "A paper", figures
    return made


def test_a_figure_that_fails_does_not_stop_the_rest(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path, quick=True)
    told: list[str] = []
    figures = list(reproduce(module(figure_2, figure_1, figure_3), lab, tmp_path, told.append))
    assert [figure.number for figure in figures] == ["2", "1", "3"]
    assert "ZeroDivisionError: by chance" in figures[0].notes[0]
    assert figures[0].verdict is Verdict.NOT_REPRODUCIBLE
    assert figures[0].reasons == list(figures[0].notes)
    assert figures[1].comparisons[0].note == "the fit found none"
    assert figures[1].verdict is Verdict.DIFFERS
    assert told[:2] == ["Toy: Breaks.", "Toy: A scan."]
    assert len(list(tmp_path.glob("*_mdmr.h5"))) == 1  # what was measured is not measured again


ROWS = (
    Comparison("damping", "Hz", "60 Hz", 60.0, 61.2, 0.8, paper=(59.0, 61.0)),
    Comparison("far", "K", "80 K", 80.0, 99.0, 2.0, note="too <hot>"),
    Comparison("torque", "N m", "1e-19", 1.7e-17, note="not from these figures", reproduced=False),
    Comparison("small", "N m", theory=1e-26, measured=1.23e-26, error=4e-27),
    Comparison("right, and not as printed", "", "0.3", 0.06, 0.06, 0.001, "floor",
               paper=(0.25, 0.35)),
)  # fmt: skip


def test_the_report_says_what_was_compared(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, "Title & more", "Paper", ["a fact"], [PaperFigure("2c", "T", PANELS, ROWS)])
    text = path.read_text(encoding="utf-8")
    cells = Cells(text)
    assert cells.rows[1][:2] == ["Fig. 2c: T", "differs"]
    assert cells.rows[1][2] == (
        "far: too <hot>torque (not reproducible): not from these figures"
        "right, and not as printed: floor"
    )
    assert cells.rows[3] == ["damping", "60 Hz", "60 Hz", "61.20 ± 0.80 Hz", "+1.5 σ", ""]
    assert cells.rows[4][3:] == ["99.0 ± 2.0 K", "+9.5 σ", "too <hot>"]
    assert cells.rows[6][3] == "1.23e-26 ± 4e-27 N m"
    assert cells.kinds == ["", "differs", "", "", "differs", "impossible", "", "differs"]
    assert "Title &amp; more" in text
    assert len(cells.pictures) == 1
    assert cells.pictures[0].startswith("data:image/png;base64,")
    assert not re.search(r"https?://", text)  # one file, nothing from elsewhere
    assert not list(tmp_path.glob(".*"))


def test_a_row_or_panel_that_says_nothing_is_a_fault() -> None:
    for row in (
        Comparison("no error", "Hz", "60 Hz", 60.0, 61.2),
        Comparison("an exact error", "Hz", "60 Hz", 60.0, 61.2, 0.0),
        Comparison("not found", "Hz", "60 Hz", 60.0),
        Comparison("not a number", "Hz", "60 Hz", 60.0, float("nan"), 1.0),
        Comparison("nothing beside it", "Hz", measured=61.2, error=1.0),
        Comparison("no reason", "Hz", "60 Hz", reproduced=False),
    ):
        assert PaperFigure("1", "T", PANELS, [row]).faults == [row.fault]
        assert row.quantity in row.fault
    for panel in (
        Panel("empty", "x", "y", []),
        Panel("empty", "x", "y", [PANELS[0].traces[0], Trace(X[:0], X[:0])]),
        Panel("empty", "x", "y", [Trace(X, np.full_like(X, np.nan))]),
    ):
        figure = PaperFigure("1", "T", [panel], [ROWS[0]])
        assert figure.faults == ["panel `empty`: no data"]
        assert figure.verdict is Verdict.DIFFERS
    assert PaperFigure("1", "T", PANELS, [ROWS[0]]).verdict is Verdict.MATCHES
    assert PaperFigure("1", "T", (), [ROWS[2]]).verdict is Verdict.NOT_REPRODUCIBLE


def labels_that_touch(figure: PaperFigure) -> list[str]:
    """Tick labels whose boxes meet, on any axis of a drawn figure."""
    drawn = draw(figure)
    drawn.canvas.draw()
    touching = []
    for axes in drawn.axes:
        for axis in (axes.xaxis, axes.yaxis):
            boxes = [
                (label.get_text(), label.get_window_extent())
                for label in axis.get_ticklabels(which="both")
                if label.get_text()
            ]
            touching += [
                f"{one} {other}"
                for i, (one, box) in enumerate(boxes)
                for other, next_box in boxes[i + 1 :]
                if box.overlaps(next_box)
            ]
    return touching


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(("low", "high"), [(1.2, 9.0), (2.6e3, 2.9e3), (3e-4, 4e5), (0.9, 1.1)])
def test_ticks_do_not_touch(low: float, high: float, *, log: bool) -> None:
    trace = Trace(np.geomspace(low, high, 9), np.geomspace(low, high, 9), "t", Style.POINTS)
    panel = Panel("p", "x", "y", [trace], log_x=log, log_y=log)
    figure = PaperFigure("1", "T", [panel, panel, panel])
    assert labels_that_touch(figure) == []
    drawn = draw(figure)
    drawn.canvas.draw()
    for axis in (drawn.axes[0].xaxis, drawn.axes[0].yaxis):
        low_shown, high_shown = sorted(axis.get_view_interval())
        shown = [
            label for label in axis.get_ticklabels()
            if label.get_text() and low_shown <= sum(label.get_position()) <= high_shown
        ]  # fmt: skip
        assert len(shown) >= 2


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
    ("name", "skipped"),
    [("dipolar-torque", ("4", "7")), ("spin-cooling", ("2a", "3b", "6", "8"))],  # the slowest
)
def test_measured_agrees_with_theory(tmp_path: Path, name: str, skipped: tuple[str, ...]) -> None:
    """Figures have data and rows an error, within four of these of theory, or say why not."""
    reproduction = find_reproduction(name)
    chosen = [f for f in reproduction.FIGURES if f.__name__.removeprefix("figure_") not in skipped]
    lab = Laboratory(tmp_path, quick=True)
    found = list(reproduce(module(*chosen), lab, tmp_path, lambda _: None))
    assert {figure.number: figure.faults for figure in found} == {
        figure.number: [] for figure in found
    }
    for figure in found:
        for row in figure.comparisons:
            assert abs(row.deviation or 0.0) < 4 or row.note, row
        if figure.panels:
            assert labels_that_touch(figure) == []
    write_report(tmp_path / "report.html", "T", "P", [], found)
    pictures = Cells((tmp_path / "report.html").read_text(encoding="utf-8")).pictures
    assert len(pictures) == sum(bool(figure.panels) for figure in found)


@pytest.mark.parametrize(("second", "note"), [(10.1, "chance: +1.0 σ with another seed"), (11, "")])
def test_a_line_is_off_by_chance_only_where_it_is_not_off_again(second: float, note: str) -> None:
    def row(name: str, measured: float) -> Comparison:
        return Comparison(name, "MHz", theory=10.0, measured=measured, error=0.1)

    rows = lines_repeated([row("a", 10.5), row("b", 10.1)], lambda: [row("a", second)])
    assert [one.note for one in rows] == [note, ""]
    assert [one.measured for one in rows] == [10.5, 10.1]
