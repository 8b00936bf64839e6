"""A simulated instrument that reads program messages by its command table."""

import logging
import re
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from labctl.errors import DeviceError, LimitError
from sim_backends.wire.access_lock import AccessLock
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
from sim_backends.wire.saved_states import SavedStates
from sim_backends.wire.scpi_error import SCPIError
from sim_backends.wire.status import Status
from sim_backends.wire.syntax import channel_list, header_pattern, split_parameters, split_units

_SPACED = re.compile(r"\s*(\*?[A-Za-z][\w:]*|:[A-Za-z][\w:]*)(\?)?(?:\s+(.*))?\s*\Z", re.DOTALL)
_QUERY_WITHOUT_SPACE = re.compile(r"\s*([*:]?[A-Za-z][\w:]*)(\?)(.*)\Z", re.DOTALL)
_COMPACT = re.compile(r"\s*(\*?[A-Za-z]+)(\?)?\s*(.*?)\s*\Z", re.DOTALL)
_CACHED_HEADERS = 4096
_STEPS = {"UP": 1, "DOWN": -1}
INPUT_BUFFER_BYTES = 65536
OUTPUT_QUEUE_BYTES = 65536
"""Where both are full the instrument is deadlocked (IEEE 488.2, 6.3.1.7)."""

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
        access: the locks that clients hold on it.
        states: what *SAV has kept.
        selected: channel that commands without a channel mean.
        memory: what is remembered without any effect, by `remembered_key`.
    """

    def __init__(self, table: CommandTable, bench: Bench) -> None:
        self.table = table
        self.bench = bench
        watched = table.operation is not None or table.questionable is not None
        self.status = Status(self._refresh if watched else None)
        self.access = AccessLock()
        self.states = SavedStates(self)
        self.selected = table.channels[0]
        self.memory: dict[tuple[str, int], Any] = {}
        self._lock = threading.RLock()
        self._answers: list[str | bytes] = []
        # A model's own words come first: they may say a common one differently.
        self._patterns = [
            (header_pattern(command.header), command)
            for command in (*table.commands, *COMMON, *(() if table.compact else SYSTEM))
        ]
        self._by_header = {command.header: command for command in table.commands}
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
        self.status.report(SCPIError(-363))

    def query_error(self, number: int) -> None:
        """The client broke the message exchange protocol (IEEE 488.2, 6.3.2): -410 or -420."""
        self.status.report(SCPIError(number))

    def handle(self, message: bytes, *, queued: bool = False) -> bytes | None:
        """Carry out one program message, without its end; returns the answer with its own.

        Args:
            message: the program message.
            queued: whether answers wait in an output queue until the client reads them; a message
                that fills queue and input buffer at once is then deadlocked, which is -430.

        Raises:
            SilentError: a fault is injected that keeps the instrument from answering.
        """
        watched = self.status.service_mask
        with self._lock:
            self.bench.check_cable(self.role)
            self._answers = answers = []
            self._carry_out(message.decode("latin-1"), answers, queued)
            self._answers = []
        if watched or self.status.service_mask:
            self.status.tell_watchers()
        if not answers:
            return None
        pieces = [a if isinstance(a, bytes) else a.encode("latin-1", "replace") for a in answers]
        return b";".join(pieces) + self.table.terminator

    def reset(self) -> None:
        """Bring everything to its value after *RST."""
        self.memory.clear()
        self.selected = self.table.channels[0]
        self._carry_out(self.table.reset, [])

    @property
    def message_available(self) -> bool:
        """Whether the message that is being carried out has answers so far."""
        return bool(self._answers)

    def status_byte(self, message_available: bool = False) -> int:
        """The status byte, as a serial poll reads it; also while a message is carried out."""
        return self.status.byte(message_available)

    def trigger(self) -> None:
        """Do what *TRG does: the trigger message of an interface came in."""
        self.handle(b"*TRG")

    def _refresh(self, status: Status) -> None:
        if self.table.operation is not None:
            status.operation.update(self.table.operation(self.bench))
        if self.table.questionable is not None:
            status.questionable.update(self.table.questionable(self.bench))

    # --- from a message to commands ---------------------------------------------------------

    def _carry_out(self, message: str, answers: list[str | bytes], queued: bool = False) -> None:
        path = ""
        indefinite = changed = deadlocked = False
        unread, waiting = len(message), 0
        for unit in split_units(message):
            unread -= len(unit) + 1
            try:
                header, asked, rest = self._split_header(unit)
                if header[0] == "*":
                    target = self._target(header)
                else:
                    full = header[1:] if header[0] == ":" else path + header
                    path = full[: full.rfind(":") + 1]
                    target = self._target(full)
                if asked and indefinite and not self.table.compact:
                    raise SCPIError(-440)
                answer = self._execute(target, asked, rest)
                changed = changed or not asked
                if answer is not None and not deadlocked:
                    answers.append(answer)
                    indefinite = target.command.indefinite
                    waiting += len(answer) + 1
                    if queued and waiting > OUTPUT_QUEUE_BYTES and unread > INPUT_BUFFER_BYTES:
                        deadlocked = True
                        answers.clear()
                        self.status.report(SCPIError(-430))
            except SCPIError as error:
                self.status.report(error)
                if error.is_command_error:
                    break
            except LimitError as error:
                self.status.report(SCPIError(-222, str(error)))
            except DeviceError as error:
                self.bench.check_cable(self.role)
                self.status.report(SCPIError(-200, str(error)))
        if changed:
            self.status.refresh()

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
        most = command.most_asked if asked else command.most
        if most is not None and len(call.parameters) > most:
            raise SCPIError(-108, _shown(call.parameters[most]))
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
        elif command.step and parameters[0].strip().upper() in _STEPS:
            sign = _STEPS[parameters[0].strip().upper()]
            for channel in channels:
                self.write(command, channel, self._stepped(command, kind, channel, sign))
            return
        else:
            value = kind.parse(parameters[0])
        for channel in channels:
            self.write(command, channel, value)

    def _stepped(self, command: Command, kind: Parameter, channel: int, sign: int) -> Any:
        """One step up or down. Raises SCPIError: -222, it would leave the range."""
        step = self.read(self._by_header[command.step], channel)
        return kind.parse(repr(self.read(command, channel) + sign * step))

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


def _shown(text: str) -> str:
    return text.strip()[:40]
