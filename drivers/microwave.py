"""The part of a microwave generator's role that does not depend on its dialect."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.visa_device import VisaDevice


class VisaMicrowave(VisaDevice):
    """A generator whose table has `frequency` (Hz), `power` (dBm) and `output_enabled`.

    Each is set, checked for errors and read back; the output is off after `open`.
    """

    ROLE = "microwave"
    SETTINGS: ClassVar[Mapping[str, str]] = {"frequency_hz": "Hz", "power_dbm": "dBm", "output": ""}
    FREQUENCY_STEP_HZ: ClassVar[float] = 0.01
    POWER_STEP_DB: ClassVar[float] = 0.01

    def _prepare(self, handle: Any) -> None:
        self._set(handle, "output_enabled", False)

    @property
    def frequency_hz(self) -> float:
        with self._talk() as table:
            return float(table.frequency)

    @frequency_hz.setter
    def frequency_hz(self, value: float) -> None:
        value = self.limits.check("frequency_hz", value)
        with self._talk() as table:
            self._set(table, "frequency", value, within=self.FREQUENCY_STEP_HZ)
        self._setpoints["frequency_hz"] = value

    @property
    def power_dbm(self) -> float:
        with self._talk() as table:
            return float(table.power)

    @power_dbm.setter
    def power_dbm(self, value: float) -> None:
        value = self.limits.check("power_dbm", value)
        with self._talk() as table:
            self._set(table, "power", value, within=self.POWER_STEP_DB)
        self._setpoints["power_dbm"] = value

    @property
    def output(self) -> bool:
        with self._talk() as table:
            return bool(table.output_enabled)

    @output.setter
    def output(self, value: bool) -> None:
        with self._talk() as table:
            self._set(table, "output_enabled", bool(value))
        self._setpoints["output"] = bool(value)
