"""The simulated vacuum gauge."""

from collections.abc import Mapping
from typing import ClassVar

from labctl.data import Setting
from sim_backends.devices.simulated_device import SimulatedDevice


class SimulatedPressureGauge(SimulatedDevice):
    """Reads the pressure that damps the libration."""

    ROLE = "gauge"
    MODEL = "SimGauge"
    LIMITS: ClassVar = {}

    @property
    def pressure_pa(self) -> float:
        return self._connected().apparatus.pressure_pa

    def settings(self) -> Mapping[str, Setting]:
        return {"pressure_pa": Setting(None, self.pressure_pa, "Pa")}
