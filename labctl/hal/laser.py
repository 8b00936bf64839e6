"""Laser modulators: the AOM that sets the green light's power and gates it."""

from typing import Protocol, runtime_checkable

from labctl.hal.device import Device


@runtime_checkable
class LaserModulator(Device, Protocol):
    """An acousto-optic modulator, calibrated to optical power at the diamond.

    Limits: `power_w`.
    """

    @property
    def power_w(self) -> float:
        """Optical power at the diamond in W while the gate is open."""
        ...

    @power_w.setter
    def power_w(self, value: float) -> None: ...

    @property
    def gate(self) -> bool:
        """Whether light passes. Closed after `open`. A pulse program can close it further."""
        ...

    @gate.setter
    def gate(self, value: bool) -> None: ...
