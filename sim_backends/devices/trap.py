"""The simulated Paul-trap drive."""

from collections.abc import Mapping
from typing import ClassVar

from labctl.data import Setting
from labctl.hal import Limits
from sim_backends.devices.simulated_device import SimulatedDevice


class SimulatedTrapDrive(SimulatedDevice):
    """The high voltage that holds the particle; off for longer than a moment loses it."""

    ROLE = "trap"
    MODEL = "SimTrap"
    LIMITS: ClassVar = {
        "amplitude_v": Limits(500.0, 4000.0, "V"),
        "frequency_hz": Limits(1e3, 20e3, "Hz"),
    }

    @property
    def amplitude_v(self) -> float:
        return self._connected().controls.trap_v

    @amplitude_v.setter
    def amplitude_v(self, value: float) -> None:
        self._connected().set(trap_v=self.limits.check("amplitude_v", value))

    @property
    def frequency_hz(self) -> float:
        return self._connected().controls.trap_hz

    @frequency_hz.setter
    def frequency_hz(self, value: float) -> None:
        self._connected().set(trap_hz=self.limits.check("frequency_hz", value))

    @property
    def output(self) -> bool:
        return self._connected().controls.trap_on

    @output.setter
    def output(self, value: bool) -> None:
        self._connected().set(trap_on=bool(value))

    def settings(self) -> Mapping[str, Setting]:
        return {
            "amplitude_v": self._setting(self.amplitude_v, "V"),
            "frequency_hz": self._setting(self.frequency_hz, "Hz"),
            "output": self._setting(self.output, ""),
        }
