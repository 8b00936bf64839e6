"""Rohde & Schwarz HMP4040, as the electromagnet's supply."""

from typing import Any, ClassVar

from pymeasure.instruments.rohdeschwarz.hmp import HMP4040

from drivers.electromagnet import SupplyElectromagnet
from labctl.hal import Limits


class HMP4040Electromagnet(SupplyElectromagnet):
    """A coil on one output of an HMP4040 (or its relatives with the same commands).

    Every conversation selects its output first: somebody at the front panel may have selected
    another one in the meantime.
    """

    TABLE = HMP4040
    MAKERS = ("Rohde&Schwarz", "Hameg", "Hameg Instruments")
    MODELS = ("HMP4040", "HMP4030", "HMP2030", "HMP2020")
    LIMITS: ClassVar = {
        "current_a": Limits(0.0, 10.0, "A"),
        "ramp_rate_a_per_s": Limits(0.001, 10.0, "A/s"),
    }
    MAX_VOLTAGE_V = 32.05
    VOLTAGE = "voltage"
    CURRENT = "current"
    MEASURED = "measured_current"

    def _output(self, handle: Any) -> Any:
        handle.selected_channel = self._number
        return handle

    def _is_on(self, output: Any) -> bool:
        return bool(output.selected_channel_active and output.output_enabled)

    def _switch_on(self, output: Any) -> None:
        self._set(output, "selected_channel_active", True)
        self._set(output, "output_enabled", True)
