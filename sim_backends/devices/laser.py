"""The simulated AOM."""

from collections.abc import Mapping
from typing import ClassVar

from labctl.data import Setting
from labctl.hal import Limits
from sim_backends.devices.simulated_device import SimulatedDevice


class SimulatedLaserModulator(SimulatedDevice):
    """An AOM with a perfect calibration; its power sets pumping, PL and reflected light."""

    ROLE = "laser"
    MODEL = "SimAOM"
    LIMITS: ClassVar = {"power_w": Limits(0.0, 2e-3, "W")}

    def _switch_off(self) -> None:
        self.world.set(laser_gate=False)

    @property
    def power_w(self) -> float:
        return self._connected().controls.laser_w

    @power_w.setter
    def power_w(self, value: float) -> None:
        self._connected().set(laser_w=self.limits.check("power_w", value))

    @property
    def gate(self) -> bool:
        return self._connected().controls.laser_gate

    @gate.setter
    def gate(self, value: bool) -> None:
        self._connected().set(laser_gate=bool(value))

    def settings(self) -> Mapping[str, Setting]:
        return {
            "power_w": self._setting(self.power_w, "W"),
            "gate": self._setting(self.gate, ""),
        }
