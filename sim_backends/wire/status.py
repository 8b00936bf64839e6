"""The status model every IEEE 488.2 instrument has: event register, masks, error queue."""

from collections import deque

from sim_backends.wire.scpi_error import MESSAGES, SCPIError

OPERATION_COMPLETE, DEVICE_ERROR, EXECUTION_ERROR, COMMAND_ERROR, POWER_ON = 1, 8, 16, 32, 128
ERROR_QUEUE_BIT, EVENT_BIT, SERVICE_BIT = 4, 32, 64
QUEUE_LENGTH = 30


class Status:
    """Registers and error queue of one instrument, shared by all who talk to it.

    Attributes:
        event: standard event status register.
        event_mask: *ESE.
        service_mask: *SRE.
    """

    def __init__(self) -> None:
        self.event = POWER_ON
        self.event_mask = 0
        self.service_mask = 0
        self._errors: deque[tuple[int, str]] = deque()

    def report(self, error: SCPIError) -> None:
        """Put an error into the queue; a full one ends in -350 and takes no more."""
        if error.is_command_error:
            self.event |= COMMAND_ERROR
        else:
            self.event |= EXECUTION_ERROR if error.number > -300 else DEVICE_ERROR
        if len(self._errors) < QUEUE_LENGTH:
            self._errors.append((error.number, error.message))
        else:
            self._errors[-1] = (-350, MESSAGES[-350])

    def next_error(self) -> tuple[int, str]:
        """Take the oldest error; (0, "No error") if there is none."""
        return self._errors.popleft() if self._errors else (0, MESSAGES[0])

    def error_count(self) -> int:
        """Number of errors in the queue."""
        return len(self._errors)

    def read_event(self) -> int:
        """Take the event register, which clears it."""
        event, self.event = self.event, 0
        return event

    def byte(self) -> int:
        """The status byte with the master summary bit."""
        value = ERROR_QUEUE_BIT if self._errors else 0
        value |= EVENT_BIT if self.event & self.event_mask else 0
        return value | (SERVICE_BIT if value & self.service_mask else 0)

    def clear(self) -> None:
        """*CLS: forget events and errors, keep the masks."""
        self.event = 0
        self._errors.clear()
