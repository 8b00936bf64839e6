"""Messages of HiSLIP (IVI-6.1, sections 2.2 to 2.4): header, numbers of types, errors."""

import socket
import struct
from typing import NamedTuple

from sim_backends.wire.framing import LONGEST_MESSAGE
from sim_backends.wire.tcp_server import send

INITIALIZE, INITIALIZE_RESPONSE, FATAL_ERROR, ERROR, LOCK, LOCK_RESPONSE = range(6)
DATA, DATA_END, CLEAR_COMPLETE, CLEAR_ACKNOWLEDGE = range(6, 10)
REMOTE_LOCAL, REMOTE_LOCAL_RESPONSE, TRIGGER, INTERRUPTED, ASYNC_INTERRUPTED = range(10, 15)
MAX_SIZE, MAX_SIZE_RESPONSE, ASYNC_INITIALIZE, ASYNC_INITIALIZE_RESPONSE = range(15, 19)
ASYNC_CLEAR, SERVICE_REQUEST, STATUS_QUERY, STATUS_RESPONSE, ASYNC_CLEAR_ACKNOWLEDGE = range(19, 24)
LOCK_INFO, LOCK_INFO_RESPONSE = 24, 25
FIRST_VENDOR_TYPE = 128
POOR_HEADER, NOT_BOTH_CHANNELS, BAD_INITIALIZATION, TOO_MANY_CLIENTS = 1, 2, 3, 4
"""Control codes of FatalError (table 14)."""
UNKNOWN_TYPE, UNKNOWN_CONTROL, UNKNOWN_VENDOR_TYPE, TOO_LARGE = 1, 2, 3, 4
"""Control codes of Error (table 16)."""
HEADER = struct.Struct("!2sBBIQ")
DRAIN_BYTES = 65536


class Message(NamedTuple):
    """One message; `payload` is None if it was longer than the server takes."""

    kind: int
    control: int
    parameter: int
    payload: bytes | None


def pack(kind: int, control: int, parameter: int, payload: bytes = b"") -> bytes:
    """A message as it goes over the wire."""
    return HEADER.pack(b"HS", kind, control, parameter, len(payload)) + payload


def send_message(
    connection: socket.socket, kind: int, control: int, parameter: int, payload: bytes = b""
) -> None:
    """Send one message. Raises OSError: the client has gone or does not read."""
    send(connection, pack(kind, control, parameter, payload))


def receive_message(connection: socket.socket) -> Message | None:
    """The next message; None when the client has left or does not speak HiSLIP."""
    header = receive_exactly(connection, HEADER.size)
    if header is None:
        return None
    prologue, kind, control, parameter, length = HEADER.unpack(header)
    if prologue != b"HS":
        send_message(connection, FATAL_ERROR, POOR_HEADER, 0, b"Poorly formed message header")
        return None
    if length > LONGEST_MESSAGE:
        arrived = _drain(connection, length)
        return Message(kind, control, parameter, None) if arrived else None
    payload = receive_exactly(connection, length)
    return None if payload is None else Message(kind, control, parameter, payload)


def receive_exactly(connection: socket.socket, length: int) -> bytes | None:
    """So many bytes; None when the client leaves before."""
    if not length:
        return b""
    data = connection.recv(min(length, DRAIN_BYTES))
    if len(data) == length:
        return data
    parts = bytearray(data)
    while len(parts) < length:
        piece = connection.recv(min(length - len(parts), DRAIN_BYTES)) if parts else b""
        if not piece:
            return None
        parts += piece
    return bytes(parts)


def _drain(connection: socket.socket, length: int) -> bool:
    """Read a payload without keeping it; False when the client leaves before."""
    while length:
        piece = connection.recv(min(length, DRAIN_BYTES))
        if not piece:
            return False
        length -= len(piece)
    return True
