"""Thyracont Smartline transmitters, both generations of their protocol."""

import re
from typing import Any

from pymeasure.instruments.thyracont import SmartlineV1, SmartlineV2

from drivers.gauge import PA_PER_MBAR, VisaGauge
from drivers.session import Session

MODEL = re.compile(r"V(SR|SL|SP|SM|SH|CC|SI|D)[0-9][0-9A-Z]*")
"""Two or three letters for the sensors, then digits for range and connectors: VSR205, VSP63D."""


class SmartlineGauge(VisaGauge):
    """A Smartline of today (protocol V2, 115200 baud).

    Args:
        resource: VISA resource name of the serial line, or a shared `Session`.
        address: on the RS485 line, 1 to 16.
        options: what `Session` takes.
    """

    TABLE = SmartlineV2
    FAMILY = "a Thyracont Smartline (VSR, VSP, VCC ...)"

    def __init__(self, resource: str | Session, *, address: int = 1, **options: Any) -> None:
        super().__init__(resource, **options)
        self._address = address

    def _arguments(self) -> dict[str, Any]:
        return {"address": self._address}

    def _identify(self, handle: Any) -> str:
        model = self._model(handle)
        return f"Thyracont,{model},{handle.device_serial},{handle.firmware_version}"

    def _model(self, handle: Any) -> str:
        model = handle.device_type.strip()
        known = MODEL.fullmatch(model) is not None
        return self._check_model(known, model, self._expected, "device type")

    def _read_pa(self, handle: Any) -> float:
        return self._number(handle.pressure) * PA_PER_MBAR


class SmartlineV1Gauge(SmartlineGauge):
    """A Smartline made until 2017 (protocol V1, 9600 baud)."""

    TABLE = SmartlineV1

    def _identify(self, handle: Any) -> str:
        return f"Thyracont,{self._model(handle)}"
