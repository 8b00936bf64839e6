"""What the instruments of the simulated lab set, and the gates they collect."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


@dataclass
class Controls:
    """What the instruments set; SI units. The three lines belong to the pulse sequencer."""

    microwave_hz: float = 2.87e9
    microwave_dbm: float = -30.0
    microwave_on: bool = False
    microwave_line: bool = True
    laser_w: float = 100e-6
    laser_gate: bool = False
    laser_line: bool = True
    count_line: bool = False
    current_a: float = 0.0
    trap_v: float = 2000.0
    trap_hz: float = 4e3
    trap_on: bool = True

    @property
    def shining(self) -> bool:
        """Whether microwaves reach the diamond."""
        return self.microwave_on and self.microwave_line

    @property
    def light_w(self) -> float:
        """Laser power at the diamond."""
        return self.laser_w if self.laser_gate and self.laser_line else 0.0


class Lines(NamedTuple):
    """One pulse as the lines of the sequencer see it."""

    duration_s: float
    laser: bool
    microwave: bool
    counting: bool


@dataclass
class Gates:
    """Counts collected while the sequencer's count line is high, or low if `inverted`.

    A gate opens at the line's edge: a line that is low already when an inverted one is armed has
    to rise first.
    """

    armed: int = 0
    inverted: bool = False
    open: bool = False
    done: list[Counts] = field(default_factory=list)
