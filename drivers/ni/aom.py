"""The AOM's level from an analogue output of a National Instruments card, through `nidaqmx`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from drivers.aom_calibration import AOMCalibration
from drivers.real_device import RealDevice
from drivers.session import Link
from labctl.errors import RigError
from labctl.hal import Limits

HIGHEST_V = 10.0


class NIAOM(RealDevice):
    """An analogue output as the AOM's level; closed means the level at which no light passes.

    These cards cannot read an output back: what is told is what was written last.

    Args:
        output: physical channel, "Dev1/ao0".
        calibration: pairs (transmission, volts at the AOM driver), rising.
        full_power_w: power at the diamond at transmission 1, in W.
    """

    ROLE = "laser"
    LIMITS: ClassVar = {}
    SETTINGS: ClassVar[Mapping[str, str]] = {"power_w": "W", "gate": ""}

    def __init__(
        self, output: str, *, calibration: Sequence[Sequence[float]], full_power_w: float
    ) -> None:
        self._calibration = AOMCalibration(calibration, full_power_w)
        if max(abs(v) for v in self._calibration.volts) > HIGHEST_V:
            raise RigError(f"An analogue output gives at most {HIGHEST_V:g} V.")
        limits = {"power_w": Limits(0.0, self._calibration.highest_power_w, "W")}
        super().__init__(Link(output), limits)
        self._power_w = 0.0
        self._gate = False

    def _connect(self) -> Any:
        package = self._import("nidaqmx", extra="ni")
        low_v, high_v = self._calibration.volts
        task = package.Task()
        try:
            task.ao_channels.add_ao_voltage_chan(
                self._link.where, min_val=min(low_v, 0.0), max_val=max(high_v, 0.0)
            )
        except Exception:
            task.close()
            raise
        return task

    def _identify(self, handle: Any) -> str:
        del handle  # the task could be made, so the card is there
        return f"National Instruments,analogue output,{self._link.where}"

    def _prepare(self, handle: Any) -> None:
        self._power_w, self._gate = 0.0, False
        handle.write(self._calibration.dark_v)

    @property
    def power_w(self) -> float:
        self._require_open()
        return self._power_w

    @power_w.setter
    def power_w(self, value: float) -> None:
        value = self.limits.check("power_w", value)
        self._write(value, self._gate)
        self._power_w = self._setpoints["power_w"] = value

    @property
    def gate(self) -> bool:
        self._require_open()
        return self._gate

    @gate.setter
    def gate(self, value: bool) -> None:
        self._write(self._power_w, bool(value))
        self._gate = self._setpoints["gate"] = bool(value)

    def _write(self, power_w: float, gate: bool) -> None:
        volts = self._calibration.volts_for(power_w) if gate else self._calibration.dark_v
        with self._talk(f"write {volts:.4f} V") as task:
            task.write(volts)
