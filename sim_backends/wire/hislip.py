"""HiSLIP (IVI-6.1, protocol 1.0): an instrument behind pairs of connections to one port."""

import itertools
import socket
import threading

from sim_backends.wire import hislip_message as hs
from sim_backends.wire.hislip_session import HiSLIPSession
from sim_backends.wire.instrument import SCPIInstrument

VERSION = 0x0100
VENDOR = int.from_bytes(b"LC", "big")
SUB_ADDRESSES = (b"", b"hislip0")
MOST_SESSIONS = 16


class HiSLIPService:
    """Serves one instrument to any number of sessions, each of two connections on one port."""

    def __init__(self, instrument: SCPIInstrument) -> None:
        self._instrument = instrument
        self._numbers = itertools.count(1)
        self._sessions: dict[int, HiSLIPSession] = {}
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket) -> None:
        """Serve one connection, synchronous or asynchronous, until the client leaves."""
        first = hs.receive_message(connection)
        if first is None:
            return
        if first.kind == hs.INITIALIZE:
            self._begin(connection, first)
        elif first.kind == hs.ASYNC_INITIALIZE:
            self._complete(connection, first.parameter)
        else:
            _hang_up(connection, hs.BAD_INITIALIZATION, "Invalid initialization sequence")

    def _begin(self, connection: socket.socket, first: hs.Message) -> None:
        if first.payload is None or first.payload.lower() not in SUB_ADDRESSES:
            _hang_up(connection, hs.BAD_INITIALIZATION, "No such sub-address; there is hislip0")
            return
        session = HiSLIPSession(self._instrument, connection)
        with self._lock:
            number = self._free_number()
            if number is not None:
                self._sessions[number] = session
        if number is None:
            session.close()
            _hang_up(connection, hs.TOO_MANY_CLIENTS, f"There are {MOST_SESSIONS} already")
            return
        try:
            parameter = (VERSION << 16) | number
            hs.send_message(connection, hs.INITIALIZE_RESPONSE, 0, parameter)
            session.serve_synchronous()
        finally:
            with self._lock:
                del self._sessions[number]
            session.close()

    def _complete(self, connection: socket.socket, number: int) -> None:
        with self._lock:
            session = self._sessions.get(number)
            attached = session is not None and session.attach(connection)
        if session is None or not attached:
            _hang_up(connection, hs.BAD_INITIALIZATION, f"There is no session {number} to join")
            return
        try:
            hs.send_message(connection, hs.ASYNC_INITIALIZE_RESPONSE, 0, VENDOR)
            session.serve_asynchronous(connection)
        finally:
            session.close()

    def _free_number(self) -> int | None:
        if len(self._sessions) >= MOST_SESSIONS:
            return None
        return next(n for n in (k & 0xFFFF for k in self._numbers) if n not in self._sessions)


def _hang_up(connection: socket.socket, code: int, text: str) -> None:
    hs.send_message(connection, hs.FATAL_ERROR, code, 0, text.encode())
