"""The simulated electromagnet supply."""

from collections.abc import Mapping
from typing import ClassVar

from labctl.data import Setting
from labctl.hal import Limits
from sim_backends.devices.simulated_device import SimulatedDevice
from sim_backends.world import World


class SimulatedElectromagnet(SimulatedDevice):
    """A coil whose current only ever ramps."""

    ROLE = "electromagnet"
    MODEL = "SimMagnet"
    LIMITS: ClassVar = {
        "current_a": Limits(0.0, 100.0, "A"),
        "ramp_rate_a_per_s": Limits(0.01, 100.0, "A/s"),
    }

    def __init__(self, world: World, *, ramp_rate_a_per_s: float = 20.0) -> None:
        super().__init__(world)
        self._rate_a_per_s = self.limits.check("ramp_rate_a_per_s", ramp_rate_a_per_s)

    @property
    def current_a(self) -> float:
        return self._connected().controls.current_a

    @property
    def ramp_rate_a_per_s(self) -> float:
        self._connected()
        return self._rate_a_per_s

    @ramp_rate_a_per_s.setter
    def ramp_rate_a_per_s(self, value: float) -> None:
        self._connected()
        self._rate_a_per_s = self.limits.check("ramp_rate_a_per_s", value)

    def ramp_to(self, current_a: float) -> None:
        """Ramp; returns after arrival."""
        target_a = self.limits.check("current_a", current_a)
        self._connected().ramp_current(target_a, self._rate_a_per_s)

    def settings(self) -> Mapping[str, Setting]:
        return {
            "current_a": self._setting(self.current_a, "A"),
            "ramp_rate_a_per_s": self._setting(self.ramp_rate_a_per_s, "A/s"),
        }
