"""The only acquisition loop: one worker thread between a sequence and the disk."""

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Protocol

from labctl.core.lent import LentInstruments
from labctl.core.light import Light
from labctl.core.sequence import MeasurementSequence
from labctl.data import Column, Mark, Point, RunStatus
from labctl.errors import ParameterError, SequenceError
from labctl.hal import Clock, Instruments

logger = logging.getLogger(__name__)

ELAPSED = Column("elapsed_s", "s", "Time since the start of the run")
"""Column the runner adds to every point, on the rig's clock."""

SWEEP = "sweep"
"""Column whose value tells the sweeps of a sequence apart, where it has any."""

LIVE_POINTS = 100_000
GRACE_S = 0.1
"""How long an abandoned worker may take to end by itself."""


class PointSink(Protocol):
    """Where points go; the storage writer is one."""

    def append(self, values: tuple[Any, ...]) -> None:
        """Take one point, its values in the order of the declared columns."""
        ...

    def mark(self, mark: Mark) -> None:
        """Remember that something is wrong with points that were taken."""
        ...


_UNDER_WAY: "set[Runner]" = set()


def _wait_for_runs() -> None:
    """Let the program not end before its runs, unless they were abandoned.

    Registered at every start, to come before what closes the files, and never taken back: a run
    that did so from its thread would free what the interpreter is calling. Their threads end
    here, since one that still ends while the interpreter does can hang it.
    """
    for runner in tuple(_UNDER_WAY):
        runner.wait_at_exit()


class Runner:
    """Runs one sequence in a worker thread.

    Args:
        sequence: what to measure.
        rig: its instruments, and the clock for `elapsed_s`.
        sink: takes every point; an error from it stops the run.
        conclude: called once in the worker when the points have ended, with the status and the
            reason; makes the lab safe and closes the file. Whatever it raises becomes `error`.
        give_up: called instead when the worker is abandoned in a call that hangs: closes the
            file without touching the lab, or returns False if `conclude` does so just now.
            `conclude` follows if the call returns after all.
        earlier: points of the run that this one resumes, `elapsed_s` last.
        least_light: counter channel -> counts per second below which the particle is lost; the
            points without light are marked, and the run pauses.
        attended: somebody is there to resume it after that; otherwise it ends as aborted.

    Attributes:
        done: points taken so far.
        live: the most recent points, oldest dropped first; a display drains it.
        marks: points that are no good, and why.
        status, reason, error: how it ended.
    """

    def __init__(
        self,
        sequence: MeasurementSequence,
        rig: Instruments,
        sink: PointSink,
        conclude: Callable[[RunStatus, str], None],
        *,
        give_up: Callable[[RunStatus, str], bool] = lambda status, reason: True,
        earlier: Sequence[tuple[Any, ...]] = (),
        least_light: Mapping[str, float] = MappingProxyType({}),
        attended: bool = False,
    ) -> None:
        self.sequence = sequence
        self.total = sequence.length
        self.done = 0
        self.live: deque[tuple[Any, ...]] = deque(maxlen=LIVE_POINTS)
        self.status = RunStatus.RUNNING
        self.reason = ""
        self.error: BaseException | None = None
        self.marks: list[Mark] = []
        self._light = Light(least_light, lambda: self.done) if least_light else None
        self._attended = attended
        self._lent: Any = LentInstruments(rig, self._light)
        self._clock: Clock = rig.clock
        self._sink = sink
        self._earlier = earlier
        self._conclude = conclude
        self._give_up = give_up
        self._stop_reason = ""
        self._sweep_reason = ""
        self._attention = False
        self._abandoned = False
        self._over = threading.Event()
        self._resumed = threading.Event()
        self._resumed.set()
        # A daemon, so that a call that hangs for ever does not keep the program from ending.
        self._thread = threading.Thread(target=self._work, name=f"run-{sequence.name}", daemon=True)

    def start(self) -> None:
        """Begin; returns at once. The program does not end before the run, unless abandoned."""
        _UNDER_WAY.add(self)
        atexit.register(_wait_for_runs)
        self._thread.start()

    def wait_at_exit(self) -> None:
        """Return after the end, and with it that of the thread; at once if abandoned."""
        self._over.wait()
        if not self._abandoned:
            self._thread.join()

    def stop(self, reason: str = "stopped by the user", *, at_once: bool = False) -> None:
        """Ask the run to end after the current point; it ends as `aborted`.

        `at_once` also takes the instruments away from it: the current point is lost.
        """
        self._stop_reason = reason
        if at_once:
            self._lent.take_back(reason)
        self._attention = True
        self._resumed.set()

    def stop_after_sweep(self, reason: str = "stopped after the sweep") -> None:
        """Ask the run to end when its current sweep is complete; it ends as `aborted`.

        Raises:
            ParameterError: the sequence has no sweeps.
        """
        if not self.has_sweeps:
            raise ParameterError(
                f"`{self.sequence.name}` has no sweeps; stop it after the current point instead."
            )
        self._sweep_reason = reason
        self._attention = True

    @property
    def has_sweeps(self) -> bool:
        """Whether the run can be stopped after a sweep."""
        return self._sweep_column() is not None

    def _sweep_column(self) -> int | None:
        found = (n for n, c in enumerate(self.sequence.columns) if (c.name, c.shape) == (SWEEP, ()))
        return next(found, None)

    def abandon(self, reason: str) -> None:
        """End the run at once, also while its worker hangs in a call; the file is closed.

        The worker is left behind; should its call return, it makes the lab safe and ends.
        """
        self.stop(reason, at_once=True)
        if self.join(GRACE_S):
            return
        try:
            given_up = self._give_up(RunStatus.ABORTED, reason)
        except Exception as error:  # the run is over in any case
            logger.exception("The file of an abandoned run could not be closed")
            given_up, reason, self.error = True, f"{reason}; {describe(error)}", error
        if not given_up:  # the worker came first after all, and is closing the file
            self.join()
            return
        self._abandoned = True
        self.status, self.reason = RunStatus.ABORTED, reason
        self._end()

    def pause(self) -> None:
        """Hold after the current point."""
        self._resumed.clear()
        self._attention = True

    def resume(self) -> None:
        """Go on after a pause."""
        self._attention = bool(self._stop_reason or self._sweep_reason)
        self._resumed.set()

    @property
    def paused(self) -> bool:
        """Whether the run is held."""
        return not self._resumed.is_set()

    @property
    def stopping(self) -> str:
        """Why the run has been asked to end; "" if it has not."""
        return self._stop_reason

    @property
    def dark(self) -> str:
        """What is wrong with the light, in words, from the moment it is seen; "" if nothing is."""
        return self._light.lost if self._light is not None else ""

    @property
    def program_s(self) -> float:
        """How long the loaded pulse program lasts; 0 without one."""
        timed = self._lent.timed
        return timed.program_s if timed is not None else 0.0

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the end, at most `timeout_s`; returns whether it has come."""
        return self._over.wait(timeout_s)

    @property
    def alive(self) -> bool:
        """Whether the worker lives, be it abandoned or not."""
        return self._thread.is_alive()

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            status = self._take_points()
        except BaseException as raised:  # everything ends in the file and with `error` told
            logger.exception("Run of %s ended after %d points", self.sequence.name, self.done)
            if self._lent.taken_back:  # it was cut off, which is how it lost its instruments
                status = RunStatus.ABORTED
            else:
                status, error = RunStatus.FAILED, raised
        if self._abandoned:  # the call that hung has come back
            status, reason = self.status, self.reason
        else:
            reason = self._stop_reason if status is RunStatus.ABORTED else ""
            reason = describe(error) if error is not None else reason
            self.status, self.reason, self.error = status, reason, error
        try:
            self._conclude(status, reason)
        except Exception as raised:
            logger.exception("Run of %s could not be concluded", self.sequence.name)
            if not self._abandoned:
                self.status = RunStatus.FAILED
                self.reason = "; ".join(filter(None, (self.reason, describe(raised))))
                self.error = self.error or raised
        finally:
            self._end()

    def _end(self) -> None:
        self._over.set()
        _UNDER_WAY.discard(self)

    def _take_points(self) -> RunStatus:
        columns = self.sequence.columns
        values_of, width = _picker(columns), len(columns)
        append, remember, now_s = self._sink.append, self.live.append, self._clock.now_s
        for values in self._earlier:
            append(values)
            remember(values)
        self.done = len(self._earlier)
        # The sweep under way, the point it began with, and how long the one before was.
        at, began, length, last_sweep = self._sweep_column(), 0, 0, False
        sweep = None
        if at is not None:
            for n, values in enumerate(self._earlier):
                if values[at] != sweep:
                    sweep, began, length = values[at], n, n - began
        light = self._light
        if light is not None:
            light.begin_anew()
        start_s = now_s() - (self._earlier[-1][-1] if self._earlier else 0.0)
        points = self.sequence.run(self._lent, done=self.done)
        try:
            for point in points:
                try:
                    values = values_of(point)
                except KeyError:
                    raise _misfit(point, columns) from None
                if len(point) != width:
                    raise _misfit(point, columns)
                values += (now_s() - start_s,)
                if at is not None and values[at] != sweep:
                    if last_sweep:  # this point is of the next one already
                        self._stop_reason = self._sweep_reason
                        return RunStatus.ABORTED
                    sweep, began, length = values[at], self.done, self.done - began
                append(values)
                remember(values)
                self.done += 1
                if light is not None and light.lost:
                    self._went_dark(light)
                if self._attention:
                    self._resumed.wait()
                    if light is not None and light.lost:
                        light.begin_anew()
                    last_sweep = bool(self._sweep_reason)
                    if last_sweep and self.done - began == length:
                        self._stop_reason = self._stop_reason or self._sweep_reason
                    if self._stop_reason:
                        return RunStatus.ABORTED
        finally:
            close = getattr(points, "close", None)
            if close is not None:
                close()  # runs the sequence's own clean-up now, not at garbage collection
        return RunStatus.FINISHED

    def _went_dark(self, light: Light) -> None:
        """Mark the points without light, and hold the run or end it."""
        mark = Mark(min(light.first, self.done - 1), self.done - 1, light.lost)
        self.marks.append(mark)
        self._sink.mark(mark)
        logger.warning("Points %d to %d: %s", mark.first, mark.last, mark.reason)
        if self._attended:
            self.pause()
        else:
            self.stop(light.lost)


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
