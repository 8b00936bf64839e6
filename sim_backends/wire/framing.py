"""Messages out of a stream of bytes, however it was cut on its way."""

from collections.abc import Iterator
from typing import Any, Protocol

LONGEST_MESSAGE = 1_000_000
"""Bytes; a longer one is dropped up to its end, so that memory stays as it is."""


class Cutter(Protocol):
    """Whatever finds messages in a stream of bytes."""

    overruns: int

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that `data` completes, without their ends."""
        ...


def framer_for(instrument: Any) -> Cutter:
    """The instrument's own framer, if its protocol needs more than the end of a line."""
    own = getattr(instrument, "framer", None)
    return Framer(instrument.line_end) if own is None else own()


class Framer:
    """Cuts at `line_end`; a carriage return before a line feed belongs to the end.

    Attributes:
        overruns: how many messages were too long.
    """

    def __init__(self, line_end: bytes, longest: int = LONGEST_MESSAGE) -> None:
        self.overruns = 0
        self._end = line_end
        self._longest = longest
        self._buffer = bytearray()
        self._dropping = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that `data` completes, without their ends; empty ones are left out."""
        self._buffer += data
        *messages, rest = bytes(self._buffer).split(self._end)
        self._buffer = bytearray(rest)
        for message in messages:
            if self._dropping:
                self._dropping = False
            elif len(message) > self._longest:
                self.overruns += 1
            elif stripped := message.strip(b"\r\n"):
                yield stripped
        if len(self._buffer) > self._longest:
            self.overruns += not self._dropping
            self._dropping = True
        if self._dropping:
            # What might be the beginning of the end must stay.
            del self._buffer[: max(len(self._buffer) - len(self._end) + 1, 0)]
