"""Pulse programs of the spins: polarise, act in the dark, read; two programs in turn.

What such measurements share: the shot, the alternation that takes slow drifts of light and
charge out of the difference, and the order of the times they scan.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import chain, islice
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from labctl.hal import PL, Instruments, Pulse, PulseChannel
from labctl.hal.sequencer import count_gates
from labctl.parameters import SequenceParameters, quantity
from sequences.conditions import Conditions

LIGHT, DRIVE, COUNT = PulseChannel.LASER, PulseChannel.MICROWAVE, PulseChannel.COUNT
SHORTEST_S = 1e-9
"""What is left of a dark time below this is rounding, not a pulse."""

FREQUENCY_HZ = 2.7203e9
"""The line that the other measurements use by default as well."""


class Spacing(StrEnum):
    """How the times of a scan are spread."""

    LINEAR = "linear"
    LOG = "log"


class Pulses(Conditions):
    """What every shot has: light that polarises, the microwave's tone, light that reads."""

    frequency_hz: float = quantity(
        FREQUENCY_HZ, unit="Hz", label="Microwave frequency",
        limited_by="microwave.frequency_hz", gt=0,
    )  # fmt: skip
    power_dbm: float = quantity(
        10.0, unit="dBm", label="Microwave power", limited_by="microwave.power_dbm"
    )
    polarize_s: float = quantity(
        1e-3, unit="s", label="Polarising light", limited_by="sequencer.pulse_duration_s", gt=0
    )
    read_s: float = quantity(
        10e-6, unit="s", label="Reading light", limited_by="sequencer.pulse_duration_s", gt=0
    )
    repeats: int = quantity(
        200, unit="", label="Pairs of shots per point", limited_by="sequencer.repeats",
        ge=1, le=1_000_000,
    )  # fmt: skip

    def shot(self, *between: Pulse) -> list[Pulse]:
        """Polarise, let the pulses between act, read."""
        read = Pulse.of(self.read_s, LIGHT, COUNT)
        return [Pulse.of(self.polarize_s, LIGHT), *between, read]

    def tune(self, rig: Instruments, *, offset_hz: float = 0.0) -> None:
        """Set conditions and microwave, and switch it on; the sequencer gates it from now on."""
        self.apply(rig)
        rig.microwave.power_dbm = self.power_dbm
        rig.microwave.frequency_hz = self.frequency_hz + offset_hz
        rig.microwave.output = True


class TimeScan(SequenceParameters):
    """The times that a pulsed measurement visits, repeated."""

    start_s: float = quantity(
        10e-9, unit="s", label="Shortest time", limited_by="sequencer.pulse_duration_s", gt=0
    )
    stop_s: float = quantity(
        1e-3, unit="s", label="Longest time", limited_by="sequencer.pulse_duration_s", gt=0
    )
    points: int = quantity(20, unit="", label="Times per sweep", ge=2, le=100_000)
    spacing: Spacing = quantity(Spacing.LOG, unit="", label="Spacing of the times")
    sweeps: int = quantity(10, unit="", label="Sweeps", ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _start_below_stop(self) -> Self:
        self.require_below("start_s", "stop_s")
        return self

    @property
    def times_s(self) -> NDArray[np.float64]:
        """The times of one sweep, shape (points,), ascending."""
        spread = np.geomspace if self.spacing is Spacing.LOG else np.linspace
        return spread(self.start_s, self.stop_s, self.points)

    @property
    def length(self) -> int:
        """Points of the measurement."""
        return self.points * self.sweeps

    def steps(self, done: int = 0) -> Iterator[tuple[int, float]]:
        """(sweep number, time in s) in the order they are visited, after `done` of them."""
        once = self.times_s.tolist()
        order = ((sweep, time_s) for sweep in range(self.sweeps) for time_s in once)
        return islice(order, done, None)


def dark(duration_s: float) -> list[Pulse]:
    """Nothing on; no pulse at all where the time is rounding."""
    return [Pulse.of(duration_s)] if duration_s > SHORTEST_S else []


def lasts_s(program: Sequence[Pulse]) -> float:
    """Length of a program."""
    return sum(pulse.duration_s for pulse in program)


def count_in_turn(
    rig: Instruments, shots: Sequence[Sequence[Pulse]], repeats: int
) -> NDArray[np.int64]:
    """Play shots in turn, `repeats` times over.

    Args:
        rig: with sequencer and counter.
        shots: programs with equally many gates, each of which begins and ends with a gate closed
            or is followed by one that begins so.
        repeats: how often each is played.

    Returns:
        APD2 counts summed over the repeats, shape (shots, gates of a shot).
    """
    program = list(chain.from_iterable(shots))
    gates = count_gates(program, repeats)
    rig.sequencer.load(program, repeats=repeats)
    rig.counter.arm_gates(gates)
    rig.sequencer.start()
    counts = rig.counter.read_gates()[PL]
    return counts.reshape(repeats, len(shots), -1).sum(axis=0)
