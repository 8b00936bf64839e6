"""Does what the run browser asks for; files are read and written away from the window."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QObject, QTimer
from PyQt5.QtWidgets import QInputDialog

from labctl import session
from labctl.console.run_index import RunIndex, RunSummary
from labctl.core import find_sequence
from labctl.data import Run
from labctl.gui.fit_table import FitTable
from labctl.gui.live_data import LiveData, data_of
from labctl.gui.plot_area import PlotArea
from labctl.gui.run_browser import RunBrowser
from labctl.gui.sequence_panel import SequencePanel
from labctl.gui.station import Station
from labctl.gui.theme import Theme
from labctl.gui.thumbnail import thumbnail
from labctl.storage import add_note, read_run, recover

REFRESH_MS = 5000


class BrowserControl(QObject):
    """Joins the index of the folder, the browser, the plots and the form."""

    def __init__(
        self,
        station: Station,
        browser: RunBrowser,
        plots: PlotArea,
        fits: FitTable,
        sequences: SequencePanel,
        theme: Theme,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._station, self._browser = station, browser
        self._plots, self._fits, self._sequences = plots, fits, sequences
        self._theme = theme
        self._index = RunIndex(station.out)
        self._everything: Sequence[RunSummary] = ()
        self._drawing: set[Path] = set()
        self._lane = station.files_lane
        browser.acted.connect(self._act)
        browser.wanted.connect(self._draw)
        browser.filter_changed.connect(self._show)
        station.run_ended.connect(lambda _: self.refresh())
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(REFRESH_MS)
        self.refresh()

    @property
    def _growing(self) -> Path | None:
        handle = self._station.handle
        return handle.path if handle is not None else None

    def refresh(self) -> None:
        """Look at the folder again, but for the file of a run under way; later if one begins."""
        if not self._station.starting:
            # Asked when it is done, not now: another run may have begun by then.
            self._lane.submit(lambda: self._index.refresh(growing=self._growing), self._refreshed)

    def set_theme(self, theme: Theme) -> None:
        """Draw the pictures in other colours."""
        self._theme = theme
        self._browser.forget_pictures()

    def open(self, path: Path) -> None:
        """Show a file in the plots, unless a run is under way."""
        if self._station.handle is not None:
            self._station.told.emit("A run is under way; overlay the file instead.")
            return
        self._lane.submit(lambda: _loaded(path), lambda found: self._opened(*found))

    def _look(self) -> None:
        if self._browser.isVisible() and not self._lane.waiting:
            self.refresh()

    def _refreshed(self, runs: Sequence[RunSummary]) -> None:
        if runs != self._everything:
            self._everything = runs
            self._show()

    def _show(self) -> None:
        words, sequence, status = self._browser.wish
        shown = self._index.filtered(words, sequence=sequence, status=status)
        self._browser.show_runs(shown, self._everything)

    def _draw(self, paths: list[Path]) -> None:
        theme = self._theme
        for path in paths:
            if path in self._drawing or path == self._growing or self._station.starting:
                continue
            self._drawing.add(path)
            self._lane.submit(
                lambda path=path: thumbnail(read_run(path), theme),
                lambda picture, path=path: self._drawn(path, picture),
                lambda _: None,  # damaged, as its row says; it stays in `_drawing`
            )

    def _drawn(self, path: Path, picture: Any) -> None:
        self._drawing.discard(path)
        self._browser.show_picture(path, picture)

    def _act(self, name: str, path: Path) -> None:
        lane, station = self._lane, self._station
        if name == "run_open":
            self.open(path)
        elif name == "run_overlay":
            lane.submit(lambda: _loaded(path), lambda found: self._overlay(path, found[1]))
        elif name == "run_parameters":
            lane.submit(lambda: read_run(path), self._take)
        elif name == "run_reference":
            lane.submit(lambda: _reference(path), lambda told: self._sequences.select(*told))
        elif name == "run_again":
            lane.submit(lambda: read_run(path), self._again)
        elif name == "run_resume":
            station.resume(path)
        elif name == "run_refit":
            lane.submit(lambda: session.analyze(path), lambda _: self._refitted(path))
        elif name == "run_recover":
            lane.submit(lambda: recover(path, None), self._recovered)
        elif name == "run_note":
            old = next((run.note for run in self._everything if run.path == path), "")
            text, given = QInputDialog.getMultiLineText(self._browser, "Note", path.name, old)
            if given:
                self.note(path, text)

    def note(self, path: Path, text: str) -> None:
        """Write a note into a file."""
        self._lane.submit(lambda: add_note(path, text), lambda _: self.refresh())

    def _opened(self, run: Run, data: LiveData) -> None:
        dwell_s = run.parameters.get("dwell_s")
        self._plots.show_data(
            data, f"{run.info.title}  ·  {run.path.name if run.path else ''}",
            dwell_s=dwell_s if isinstance(dwell_s, float) else None,
        )  # fmt: skip
        self._plots.show_truth(run.info.truth)
        self._plots.show_fit(run.fit)
        self._fits.show_fit(run.fit, run.info.truth, live=False)

    def _overlay(self, path: Path, data: LiveData) -> None:
        if not self._plots.overlay(data, path.stem):
            self._station.told.emit("This plot cannot show that run on top.")

    def _take(self, run: Run) -> None:
        self._sequences.select(run.info.sequence, run.parameters)

    def _again(self, run: Run) -> None:
        self._station.start(run.info.sequence, run.parameters)

    def _refitted(self, path: Path) -> None:
        self._station.told.emit(f"{path.name} is fitted again.")
        self.refresh()
        self.open(path)

    def _recovered(self, path: Path) -> None:
        self._station.told.emit(f"Recovered into {path}")
        self.refresh()


def _reference(path: Path) -> tuple[str, dict[str, float]]:
    sequence = read_run(path).info.sequence
    return sequence, session.reference_parameters(find_sequence(sequence), path)


def _loaded(path: Path) -> tuple[Run, LiveData]:
    run = read_run(path)
    return run, data_of(run)
