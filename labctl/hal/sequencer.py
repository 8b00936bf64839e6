"""Pulse sequencers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Protocol, runtime_checkable

from labctl.hal.device import Device


class PulseChannel(StrEnum):
    """What a digital line of the sequencer gates."""

    LASER = "laser"
    MICROWAVE = "microwave"
    COUNT = "count"


@dataclass(frozen=True)
class Pulse:
    """`duration_s` with the named channels high and all others low."""

    duration_s: float
    high: frozenset[PulseChannel]

    @classmethod
    def of(cls, duration_s: float, *high: PulseChannel) -> "Pulse":
        """Spell a pulse as `Pulse.of(1e-3, PulseChannel.LASER)`."""
        return cls(duration_s, frozenset(high))


def count_gates(program: Iterable[Pulse], repeats: int) -> int:
    """Number of times the count line rises in `repeats` runs of a program that start low."""
    states = [PulseChannel.COUNT in pulse.high for pulse in program]
    if not states:
        return 0
    rises = sum(now and not before for before, now in pairwise(states))
    wraps = states[0] and not states[-1]
    return repeats * (rises + wraps) + (1 if states[0] and states[-1] else 0)


@runtime_checkable
class PulseSequencer(Device, Protocol):
    """Plays digital patterns. While none plays, laser and microwave lines are high, count low.

    Limits: `pulse_duration_s`, `pulses` (length of a program), `repeats`.
    """

    @property
    def channels(self) -> tuple[PulseChannel, ...]:
        """The lines that are wired."""
        ...

    def load(self, program: Sequence[Pulse], *, repeats: int = 1) -> None:
        """Store a program to be played `repeats` times without gaps.

        Raises:
            LimitError: empty, too long, or a pulse outside the limits.
        """
        ...

    def start(self) -> None:
        """Play the loaded program from its beginning; returns at once.

        Raises:
            DeviceError: nothing is loaded.
        """
        ...

    def wait(self) -> None:
        """Return AFTER the program has ended and the idle levels are back."""
        ...

    def stop(self) -> None:
        """End the program now; must return AFTER the idle levels are back."""
        ...
