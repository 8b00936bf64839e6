"""The whole simulated lab on the network."""

import contextlib
import ipaddress
from typing import Any, NamedTuple, Self

from labctl.errors import DeviceError, RigError
from sim_backends.warm_up import compile_physics
from sim_backends.wire.bench import Bench
from sim_backends.wire.catalogue import (
    BASE_PORT,
    HISLIP_OFFSET,
    build_instruments,
    socket_resource,
)
from sim_backends.wire.hislip import HiSLIPService
from sim_backends.wire.instrument import SCPIInstrument
from sim_backends.wire.port_mapper import STANDARD_PORT, PortMapper
from sim_backends.wire.pulse_streamer import BINARY_PORT, RPC_PORT, PulseStreamer
from sim_backends.wire.serial_line import SerialLine, serial_lines_exist
from sim_backends.wire.synth_hd import SynthHD
from sim_backends.wire.tcp_server import TCPServer, line_service
from sim_backends.wire.udp_server import UDPServer
from sim_backends.wire.vxi11 import ABORT_PROGRAM, CORE_PROGRAM, VXI11Service
from sim_backends.world import World

SERIAL_ROLES = ("gauge",)
STREAMER_OFFSET = 200
PORT_MAPPER_OFFSET, VXI11_OFFSET, ABORT_OFFSET = 300, 301, 302
"""From the base port to those that all instruments share."""
HIGHEST_BASE_PORT = 65000
PORT_MAPPER = "port mapper"


class Outlet(NamedTuple):
    """One way to reach one instrument, or the port mapper that leads to several.

    Attributes:
        role: of the simulated device behind it; empty for the port mapper.
        dialect: the model it pretends to be.
        resource: VISA resource name, or a host name and port.
    """

    role: str
    dialect: str
    resource: str


class ServedLab:
    """Every instrument of a world on its own port; a context manager.

    Args:
        world: the simulated lab; it must be held to the wall clock by the caller.
        host: address to bind to; loopback unless others are to reach it.
        base_port: of the first instrument; 0 takes free ports everywhere.
        streamer_ports: of the Pulse Streamer's JSON-RPC and binary upload; its vendor's client
            knows only those that the default base port brings, 8050 and 21328.
        port_mapper: port of the port mapper, through which VXI-11 is found; VISA knows only 111,
            for which many systems ask for rights. Without it the mapper is 300 above `base_port`.

    Attributes:
        outlets: what there is, once the context is entered.

    Raises:
        RigError: not a simulated lab of this package, or no such ports.
    """

    def __init__(
        self,
        world: Any,
        *,
        host: str = "127.0.0.1",
        base_port: int = BASE_PORT,
        streamer_ports: tuple[int, int] | None = None,
        port_mapper: int | None = None,
    ) -> None:
        if not isinstance(world, World):
            raise RigError("Only the simulated lab can be served; this rig has another one.")
        if base_port and not 1024 <= base_port <= HIGHEST_BASE_PORT:
            raise RigError(
                f"The base port must be 0 or 1024 to {HIGHEST_BASE_PORT}, not {base_port}."
            )
        self.outlets: list[Outlet] = []
        self.bench = Bench(world)
        self._host = host
        self._base_port = base_port
        self._port_mapper = port_mapper
        self._streamer_ports = streamer_ports or _streamer_ports(base_port)
        self._stack = contextlib.ExitStack()

    @property
    def is_public(self) -> bool:
        """Whether other computers can reach it."""
        try:
            return not ipaddress.ip_address(self._host).is_loopback
        except ValueError:
            return self._host != "localhost"

    def __enter__(self) -> Self:
        compile_physics()
        server = TCPServer(self._host)
        with contextlib.ExitStack() as stack:
            stack.callback(server.close)
            networked: dict[str, SCPIInstrument] = {}
            for number, instrument in enumerate(build_instruments(self.bench).values()):
                port = self._base_port + number if self._base_port else 0
                at = server.listen(port, line_service(instrument))
                self._add(instrument, socket_resource(self._shown_host, at))
                if isinstance(instrument, SCPIInstrument):
                    networked[f"inst{number}"] = instrument
                    service = HiSLIPService(instrument)
                    at = server.listen(port + HISLIP_OFFSET if port else 0, service)
                    self._add(instrument, f"TCPIP::{self._shown_host}::hislip0,{at}::INSTR")
                if instrument.role in SERIAL_ROLES and serial_lines_exist():
                    line = stack.enter_context(SerialLine(instrument))
                    self._add(instrument, f"ASRL{line.device}::INSTR")
            if serial_lines_exist():
                synth = SynthHD(self.bench)
                line = stack.enter_context(SerialLine(synth))
                self._add(synth, f"ASRL{line.device}::INSTR")
            streamer = PulseStreamer(self.bench)
            services = streamer.serve_rpc, streamer.serve_binary
            for port, service in zip(self._streamer_ports, services, strict=True):
                at = server.listen(port, service)
                self._add(streamer, f"{self._shown_host}:{at}")
            self._serve_vxi11(server, stack, networked)
            server.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _serve_vxi11(
        self,
        server: TCPServer,
        stack: contextlib.ExitStack,
        networked: dict[str, SCPIInstrument],
    ) -> None:
        """One core channel for all; its names are told only where VISA can find them."""
        service = VXI11Service(networked)
        core = server.listen(self._shared(VXI11_OFFSET), service)
        service.abort_port = server.listen(self._shared(ABORT_OFFSET), service.serve_abort)
        mapper = PortMapper({(CORE_PROGRAM, 1): core, (ABORT_PROGRAM, 1): service.abort_port})
        wanted = self._port_mapper
        try:
            at = server.listen(
                self._shared(PORT_MAPPER_OFFSET) if wanted is None else wanted, mapper
            )
            stack.enter_context(UDPServer(self._host, at, mapper.answer))
        except DeviceError as error:
            if wanted is None:
                raise
            raise DeviceError(
                f"No port mapper at port {wanted}: it needs an administrator's rights, and no "
                f"other port mapper beside it ({error.__cause__})."
            ) from error
        self.outlets.append(Outlet("", PORT_MAPPER, f"{self._shown_host}:{at}"))
        if at == STANDARD_PORT:
            for name, instrument in networked.items():
                self._add(instrument, f"TCPIP::{self._shown_host}::{name}::INSTR")

    def _shared(self, offset: int) -> int:
        return self._base_port + offset if self._base_port else 0

    @property
    def _shown_host(self) -> str:
        return "127.0.0.1" if self._host in ("localhost", "") else self._host

    def _add(self, instrument: Any, resource: str) -> None:
        self.outlets.append(Outlet(instrument.role, instrument.dialect, resource))

    def resource(self, dialect: str, kind: str = "SOCKET") -> str:
        """The resource name of a model that contains `kind`: SOCKET, hislip, ASRL, inst."""
        return next(o.resource for o in self.outlets if o.dialect == dialect and kind in o.resource)


def _streamer_ports(base_port: int) -> tuple[int, int]:
    """Those of the real one, unless a second lab beside the first asks for others."""
    if base_port == 0:
        return 0, 0
    if base_port == BASE_PORT:
        return RPC_PORT, BINARY_PORT
    return base_port + STREAMER_OFFSET, base_port + STREAMER_OFFSET + 1
