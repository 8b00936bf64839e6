"""Pfeiffer TPG 361, 362 and 366 vacuum gauge controllers."""

from typing import Any

from pymeasure.instruments import Channel, Instrument
from pymeasure.instruments.validators import strict_discrete_set

from drivers.gauge import PA_PER_MBAR, PA_PER_TORR, VisaGauge
from drivers.session import Session
from labctl.errors import DeviceError, RigError

ACKNOWLEDGED = "\x06"
ENQUIRY = "\x05"
UNITS = {"mbar": 0, "Torr": 1, "Pa": 2, "micron": 3, "hPa": 4}
PA_PER_UNIT = {
    "mbar": PA_PER_MBAR,
    "Torr": PA_PER_TORR,
    "Pa": 1.0,
    "micron": PA_PER_TORR / 1000,
    "hPa": PA_PER_MBAR,
}
STATUS = (
    "ok",
    "underrange",
    "overrange",
    "sensor error",
    "sensor off",
    "no sensor",
    "identification error",
)


class SensorChannel(Channel):
    """One sensor of the controller."""

    reading = Channel.measurement(
        "PR{ch}",
        """Get the status (index into `STATUS`) and the pressure in the display's unit.""",
        get_process_list=lambda values: (int(values[0]), values[1]),
    )


class TPG366(Instrument):
    """Represents the Pfeiffer TPG 361/362/366 on a serial line or TCP socket.

    A command is acknowledged (ACK, or NAK when it is not understood); the answer to a question
    comes after an enquiry (ENQ).
    """

    sensors = Instrument.MultiChannelCreator(
        SensorChannel,  # pyright: ignore[reportArgumentType]  as upstream's own classes
        [1, 2, 3, 4, 5, 6],  # pyright: ignore[reportArgumentType]  likewise
        prefix="sensor_",
    )

    def __init__(self, adapter, name="Pfeiffer TPG 36x", **kwargs):
        super().__init__(
            adapter,
            name,
            includeSCPI=False,
            write_termination="\r\n",
            read_termination="\r\n",
            **kwargs,
        )

    def write(self, command: str, **kwargs: Any) -> None:
        """Send a mnemonic and take its acknowledgement.

        Raises ConnectionError if the controller does not understand it.
        """
        super().write(command, **kwargs)
        answer = super().read()
        if answer != ACKNOWLEDGED:
            raise ConnectionError(f"not acknowledged but answered {answer!r}")

    def read(self, **kwargs: Any) -> str:
        """Enquire what was asked for."""
        super().write(ENQUIRY)
        return super().read(**kwargs)

    def check_set_errors(self) -> list[Any]:
        """Read the value that the controller repeats after every set."""
        self.read()
        return []

    identity = Instrument.measurement(
        "AYT",
        """Get type, model number, serial number, firmware and hardware version (str).""",
        cast=str,
        maxsplit=0,
    )

    unit = Instrument.control(
        "UNI",
        "UNI,%d",
        """Control the unit of the display and of every reading (strictly one of `UNITS`).""",
        validator=strict_discrete_set,
        values=UNITS,
        map_values=True,
        check_set_errors=True,
    )


class TPG366Gauge(VisaGauge):
    """One sensor of a TPG 361, 362 or 366; the unit on its display is left as it is.

    Args:
        resource: VISA resource name of the serial line or socket, or a shared `Session`.
        sensor: its number, from 1.
        options: what `Session` takes.
    """

    TABLE = TPG366
    MODELS = ("TPG 36", "TPG36")

    def __init__(self, resource: str | Session, *, sensor: int = 1, **options: Any) -> None:
        if sensor not in range(1, 7):
            raise RigError(f"A TPG 36x has sensors 1 to 6, not {sensor}.")
        super().__init__(resource, **options)
        self._sensor = sensor

    def _identify(self, handle: Any) -> str:
        return "Pfeiffer," + self._check_model(handle.identity, self.MODELS, "AYT")

    def _read_pa(self, handle: Any) -> float:
        unit = handle.unit  # somebody at the front panel may change it at any time
        status, value = handle.sensors[self._sensor].reading
        if status != 0:
            raise DeviceError(
                f"{self.ROLE} at {self._link.where}: `PR{self._sensor}` is answered "
                f"`{STATUS[status]}` ({status})."
            )
        return self._number(value) * PA_PER_UNIT[unit]
