"""A simulated instrument that reads program messages by its command table."""

import logging
import re
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from labctl.errors import DeviceError, LimitError
from sim_backends.wire.bench import Bench
from sim_backends.wire.command_table import (
    Call,
    Command,
    CommandTable,
    initial_value,
    remembered_key,
)
from sim_backends.wire.common_commands import COMMON, SYSTEM
from sim_backends.wire.parameters import Number, Numbers, Parameter
from sim_backends.wire.scpi_error import SCPIError
from sim_backends.wire.status import Status
from sim_backends.wire.syntax import channel_list, header_pattern, split_parameters, split_units

_SPACED = re.compile(r"\s*(\*?[A-Za-z][\w:]*|:[A-Za-z][\w:]*)(\?)?(?:\s+(.*))?\s*\Z", re.DOTALL)
_QUERY_WITHOUT_SPACE = re.compile(r"\s*([*:]?[A-Za-z][\w:]*)(\?)(.*)\Z", re.DOTALL)
_COMPACT = re.compile(r"\s*(\*?[A-Za-z]+)(\?)?\s*(.*?)\s*\Z", re.DOTALL)
_CACHED_HEADERS = 4096

logger = logging.getLogger(__name__)


class _Target(NamedTuple):
    """A command as a header names it: which one, and for which channels."""

    command: Command
    channels: tuple[int, ...] | None


class SCPIInstrument:
    """One instrument, however many talk to it; messages are carried out one after another.

    Args:
        table: what it understands.
        bench: what its commands act on.

    Attributes:
        status: registers and error queue.
        selected: channel that commands without a channel mean.
        memory: what is remembered without any effect, by `remembered_key`.
    """

    def __init__(self, table: CommandTable, bench: Bench) -> None:
        self.table = table
        self.bench = bench
        self.status = Status()
        self.selected = table.channels[0]
        self.memory: dict[tuple[str, int], Any] = {}
        self._lock = threading.RLock()
        self._patterns = [
            (header_pattern(command.header), command)
            for command in (*COMMON, *(() if table.compact else SYSTEM), *table.commands)
        ]
        self._known: dict[str, _Target] = {}
        self._places: dict[tuple[str, int], tuple[Any, str]] = {}

    @property
    def dialect(self) -> str:
        """Name of the model."""
        return self.table.dialect

    @property
    def role(self) -> str:
        """Role of the device behind it."""
        return self.table.role

    @property
    def line_end(self) -> bytes:
        """What ends a message to it."""
        return self.table.line_end

    def overrun(self) -> None:
        """A message was too long for the input buffer and was dropped."""
        with self._lock:
            self.status.report(SCPIError(-363))

    def handle(self, message: bytes) -> bytes | None:
        """Carry out one program message, without its end; returns the answer with its own.

        Raises:
            SilentError: a fault is injected that keeps the instrument from answering.
        """
        with self._lock:
            self.bench.check_cable(self.role)
            answers = self._carry_out(message.decode("latin-1"))
        if not answers:
            return None
        pieces = [a if isinstance(a, bytes) else a.encode("latin-1", "replace") for a in answers]
        return b";".join(pieces) + self.table.terminator

    def reset(self) -> None:
        """Bring everything to its value after *RST."""
        self.memory.clear()
        self.selected = self.table.channels[0]
        self._carry_out(self.table.reset)

    def status_byte(self) -> int:
        """The status byte, as a serial poll reads it."""
        with self._lock:
            return self.status.byte()

    # --- from a message to commands ---------------------------------------------------------

    def _carry_out(self, message: str) -> list[str | bytes]:
        answers: list[str | bytes] = []
        path = ""
        for unit in split_units(message):
            try:
                header, asked, rest = self._split_header(unit)
                if header[0] == "*":
                    target = self._target(header)
                else:
                    full = header[1:] if header[0] == ":" else path + header
                    path = full[: full.rfind(":") + 1]
                    target = self._target(full)
                answer = self._execute(target, asked, rest)
                if answer is not None:
                    answers.append(answer)
            except SCPIError as error:
                self.status.report(error)
                if error.is_command_error:
                    break
            except LimitError as error:
                self.status.report(SCPIError(-222, _quotable(error)))
            except DeviceError as error:
                self.bench.check_cable(self.role)
                self.status.report(SCPIError(-200, _quotable(error)))
        return answers

    def _split_header(self, unit: str) -> tuple[str, bool, str]:
        if self.table.compact:
            match = _COMPACT.match(unit)
        else:
            match = _SPACED.match(unit) or _QUERY_WITHOUT_SPACE.match(unit)
        if match is None:
            raise SCPIError(-102, _shown(unit))
        return match[1], match[2] is not None, match[3] or ""

    def _target(self, header: str) -> _Target:
        known = self._known.get(header)
        if known is not None:
            return known
        ended = header + ":"
        for pattern, command in self._patterns:
            match = pattern.fullmatch(ended)
            if match is None:
                continue
            suffix = match.groupdict().get("ch")
            if suffix and int(suffix) not in self.table.channels:
                raise SCPIError(-114, _shown(header))
            target = _Target(command, (int(suffix),) if suffix else None)
            if len(self._known) >= _CACHED_HEADERS:
                self._known.clear()  # every spelling in capitals and small letters is another
            self._known[header] = target
            return target
        raise SCPIError(-113, _shown(header))

    # --- from a command to the bench --------------------------------------------------------

    def _execute(self, target: _Target, asked: bool, rest: str) -> str | bytes | None:
        command = target.command
        if not (command.readable if asked else command.writable):
            raise SCPIError(-113, command.header)
        parameters = split_parameters(rest)
        channels = target.channels
        if self.table.channel_lists and parameters:
            listed = channel_list(parameters[-1])
            if listed is not None:
                parameters.pop()
                if not listed or not set(listed) <= set(self.table.channels):
                    raise SCPIError(-222, "channel list")
                channels = tuple(listed)
        if channels is None:
            channels = (self.selected if self.table.selectable else self.table.channels[0],)
        if command.kind is None:
            return self._special(command, asked, Call(self, channels, parameters))
        if asked:
            return self._ask(command, command.kind, channels, parameters)
        self._set(command, command.kind, channels, parameters)
        return None

    def _special(self, command: Command, asked: bool, call: Call) -> str | bytes | None:
        if asked:
            return command.answer(call) if command.answer is not None else None
        if command.do is not None:
            command.do(call)
        return None

    def _ask(
        self, command: Command, kind: Parameter, channels: tuple[int, ...], parameters: list[str]
    ) -> str:
        if parameters:
            if len(parameters) > 1 or not isinstance(kind, Number):
                raise SCPIError(-108, _shown(parameters[0]))
            return kind.show(kind.named(parameters[0]))
        if len(channels) == 1:
            return kind.show(self.read(command, channels[0]))
        return ",".join(kind.show(self.read(command, channel)) for channel in channels)

    def _set(
        self, command: Command, kind: Parameter, channels: tuple[int, ...], parameters: list[str]
    ) -> None:
        if not parameters:
            raise SCPIError(-109, command.header)
        if isinstance(kind, Numbers):
            value: Any = kind.parse_all(parameters)
        elif len(parameters) > 1:
            raise SCPIError(-108, _shown(parameters[1]))
        else:
            value = kind.parse(parameters[0])
        for channel in channels:
            self.write(command, channel, value)

    def read(self, command: Command, channel: int) -> Any:
        """The value behind a command."""
        if not command.at:
            key = remembered_key(command, channel)
            return self.memory[key] if key in self.memory else initial_value(command)
        owner, name = self._place(command.at, channel)
        return getattr(owner, name)

    def write(self, command: Command, channel: int, value: Any) -> None:
        """Change the value behind a command."""
        if not command.at:
            self.memory[remembered_key(command, channel)] = value
            return
        owner, name = self._place(command.at, channel)
        setattr(owner, name, value)

    def _place(self, at: str, channel: int) -> tuple[Any, str]:
        """The object and the attribute that `at` names."""
        key = (at, channel if "#" in at else 0)
        found = self._places.get(key)
        if found is None:
            owner, _, name = at.partition(".")
            if owner == "instrument":
                found = self, name
            elif owner.endswith("#"):
                found = _of_channel(getattr(self.bench, owner[:-1]), channel), name
            else:
                found = getattr(self.bench, owner), name
            self._places[key] = found
        return found


def _of_channel(parts: Mapping[int, Any], channel: int) -> Any:
    if channel not in parts:
        raise SCPIError(-241, f"channel {channel}")
    return parts[channel]


def _quotable(error: Exception) -> str:
    return " ".join(str(error).replace('"', "'").split())[:200]


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() and c != '"' else "?" for c in text.strip()[:40])
