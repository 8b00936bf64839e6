"""The message exchange of IEEE 488.2 (chapter 6): buffer, queue and who may talk."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from sim_backends.wire.access_lock import SLICE_S
from sim_backends.wire.framing import LONGEST_MESSAGE
from sim_backends.wire.instrument import SCPIInstrument
from sim_backends.wire.scpi_error import SilentError


class Piece(NamedTuple):
    """What a read has brought.

    Attributes:
        data: the bytes.
        ended: whether the answer ends with them.
        stopped: whether the stop character is their last one.
    """

    data: bytes
    ended: bool
    stopped: bool


class MessageExchange:
    """One client's view of an instrument that answers only when it is asked to talk.

    Messages are carried out in a thread of their own, so that the client may poll, clear or abort
    meanwhile. A message before the last answer was read is INTERRUPTED (-410, 6.3.2.3), reading
    where nothing was asked is UNTERMINATED (-420, 6.3.2.2).
    """

    def __init__(self, instrument: SCPIInstrument) -> None:
        self.instrument = instrument
        self._input = bytearray()
        self._pending: deque[bytes] = deque()
        self._output = b""
        self._busy = self._silent = self._closed = False
        self._breaks = 0
        self._changed = threading.Condition()
        self._worker = threading.Thread(target=self._work, name="wire-exchange", daemon=True)
        self._worker.start()

    @property
    def message_available(self) -> bool:
        """MAV."""
        return bool(self._output)

    def write(self, data: bytes, *, end: bool) -> None:
        """Take bytes of a program message; a line feed or `end` completes it."""
        with self._changed:
            if self._output:
                self._output = b""
                self.instrument.query_error(-410)
            self._input += data
            *complete, rest = bytes(self._input).split(b"\n")
            if end:
                complete, rest = [*complete, rest], b""
            self._input[:] = rest
            for message in (one.strip(b"\r") for one in complete):
                if len(message) > LONGEST_MESSAGE:
                    self.instrument.overrun()
                elif message:
                    self._pending.append(message)
            if len(self._input) > LONGEST_MESSAGE:
                self._input.clear()
                self.instrument.overrun()
            self._changed.notify_all()

    def read(
        self, count: int, stop: int | None, timeout_s: float, still_there: Callable[[], bool]
    ) -> Piece | None:
        """At most `count` bytes of the answer, up to `stop`; None if there is none in time.

        Raises:
            InterruptedError: the client has aborted, cleared or left meanwhile.
        """
        end_s = time.monotonic() + timeout_s
        with self._changed:
            breaks = self._breaks
            if not (self._output or self._busy or self._pending or self._silent):
                self.instrument.query_error(-420)
            while not self._output:
                left_s = end_s - time.monotonic()
                if self._breaks != breaks or not still_there():
                    raise InterruptedError
                if left_s <= 0:
                    return None
                self._changed.wait(min(left_s, SLICE_S))
            taken = self._output[:count]
            found = -1 if stop is None else taken.find(stop)
            if found >= 0:
                taken = taken[: found + 1]
            self._output = self._output[len(taken) :]
            return Piece(taken, not self._output, found >= 0)

    def clear(self) -> None:
        """Device clear: nothing that was said, is being done or was answered is left."""
        with self._changed:
            self._input.clear()
            self._pending.clear()
            self._output, self._silent = b"", False
            self._break()

    def abort(self) -> None:
        """End a read that is waiting."""
        with self._changed:
            self._break()

    def close(self) -> None:
        """No more messages are carried out."""
        with self._changed:
            self._closed = True
            self._pending.clear()
            self._break()

    def _break(self) -> None:
        self._breaks += 1
        self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closed)
                if self._closed:
                    return
                message, self._busy = self._pending.popleft(), True
                breaks = self._breaks
            try:
                answer, silent = self.instrument.handle(message, queued=True), False
            except SilentError:
                answer, silent = None, True
            with self._changed:
                self._busy, self._silent = False, silent
                if answer is not None and self._breaks == breaks:
                    if self._pending or self._input:
                        self.instrument.query_error(-410)
                    else:
                        self._output = answer
                self._changed.notify_all()
            if self.instrument.status.service_mask:
                self.instrument.status.tell_watchers()  # an answer is a reason as well
