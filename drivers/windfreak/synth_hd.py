"""Windfreak SynthHD, through its maker's package `windfreak`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.real_device import RealDevice
from drivers.session import Link
from labctl.errors import DeviceError, RigError
from labctl.hal import Limits

STEP_HZ = 1.0
"""The synthesiser's own rounding, 0.1 Hz, with room for the text in MHz that goes over USB."""
STEP_DB = 0.01


class SynthHDMicrowave(RealDevice):
    """One output of a SynthHD or SynthHD PRO.

    It has no error queue; after each set it says whether it could level the output.

    Args:
        port: serial port, "/dev/ttyACM0" or "COM4".
        channel: 0 is output A, 1 is output B.
    """

    ROLE = "microwave"
    LIMITS: ClassVar = {
        "frequency_hz": Limits(10e6, 24e9, "Hz"),
        "power_dbm": Limits(-70.0, 20.0, "dBm"),
    }
    SETTINGS: ClassVar[Mapping[str, str]] = {"frequency_hz": "Hz", "power_dbm": "dBm", "output": ""}

    def __init__(self, port: str, *, channel: int = 0) -> None:
        if channel not in (0, 1):
            raise RigError(f"A SynthHD has channels 0 and 1, not {channel}.")
        super().__init__(Link(port))
        self._number = channel

    def _connect(self) -> Any:
        return self._import("windfreak", extra="windfreak").SynthHD(self._link.where)

    def _identify(self, handle: Any) -> str:
        model = handle.model
        if model is None:
            raise DeviceError(
                f"{self.ROLE} at {self._link.where}: expected a SynthHD, but its hardware version "
                f"is {handle.hardware_version!r}; is the port another instrument's?"
            )
        return f"Windfreak,{model},{handle.serial_number},{handle.firmware_version}"

    def _prepare(self, handle: Any) -> None:
        channel = handle[self._number]
        self._link.last_command = "enable = False"
        channel.enable = False
        self._check_readback("enable", False, bool(channel.enable), 0.0)

    @property
    def frequency_hz(self) -> float:
        with self._talk("frequency") as handle:
            return self._link.check_number(float(handle[self._number].frequency))

    @frequency_hz.setter
    def frequency_hz(self, value: float) -> None:
        value = self.limits.check("frequency_hz", value)
        with self._talk(f"frequency = {value:.1f}") as handle:
            channel = handle[self._number]
            channel.frequency = value
            self._check_readback("frequency", value, float(channel.frequency), STEP_HZ)
            self._check_leveling(channel)
        self._setpoints["frequency_hz"] = value

    @property
    def power_dbm(self) -> float:
        with self._talk("power") as handle:
            return self._link.check_number(float(handle[self._number].power))

    @power_dbm.setter
    def power_dbm(self, value: float) -> None:
        value = self.limits.check("power_dbm", value)
        with self._talk(f"power = {value:.2f}") as handle:
            channel = handle[self._number]
            channel.power = value
            self._check_readback("power", value, float(channel.power), STEP_DB)
            self._check_leveling(channel)
        self._setpoints["power_dbm"] = value

    @property
    def output(self) -> bool:
        with self._talk("enable") as handle:
            return bool(handle[self._number].enable)

    @output.setter
    def output(self, value: bool) -> None:
        with self._talk(f"enable = {bool(value)}") as handle:
            channel = handle[self._number]
            channel.enable = bool(value)
            self._check_readback("enable", bool(value), bool(channel.enable), 0.0)
        self._setpoints["output"] = bool(value)

    def _check_leveling(self, channel: Any) -> None:
        if not channel.calibrated:
            raise DeviceError(
                f"{self.ROLE} at {self._link.where}: after `{self._link.last_command}` the output "
                "is not levelled; this power is out of reach at this frequency."
            )
