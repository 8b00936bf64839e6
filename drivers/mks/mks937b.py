"""MKS 937B vacuum gauge controller."""

from typing import Any

from pymeasure.instruments.mksinst.mks937b import MKS937B, Unit

from drivers.gauge import PA_PER_MBAR, PA_PER_TORR, VisaGauge
from drivers.session import Session
from labctl.errors import RigError

PA_PER_UNIT = {
    Unit.Torr: PA_PER_TORR,
    Unit.mbar: PA_PER_MBAR,
    Unit.Pa: 1.0,
    Unit.uHg: PA_PER_TORR / 1000,
}


class MKS937BGauge(VisaGauge):
    """One sensor of an MKS 937B; the unit on its display is left as it is.

    Args:
        resource: VISA resource name of the serial line, or a shared `Session`.
        channel: 1 to 6.
        address: of the controller, 1 to 254.
        options: what `Session` takes.
    """

    TABLE = MKS937B
    MODELS = ("937B",)

    def __init__(
        self, resource: str | Session, *, channel: int = 1, address: int = 253, **options: Any
    ) -> None:
        if channel not in range(1, 7):
            raise RigError(f"An MKS 937B has channels 1 to 6, not {channel}.")
        super().__init__(resource, **options)
        self._channel_number = channel
        self._address = address

    def _arguments(self) -> dict[str, Any]:
        return {"address": self._address}

    def _identify(self, handle: Any) -> str:
        model = handle.ask("MD?").strip()
        self._check_model(model in self.MODELS, model, self._expected, "MD?")
        return f"MKS Instruments,{model},{handle.serial}"

    def _read_pa(self, handle: Any) -> float:
        # Somebody at the front panel may change the unit at any time.
        unit = handle.unit
        # By name: in upstream's `channels` the relays have replaced the sensors.
        answer = getattr(handle, f"ch_{self._channel_number}").pressure
        return self._number(answer) * PA_PER_UNIT[unit]
