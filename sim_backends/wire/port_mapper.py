"""The port mapper (RFC 1057, appendix A): at which port a remote program is."""

import socket
from collections.abc import Mapping

from sim_backends.wire.rpc import Program, XDRReader, answer_call, serve_calls, uints

STANDARD_PORT = 111
NUMBER, VERSION = 100000, 2
SET, UNSET, GET_PORT, DUMP = 1, 2, 3, 4
TCP, UDP = 6, 17


class PortMapper:
    """Answers over TCP and UDP; registers nobody.

    Args:
        ports: TCP port of each program, by number and version.
    """

    def __init__(self, ports: Mapping[tuple[int, int], int]) -> None:
        self._ports = dict(ports)
        procedures = {SET: _refuse, UNSET: _refuse, GET_PORT: self._get_port, DUMP: self._dump}
        self._program = Program(NUMBER, VERSION, procedures)

    def __call__(self, connection: socket.socket) -> None:
        """Serve one connection."""
        serve_calls(connection, self._program)

    def answer(self, datagram: bytes) -> bytes | None:
        """Answer one datagram, if it is a call."""
        return answer_call(datagram, self._program)

    def _get_port(self, call: XDRReader) -> bytes:
        number, version, protocol, _ = (call.uint() for _ in range(4))
        return uints(self._ports.get((number, version), 0) if protocol == TCP else 0)

    def _dump(self, call: XDRReader) -> bytes:
        del call
        entries = (
            uints(1, number, version, TCP, port) for (number, version), port in self._ports.items()
        )
        return b"".join(entries) + uints(0)


def _refuse(call: XDRReader) -> bytes:
    for _ in range(4):
        call.uint()
    return uints(0)
