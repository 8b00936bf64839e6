"""VXI-11 (TCP/IP Instrument Protocol, revision 1.0, 1995): instruments as remote procedures."""

import contextlib
import itertools
import select
import socket
import threading
from collections.abc import Callable, Mapping

from sim_backends.wire.access_lock import LockAnswer
from sim_backends.wire.instrument import SCPIInstrument
from sim_backends.wire.rpc import Program, XDRReader, opaque, record, serve_calls, uints
from sim_backends.wire.vxi11_link import VXI11Link

CORE_PROGRAM, ABORT_PROGRAM, INTERRUPT_PROGRAM, VERSION = 0x0607AF, 0x0607B0, 0x0607B1, 1
(
    CREATE_LINK, WRITE, READ, READ_STATUS, TRIGGER, CLEAR, REMOTE, LOCAL, LOCK, UNLOCK, ENABLE_SRQ,
) = range(10, 21)  # fmt: skip
DO_COMMAND, DESTROY_LINK, CREATE_INTERRUPT, DESTROY_INTERRUPT, SERVICE_REQUEST = 22, 23, 25, 26, 30
ABORT = 1
"""Procedures (section B.6 and appendix C)."""
NO_ERROR, NOT_ACCESSIBLE, INVALID_LINK, PARAMETER_ERROR, NO_CHANNEL = 0, 3, 4, 5, 6
NOT_SUPPORTED, OUT_OF_RESOURCES, LOCKED, NOT_LOCKED, IO_TIMEOUT = 8, 9, 11, 12, 15
ABORTED, CHANNEL_EXISTS = 23, 29
"""Errors (table B.2)."""
WAIT_LOCK, END, TERMINATOR_SET = 1, 8, 128
REQUEST_COUNT, CHARACTER, END_INDICATOR = 1, 2, 4
"""Flags (section B.5.3) and reasons of device_read (table B.18)."""
MOST_RECEIVED = 65536
MOST_LINKS = 64
LONGEST_HANDLE = 40
TCP_FAMILY = 0
CONNECT_S = 5.0


class VXI11Service:
    """The core channel, shared by all instruments; each connection owns the links it creates.

    Args:
        instruments: by the device name that create_link asks for: "inst0".
    """

    def __init__(self, instruments: Mapping[str, SCPIInstrument]) -> None:
        self.abort_port = 0
        self._instruments = instruments
        self._links: dict[int, VXI11Link] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket) -> None:
        """Serve one core channel until the client leaves, which destroys its links."""
        channel = _CoreChannel(self, connection)
        try:
            serve_calls(connection, Program(CORE_PROGRAM, VERSION, channel.procedures))
        finally:
            channel.close()

    def serve_abort(self, connection: socket.socket) -> None:
        """Serve one abort channel."""

        def abort(call: XDRReader) -> bytes:
            link = self.link(call.sint())
            if link is None:
                return uints(INVALID_LINK)
            link.exchange.abort()
            return uints(NO_ERROR)

        serve_calls(connection, Program(ABORT_PROGRAM, VERSION, {ABORT: abort}))

    def create(self, device: str, notify: Callable[[bytes], None]) -> tuple[int, int]:
        """Error and number of a new link to a device."""
        instrument = self._instruments.get(device.lower() or "inst0")
        if instrument is None:
            return NOT_ACCESSIBLE, 0
        with self._lock:
            if len(self._links) >= MOST_LINKS:
                return OUT_OF_RESOURCES, 0
            number = next(self._numbers)
            self._links[number] = VXI11Link(instrument, notify)
        return NO_ERROR, number

    def link(self, number: int) -> VXI11Link | None:
        """A link that has been created and not destroyed."""
        return self._links.get(number)

    def destroy(self, number: int) -> bool:
        """End a link; False if there is none."""
        with self._lock:
            link = self._links.pop(number, None)
        if link is not None:
            link.close()
        return link is not None


class _CoreChannel:
    """One client's connection and its procedures."""

    def __init__(self, service: VXI11Service, connection: socket.socket) -> None:
        self._service = service
        self._connection = connection
        self._created: set[int] = set()
        self._interrupt: tuple[socket.socket, int, int] | None = None
        self._sending = threading.Lock()
        self.procedures: dict[int, Callable[[XDRReader], bytes]] = {
            CREATE_LINK: self._create_link,
            WRITE: self._write,
            READ: self._read,
            READ_STATUS: lambda call: self._generic(
                call, lambda link: uints(link.poll()), uints(0)
            ),
            TRIGGER: lambda call: self._generic(call, _trigger),
            CLEAR: lambda call: self._generic(call, _clear),
            REMOTE: lambda call: self._generic(call, lambda _: b""),
            LOCAL: lambda call: self._generic(call, lambda _: b""),
            LOCK: self._take_lock,
            UNLOCK: self._give_lock,
            ENABLE_SRQ: self._enable_srq,
            DO_COMMAND: lambda _: uints(NOT_SUPPORTED) + opaque(b""),
            DESTROY_LINK: self._destroy_link,
            CREATE_INTERRUPT: self._create_interrupt,
            DESTROY_INTERRUPT: self._destroy_interrupt,
        }

    def close(self) -> None:
        """The client has left."""
        for number in tuple(self._created):
            self._service.destroy(number)
        self._close_interrupt()

    def _is_there(self) -> bool:
        """Whether the client still waits for the answer to its call."""
        readable, _, _ = select.select([self._connection], [], [], 0)
        return not readable or bool(self._connection.recv(1, socket.MSG_PEEK))

    def _create_link(self, call: XDRReader) -> bytes:
        call.sint()  # the client's own number
        lock_device, timeout_ms = call.uint(), call.uint()
        device = call.opaque().decode("latin-1")
        error, number = self._service.create(device, self._notify)
        if error == NO_ERROR:
            self._created.add(number)
            link = self._service.link(number)
            if (
                lock_device
                and link
                and link.lock(timeout_ms / 1e3, self._is_there) is not LockAnswer.SUCCESS
            ):
                self._service.destroy(number)
                error, number = LOCKED, 0
        return uints(error, number, self._service.abort_port, MOST_RECEIVED)

    def _write(self, call: XDRReader) -> bytes:
        number, _, lock_ms, flags = call.sint(), call.uint(), call.uint(), call.sint()
        data = call.opaque()
        link, error = self._admitted(number, flags, lock_ms)
        if link is None:
            return uints(error, 0)
        if len(data) > MOST_RECEIVED:
            return uints(PARAMETER_ERROR, 0)
        link.exchange.write(data, end=bool(flags & END))
        return uints(NO_ERROR, len(data))

    def _read(self, call: XDRReader) -> bytes:
        number, count, io_ms, lock_ms = call.sint(), call.uint(), call.uint(), call.uint()
        flags, character = call.sint(), call.sint()
        link, error = self._admitted(number, flags, lock_ms)
        if link is None:
            return uints(error, 0) + opaque(b"")
        stop = character & 0xFF if flags & TERMINATOR_SET else None
        try:
            piece = link.exchange.read(min(count, MOST_RECEIVED), stop, io_ms / 1e3, self._is_there)
        except InterruptedError:
            return uints(ABORTED, 0) + opaque(b"")
        if piece is None:
            return uints(IO_TIMEOUT, 0) + opaque(b"")
        reason = END_INDICATOR if piece.ended else 0
        reason |= CHARACTER if piece.stopped else 0
        reason |= REQUEST_COUNT if len(piece.data) == count else 0
        return uints(NO_ERROR, reason) + opaque(piece.data)

    def _generic(
        self, call: XDRReader, do: Callable[[VXI11Link], bytes], refused: bytes = b""
    ) -> bytes:
        number, flags, lock_ms, _ = call.sint(), call.sint(), call.uint(), call.uint()
        link, error = self._admitted(number, flags, lock_ms)
        return uints(error) + refused if link is None else uints(NO_ERROR) + do(link)

    def _admitted(self, number: int, flags: int, lock_ms: int) -> tuple[VXI11Link | None, int]:
        """The link, or None and why not (section B.5.3: waitlock)."""
        link = self._service.link(number)
        if link is None:
            return None, INVALID_LINK
        if not link.may_go_on(lock_ms / 1e3 if flags & WAIT_LOCK else 0.0, self._is_there):
            return None, LOCKED
        return link, NO_ERROR

    def _take_lock(self, call: XDRReader) -> bytes:
        number, flags, lock_ms = call.sint(), call.sint(), call.uint()
        if self._service.link(number) is None:
            return uints(INVALID_LINK)
        granted = self._lock(number, lock_ms / 1e3 if flags & WAIT_LOCK else 0.0)
        return uints(NO_ERROR if granted else LOCKED)

    def _lock(self, number: int, timeout_s: float) -> bool:
        link = self._service.link(number)
        return link is not None and link.lock(timeout_s, self._is_there) is LockAnswer.SUCCESS

    def _give_lock(self, call: XDRReader) -> bytes:
        link = self._service.link(call.sint())
        if link is None:
            return uints(INVALID_LINK)
        return uints(NOT_LOCKED if link.unlock() is LockAnswer.ERROR else NO_ERROR)

    def _destroy_link(self, call: XDRReader) -> bytes:
        number = call.sint()
        self._created.discard(number)
        return uints(NO_ERROR if self._service.destroy(number) else INVALID_LINK)

    # --- the interrupt channel, on which the instrument calls the client -------------------------

    def _enable_srq(self, call: XDRReader) -> bytes:
        link, enable, handle = self._service.link(call.sint()), call.uint(), call.opaque()
        if link is None:
            return uints(INVALID_LINK)
        if len(handle) > LONGEST_HANDLE:
            return uints(PARAMETER_ERROR)
        link.handle = handle if enable else None
        return uints(NO_ERROR)

    def _create_interrupt(self, call: XDRReader) -> bytes:
        host, port, number, version, family = (call.uint() for _ in range(5))
        if self._interrupt is not None:
            return uints(CHANNEL_EXISTS)
        if family != TCP_FAMILY:
            return uints(NOT_SUPPORTED)
        address = socket.inet_ntoa(host.to_bytes(4, "big"))
        if address != self._connection.getpeername()[0] or not 0 < port < 65536:
            return uints(PARAMETER_ERROR)  # nobody else is called in a client's name
        try:
            made = socket.create_connection((address, port), timeout=CONNECT_S)
        except OSError:
            return uints(NO_CHANNEL)
        self._interrupt = made, number, version
        return uints(NO_ERROR)

    def _destroy_interrupt(self, call: XDRReader) -> bytes:
        del call
        return uints(NO_ERROR if self._close_interrupt() else NO_CHANNEL)

    def _close_interrupt(self) -> bool:
        with self._sending:
            channel, self._interrupt = self._interrupt, None
            if channel is not None:
                channel[0].close()
        return channel is not None

    def _notify(self, handle: bytes) -> None:
        with self._sending:
            if self._interrupt is None:
                return
            made, number, version = self._interrupt
            head = uints(0, 0, 2, number, version, SERVICE_REQUEST, 0, 0, 0, 0)
            with contextlib.suppress(OSError):  # it has gone, and nobody is to be told
                made.sendall(record(head + opaque(handle)))


def _poll(link: VXI11Link) -> bytes:
    return uints(link.poll())


def _trigger(link: VXI11Link) -> bytes:
    link.exchange.write(b"*TRG", end=True)
    return b""


def _clear(link: VXI11Link) -> bytes:
    link.exchange.clear()
    return b""
