"""Roles of drivers over a scripted wire: what is sent and answered, literally."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from pymeasure.adapters import ProtocolAdapter
from pymeasure.test import expected_protocol
from pyvisa import VisaIOError
from pyvisa.constants import StatusCode

from drivers.session import Session

PLACE = "TCPIP::192.168.0.7::INSTR"
Pair = tuple[str | bytes | None, str | bytes | None]


def conversation(
    role: type[Any], pairs: Sequence[Pair], **arguments: Any
) -> AbstractContextManager[Any]:
    """The role's object; fails unless exactly `pairs` are said."""

    def over(adapter: ProtocolAdapter) -> Any:
        return role(Session(PLACE, adapter=adapter), **arguments)

    return expected_protocol(over, list(pairs))  # type: ignore[arg-type]


class SilentAdapter(ProtocolAdapter):
    """An instrument that stops answering after what is scripted, as VISA tells it."""

    def _read(self, **kwargs: Any) -> str:
        if self._read_buffer is None:
            raise VisaIOError(StatusCode.error_timeout)
        return super()._read(**kwargs)


class HandClock:
    """A clock that a test sets; sleeping passes at once."""

    def __init__(self) -> None:
        self.time_s = 0.0

    def now_s(self) -> float:
        return self.time_s

    def sleep_s(self, duration_s: float) -> None:
        self.time_s += duration_s
