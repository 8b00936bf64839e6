"""The registers of *SAV and *RCL."""

from typing import TYPE_CHECKING, Any

from sim_backends.wire.command_table import Command
from sim_backends.wire.scpi_error import SCPIError

if TYPE_CHECKING:
    from sim_backends.wire.instrument import SCPIInstrument


class SavedStates:
    """Whatever of an instrument can be told and asked for, kept by register number.

    Registers outlive *RST (IEEE 488.2, 10.29 and 10.33); the instrument's errors, masks and data
    are none of their business.
    """

    def __init__(self, instrument: "SCPIInstrument") -> None:
        self._instrument = instrument
        self._kept: dict[int, list[tuple[Command, int, Any]]] = {}

    def save(self, register: int) -> None:
        """Keep every setting."""
        table = self._instrument.table
        self._kept[register] = [
            (command, channel, self._instrument.read(command, channel))
            for command in table.commands
            if command.kind is not None and command.writable and command.readable
            for channel in (table.channels if _has_channels(command) else table.channels[:1])
            if self._is_there(command, channel)
        ]

    def recall(self, register: int) -> None:
        """Bring the settings back. Raises SCPIError: -290, nothing was saved there."""
        if register not in self._kept:
            raise SCPIError(-290, f"register {register} is empty")
        for command, channel, value in self._kept[register]:
            self._instrument.write(command, channel, value)

    def _is_there(self, command: Command, channel: int) -> bool:
        try:
            self._instrument.read(command, channel)
        except SCPIError:  # this channel has no connector on the bench
            return False
        return True


def _has_channels(command: Command) -> bool:
    return "#" in command.at if command.at else "<ch>" in command.header
