"""Pfeiffer TPG 361, 362 and 366 vacuum gauge controllers.

They speak the protocol of the TPG 261 and 262 (Pfeiffer, BG 5195, section 5), with more units.
"""

from typing import Any

from pymeasure.instruments import Channel, Instrument
from pymeasure.instruments.validators import strict_discrete_set
from pyvisa import VisaIOError
from pyvisa.constants import StatusCode

from drivers.gauge import PA_PER_MBAR, PA_PER_TORR, VisaGauge
from drivers.session import Session
from labctl.errors import DeviceError, RigError

MODELS = ("TPG 361", "TPG 362", "TPG 366", "TPG361", "TPG362", "TPG366")
ACKNOWLEDGED = "\x06"
RESET, ENQUIRY = b"\x03", b"\x05"
SILENCE_S = 0.3
"""Longer than the pause between two lines of continuous output, 100 ms at its fastest."""
MOST_LEFT_OVER = 16_384
"""Bytes of it that are dropped; a controller that goes on after that does not obey."""
UNITS = {"mbar": 0, "Torr": 1, "Pa": 2, "micron": 3, "hPa": 4, "V": 5}
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
    comes after an enquiry, which is ENQ and nothing behind it (BG 5195, p. 67 and 68): a line end
    would be a further, empty command.
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
        self.write_bytes(ENQUIRY)
        return super().read(**kwargs)

    def reset_interface(self) -> None:
        """Drop a command that is half said, stop continuous output, forget what it has sent.

        Raises ConnectionError if the controller does not fall silent.
        """
        self.write_bytes(RESET)
        connection: Any = self.adapter.connection
        before, connection.timeout = connection.timeout, round(1e3 * SILENCE_S)
        try:
            for _ in range(MOST_LEFT_OVER):
                self.read_bytes(1)
        except VisaIOError as error:
            if error.error_code != StatusCode.error_timeout:
                raise
        else:
            raise ConnectionError("it goes on sending after ETX; is another program reading it?")
        finally:
            connection.timeout = before

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
    MODELS = MODELS

    def __init__(self, resource: str | Session, *, sensor: int = 1, **options: Any) -> None:
        if sensor not in range(1, 7):
            raise RigError(f"A TPG 36x has sensors 1 to 6, not {sensor}.")
        super().__init__(resource, **options)
        self._sensor = sensor

    def _connect(self) -> Instrument:
        # Also after a time-out: what is still on its way must not answer the next question.
        handle: Any = super()._connect()
        handle.reset_interface()
        return handle

    def _identify(self, handle: Any) -> str:
        answer = handle.identity
        known = answer.split(",")[0].strip() in self.MODELS
        return "Pfeiffer," + self._check_model(known, answer, self._expected, "AYT")

    def _read_pa(self, handle: Any) -> float:
        unit = handle.unit  # somebody at the front panel may change it at any time
        if unit not in PA_PER_UNIT:
            raise DeviceError(
                f"{self.ROLE} at {self._link.where}: it shows {unit} instead of a pressure; choose "
                "hPa, mbar, Torr, micron or Pa at its front panel."
            )
        status, value = handle.sensors[self._sensor].reading
        if status != 0:
            raise DeviceError(
                f"{self.ROLE} at {self._link.where}: `PR{self._sensor}` is answered "
                f"`{STATUS[status] if status < len(STATUS) else 'unknown status'}` ({status})."
            )
        return self._number(value) * PA_PER_UNIT[unit]
