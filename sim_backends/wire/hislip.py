"""HiSLIP (IVI-6.1, protocol 1.0, synchronised mode): messages with an end, status byte, clear."""

import itertools
import socket
import struct
import threading
from collections.abc import Callable
from typing import NamedTuple

from sim_backends.wire.framing import LONGEST_MESSAGE
from sim_backends.wire.instrument import SCPIInstrument
from sim_backends.wire.scpi_error import SilentError
from sim_backends.wire.tcp_server import send

(
    INITIALIZE, INITIALIZE_RESPONSE, FATAL_ERROR, ERROR, LOCK, LOCK_RESPONSE, DATA, DATA_END,
    CLEAR_COMPLETE, CLEAR_ACKNOWLEDGE, REMOTE_LOCAL, REMOTE_LOCAL_RESPONSE, TRIGGER,
) = range(13)  # fmt: skip
MAX_SIZE, MAX_SIZE_RESPONSE, ASYNC_INITIALIZE, ASYNC_INITIALIZE_RESPONSE, ASYNC_CLEAR = range(
    15, 20
)
STATUS_QUERY, STATUS_RESPONSE, ASYNC_CLEAR_ACKNOWLEDGE, LOCK_INFO, LOCK_INFO_RESPONSE = range(
    21, 26
)
HEADER = struct.Struct("!2sBBIQ")
VERSION = 0x0100
VENDOR = int.from_bytes(b"LC", "big")


class _Message(NamedTuple):
    kind: int
    control: int
    parameter: int
    payload: bytes


Obey = Callable[[socket.socket, _Message], None]


class HiSLIPService:
    """Serves one instrument to any number of sessions, each of two connections on one port."""

    def __init__(self, instrument: SCPIInstrument) -> None:
        self._instrument = instrument
        self._numbers = itertools.count(1)
        self._longest: dict[int, int] = {}
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket) -> None:
        """Serve one connection, synchronous or asynchronous, until the client leaves."""
        first = _receive(connection)
        if first is None:
            return
        if first.kind == INITIALIZE:
            with self._lock:
                session = next(self._numbers) & 0xFFFF
                self._longest[session] = LONGEST_MESSAGE
            try:
                _send(connection, INITIALIZE_RESPONSE, 0, (VERSION << 16) | session)
                _serve(connection, self._synchronous(session))
            finally:
                with self._lock:
                    self._longest.pop(session, None)
        elif first.kind == ASYNC_INITIALIZE:
            _send(connection, ASYNC_INITIALIZE_RESPONSE, 0, VENDOR)
            _serve(connection, self._asynchronous(first.parameter))
        else:
            _send(connection, FATAL_ERROR, 3, 0, b"Invalid initialization sequence")

    def _synchronous(self, session: int) -> Obey:
        buffer = bytearray()

        def obey(connection: socket.socket, message: _Message) -> None:
            if message.kind in (DATA, DATA_END):
                buffer.extend(message.payload)
                if len(buffer) > LONGEST_MESSAGE:
                    buffer.clear()
                    self._instrument.overrun()
                elif message.kind == DATA_END:
                    text = bytes(buffer).strip(b"\r\n")
                    buffer.clear()
                    self._answer(connection, session, message.parameter, text)
            elif message.kind == CLEAR_COMPLETE:
                buffer.clear()
                _send(connection, CLEAR_ACKNOWLEDGE, 0, 0)
            elif message.kind != TRIGGER:
                _send(connection, ERROR, 1, 0, b"Unrecognized message type")

        return obey

    def _answer(self, connection: socket.socket, session: int, number: int, text: bytes) -> None:
        try:
            answer = self._instrument.handle(text) if text else None
        except SilentError:
            return
        if answer is None:
            return
        most = max(self._longest.get(session, LONGEST_MESSAGE) - HEADER.size, 1)
        for start in range(0, len(answer), most):
            last = start + most >= len(answer)
            _send(connection, DATA_END if last else DATA, 0, number, answer[start : start + most])

    def _asynchronous(self, session: int) -> Obey:
        def obey(connection: socket.socket, message: _Message) -> None:
            if message.kind == MAX_SIZE and len(message.payload) == 8:
                with self._lock:
                    if session in self._longest:
                        self._longest[session] = int.from_bytes(message.payload, "big")
                size = LONGEST_MESSAGE.to_bytes(8, "big")
                _send(connection, MAX_SIZE_RESPONSE, 0, 0, size)
            elif message.kind == STATUS_QUERY:
                _send(connection, STATUS_RESPONSE, self._instrument.status_byte(), 0)
            elif message.kind == ASYNC_CLEAR:
                _send(connection, ASYNC_CLEAR_ACKNOWLEDGE, 0, 0)
            elif message.kind == LOCK:
                _send(connection, LOCK_RESPONSE, 1, 0)  # granted, though to everybody
            elif message.kind == LOCK_INFO:
                _send(connection, LOCK_INFO_RESPONSE, 0, 0)
            elif message.kind == REMOTE_LOCAL:
                _send(connection, REMOTE_LOCAL_RESPONSE, 0, 0)
            else:
                _send(connection, ERROR, 1, 0, b"Unrecognized message type")

        return obey


def _serve(connection: socket.socket, obey: Obey) -> None:
    while (message := _receive(connection)) is not None:
        obey(connection, message)


def _send(
    connection: socket.socket, kind: int, control: int, parameter: int, payload: bytes = b""
) -> None:
    send(connection, HEADER.pack(b"HS", kind, control, parameter, len(payload)) + payload)


def _receive(connection: socket.socket) -> _Message | None:
    """The next message; None when the client has left or does not speak HiSLIP."""
    header = receive_exactly(connection, HEADER.size)
    if header is None:
        return None
    prologue, kind, control, parameter, length = HEADER.unpack(header)
    if prologue != b"HS" or length > LONGEST_MESSAGE:
        _send(connection, FATAL_ERROR, 1, 0, b"Poorly formed message header")
        return None
    payload = receive_exactly(connection, length)
    return None if payload is None else _Message(kind, control, parameter, payload)


def receive_exactly(connection: socket.socket, length: int) -> bytes | None:
    """So many bytes; None when the client leaves before."""
    data = bytearray()
    while len(data) < length:
        piece = connection.recv(min(length - len(data), 65536))
        if not piece:
            return None
        data += piece
    return bytes(data)
