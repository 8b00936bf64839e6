"""Instruments on TCP ports: one thread accepts for all, one thread serves each client."""

import contextlib
import logging
import selectors
import socket
import sys
import threading
from collections.abc import Callable
from typing import Self

from labctl.errors import DeviceError
from sim_backends.wire.catalogue import WireInstrument
from sim_backends.wire.framing import framer_for
from sim_backends.wire.scpi_error import SilentError

RECEIVE_BYTES = 65536
PATIENCE_S = 20.0
"""How long a client may leave an answer unread."""
MOST_CLIENTS = 64
JOIN_S = 2.0

logger = logging.getLogger(__name__)

Service = Callable[[socket.socket], None]
"""Serves one client until it leaves; the socket is closed afterwards."""


class TCPServer:
    """Listens on several ports; a context manager.

    Args:
        host: address to bind to.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._listeners: list[socket.socket] = []
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._acceptor = threading.Thread(target=self._accept, name="wire-accept", daemon=True)

    def listen(self, port: int, service: Service) -> int:
        """Serve a port from now on; 0 takes a free one. Returns the port.

        Raises:
            DeviceError: the port is taken, or the address is not this computer's.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            # On Windows this option would let two programs share one port.
            if sys.platform != "win32":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, port))
            listener.listen(16)
            listener.setblocking(False)
        except (OSError, OverflowError) as error:
            listener.close()
            raise DeviceError(
                f"Cannot listen on {self._host} port {port}: {error}. Choose other ports with "
                f"--base-port."
            ) from error
        self._listeners.append(listener)
        self._selector.register(listener, selectors.EVENT_READ, (listener, service))
        return int(listener.getsockname()[1])

    def start(self) -> None:
        """Begin to accept clients."""
        self._acceptor.start()

    def close(self) -> None:
        """Hang up on everybody and free the ports. Closing twice is fine."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            clients = dict(self._clients)
        self._wake.send(b"x")
        for connection in clients:
            with contextlib.suppress(OSError):  # it may have gone by itself
                connection.shutdown(socket.SHUT_RDWR)
        if self._acceptor.is_alive():
            self._acceptor.join(JOIN_S)
        for thread in clients.values():
            thread.join(JOIN_S)
        self._selector.close()
        for ended in (*self._listeners, self._wake, self._woken):
            ended.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._closed:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                listener, service = key.data
                try:
                    connection, address = listener.accept()
                except OSError:  # the client has thought better of it
                    continue
                self._begin(connection, address, service)

    def _begin(self, connection: socket.socket, address: object, service: Service) -> None:
        connection.setblocking(True)
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        thread = threading.Thread(
            target=self._serve, args=(connection, service), name=f"wire-{address}", daemon=True
        )
        with self._lock:
            if self._closed or len(self._clients) >= MOST_CLIENTS:
                logger.warning("Refused a connection from %s", address)
                connection.close()
                return
            self._clients[connection] = thread
        thread.start()

    def _serve(self, connection: socket.socket, service: Service) -> None:
        try:
            service(connection)
        except OSError as error:  # it left in the middle, or never reads
            logger.info("Lost a client: %s", error)
        except Exception:  # one client's trouble must not reach the others
            logger.exception("A client was hung up on")
        finally:
            connection.close()
            with self._lock:
                self._clients.pop(connection, None)


def line_service(instrument: WireInstrument) -> Service:
    """Serve an instrument that reads messages with an end and answers some of them."""

    def serve(connection: socket.socket) -> None:
        framer = framer_for(instrument)
        connection.settimeout(None)
        overruns = 0
        while data := connection.recv(RECEIVE_BYTES):
            for message in framer.feed(data):
                try:
                    answer = instrument.handle(message)
                except SilentError:
                    continue  # as if the cable were off
                if answer is not None:
                    send(connection, answer)
            while overruns < framer.overruns:
                instrument.overrun()
                overruns += 1

    return serve


def send(connection: socket.socket, data: bytes) -> None:
    """Send all of it to a client that reads.

    Raises:
        OSError: it has gone, or has not read for `PATIENCE_S`.
    """
    connection.settimeout(PATIENCE_S)
    connection.sendall(data)
    connection.settimeout(None)
