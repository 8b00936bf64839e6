"""Ctrl-C and its relatives, turned into a request that is answered between two points."""

import signal
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any, Self

REASONS: Mapping[str, str] = {
    "SIGINT": "interrupted from the keyboard",
    "SIGTERM": "terminated by the system",
    "SIGHUP": "the terminal was closed",
}


class StopSignals:
    """A context in which the signals that end a program no longer cut through it.

    Until `deferred` is set the first of them raises KeyboardInterrupt, so that a rig that is
    being opened is closed again; later ones, and all after `deferred`, are only remembered.

    Attributes:
        deferred: set it once there is a run that can be asked to stop.
        reason: why to stop, in words; "" while nothing came.
        insistent: whether more than one came.
    """

    def __init__(self) -> None:
        self.deferred = False
        self.reason = ""
        self.insistent = False
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for name in REASONS:
                number = getattr(signal, name, None)  # Windows has no SIGHUP
                # What was started with a signal ignored (nohup) keeps ignoring it.
                if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        del frame
        first = not self.reason
        self.insistent = not first
        self.reason = self.reason or REASONS[signal.Signals(number).name]
        if first and not self.deferred:
            raise KeyboardInterrupt
