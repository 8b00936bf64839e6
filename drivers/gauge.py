"""The part of a vacuum gauge's role that does not depend on its protocol."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pymeasure.instruments import Instrument

from drivers.session import INFINITY
from drivers.visa_device import VisaDevice
from labctl.data import Setting
from labctl.errors import DeviceError

PA_PER_MBAR = 100.0
PA_PER_TORR = 101325 / 760


class VisaGauge(VisaDevice):
    """A gauge on a serial line, whose protocol ends its lines by itself."""

    ROLE = "gauge"
    LIMITS: ClassVar = {}

    def _connect(self) -> Instrument:
        return self._session.connect_as(self.TABLE, ends_lines=True, **self._arguments())

    def _arguments(self) -> dict[str, Any]:
        """What the table's constructor takes beside the address of the session."""
        return {}

    def _read_pa(self, handle: Any) -> float:
        """Pressure in Pa, or a text that says why there is none."""
        raise NotImplementedError

    @property
    def pressure_pa(self) -> float:
        with self._talk() as handle:
            return self._read_pa(handle)

    def _number(self, answer: Any) -> float:
        """`answer` if it is a pressure above zero.

        Raises:
            DeviceError: the gauge is off, missing, or beyond its range.
        """
        if isinstance(answer, float | int) and 0 < answer < INFINITY:
            return float(answer)
        raise DeviceError(
            f"{self.ROLE} at {self._link.where}: `{self._link.last_command}` is answered "
            f"{answer!r}, which is no pressure; is the sensor on and in its range?"
        )

    def settings(self) -> Mapping[str, Setting]:
        return {"pressure_pa": Setting(None, self.pressure_pa, "Pa")}
