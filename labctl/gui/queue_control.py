"""Works off the queue: one run after the other, for as long as nothing goes wrong."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QObject

from labctl.console.queue import INTERRUPTED, QueuedRun, RunQueue
from labctl.data import RunStatus
from labctl.gui.claim import Claim
from labctl.gui.queue_panel import QueuePanel
from labctl.gui.station import FROM_OUTSIDE, Outcome, Station

OTHERS = "The queue belongs to another labctl window; close that one, and it is here."


class QueueControl(QObject):
    """Joins the queue's file, its panel and the station; files are touched away from the window.

    A run that is aborted or fails stops the queue; one that could not begin goes back to its
    place, with the reason.
    """

    def __init__(self, station: Station, panel: QueuePanel, path: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._station, self._panel = station, panel
        self._queue = RunQueue(path)
        self.claim = Claim(path.with_name(f".{path.name}.lock"), self)
        self.claim.changed.connect(self._won)
        self._working = False
        self._taken: QueuedRun | None = None
        panel.moved.connect(lambda id_, to: self._change(lambda: self._queue.move(id_, to)))
        panel.removed.connect(lambda id_: self._change(lambda: self._queue.remove(id_)))
        panel.repeats_set.connect(
            lambda id_, number: self._change(lambda: self._queue.set_repeats(id_, number))
        )
        panel.started.connect(self.work)
        station.run_ended.connect(self._ended)
        station.rig_changed.connect(lambda _: self._next())
        panel.show_items(self._queue.items if self.claim.owned else ())
        panel.set_owned(not self.claim.refused)
        if self._queue.warning:
            station.failed.emit(self._queue.warning, "")

    def add(self, sequence: str, parameters: dict[str, Any]) -> None:
        """Append a run."""
        if self.claim.refused:
            self._station.failed.emit(OTHERS, "")
            return
        self._change(lambda: self._queue.add(sequence, parameters))
        self._station.told.emit(f"{sequence} is queued.")

    def work(self, on: bool) -> None:
        """Begin to work off the queue, or stop after the run under way."""
        self._working = on and not self.claim.refused
        self._panel.set_working(self._working)
        self._next()

    def _won(self) -> None:
        """Somebody else has the queue, or has gone: what was left is ours."""
        if self.claim.refused:
            self._panel.set_owned(False)
            return
        self._queue = RunQueue(self._queue.path)
        self._panel.set_owned(True)
        self._show()

    def _change(self, act: Callable[[], object]) -> None:
        self._station.files_lane.submit(act, lambda _: self._show(), self._failed)

    def _failed(self, error: BaseException) -> None:
        if not isinstance(error, KeyError):  # clicked again on what has just gone
            self._station.report(error)
        self._show()

    def _show(self) -> None:
        self._panel.show_items(self._queue.items)
        self._next()

    def _next(self) -> None:
        if not self._working or self._station.why_busy or self._taken is not None:
            return
        if not self._queue.items:
            self.work_off_done()
            return
        self._station.starting = True
        self._station.files_lane.submit(self._queue.take, self._start, self._not_taken)

    def work_off_done(self) -> None:
        """The queue is empty: stop working, so that what is added later waits for a word."""
        self._working = False
        self._panel.set_working(False)
        self._station.told.emit("The queue is done.")

    def _start(self, item: QueuedRun | None) -> None:
        self._station.starting = False
        self._panel.show_items(self._queue.items)
        if item is not None:
            self._taken = item
            self._station.start(item.sequence, dict(item.parameters))

    def _not_taken(self, error: BaseException) -> None:
        self._station.starting = False
        self.work(False)
        self._station.report(error)

    def _ended(self, outcome: Outcome | None) -> None:
        item, self._taken = self._taken, None
        if item is None:
            self._next()
            return
        if outcome is None:
            self._working = False
            back = replace(item, note="could not begin")
            self._change(lambda: self._queue.put_back(back))
        elif outcome.run is None or outcome.run.status is not RunStatus.FINISHED:
            self._working = False
            self._station.told.emit("The queue is stopped: its run did not come to its end.")
            if self._station.aborted_because in FROM_OUTSIDE:
                marked = replace(item, note=INTERRUPTED)
                self._change(lambda: self._queue.put_back(marked))
            else:
                self._change(self._queue.finish)
        else:
            self._change(self._queue.finish)
        self._panel.set_working(self._working)
        self._next()
