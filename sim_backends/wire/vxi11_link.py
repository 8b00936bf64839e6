"""A link of VXI-11: one client's way to one instrument."""

from collections.abc import Callable

from sim_backends.wire.access_lock import LockAnswer
from sim_backends.wire.instrument import SCPIInstrument
from sim_backends.wire.message_exchange import MessageExchange
from sim_backends.wire.service_request import ServiceRequest


class VXI11Link:
    """What create_link makes and destroy_link ends.

    Args:
        instrument: who is talked to.
        notify: sends device_intr_srq with a handle, if the client has asked for that.

    Attributes:
        exchange: messages and answers.
        handle: what the client wants to be told with a service request; None if it does not.
    """

    def __init__(self, instrument: SCPIInstrument, notify: Callable[[bytes], None]) -> None:
        self.exchange = MessageExchange(instrument)
        self.handle: bytes | None = None
        self._instrument = instrument
        self._notify = notify
        self._request = ServiceRequest(
            instrument.status, lambda: self.exchange.message_available, self._ask_for_service
        )

    def lock(self, timeout_s: float, still_there: Callable[[], bool]) -> LockAnswer:
        """Ask for the exclusive lock."""
        return self._instrument.access.request(self, b"", timeout_s, still_there)

    def unlock(self) -> LockAnswer:
        """Give it back."""
        return self._instrument.access.release(self)

    def may_go_on(self, timeout_s: float, still_there: Callable[[], bool]) -> bool:
        """Whether no other client has locked the instrument, at the latest after a time-out."""
        return self._instrument.access.wait_for_access(self, timeout_s, still_there)

    def poll(self) -> int:
        """The status byte of a serial poll."""
        return self._request.poll(self.exchange.message_available)

    def close(self) -> None:
        """Release locks and forget what was said."""
        self._request.close()
        self._instrument.access.forget(self)
        self.exchange.close()

    def _ask_for_service(self, status: int) -> None:
        del status  # the client reads it with device_readstb
        if self.handle is not None:
            self._notify(self.handle)
