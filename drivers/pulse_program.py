"""A pulse program on its way to a sequencer: checked, and in the hardware's ticks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from labctl.errors import LimitError, RigError
from labctl.hal import LimitTable, Pulse, PulseChannel

ROUNDING = 1e-9
"""Relative error of a duration that was computed."""
IDLE = frozenset({PulseChannel.LASER, PulseChannel.MICROWAVE})
"""Lines that are high while nothing plays."""


@dataclass(frozen=True)
class PulseProgram:
    """Pulses within the limits, and how often they are played."""

    pulses: tuple[Pulse, ...]
    repeats: int

    def in_ticks(
        self, tick_s: float, *, shortest: int = 1
    ) -> Iterator[tuple[int, frozenset[PulseChannel]]]:
        """(ticks, lines that are high) of every pulse.

        The ends of pulses are rounded, not their lengths, so that errors do not add up. A pulse of
        `shortest` ticks or more never becomes shorter than these, and one that is shorter keeps
        its own length, never none at all; what that takes, the pulses behind it give back.
        """
        end_s, begun = 0.0, 0
        for pulse in self.pulses:
            end_s += pulse.duration_s
            own = pulse.duration_s / tick_s
            if own < shortest * (1 - ROUNDING):
                ticks = max(round(own), 1)
            else:
                ticks = max(round(end_s / tick_s) - begun, shortest)
            yield ticks, pulse.high
            begun += ticks


def wired_lines(lines: Mapping[str, int], outputs: range) -> dict[PulseChannel, int]:
    """Output by channel, as a rig file says it.

    Raises:
        RigError: an unknown channel, an output that does not exist or is used twice.
    """
    wired: dict[PulseChannel, int] = {}
    for name, output in lines.items():
        if name not in list(PulseChannel):
            known = ", ".join(PulseChannel)
            raise RigError(f"lines names `{name}`; a pulse sequencer's lines are {known}.")
        if output not in outputs or output in wired.values():
            raise RigError(f"Output {output} of `{name}` does not exist or is used already.")
        wired[PulseChannel(name)] = output
    return wired


def check_program(
    limits: LimitTable,
    program: Sequence[Pulse],
    repeats: int,
    channels: tuple[PulseChannel, ...],
) -> PulseProgram:
    """The program, if the sequencer can play it.

    Raises:
        LimitError: empty, too long, a pulse outside the limits, or a line that is not wired.
    """
    limits.check("pulses", len(program))
    limits.check("repeats", repeats)
    for pulse in program:
        limits.check("pulse_duration_s", pulse.duration_s)
        if not pulse.high <= set(channels):
            missing = ", ".join(sorted(pulse.high - set(channels)))
            raise LimitError(f"The program uses the line {missing}, which is not wired.")
    return PulseProgram(tuple(program), repeats)
