"""The roles of a rig and the Protocol each one must play."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from labctl.hal.clock import Clock
from labctl.hal.counter import PhotonCounter
from labctl.hal.electromagnet import Electromagnet
from labctl.hal.gauge import PressureGauge
from labctl.hal.laser import LaserModulator
from labctl.hal.microwave import MicrowaveSource
from labctl.hal.sequencer import PulseSequencer
from labctl.hal.trap import TrapDrive

ROLES: Mapping[str, type[Any]] = {
    "trap": TrapDrive,
    "gauge": PressureGauge,
    "electromagnet": Electromagnet,
    "laser": LaserModulator,
    "microwave": MicrowaveSource,
    "sequencer": PulseSequencer,
    "counter": PhotonCounter,
}
"""Role -> Protocol, in the order devices are opened; they are made safe in reverse."""


class Instruments(Protocol):
    """What a sequence sees of a rig: one device per role, and the clock."""

    @property
    def microwave(self) -> MicrowaveSource: ...
    @property
    def laser(self) -> LaserModulator: ...
    @property
    def counter(self) -> PhotonCounter: ...
    @property
    def trap(self) -> TrapDrive: ...
    @property
    def electromagnet(self) -> Electromagnet: ...
    @property
    def sequencer(self) -> PulseSequencer: ...
    @property
    def gauge(self) -> PressureGauge: ...
    @property
    def clock(self) -> Clock: ...


@runtime_checkable
class Simulation(Clock, Protocol):
    """What a simulated world tells the frame about itself; a real rig has none."""

    @property
    def seed(self) -> int:
        """Seed of every random number in the world."""
        ...

    @property
    def preparing(self) -> str:
        """Why the simulation itself, not an instrument in it, keeps one waiting; "" if not."""
        ...

    def hold_to_wall_clock(self, speed: float) -> None:
        """From now on pass `speed` seconds of the world per second of the wall clock."""
        ...

    @property
    def speed(self) -> float | None:
        """Seconds of the world per second of the wall clock; None is as fast as possible."""
        ...

    @speed.setter
    def speed(self, value: float | None) -> None: ...

    def truth(self) -> Mapping[str, tuple[NDArray[np.float64], str]]:
        """What measurements must find, by name: (values, SI unit)."""
        ...

    def state(self) -> Mapping[str, tuple[NDArray[np.float64], str]]:
        """The world as it is just now, by name: (values, SI unit); returns at once.

        `angle_rad` per mode, `populations` (classes, levels), `temperature_k` per mode (an
        estimate), `light_w` and `field_t` at the particle, and whatever else there is.
        """
        ...

    @property
    def faults(self) -> tuple[str, ...]:
        """Names of all faults that can be injected: "ROLE: disconnected", "ROLE: hangs" ..."""
        ...

    @property
    def injected(self) -> tuple[str, ...]:
        """Names of the faults in force."""
        ...

    def inject(self, name: str) -> None:
        """Let a fault happen. Raises RigError if there is none of that name."""
        ...

    def clear(self, name: str) -> None:
        """Mend a fault; calls that hang because of it go on. Raises as `inject`."""
        ...
