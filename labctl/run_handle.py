"""A run under way as its caller holds it, and what happens when it ends."""

import logging
import threading
from pathlib import Path

from labctl.core import MeasurementSequence, Rig, Runner, describe
from labctl.core.provenance import now, truth_of
from labctl.data import FitResult, Run, RunInfo, RunStatus
from labctl.errors import RunAbortedError, RunFailedError
from labctl.storage import RunWriter, append_fit, read_run

logger = logging.getLogger(__name__)


class Conclusion:
    """The end of a run: first the lab, then the file, then the analysis.

    Attributes:
        rig: the lab.
        analysis_error: why the analysis failed; "" if it did not.
    """

    def __init__(self, rig: Rig, writer: RunWriter, measurement: MeasurementSequence) -> None:
        self.rig = rig
        self._writer, self._measurement = writer, measurement
        self._file = threading.Lock()  # taken for good by whoever closes the file
        self.analysis_error = ""

    def end(self, status: RunStatus, reason: str) -> None:
        """Make the lab safe, close the file and analyse it.

        Raises:
            RunFailedError: a device is not in its safe state.
            StorageError: points were lost.
        """
        rig, writer = self.rig, self._writer
        truth = truth_of(rig)
        # A device that failed may take its time to answer; safety comes first then.
        at_end = rig.record() if status is RunStatus.FINISHED else []
        failures = rig.make_safe()
        at_end = at_end or rig.record()
        rig.active = None
        if failures:
            status, reason = RunStatus.FAILED, "; ".join(filter(None, (reason, *failures)))
        if not self._file.acquire(blocking=False):
            return
        writer.close(status, reason, now(), at_end, truth)
        if failures:
            raise RunFailedError("; ".join(failures))
        self.analysis_error = analyze_ended(writer.path, self._measurement)

    def end_without_lab(self, status: RunStatus, reason: str) -> bool:
        """Close the file while a device hangs; False if `end` is doing so already.

        The rig stays with the run until the call that hangs returns.
        """
        if not self._file.acquire(blocking=False):
            return False
        self._writer.close(status, reason, now())
        return True


class RunHandle:
    """A run under way: its progress, the ways to hold and to end it, and its result.

    Attributes:
        info: everything that was known about the run before its first point.
    """

    def __init__(self, runner: Runner, path: Path, info: RunInfo, conclusion: Conclusion) -> None:
        self.runner = runner
        self.info = info
        self.path = path
        self._conclusion = conclusion

    @property
    def rig(self) -> Rig:
        """The lab it runs on."""
        return self._conclusion.rig

    @property
    def analysis_error(self) -> str:
        """Why the analysis after the run failed; "" if it did not."""
        return self._conclusion.analysis_error

    def stop(self, reason: str = "stopped by the user", *, at_once: bool = False) -> None:
        """Ask the run to end after the current point.

        `at_once` also takes the instruments away from the sequence; the point is lost.
        """
        self.runner.stop(reason, at_once=at_once)

    def stop_after_sweep(self, reason: str = "stopped after the sweep") -> None:
        """Ask the run to end when its current sweep is complete.

        Raises:
            ParameterError: the sequence has no sweeps; see `has_sweeps`.
        """
        self.runner.stop_after_sweep(reason)

    @property
    def has_sweeps(self) -> bool:
        """Whether the run can be stopped after a sweep."""
        return self.runner.has_sweeps

    def pause(self) -> None:
        """Hold after the current point."""
        self.runner.pause()

    def resume(self) -> None:
        """Go on after a pause."""
        self.runner.resume()

    @property
    def paused(self) -> bool:
        """Whether the run is held."""
        return self.runner.paused

    def abandon(self, reason: str = "a device does not answer") -> None:
        """End the run at once and close its file, also while a driver call hangs.

        The devices stay with the run (`rig.active`) until the call returns.
        """
        self.runner.abandon(reason)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end, at most `timeout_s`; returns whether it has come."""
        return self.runner.join(timeout_s)

    def result(self) -> Run:
        """Wait for the end and read the file back.

        Raises:
            RunAbortedError: it was stopped.
            RunFailedError: it ended in an error, which is the cause of this one.
        """
        while not self.wait(0.1):
            pass
        runner = self.runner
        where = f"the {runner.done} points taken are in {self.path}"
        if runner.status is RunStatus.ABORTED:
            raise RunAbortedError(f"Run aborted ({runner.reason}); {where}")
        if runner.status is RunStatus.FAILED:
            reason = runner.reason.rstrip(".")
            raise RunFailedError(f"Run failed: {reason}; {where}") from runner.error
        return read_run(self.path)


def analyze_ended(path: Path, measurement: MeasurementSequence) -> str:
    """Analyse a run that has just ended; returns what went wrong, "" if nothing did."""
    try:
        store_analysis(path, measurement, read_run(path))
    except Exception as error:  # the data are safe; a fit can be repeated at any time
        logger.exception("The analysis of %s failed; repeat it with `labctl fit`", path)
        return describe(error)
    return ""


def store_analysis(path: Path, measurement: MeasurementSequence, recorded: Run) -> FitResult | None:
    """Analyse a run and store the result in its file, replacing an earlier one."""
    recorded = recorded.sound()
    if len(recorded) == 0:
        return None
    result = measurement.analyze(recorded)
    if result is not None:
        append_fit(path, result)
    return result
