"""The simulated lab behind pyvisa's simulated library: real drivers, no network."""

import itertools
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import cast

import pyvisa
from pyvisa import constants, rname
from pyvisa.typing import VISASession
from pyvisa_sim.devices import Device, Devices
from pyvisa_sim.highlevel import SimVisaLibrary

from labctl.errors import RigError
from sim_backends.wire.bench import Bench
from sim_backends.wire.catalogue import (
    BASE_PORT,
    WireInstrument,
    build_instruments,
    port_of,
    socket_resource,
)
from sim_backends.wire.command_table import CommandTable
from sim_backends.wire.framing import framer_for
from sim_backends.wire.scpi_error import SilentError
from sim_backends.world import World

HOST = "127.0.0.1"
_numbers = itertools.count(1)


class WorldDevice(Device):
    """A pyvisa-sim device whose answers come from an instrument on the bench."""

    def __init__(self, instrument: WireInstrument) -> None:
        super().__init__(instrument.dialect, b"")
        for kind in ("TCPIP SOCKET", "TCPIP INSTR", "ASRL INSTR", "GPIB INSTR", "USB INSTR"):
            self.add_eom(kind, "\n", "\n")
        self._instrument = instrument
        self._framer = framer_for(instrument)
        self._overruns = 0
        self._answers = bytearray()
        self._ends: list[int] = []
        self._busy = threading.RLock()

    def write(self, data: bytes) -> None:
        """Take bytes in and carry out what they complete."""
        with self._busy:
            for message in self._framer.feed(bytes(data)):
                try:
                    answer = self._instrument.handle(message)
                except SilentError:
                    continue
                if answer:
                    self._answers += answer
                    self._ends.append(len(self._answers))
            while self._overruns < self._framer.overruns:
                self._instrument.overrun()
                self._overruns += 1

    def read(self) -> tuple[bytes, bool]:
        """One byte, and whether an answer ends with it."""
        return self.take(1, None)

    def take(self, count: int, stop: int | None) -> tuple[bytes, bool]:
        """At most `count` bytes of one answer, up to `stop`; and whether the answer ends there."""
        with self._busy:
            if not self._ends:
                return b"", False
            n = min(count, self._ends[0])
            if stop is not None:
                found = self._answers.find(stop, 0, n)
                n = n if found < 0 else found + 1
            taken = bytes(self._answers[:n])
            del self._answers[:n]
            self._ends = [end - n for end in self._ends]
            if self._ends[0] == 0:
                del self._ends[0]
                return taken, True
            return taken, False

    def forget(self) -> None:
        """Device clear: nothing that was written or answered is left."""
        with self._busy:
            self._framer = framer_for(self._instrument)
            self._overruns = 0
            self._answers.clear()
            self._ends.clear()


class WorldLibrary(SimVisaLibrary):
    """pyvisa-sim's library with the instruments of a world in place of a definition file.

    Blocks are read in one piece; pyvisa-sim takes byte by byte.
    """

    devices: Devices

    def _init(self) -> None:
        self.sessions = {}
        self.devices = Devices()

    def read(self, session: VISASession, count: int) -> tuple[bytes, constants.StatusCode]:
        """Read up to `count` bytes: to the end of an answer or to the termination character."""
        opened = self.sessions.get(session)
        device = getattr(opened, "device", None)
        if opened is None or not isinstance(device, WorldDevice):
            return super().read(session, count)
        ends, _ = opened.get_attribute(constants.ResourceAttribute.termchar_enabled)
        stop, _ = opened.get_attribute(constants.ResourceAttribute.termchar)
        taken, complete = device.take(count, int(stop) if ends else None)
        if not taken:
            return super().read(session, count)  # which waits for the time-out
        if complete:
            return taken, constants.StatusCode.success
        if ends and taken[-1] == stop:
            return taken, constants.StatusCode.success_termination_character_read
        return taken, constants.StatusCode.success_max_count_read

    def clear(self, session: VISASession) -> constants.StatusCode:
        """Device clear."""
        device = getattr(self.sessions.get(session), "device", None)
        if not isinstance(device, WorldDevice):
            return constants.StatusCode.error_nonsupported_operation
        device.forget()
        return constants.StatusCode.success


def open_world_library(
    world: World, *, host: str = HOST, base_port: int = BASE_PORT, more: Sequence[str] = ()
) -> WorldLibrary:
    """A VISA library for `pyvisa.ResourceManager`; its resource names are those of the server.

    Every call sets up a bench of its own, which switches all sources off; call it once a world.

    Args:
        world: the simulated lab.
        host: what `labctl serve` would be told; it only makes up the names.
        base_port: likewise.
        more: further command tables, "package.module:TABLE"; their ports follow the others'.

    Raises:
        RigError: one of `more` is no command table.
    """
    # pyvisa keeps one library object per class and path, so every one needs a path of its own.
    library = cast(WorldLibrary, WorldLibrary(f"labctl world {next(_numbers)}"))
    instruments = build_instruments(Bench(world), [_load_table(path) for path in more])
    for number, instrument in enumerate(instruments.values()):
        resource = rname.to_canonical_name(socket_resource(host, base_port + number))
        library.devices.add_device(resource, WorldDevice(instrument))
    return library


def _load_table(path: str) -> CommandTable:
    module, _, name = path.partition(":")
    try:
        table = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise RigError(f"Cannot load command table `{path}`: {error}.") from error
    if not isinstance(table, CommandTable):
        raise RigError(f"`{path}` is no CommandTable.")
    return table


def open_world_resource_manager(
    world: World, *, host: str = HOST, base_port: int = BASE_PORT
) -> pyvisa.ResourceManager:
    """A resource manager with every instrument of the simulated lab; see `open_world_library`."""
    return pyvisa.ResourceManager(open_world_library(world, host=host, base_port=base_port))


def resource_name(dialect: str, *, host: str = HOST, base_port: int = BASE_PORT) -> str:
    """VISA resource name of a model: "TCPIP::127.0.0.1::18502::SOCKET"."""
    return socket_resource(host, port_of(dialect, base_port))
