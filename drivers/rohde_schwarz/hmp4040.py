"""Rohde & Schwarz HMP2020, HMP2030, HMP4030 and HMP4040, as the electromagnet's supply."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from drivers.electromagnet import SupplyElectromagnet
from drivers.rohde_schwarz.supply import RohdeSchwarzSupply
from drivers.session import Session
from labctl.errors import DeviceError, RigError
from labctl.hal import Limits


class Rating(NamedTuple):
    """What one output gives: never more than `highest_a`, never more than `highest_w`."""

    highest_a: float
    highest_w: float

    def highest_at(self, voltage_v: float) -> float:
        """Current in A at a voltage limit in V, to the mA that can be set."""
        return int(1e3 * min(self.highest_a, self.highest_w / voltage_v) + 1e-6) / 1e3


class HMP4040Electromagnet(SupplyElectromagnet):
    """A coil on one output of an HMP4040 (or its relatives with the same commands).

    The current that an output may give depends on the voltage limit, by its rated power.

    Args:
        resource: VISA resource name, or a shared `Session`.
        output: number of the output that feeds the coil.
        voltage_v: as for `SupplyElectromagnet`.
        options: likewise.

    Attributes:
        RATINGS: of the outputs of every model, from 1 (R&S HMP series data sheet, maximum output
            power and current per channel).
    """

    TABLE = RohdeSchwarzSupply
    MAKERS = ("Rohde&Schwarz", "Hameg", "Hameg Instruments")
    MODELS = ("HMP4040", "HMP4030", "HMP2030", "HMP2020")
    RATINGS: ClassVar[Mapping[str, tuple[Rating, ...]]] = {
        "HMP4040": (Rating(10.0, 160.0),) * 4,
        "HMP4030": (Rating(10.0, 160.0),) * 3,
        "HMP2030": (Rating(5.0, 80.0),) * 3,
        "HMP2020": (Rating(10.0, 160.0), Rating(5.0, 80.0)),
    }
    LIMITS: ClassVar = {
        "current_a": Limits(0.0, 10.0, "A"),
        "ramp_rate_a_per_s": Limits(0.001, 10.0, "A/s"),
    }
    MAX_VOLTAGE_V = 32.05
    VOLTAGE = "voltage"
    CURRENT = "current"
    MEASURED = "measured_current"

    def __init__(
        self, resource: str | Session, *, voltage_v: float, output: int = 1, **options: Any
    ) -> None:
        if not 0 < voltage_v <= self.MAX_VOLTAGE_V:
            raise RigError(f"voltage_v must be above 0 and at most {self.MAX_VOLTAGE_V:g} V.")
        known = [outputs[output - 1] for outputs in self.RATINGS.values() if len(outputs) >= output]
        if output < 1 or not known:
            raise RigError(f"No {self._expected} has an output {output}.")
        highest_a = max(rating.highest_at(voltage_v) for rating in known)
        limits = {**self.LIMITS, "current_a": Limits(0.0, highest_a, "A")}
        super().__init__(resource, voltage_v=voltage_v, output=output, limits=limits, **options)

    def _identify(self, handle: Any) -> str:
        answer = super()._identify(handle)
        model = answer.split(",")[1].strip()
        outputs = self.RATINGS[model]
        where = f"{self.ROLE} at {self._link.where}"
        if len(outputs) < self._number:
            raise DeviceError(f"{where}: an {model} has no output {self._number}.")
        rating = outputs[self._number - 1]
        highest_a = rating.highest_at(self._voltage_v)
        if self.limits["current_a"].maximum > highest_a:
            raise DeviceError(
                f"{where}: output {self._number} of an {model} gives {rating.highest_w:g} W, which "
                f"is {highest_a:g} A at {self._voltage_v:g} V; lower `voltage_v` in the rig file, "
                f'or narrow its limits: current_a = ["0 A", "{highest_a:g} A"].'
            )
        return answer

    def _output(self, handle: Any) -> Any:
        return handle.outputs[self._number]

    def _is_on(self, output: Any) -> bool:
        return bool(output.active and output.parent.output_enabled)

    def _switch_on(self, output: Any) -> None:
        self._set(output, "active", True)
        self._set(output.parent, "output_enabled", True)
