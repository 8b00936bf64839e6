"""What the window works on: one rig, one run at a time, and the threads that serve them."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from labctl import session
from labctl.core import ELAPSED, Rig
from labctl.core.by_hand import change, read_devices
from labctl.data import Run
from labctl.errors import LabError, RunAbortedError
from labctl.gui.error_bar import details_of
from labctl.gui.lane import Lane
from labctl.gui.live_data import LiveData, data_of
from labctl.run_handle import RunHandle
from labctl.storage import read_run

logger = logging.getLogger(__name__)

DRAIN_MS = 40
"""Between two looks at the runner's buffer: 25 Hz."""
FIT_EVERY_S = 1.0
MOST_AT_ONCE = 2_000
"""Points taken from the runner at once, again and again for `DRAIN_S`."""
DRAIN_S = 8e-3
"""Time for that at each look, so that nothing stalls; the rest waits for the next one."""
ANALYSIS_PATIENCE_S = 1.0
WINDOW_CLOSED, PROGRAM_ENDED = "the window was closed", "the program was ended from outside"
FROM_OUTSIDE = (WINDOW_CLOSED, PROGRAM_ENDED)
"""Reasons of an abort that nobody meant for the run itself."""
REST = 2.0
"""A look that took long is followed by a pause that is longer by this factor."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended; `run` None where its file could not be read back.

    `data` are those of the file, where the runner was faster than the window and points were
    dropped on their way to the plots.
    """

    path: Path
    run: Run | None
    error: LabError | None
    analysis_error: str
    data: LiveData | None = None


class Station(QObject):
    """Opens rigs, starts and ends runs, reads and sets devices; never waits.

    Attributes:
        rig_changed: another rig (or None) is open.
        rig_opening: a rig that is being connected to.
        rig_told: what happens with the rig, in words.
        run_begun: with the handle and its live data.
        ticked: points were drained from the run.
        fitted: a fit of the points so far.
        run_ended: with its `Outcome`.
        devices_read: role -> `DeviceState`.
        particle_declared: another particle, or none (""), is said to be in the trap.
        failed: message and details of whatever went wrong.
        told: something worth a line in the status bar.
    """

    rig_changed = pyqtSignal(object)
    rig_opening = pyqtSignal(object)
    rig_told = pyqtSignal(str)
    run_begun = pyqtSignal(object, object)
    ticked = pyqtSignal()
    fitted = pyqtSignal(object)
    run_ended = pyqtSignal(object)
    devices_read = pyqtSignal(dict)
    particle_declared = pyqtSignal(str)
    failed = pyqtSignal(str, str)
    told = pyqtSignal(str)
    stopped_for_safety = pyqtSignal(list)

    def __init__(self, out: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.out = out
        self.rig: Rig | None = None
        self.handle: RunHandle | None = None
        self.data: LiveData | None = None
        self.particle = self.aborted_because = ""
        self.begun_s = 0.0
        self.starting = False
        self.opening = False
        self._fitted_points = 0
        self._next_fit_s = 0.0
        self.rig_lane = Lane("rig", self.report, self)
        self.analysis_lane = Lane("analysis", self.report, self)
        self.files_lane = Lane("files", self.report, self)
        self._timer = QTimer(self)
        self._timer.setInterval(DRAIN_MS)
        self._timer.timeout.connect(self._tick)

    @property
    def in_use(self) -> tuple[str, ...]:
        """Roles that the run under way owns."""
        return tuple(self.handle.runner.sequence.roles) if self.handle is not None else ()

    @property
    def why_busy(self) -> str:
        """Why no run can start now, "" if one can."""
        if self.rig is None:
            return "No rig is open."
        return "A run is under way." if self.handle is not None or self.starting else ""

    def report(self, error: BaseException) -> None:
        """Show an error, and write it to the log."""
        known = isinstance(error, LabError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        logger.error("%s", message, exc_info=None if known else error)
        self.failed.emit(message, details_of(error))

    def open_rig(self, rig: str, *, speed: float | None = None) -> None:
        """Open a rig by name or path, after closing the one that is open."""
        self.close_rig()
        self.opening = True
        self.rig_told.emit(f"Opening {rig} …")
        self.rig_lane.submit(
            lambda: session.build(rig, speed=speed), self._rig_built, self._rig_failed
        )

    def close_rig(self) -> None:
        """Make every device safe and disconnect; a run under way ends first."""
        rig, self.rig = self.rig, None
        if rig is not None:
            self.rig_told.emit(f"Closing {rig.name} …")
            self.rig_changed.emit(None)
            self.rig_lane.submit(rig.close, lambda _: self.rig_told.emit("No rig is open."))

    def start(self, sequence: str, parameters: dict[str, Any]) -> None:
        """Start a run."""
        rig = self.rig
        if rig is None or self.why_busy:
            self.failed.emit(f"Cannot start {sequence}: {self.why_busy}", "")
            return
        out, particle = self.out, self.particle
        self.begin(
            lambda: session.start(
                sequence, rig, parameters, out=out, particle=particle, attended=True
            )
        )

    def resume(self, path: Path) -> None:
        """Go on with an earlier run that did not come to its end."""
        rig = self.rig
        if rig is None or self.why_busy:
            self.failed.emit(f"Cannot resume {path.name}: {self.why_busy}", "")
            return
        self.begin(lambda: session.resume(path, rig, out=self.out, attended=True))

    def begin(self, start: Callable[[], RunHandle]) -> None:
        """Call what starts a run, away from this thread."""
        self.starting = True
        self.rig_lane.submit(start, self._begun, self._not_begun)

    def plan(self, sequence: str, parameters: dict[str, Any], then: Callable[[Any], None]) -> None:
        """Plan a run without touching hardware; `then` gets the plan or the error."""
        rig = self.rig if self.rig is not None else "sim"
        self.files_lane.submit(lambda: session.plan(sequence, rig, parameters), then, then)

    def pause_or_resume(self) -> None:
        """Hold the run after its current point, or let it go on."""
        if self.handle is not None:
            (self.handle.resume if self.handle.paused else self.handle.pause)()

    def stop_after_sweep(self) -> None:
        """End the run when its sweep is complete."""
        if self.handle is not None and self.handle.has_sweeps:
            self.handle.stop_after_sweep()
            self.told.emit("The run ends after this sweep.")

    def abort(self, reason: str = "stopped by the user") -> None:
        """End the run after its current point."""
        if self.handle is not None:
            self.aborted_because = reason
            self.handle.stop(reason)
            self.told.emit("Aborting: the run ends after the point under way.")
            self.ticked.emit()

    def read_devices(self) -> None:
        """Read every device that no run owns; skipped while the last reading is not back."""
        rig = self.rig
        if rig is not None and not self.starting and not self.rig_lane.waiting:
            self.rig_lane.submit(lambda: read_devices(rig), self.devices_read.emit, _not_read)

    def declare(self, particle: str) -> None:
        """Say which particle is in the trap; "" for none."""
        self.particle = particle
        self.particle_declared.emit(particle)

    def change(self, role: str, setting: str, value: str | bool, *, sure: bool = False) -> None:
        """Set one value by hand; `sure` as in `labctl.core.by_hand.change`."""
        rig, particle = self.rig, self.particle
        if rig is not None:
            self.rig_lane.submit(
                lambda: change(rig, role, setting, value, particle=particle, sure=sure),
                lambda _: self.told.emit(f"{role}.{setting} is set."),
                self.report,
            )
            self.read_devices_soon()

    def set_pace(self, speed: float | None) -> None:
        """Let the clock of a simulated world go at another speed; it first catches up."""
        world = self.rig.simulation if self.rig is not None else None
        if world is not None:
            self.rig_lane.submit(lambda: setattr(world, "speed", speed))

    def read_devices_soon(self) -> None:
        """Read the devices after what they are doing now."""
        rig = self.rig
        if rig is not None:
            self.rig_lane.submit(lambda: read_devices(rig), self.devices_read.emit, _not_read)

    def emergency_stop(self) -> None:
        """Bring every device to its safe state now, whatever else is under way."""
        rig = self.rig
        logger.warning("Emergency stop")
        if rig is None:
            self.told.emit("No rig is open: nothing to stop.")
            return
        # Not in a lane: the rig's may be held up by the very device that has to be stopped.
        threading.Thread(
            target=lambda: self.stopped_for_safety.emit(session.end_at_once(rig)),
            name="gui-emergency",
            daemon=True,
        ).start()

    def close(self, timeout_s: float = 10.0) -> None:
        """End everything: the run, the rig, the threads."""
        self._timer.stop()
        self.close_rig()
        self.analysis_lane.close(ANALYSIS_PATIENCE_S)  # nobody waits for that fit any more
        for lane in (self.rig_lane, self.files_lane):
            if not lane.close(timeout_s):
                logger.error("A thread of the window did not end within %g s", timeout_s)

    def _rig_built(self, rig: Rig) -> None:
        self.rig_opening.emit(rig)
        self.rig_lane.submit(rig.open, lambda _: self._rig_opened(rig), self._rig_failed)

    def _rig_opened(self, rig: Rig) -> None:
        self.rig, self.opening = rig, False
        self.rig_told.emit(f"{rig.name} is open.")
        self.rig_changed.emit(rig)
        self.read_devices()

    def _rig_failed(self, error: BaseException) -> None:
        self.opening = False
        self.rig_told.emit("No rig is open.")
        self.rig_changed.emit(None)
        self.report(error)

    def _begun(self, handle: RunHandle) -> None:
        self.starting = False
        sequence = handle.runner.sequence
        self.handle, self.aborted_because = handle, ""
        self.data = LiveData((*sequence.columns, ELAPSED), sequence.plot)
        self.begun_s = time.monotonic()
        self._fitted_points, self._next_fit_s = 0, self.begun_s + FIT_EVERY_S
        self.run_begun.emit(handle, self.data)
        self._timer.start()

    def _not_begun(self, error: BaseException) -> None:
        self.starting = False
        self.report(error)
        self.run_ended.emit(None)

    def _tick(self) -> None:
        handle, data = self.handle, self.data
        if handle is None or data is None:
            self._timer.stop()
            return
        over = handle.wait(0)
        live = handle.runner.live
        begun_s = time.perf_counter()
        while live and time.perf_counter() - begun_s < DRAIN_S:
            data.take([live.popleft() for _ in range(min(len(live), MOST_AT_ONCE))])
        self.ticked.emit()
        took_ms = 1e3 * (time.perf_counter() - begun_s)
        pause_ms = max(DRAIN_MS, round(REST * took_ms))
        if pause_ms != self._timer.interval():  # setting it begins the interval anew
            self._timer.setInterval(pause_ms)
        if over and not live:
            self._timer.stop()
            self._over(handle)
        elif not over:
            self._fit_now_and_then(handle, data)

    def _fit_now_and_then(self, handle: RunHandle, data: LiveData) -> None:
        now_s = time.monotonic()
        if (
            now_s < self._next_fit_s
            or self.analysis_lane.waiting
            or data.points == self._fitted_points
        ):
            return
        self._fitted_points = data.points
        columns, first = data.columns(), data.points - data.kept

        def fit() -> tuple[Any, float]:
            begun_s = time.monotonic()
            fit = session.analyze_live(handle, columns, first=first)
            return fit, time.monotonic() - begun_s

        def show(answer: tuple[Any, float]) -> None:
            # An analysis that takes long must not take the computer from the measurement.
            self._next_fit_s = time.monotonic() + max(FIT_EVERY_S, 3 * answer[1])
            if self.handle is handle:
                self.fitted.emit(answer[0])

        def fail(error: BaseException) -> None:
            self._next_fit_s = time.monotonic() + 10 * FIT_EVERY_S
            logger.info("No fit of the points so far: %s", error)

        self.analysis_lane.submit(fit, show, fail)

    def _over(self, handle: RunHandle) -> None:
        data = self.data

        def outcome() -> Outcome:
            error: LabError | None = None
            run: Run | None = None
            try:
                run = handle.result()
            except LabError as failure:
                error = failure
            if run is None:
                try:
                    run = read_run(handle.path)
                except LabError:
                    logger.exception("The file %s cannot be read back", handle.path)
            missed = run is not None and data is not None and data.points < len(run)
            whole = data_of(run) if run is not None and (missed or run.marks) else None
            return Outcome(handle.path, run, error, handle.analysis_error, whole)

        self.files_lane.submit(outcome, self._told_over)

    def _told_over(self, outcome: Outcome) -> None:
        self.handle = None
        self.run_ended.emit(outcome)
        if outcome.error is not None and not isinstance(outcome.error, RunAbortedError):
            self.report(outcome.error)
        elif outcome.error is not None:
            self.told.emit(str(outcome.error))
        if outcome.analysis_error:
            self.failed.emit(f"The analysis failed: {outcome.analysis_error}", "")


def _not_read(error: BaseException) -> None:
    """Somebody else has had the devices for too long; who is silent is told by the watch."""
    logger.info("The devices were not read: %s", error)
