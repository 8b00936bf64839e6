"""Vacuum gauges."""

from typing import Protocol, runtime_checkable

from labctl.hal.device import Device


@runtime_checkable
class PressureGauge(Device, Protocol):
    """Reads the pressure in the trap's chamber."""

    @property
    def pressure_pa(self) -> float:
        """Pressure in Pa (1 mbar = 100 Pa)."""
        ...
