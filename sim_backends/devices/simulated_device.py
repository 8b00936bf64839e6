"""What every simulated instrument shares: identity, limits, and being open or not."""

from collections.abc import Mapping
from typing import ClassVar

from labctl.data import Setting
from labctl.errors import DeviceError
from labctl.hal import Limits, LimitTable
from sim_backends.world import World


class SimulatedDevice:
    """A view on the world that behaves like an instrument on a cable, which may be faulty."""

    ROLE: ClassVar[str]
    MODEL: ClassVar[str]
    LIMITS: ClassVar[Mapping[str, Limits]]

    def __init__(self, world: World) -> None:
        self.world = world
        self.limits = LimitTable(self.LIMITS)
        self._open = False

    @property
    def identity(self) -> str:
        return f"labctl,{self.MODEL},seed {self._reached().seed},simulated"

    def open(self) -> None:
        """Connect; every source is off afterwards."""
        self._reached()
        self._open = True
        self._switch_off()

    def close(self) -> None:
        """Disconnect and leave everything as it stands."""
        self._open = False

    def settings(self) -> Mapping[str, Setting]:
        """Every adjustable value."""
        self._connected()
        return {}

    def _switch_off(self) -> None:
        """Bring the instrument into its state after `open`."""

    def _connected(self) -> World:
        if not self._open:
            raise DeviceError(f"{self.MODEL} is not open; open the rig first.")
        return self._reached()

    def _reached(self) -> World:
        """The world, if the cable and the instrument are sound; every call passes here."""
        self.world.meet_faults(self.ROLE, self.MODEL)
        return self.world

    def _setting(self, value: float | bool, unit: str) -> Setting:
        return Setting(value, value, unit)
