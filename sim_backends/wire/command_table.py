"""What an instrument understands, as data: one table is the source of every way to serve it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sim_backends.wire.parameters import Parameter

if TYPE_CHECKING:
    from sim_backends.wire.bench import Bench
    from sim_backends.wire.instrument import SCPIInstrument


class Call(NamedTuple):
    """One command as it came in.

    Attributes:
        instrument: who was told.
        channels: from the header's suffix, a channel list, or what is selected.
        parameters: the texts behind the header, without a channel list.
    """

    instrument: "SCPIInstrument"
    channels: tuple[int, ...]
    parameters: list[str]


@dataclass(frozen=True)
class Command:
    """One line of a command table; made by the functions below.

    Attributes:
        header: as manuals write it: "[SOURce<ch>:]FREQuency[:CW|:FIXed]".
        kind: what is set and asked for.
        at: where the value lives on the bench, "microwave.frequency_hz"; "#" behind the first name
            stands for "of this channel". Empty: the instrument remembers it and nothing follows.
        writable, readable: whether it can be set and asked for.
        do: carries out the set form, if there is no `kind`.
        answer: answers the query form, if there is no `kind`.
        most, most_asked: how many parameters `do` and `answer` take; None if they look themselves.
        step: header of the command that holds the step of UP and DOWN; empty if there is none.
        indefinite: whether the answer ends only with the message, so that no other may follow it.
    """

    header: str
    kind: Parameter | None = None
    at: str = ""
    writable: bool = True
    readable: bool = True
    do: Callable[[Call], None] | None = None
    answer: Callable[[Call], str | bytes] | None = None
    most: int | None = None
    most_asked: int | None = None
    step: str = ""
    indefinite: bool = False


def control(header: str, kind: Parameter, at: str = "", *, step: str = "") -> Command:
    """A value that can be set and asked for; without `at` it is remembered, and that is all.

    Args:
        header: as manuals write it.
        kind: what is set and asked for.
        at: where the value lives on the bench.
        step: header of another command, which holds the step of UP and DOWN.
    """
    return Command(header, kind, at, step=step)


def measurement(header: str, kind: Parameter, at: str) -> Command:
    """A value that can only be asked for."""
    return Command(header, kind, at, writable=False)


def action(
    header: str,
    do: Callable[[Call], None],
    answer: Callable[[Call], str | bytes] | None = None,
    *,
    most: int | None = None,
    most_asked: int | None = None,
) -> Command:
    """A command with a meaning of its own, and perhaps a query form."""
    return Command(
        header, do=do, answer=answer, readable=answer is not None, most=most, most_asked=most_asked
    )


def query(
    header: str,
    answer: Callable[[Call], str | bytes],
    *,
    most: int | None = None,
    indefinite: bool = False,
) -> Command:
    """A question with an answer of its own."""
    return Command(header, answer=answer, writable=False, most_asked=most, indefinite=indefinite)


def ignored(*headers: str) -> tuple[Command, ...]:
    """Commands that are obeyed without any effect on the simulated lab."""
    return tuple(action(header, _do_nothing) for header in headers)


def _do_nothing(call: Call) -> None:
    del call


@dataclass(frozen=True)
class CommandTable:
    """One instrument model.

    Attributes:
        dialect: short name, as in configuration files: "smb100a".
        role: of the simulated device it is a view of.
        identity: answer to *IDN?.
        commands: beside those every IEEE 488.2 instrument has.
        channels: numbers that suffixes and channel lists may have.
        options: answer to *OPT?.
        reset: what *RST does, as a message to the instrument itself.
        selectable: whether a command without a channel means the selected one.
        channel_lists: whether the last parameter may be one: "(@1,2)".
        compact: parameters may follow the header without a space (Stanford Research Systems).
        terminator: of every answer.
        no_error: how an empty error queue spells its number.
        trigger: what *TRG and a trigger message of the interface do; None if they are ignored.
        registers: highest register of *SAV and *RCL; they begin at 0.
        operation, questionable: condition registers of the SCPI status tree, from the bench.
    """

    dialect: str
    role: str
    identity: str
    commands: tuple[Command, ...]
    channels: tuple[int, ...] = (1,)
    options: str = "0"
    reset: str = ""
    selectable: bool = False
    channel_lists: bool = False
    compact: bool = False
    terminator: bytes = b"\n"
    no_error: str = "0"
    trigger: Callable[[Call], None] | None = None
    registers: int = 9
    operation: Callable[["Bench"], int] | None = None
    questionable: Callable[["Bench"], int] | None = None

    @property
    def line_end(self) -> bytes:
        """What ends a message to the instrument, besides a carriage return before it."""
        return b"\n"


def remembered_key(command: Command, channel: int) -> tuple[str, int]:
    """Under what an instrument remembers a value."""
    return command.header, channel if "<ch>" in command.header else 0


def initial_value(command: Command) -> Any:
    """What a remembered value is after *RST."""
    return command.kind.default if command.kind is not None else None
