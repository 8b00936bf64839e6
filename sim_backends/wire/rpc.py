"""ONC remote procedure calls (RFC 1057) and the data they carry (XDR, RFC 1014), as a server."""

import socket
import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

from sim_backends.wire.hislip_message import receive_exactly
from sim_backends.wire.tcp_server import send

CALL, REPLY = 0, 1
ACCEPTED, DENIED = 0, 1
SUCCESS, PROGRAM_UNAVAILABLE, PROGRAM_MISMATCH, PROCEDURE_UNAVAILABLE, GARBAGE_ARGUMENTS = range(5)
RPC_VERSION = 2
LAST_FRAGMENT = 1 << 31
LONGEST_RECORD = 200_000
"""Bytes; a longer call is no call of ours, and the connection is closed."""


class XDRReader:
    """Takes the items of an XDR stream one after another.

    Every method raises ValueError if the stream ends before the item does.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def uint(self) -> int:
        """An unsigned integer; also a boolean or an enumeration."""
        return int.from_bytes(self._take(4), "big")

    def sint(self) -> int:
        """A signed integer."""
        return int.from_bytes(self._take(4), "big", signed=True)

    def opaque(self) -> bytes:
        """Bytes of any length; also a string."""
        length = self.uint()
        data = self._take(length)
        self._take(-length % 4)
        return data

    def _take(self, length: int) -> bytes:
        taken = self._data[self._at : self._at + length]
        if len(taken) != length:
            raise ValueError("The arguments end too early.")
        self._at += length
        return taken


def uints(*values: int) -> bytes:
    """Integers as XDR, signed ones as their complement."""
    return struct.pack(f"!{len(values)}I", *(value & 0xFFFFFFFF for value in values))


def opaque(data: bytes) -> bytes:
    """Bytes of any length as XDR."""
    return uints(len(data)) + data + bytes(-len(data) % 4)


class Program(NamedTuple):
    """A remote program: its number, its only version and its procedures by number."""

    number: int
    version: int
    procedures: Mapping[int, Callable[[XDRReader], bytes]]


def answer_call(call: bytes, program: Program) -> bytes | None:
    """Carry out one call; None if it is none."""
    reader = XDRReader(call)
    try:
        number, kind, version = reader.uint(), reader.uint(), reader.uint()
        if kind != CALL:
            return None
        if version != RPC_VERSION:
            return uints(number, REPLY, DENIED, 0, RPC_VERSION, RPC_VERSION)
        asked, version, procedure = reader.uint(), reader.uint(), reader.uint()
        for _ in range(2):  # credential and verifier; there are no passwords
            reader.uint()
            reader.opaque()
    except ValueError:
        return None
    head = uints(number, REPLY, ACCEPTED, 0, 0)
    if asked != program.number:
        return head + uints(PROGRAM_UNAVAILABLE)
    if version != program.version:
        return head + uints(PROGRAM_MISMATCH, program.version, program.version)
    if procedure == 0:
        return head + uints(SUCCESS)
    found = program.procedures.get(procedure)
    if found is None:
        return head + uints(PROCEDURE_UNAVAILABLE)
    try:
        return head + uints(SUCCESS) + found(reader)
    except ValueError:
        return head + uints(GARBAGE_ARGUMENTS)


def serve_calls(connection: socket.socket, program: Program) -> None:
    """Answer the calls of one connection, in records of fragments (RFC 1057, section 10)."""
    while (call := _receive_record(connection)) is not None:
        answer = answer_call(call, program)
        if answer is not None:
            send(connection, record(answer))


def record(data: bytes) -> bytes:
    """A record of one fragment."""
    return uints(LAST_FRAGMENT | len(data)) + data


def _receive_record(connection: socket.socket) -> bytes | None:
    data = b""
    while True:
        head = receive_exactly(connection, 4)
        if head is None:
            return None
        mark = int.from_bytes(head, "big")
        if len(data) + (mark & ~LAST_FRAGMENT) > LONGEST_RECORD:
            return None
        fragment = receive_exactly(connection, mark & ~LAST_FRAGMENT)
        if fragment is None:
            return None
        data += fragment
        if mark & LAST_FRAGMENT:
            return data
