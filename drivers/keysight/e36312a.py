"""Keysight E36312A, as the electromagnet's supply."""

from typing import Any, ClassVar

from pymeasure.instruments.keysight.keysightE36312A import KeysightE36312A

from drivers.electromagnet import SupplyElectromagnet
from labctl.errors import RigError
from labctl.hal import Limits

MAX_CURRENT_A = {1: 5.0, 2: 1.0, 3: 1.0}
MAX_VOLTAGE_V = {1: 6.0, 2: 25.0, 3: 25.0}


class E36312AElectromagnet(SupplyElectromagnet):
    """A coil on one output of an E36312A: 1 gives 6 V and 5 A, 2 and 3 give 25 V and 1 A."""

    TABLE = KeysightE36312A
    MAKERS = ("Keysight Technologies",)
    MODELS = ("E36312A",)
    LIMITS: ClassVar = {
        "current_a": Limits(0.0, 5.0, "A"),
        "ramp_rate_a_per_s": Limits(0.001, 10.0, "A/s"),
    }
    MAX_VOLTAGE_V = 25.0
    VOLTAGE = "voltage_setpoint"
    CURRENT = "current_limit"
    MEASURED = "current"

    def __init__(self, resource: Any, *, output: int = 1, voltage_v: float, **options: Any) -> None:
        if output not in MAX_CURRENT_A:
            raise RigError(f"An E36312A has outputs 1, 2 and 3, not {output}.")
        if voltage_v > MAX_VOLTAGE_V[output]:
            raise RigError(f"Output {output} gives at most {MAX_VOLTAGE_V[output]:g} V.")
        limits = {**self.LIMITS, "current_a": Limits(0.0, MAX_CURRENT_A[output], "A")}
        super().__init__(resource, output=output, voltage_v=voltage_v, limits=limits, **options)

    def _output(self, handle: Any) -> Any:
        return handle.channels[self._number]

    def _is_on(self, output: Any) -> bool:
        return bool(output.output_enabled)

    def _switch_on(self, output: Any) -> None:
        self._set(output, "output_enabled", True)
