"""Electromagnet supplies."""

from typing import Protocol, runtime_checkable

from labctl.hal.device import Device


@runtime_checkable
class Electromagnet(Device, Protocol):
    """A coil on a current supply that only ever ramps.

    Limits: `current_a`, `ramp_rate_a_per_s`.
    """

    @property
    def current_a(self) -> float:
        """Current through the coil as read back, in A."""
        ...

    @property
    def ramp_rate_a_per_s(self) -> float:
        """Speed of every current change in A/s."""
        ...

    @ramp_rate_a_per_s.setter
    def ramp_rate_a_per_s(self, value: float) -> None: ...

    def ramp_to(self, current_a: float) -> None:
        """Ramp at `ramp_rate_a_per_s`; must return AFTER the read-back has arrived.

        Raises:
            LimitError: outside `limits["current_a"]`; the current is left as it is.
            DeviceError: the current does not arrive.
        """
        ...
