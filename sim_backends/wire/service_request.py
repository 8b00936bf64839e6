"""Asking for service: who has to be told that an enabled bit of the status byte has risen."""

import threading
from collections.abc import Callable

from sim_backends.wire.status import SERVICE_BIT, Status


class ServiceRequest:
    """The RQS latch of one session (IEEE 488.2, 11.3.3): one request for every new reason.

    Args:
        status: of the instrument.
        available: whether this session has an answer waiting, which is MAV.
        tell: called with the status byte when service is asked for; may raise OSError.
    """

    def __init__(
        self, status: Status, available: Callable[[], bool], tell: Callable[[int], None]
    ) -> None:
        self._status = status
        self._available = available
        self._tell = tell
        self._reasons = 0
        self._requested = False
        self._lock = threading.Lock()
        status.watchers.add(self.look)

    def look(self) -> None:
        """Ask for service if there is a reason that there was not at the last look."""
        with self._lock:
            byte = self._status.byte(self._available())
            reasons = byte & self._status.service_mask & ~SERVICE_BIT
            new, self._reasons = reasons & ~self._reasons, reasons
            if not new or self._requested:
                return
            self._requested = True
        self._tell(byte | SERVICE_BIT)

    def poll(self, available: bool) -> int:
        """The status byte of a serial poll: bit 6 is RQS, and reading clears it."""
        with self._lock:
            byte = self._status.byte(available) & ~SERVICE_BIT
            requested, self._requested = self._requested, False
        return byte | (SERVICE_BIT if requested else 0)

    def close(self) -> None:
        """Nobody is to be told any more."""
        self._status.watchers.discard(self.look)
