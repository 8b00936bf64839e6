"""The only acquisition loop: one worker thread between a sequence and the disk."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Protocol

from labctl.core.sequence import MeasurementSequence
from labctl.data import Column, Point, RunStatus
from labctl.errors import SequenceError
from labctl.hal import Clock, Instruments

logger = logging.getLogger(__name__)

ELAPSED = Column("elapsed_s", "s", "Time since the start of the run")
"""Column the runner adds to every point, on the rig's clock."""

LIVE_POINTS = 100_000


class PointSink(Protocol):
    """Where points go; the storage writer is one."""

    def append(self, values: tuple[Any, ...]) -> None:
        """Take one point, its values in the order of the declared columns."""
        ...


class Runner:
    """Runs one sequence in a worker thread.

    Args:
        sequence: what to measure.
        rig: its instruments, and the clock for `elapsed_s`.
        sink: takes every point; an error from it stops the run.
        conclude: called once in the worker when the points have ended, with the status and the
            reason; makes the lab safe and closes the file. Whatever it raises becomes `error`.
        earlier: points of the run that this one resumes, `elapsed_s` last.

    Attributes:
        done: points taken so far.
        live: the most recent points, oldest dropped first; a display drains it.
        status, reason, error: how it ended.
    """

    def __init__(
        self,
        sequence: MeasurementSequence,
        rig: Instruments,
        sink: PointSink,
        conclude: Callable[[RunStatus, str], None],
        *,
        earlier: Sequence[tuple[Any, ...]] = (),
    ) -> None:
        self.sequence = sequence
        self.total = sequence.length
        self.done = 0
        self.live: deque[tuple[Any, ...]] = deque(maxlen=LIVE_POINTS)
        self.status = RunStatus.RUNNING
        self.reason = ""
        self.error: BaseException | None = None
        self._rig = rig
        self._clock: Clock = rig.clock
        self._sink = sink
        self._earlier = earlier
        self._conclude = conclude
        self._stop_reason = ""
        self._attention = False
        self._resumed = threading.Event()
        self._resumed.set()
        self._thread = threading.Thread(target=self._work, name=f"run-{sequence.name}")

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self, reason: str = "stopped by the user") -> None:
        """Ask the run to end after the current point; it ends as `aborted`."""
        self._stop_reason = reason
        self._attention = True
        self._resumed.set()

    def pause(self) -> None:
        """Hold after the current point."""
        self._resumed.clear()
        self._attention = True

    def resume(self) -> None:
        """Go on after a pause."""
        self._attention = bool(self._stop_reason)
        self._resumed.set()

    @property
    def paused(self) -> bool:
        """Whether the run is held."""
        return not self._resumed.is_set()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the end, at most `timeout_s`; returns whether it has come."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            self.status = self._take_points()
            self.reason = self._stop_reason if self.status is RunStatus.ABORTED else ""
        except BaseException as error:  # everything ends in the file and with `error` told
            logger.exception("Run of %s failed after %d points", self.sequence.name, self.done)
            self.status, self.reason, self.error = RunStatus.FAILED, describe(error), error
        try:
            self._conclude(self.status, self.reason)
        except Exception as error:
            logger.exception("Run of %s could not be concluded", self.sequence.name)
            self.status = RunStatus.FAILED
            self.reason = "; ".join(filter(None, (self.reason, describe(error))))
            self.error = self.error or error

    def _take_points(self) -> RunStatus:
        columns = self.sequence.columns
        values_of, width = _picker(columns), len(columns)
        append, remember, now_s = self._sink.append, self.live.append, self._clock.now_s
        for values in self._earlier:
            append(values)
            remember(values)
        self.done = len(self._earlier)
        start_s = now_s() - (self._earlier[-1][-1] if self._earlier else 0.0)
        points = self.sequence.run(self._rig, done=self.done)
        try:
            for point in points:
                try:
                    values = values_of(point)
                except KeyError:
                    raise _misfit(point, columns) from None
                if len(point) != width:
                    raise _misfit(point, columns)
                values += (now_s() - start_s,)
                append(values)
                remember(values)
                self.done += 1
                if self._attention:
                    self._resumed.wait()
                    if self._stop_reason:
                        return RunStatus.ABORTED
        finally:
            close = getattr(points, "close", None)
            if close is not None:
                close()  # runs the sequence's own clean-up now, not at garbage collection
        return RunStatus.FINISHED


def describe(error: BaseException) -> str:
    """One line for the file and the screen; labctl's own errors speak for themselves."""
    text = " ".join(str(error).split())
    known = type(error).__module__.startswith("labctl.")
    return text if known and text else f"{type(error).__name__}: {text}".rstrip(": ")


def _picker(columns: Sequence[Column]) -> Callable[[Point], tuple[Any, ...]]:
    names = [column.name for column in columns]
    if len(names) == 1:
        (only,) = names
        return lambda point: (point[only],)
    return itemgetter(*names)


def _misfit(point: Point, columns: Sequence[Column]) -> SequenceError:
    declared = {column.name for column in columns}
    missing = ", ".join(sorted(declared - point.keys())) or "nothing"
    extra = ", ".join(sorted(point.keys() - declared)) or "nothing"
    return SequenceError(f"A point does not fit its columns: missing {missing}, extra {extra}.")
