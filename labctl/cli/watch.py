"""Watching a run from the command line: its progress, and the signals that end it."""

import time

from labctl.cli.console import report_warning
from labctl.cli.progress import RunProgress
from labctl.cli.stop_signals import StopSignals
from labctl.cli.trouble import Trouble
from labctl.session import RunHandle, end_at_once

POLL_S = 0.1
GRACE_S = 0.3
"""After a second signal, how long the run may still take to end by itself."""


def watch_run(handle: RunHandle, signals: StopSignals) -> None:
    """Show the progress of a run until its end.

    A signal stops it after the current point. A second one ends it at once, with the devices
    safe, though a call hangs.
    """
    runner = handle.runner
    insisted_s: float | None = None
    trouble = Trouble(handle)
    with RunProgress(runner.sequence.name, runner.total) as progress:
        while not handle.wait(POLL_S):
            if signals.reason:
                handle.stop(signals.reason)
            if signals.insistent:
                insisted_s = insisted_s or time.monotonic()
                if time.monotonic() - insisted_s > GRACE_S:
                    for failure in end_at_once(handle.rig):
                        report_warning(failure)
            stopping = bool(signals.reason)
            progress.show(runner.done, stopping=stopping, waiting=trouble.waiting)
            for line in trouble.news(stopping=stopping):
                report_warning(line)
    for line in trouble.news(stopping=False):
        report_warning(line)
