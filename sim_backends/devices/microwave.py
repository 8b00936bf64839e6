"""The simulated microwave generator."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from labctl.data import Setting
from labctl.errors import DeviceError, LimitError
from labctl.hal import Limits
from sim_backends.devices.simulated_device import SimulatedDevice
from sim_backends.timelines import Event
from sim_backends.world import World


class SimulatedMicrowaveSource(SimulatedDevice):
    """A synthesised generator with list mode."""

    ROLE = "microwave"
    MODEL = "SimMW"
    LIMITS: ClassVar = {
        "frequency_hz": Limits(10e6, 6e9, "Hz"),
        "power_dbm": Limits(-110.0, 15.0, "dBm"),
        "list_dwell_s": Limits(1e-6, 1e3, "s"),
    }

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._list: tuple[list[float], float] | None = None

    def _switch_off(self) -> None:
        self.world.cancel("frequency list")
        self.world.set(microwave_on=False)

    @property
    def frequency_hz(self) -> float:
        return self._connected().controls.microwave_hz

    @frequency_hz.setter
    def frequency_hz(self, value: float) -> None:
        self._connected().set(microwave_hz=self.limits.check("frequency_hz", value))

    @property
    def power_dbm(self) -> float:
        return self._connected().controls.microwave_dbm

    @power_dbm.setter
    def power_dbm(self, value: float) -> None:
        self._connected().set(microwave_dbm=self.limits.check("power_dbm", value))

    @property
    def output(self) -> bool:
        return self._connected().controls.microwave_on

    @output.setter
    def output(self, value: bool) -> None:
        self._connected().set(microwave_on=bool(value))

    def load_frequency_list(self, frequencies_hz: Sequence[float], dwell_s: float) -> None:
        """Store a list of frequencies, each held for `dwell_s`."""
        self._connected()
        frequencies = [self.limits.check("frequency_hz", f) for f in frequencies_hz]
        if not frequencies:
            raise LimitError("A frequency list needs at least one entry.")
        self._list = (frequencies, self.limits.check("list_dwell_s", dwell_s))

    def start_frequency_list(self) -> None:
        """Begin at the first entry now."""
        world = self._connected()
        if self._list is None:
            raise DeviceError("No frequency list is loaded.")
        if not world.controls.microwave_on:
            raise DeviceError("The output must be on before a frequency list starts.")
        frequencies, dwell_s = self._list
        with world.lock:
            world.synchronise()
            world.play("frequency list", self._steps(world.now_s(), frequencies, dwell_s))

    def _steps(self, start_s: float, frequencies: list[float], dwell_s: float) -> Iterator[Event]:
        for n, frequency in enumerate(frequencies):
            yield (
                start_s + n * dwell_s,
                lambda value=frequency: setattr(self.world.controls, "microwave_hz", value),
            )

    def stop_frequency_list(self) -> None:
        """Leave the list where it is."""
        self._connected().cancel("frequency list")

    def settings(self) -> Mapping[str, Setting]:
        return {
            "frequency_hz": self._setting(self.frequency_hz, "Hz"),
            "power_dbm": self._setting(self.power_dbm, "dBm"),
            "output": self._setting(self.output, ""),
        }
