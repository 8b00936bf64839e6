"""The status model of IEEE 488.2 (chapter 11) and SCPI: registers, masks, error queue."""

import threading
from collections import deque
from collections.abc import Callable

from sim_backends.wire.scpi_error import MESSAGES, SCPIError
from sim_backends.wire.status_register import StatusRegister

OPERATION_COMPLETE, QUERY_ERROR, DEVICE_ERROR = 1, 4, 8
EXECUTION_ERROR, COMMAND_ERROR, POWER_ON = 16, 32, 128
"""Bits of the standard event status register."""
ERROR_QUEUE_BIT, QUESTIONABLE_BIT, MESSAGE_BIT = 4, 8, 16
EVENT_BIT, SERVICE_BIT, OPERATION_BIT = 32, 64, 128
"""Bits of the status byte."""
QUEUE_LENGTH = 30


class Status:
    """Registers and error queue of one instrument, shared by all who talk to it.

    Args:
        refresh: brings the conditions of the registers up to date.

    Attributes:
        event: standard event status register.
        event_mask: *ESE.
        service_mask: *SRE.
        clear_at_power_on: *PSC.
        operation, questionable: the two branches of the SCPI status tree.
        watchers: told whenever the status byte may have changed while service is asked for.
    """

    def __init__(self, refresh: Callable[["Status"], None] | None = None) -> None:
        self.event = POWER_ON
        self.event_mask = 0
        self.service_mask = 0
        self.clear_at_power_on = True
        self.operation = StatusRegister()
        self.questionable = StatusRegister()
        self.watchers: set[Callable[[], None]] = set()
        self._refresh = refresh
        self._errors: deque[tuple[int, str]] = deque()
        self._lock = threading.RLock()

    def report(self, error: SCPIError) -> None:
        """Put an error into the queue; a full one ends in -350 and takes no more."""
        with self._lock:
            self.event |= _class_of(error.number)
            if len(self._errors) < QUEUE_LENGTH:
                self._errors.append((error.number, error.message))
            else:
                self._errors[-1] = (-350, MESSAGES[-350])

    def next_error(self) -> tuple[int, str]:
        """Take the oldest error; (0, "No error") if there is none."""
        with self._lock:
            return self._errors.popleft() if self._errors else (0, MESSAGES[0])

    def error_count(self) -> int:
        """Number of errors in the queue."""
        return len(self._errors)

    def read_event(self) -> int:
        """Take the event register, which clears it."""
        with self._lock:
            event, self.event = self.event, 0
            return event

    def refresh(self) -> None:
        """Bring the conditions of the two registers up to date."""
        if self._refresh is not None:
            with self._lock:
                self._refresh(self)

    def byte(self, message_available: bool = False) -> int:
        """The status byte with the master summary bit, for who has an answer waiting or not."""
        self.refresh()
        value = ERROR_QUEUE_BIT if self._errors else 0
        value |= QUESTIONABLE_BIT if self.questionable.summary else 0
        value |= MESSAGE_BIT if message_available else 0
        value |= EVENT_BIT if self.event & self.event_mask else 0
        value |= OPERATION_BIT if self.operation.summary else 0
        return value | (SERVICE_BIT if value & self.service_mask else 0)

    def tell_watchers(self) -> None:
        """Let every session look whether there is a new reason to ask for service."""
        for look in tuple(self.watchers):
            look()

    def clear(self) -> None:
        """*CLS: forget events and errors, keep the masks."""
        with self._lock:
            self.refresh()
            self.event = 0
            self.operation.event = self.questionable.event = 0
            self._errors.clear()


def _class_of(number: int) -> int:
    """The event bit of an error (SCPI 1999, volume 2, 21.8.2)."""
    if -500 < number <= -400:
        return QUERY_ERROR
    if -200 < number <= -100:
        return COMMAND_ERROR
    return EXECUTION_ERROR if -300 < number <= -200 else DEVICE_ERROR
