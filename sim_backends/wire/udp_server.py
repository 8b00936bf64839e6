"""A UDP port that answers every datagram by itself."""

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Self

from labctl.errors import DeviceError

LONGEST_DATAGRAM = 8192
JOIN_S = 2.0


class UDPServer:
    """Listens on one port; a context manager.

    Args:
        host: address to bind to.
        port: to listen on.
        answer: makes the answer of a datagram; None for no answer.

    Raises:
        DeviceError: the port is taken or needs rights.
    """

    def __init__(self, host: str, port: int, answer: Callable[[bytes], bytes | None]) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise DeviceError(f"Cannot listen on {host} port {port} (UDP): {error}.") from error
        self._host, self._port = host, port
        self._answer = answer
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="wire-udp", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        with contextlib.suppress(OSError):
            reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104
            self._socket.sendto(b"", (reachable, self._port))
        self._thread.join(JOIN_S)
        self._socket.close()

    def _serve(self) -> None:
        while not self._closed:
            try:
                datagram, sender = self._socket.recvfrom(LONGEST_DATAGRAM)
            except OSError:  # on Windows an answer that nobody took comes back as an error
                continue
            answer = self._answer(datagram)
            if answer is not None and not self._closed:
                with contextlib.suppress(OSError):
                    self._socket.sendto(answer, sender)
