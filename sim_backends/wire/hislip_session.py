"""One client of a HiSLIP server: its two connections and what stands between them."""

import contextlib
import select
import socket
import threading

from sim_backends.wire import hislip_message as hs
from sim_backends.wire.framing import LONGEST_MESSAGE
from sim_backends.wire.instrument import SCPIInstrument
from sim_backends.wire.scpi_error import SilentError
from sim_backends.wire.service_request import ServiceRequest
from sim_backends.wire.tcp_server import PATIENCE_S

RMT_DELIVERED = 1
"""Control bit of Data, DataEND, Trigger and AsyncStatusQuery: the last answer was read."""
BEFORE_FIRST_ID = 0xFFFFFEFE
REMOTE_LOCAL_CODES = range(7)
FOREVER_S = 1e9
RELEASE_PATIENCE_S = 0.2
"""How long a lock waits to be released for a message that its owner has sent, if none is in
sight; what the instrument is busy with is waited for in any case."""


class HiSLIPSession:
    """Synchronised mode (IVI-6.1, section 3.1), with a thread for each connection.

    Args:
        instrument: who is talked to.
        synchronous: the first connection.
    """

    def __init__(self, instrument: SCPIInstrument, synchronous: socket.socket) -> None:
        self._instrument = instrument
        self._synchronous = synchronous
        self._asynchronous: socket.socket | None = None
        self._sending = threading.Lock()
        self._longest = LONGEST_MESSAGE
        self._input = bytearray()
        self._last_id = BEFORE_FIRST_ID
        self._finished = threading.Condition()
        self._busy = False
        self._clears = 0
        self._clearing = False
        # Whether the next message must say that an answer was read; None: it may, after a clear.
        self._rmt_expected: bool | None = False
        self._request = ServiceRequest(
            instrument.status, lambda: bool(self._rmt_expected), self._ask_for_service
        )

    def attach(self, asynchronous: socket.socket) -> bool:
        """Take the second connection; False if there is one already."""
        if self._asynchronous is not None:
            return False
        # Several threads send on it and one receives, so that its time-out must never change.
        asynchronous.settimeout(PATIENCE_S)
        self._asynchronous = asynchronous
        return True

    def close(self) -> None:
        """Release locks and hang up on both connections."""
        self._request.close()
        self._clears += 1
        self._instrument.access.forget(self)
        for connection in (self._synchronous, self._asynchronous):
            if connection is not None:
                with contextlib.suppress(OSError):  # it may have gone by itself
                    connection.shutdown(socket.SHUT_RDWR)

    # --- the synchronous channel ---------------------------------------------------------------

    def serve_synchronous(self) -> None:
        """Carry out program messages until the client leaves."""
        connection = self._synchronous
        while (message := hs.receive_message(connection)) is not None:
            kind = message.kind
            if kind in (hs.DATA, hs.DATA_END, hs.TRIGGER):
                if self._asynchronous is None:
                    text = b"Attempt to use connection without both channels established"
                    hs.send_message(connection, hs.FATAL_ERROR, hs.NOT_BOTH_CHANNELS, 0, text)
                    return
                self._take(message)
            elif kind == hs.CLEAR_COMPLETE:
                self._input.clear()
                self._last_id, self._rmt_expected, self._clearing = BEFORE_FIRST_ID, None, False
                hs.send_message(connection, hs.CLEAR_ACKNOWLEDGE, 0, 0)
            elif kind == hs.FATAL_ERROR:
                return
            elif kind != hs.ERROR:
                hs.send_message(connection, hs.ERROR, *_unknown(kind))

    def _take(self, message: hs.Message) -> None:
        if self._clearing:
            return  # until DeviceClearComplete everything is dropped
        with self._finished:
            self._busy = True
        try:
            if message.control & ~RMT_DELIVERED:
                text = b"Unrecognized control code"
                hs.send_message(self._synchronous, hs.ERROR, hs.UNKNOWN_CONTROL, 0, text)
                return
            self._note_delivery(bool(message.control & RMT_DELIVERED))
            if message.kind == hs.TRIGGER:
                if self._may_go_on():
                    with contextlib.suppress(SilentError):
                        self._instrument.trigger()
            elif message.payload is None or len(self._input) > LONGEST_MESSAGE:
                self._input.clear()
                self._instrument.overrun()
                hs.send_message(self._synchronous, hs.ERROR, hs.TOO_LARGE, 0, b"Message too large")
            else:
                self._input += message.payload
                if message.kind == hs.DATA_END:
                    text = bytes(self._input).strip(b"\r\n")
                    self._input.clear()
                    self._last_id = message.parameter
                    self._answer(message.parameter, text)
        finally:
            with self._finished:
                self._last_id, self._busy = message.parameter, False
                self._finished.notify_all()

    def _note_delivery(self, delivered: bool) -> None:
        """Section 3.1.1, rule 2: a new message before the last answer was read is an error."""
        if self._rmt_expected is not None and self._rmt_expected != delivered:
            self._instrument.query_error(-410)
        self._rmt_expected = False

    def _may_go_on(self) -> bool:
        """Wait while others have locked the instrument; False if this client stops waiting."""
        clears = self._clears
        return self._instrument.access.wait_for_access(
            self, FOREVER_S, lambda: self._clears == clears
        )

    def _answer(self, number: int, text: bytes) -> None:
        clears = self._clears
        if not text or not self._may_go_on():
            return
        try:
            answer = self._instrument.handle(text, queued=True)
        except SilentError:
            return
        if answer is None or self._clears != clears:
            return
        interrupting = self._waiting_id()
        if interrupting is not None:  # section 3.1.1, rule 1
            self._instrument.query_error(-410)
            self._send_asynchronous(hs.ASYNC_INTERRUPTED, 0, interrupting)
            hs.send_message(self._synchronous, hs.INTERRUPTED, 0, interrupting)
            return
        most = max(self._longest - hs.HEADER.size, 1)
        self._rmt_expected = True
        for start in range(0, len(answer), most):
            kind = hs.DATA_END if start + most >= len(answer) else hs.DATA
            hs.send_message(self._synchronous, kind, 0, number, answer[start : start + most])
        if self._instrument.status.service_mask:
            self._request.look()

    def _waiting_id(self) -> int | None:
        """The message that has come in behind the present one, if it is a program message."""
        readable, _, _ = select.select([self._synchronous], [], [], 0)
        if not readable:
            return None
        head = self._synchronous.recv(hs.HEADER.size, socket.MSG_PEEK)
        if len(head) < hs.HEADER.size:
            return None
        _, kind, _, parameter, _ = hs.HEADER.unpack(head)
        return parameter if kind in (hs.DATA, hs.DATA_END, hs.TRIGGER) else None

    # --- the asynchronous channel --------------------------------------------------------------

    def serve_asynchronous(self, connection: socket.socket) -> None:
        """Locks, status, clear and sizes, until the client leaves."""
        while (message := self._next_asynchronous(connection)) is not None:
            kind, control = message.kind, message.control
            if kind == hs.STATUS_QUERY:
                status = self._status(bool(control & RMT_DELIVERED), message.parameter)
                self._send_asynchronous(hs.STATUS_RESPONSE, status)
            elif kind == hs.MAX_SIZE and message.payload and len(message.payload) == 8:
                self._longest = int.from_bytes(message.payload, "big")
                size = LONGEST_MESSAGE.to_bytes(8, "big")
                self._send_asynchronous(hs.MAX_SIZE_RESPONSE, 0, 0, size)
            elif kind == hs.ASYNC_CLEAR:
                self._clears += 1
                self._clearing = True
                self._send_asynchronous(hs.ASYNC_CLEAR_ACKNOWLEDGE, 0)
            elif kind == hs.LOCK and control in (0, 1):
                self._send_asynchronous(hs.LOCK_RESPONSE, self._lock(connection, message))
            elif kind == hs.LOCK_INFO:
                access = self._instrument.access
                self._send_asynchronous(
                    hs.LOCK_INFO_RESPONSE, int(access.is_exclusive), access.holders
                )
            elif kind == hs.REMOTE_LOCAL and control in REMOTE_LOCAL_CODES:
                self._send_asynchronous(hs.REMOTE_LOCAL_RESPONSE, 0)
            elif kind in (hs.LOCK, hs.REMOTE_LOCAL):
                text = b"Unrecognized control code"
                self._send_asynchronous(hs.ERROR, hs.UNKNOWN_CONTROL, 0, text)
            elif kind == hs.FATAL_ERROR:
                return
            elif kind != hs.ERROR:
                self._send_asynchronous(hs.ERROR, *_unknown(kind))

    def _next_asynchronous(self, connection: socket.socket) -> hs.Message | None:
        select.select([connection], [], [])
        return hs.receive_message(connection)

    def _status(self, delivered: bool, number: int) -> int:
        """The status byte with MAV (section 4.14.1), which is about the client's last message.

        The standard wants that message's number here; PyVISA-py 0.8 sends its next one.
        """
        if delivered:
            self._rmt_expected = False
        asked_about_last = number in (self._last_id, (self._last_id + 2) & 0xFFFFFFFF)
        return self._request.poll(bool(self._rmt_expected) and asked_about_last)

    def _lock(self, connection: socket.socket, message: hs.Message) -> int:
        access = self._instrument.access
        if message.control == 0:
            self._let_messages_finish(message.parameter)
            return access.release(self)

        def still_there() -> bool:
            readable, _, _ = select.select([connection], [], [], 0)
            return not readable  # whatever the client says next ends its waiting, also a farewell

        return access.request(self, message.payload or b"", message.parameter / 1e3, still_there)

    def _let_messages_finish(self, number: int) -> None:
        """A lock outlives the messages that were sent under it (section 4.6)."""

        def is_behind() -> bool:
            return 0 < (number - self._last_id) & 0xFFFFFFFF < 1 << 31

        with self._finished:
            self._finished.wait_for(lambda: not is_behind(), RELEASE_PATIENCE_S)
            self._finished.wait_for(lambda: not self._busy)

    def _ask_for_service(self, status: int) -> None:
        if self._asynchronous is not None:
            with contextlib.suppress(OSError):  # its own threads notice that it has gone
                self._send_asynchronous(hs.SERVICE_REQUEST, status)

    def _send_asynchronous(
        self, kind: int, control: int, parameter: int = 0, payload: bytes = b""
    ) -> None:
        assert self._asynchronous is not None  # noqa: S101 - both channels are there by then
        with self._sending:
            self._asynchronous.sendall(hs.pack(kind, control, parameter, payload))


def _unknown(kind: int) -> tuple[int, int, bytes]:
    """Control code, parameter and payload of the Error about a type of message."""
    control = hs.UNKNOWN_VENDOR_TYPE if kind >= hs.FIRST_VENDOR_TYPE else hs.UNKNOWN_TYPE
    return control, 0, b"Unrecognized message type"
