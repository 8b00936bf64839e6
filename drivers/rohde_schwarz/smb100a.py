"""Rohde & Schwarz SMB100A, with its list mode."""

from collections.abc import Sequence
from typing import Any, ClassVar

from pymeasure.instruments import Instrument
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from drivers.microwave import VisaMicrowave
from drivers.rohde_schwarz.generator import RohdeSchwarzGenerator
from drivers.session import Session
from labctl.errors import DeviceError, LimitError
from labctl.hal import Clock, Limits, WallClock

LIST_NAME = "labctl"
DWELL_S = (0.7e-3, 100.0)


def _joined(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.12g}" for value in values)


class SMB100A(RohdeSchwarzGenerator):
    """Represents the SMB100A RF and microwave signal generator."""

    frequency_values = (9e3, 40e9)
    power_values = (-145, 30)

    def __init__(self, adapter, name="Rohde & Schwarz SMB100A", **kwargs):
        super().__init__(adapter, name, **kwargs)

    frequency_mode = Instrument.control(
        ":SOUR:FREQ:MODE?",
        ":SOUR:FREQ:MODE %s",
        """Control what sets the frequency ("CW", "LIST" or "SWE", strictly).""",
        validator=strict_discrete_set,
        values=["CW", "LIST", "SWE"],
        cast=str,
    )

    list_selected = Instrument.setting(
        ":SOUR:LIST:SEL '%s'",
        """Set the list that is edited and played; one that does not exist is made.""",
    )

    list_frequencies = Instrument.setting(
        ":SOUR:LIST:FREQ %s",
        """Set the frequencies of the selected list in Hz (sequence of floats).""",
        set_process=_joined,
    )

    list_powers = Instrument.setting(
        ":SOUR:LIST:POW %s",
        """Set the levels of the selected list in dBm, as many as there are frequencies.""",
        set_process=_joined,
    )

    list_points = Instrument.measurement(
        ":SOUR:LIST:FREQ:POIN?",
        """Get the number of frequencies in the selected list (int).""",
        cast=int,
    )

    list_dwell = Instrument.control(
        ":SOUR:LIST:DWEL?",
        ":SOUR:LIST:DWEL %.4f",
        """Control how long each entry stays in s (float strictly from 0.7 ms to 100 s).""",
        validator=strict_range,
        values=DWELL_S,
    )

    list_mode = Instrument.control(
        ":SOUR:LIST:MODE?",
        ":SOUR:LIST:MODE %s",
        """Control whether a trigger plays the whole list ("AUTO") or one entry ("STEP").""",
        validator=strict_discrete_set,
        values=["AUTO", "STEP"],
        cast=str,
    )

    list_trigger_source = Instrument.control(
        ":SOUR:LIST:TRIG:SOUR?",
        ":SOUR:LIST:TRIG:SOUR %s",
        """Control what starts the list ("AUTO", "SING" or "EXT", strictly).""",
        validator=strict_discrete_set,
        values=["AUTO", "SING", "EXT"],
        cast=str,
    )

    def list_reset(self) -> None:
        """Go back to the beginning of the list."""
        self.write(":SOUR:LIST:RES")

    def list_execute(self) -> None:
        """Play the list once."""
        self.write(":SOUR:LIST:TRIG:EXEC")


class SMB100AMicrowave(VisaMicrowave):
    """The RF output of an SMB100A; steps through frequency lists by its own clock.

    The manual has no query for the entry that is being played, so `clock` tells it from the
    moment the list was started; the error is a few ms.

    Args:
        resource: VISA resource name, or a shared `Session`.
        clock: the rig's; the wall clock unless the lab is simulated.
        options: what `Session` takes.
    """

    TABLE = SMB100A
    MAKERS = ("Rohde&Schwarz",)
    MODELS = ("SMB100A",)
    LIMITS: ClassVar = {
        "frequency_hz": Limits(100e3, 6e9, "Hz"),
        "power_dbm": Limits(-145.0, 30.0, "dBm"),
    }

    def __init__(
        self, resource: str | Session, *, clock: Clock | None = None, **options: Any
    ) -> None:
        super().__init__(resource, **options)
        self._clock = clock if clock is not None else WallClock()
        self._list: list[float] = []
        self._dwell_s = 0.0
        self._started_s: float | None = None

    def _prepare(self, handle: Any) -> None:
        super()._prepare(handle)
        self._set(handle, "frequency_mode", "CW")
        self._list, self._started_s = [], None

    @property
    def frequency_hz(self) -> float:
        with self._talk() as table:
            return float(table.frequency) if self._started_s is None else self._listed_hz()

    @frequency_hz.setter
    def frequency_hz(self, value: float) -> None:
        value = self.limits.check("frequency_hz", value)
        with self._talk() as table:
            self._leave_list(table, value)
        self._setpoints["frequency_hz"] = value

    def load_frequency_list(self, frequencies_hz: Sequence[float], dwell_s: float) -> None:
        """Store a list at the present level; the generator stays at its single frequency."""
        frequencies = [self.limits.check("frequency_hz", f) for f in frequencies_hz]
        if not frequencies:
            raise LimitError("A frequency list needs at least one entry.")
        if not DWELL_S[0] <= dwell_s <= DWELL_S[1]:
            raise LimitError(f"A list's dwell is 0.7 ms to 100 s, not {dwell_s:g} s.")
        with self._talk() as table:
            if self._started_s is not None:
                self._leave_list(table, self._listed_hz())
            table.list_selected = LIST_NAME
            table.list_frequencies = frequencies
            self._refuse_errors(table)
            table.list_powers = [float(table.power)] * len(frequencies)
            self._refuse_errors(table)
            if (stored := table.list_points) != len(frequencies):
                raise DeviceError(
                    f"{self.ROLE} at {self._link.where}: `:SOUR:LIST:FREQ` stored {stored} of "
                    f"{len(frequencies)} frequencies."
                )
            self._set(table, "list_dwell", dwell_s, within=1e-4)
            self._set(table, "list_mode", "AUTO")
            self._set(table, "list_trigger_source", "SING")
        self._list, self._dwell_s = frequencies, dwell_s

    def start_frequency_list(self) -> None:
        """Play the list once from its beginning."""
        with self._talk() as table:
            if not self._list:
                raise DeviceError(
                    f"{self.ROLE} at {self._link.where}: no frequency list is loaded."
                )
            self._set(table, "frequency_mode", "LIST")
            table.list_reset()
            table.list_execute()
            self._started_s = self._clock.now_s()
            self._refuse_errors(table)
        self._setpoints.pop("frequency_hz", None)  # the list sets it now

    def stop_frequency_list(self) -> None:
        """Stay at the entry that is being played, as a single frequency."""
        with self._talk() as table:
            if self._started_s is not None:
                self._leave_list(table, self._listed_hz())

    def _listed_hz(self) -> float:
        elapsed_s = self._clock.now_s() - (self._started_s or 0.0)
        entry = int(elapsed_s / self._dwell_s)
        return self._list[min(entry, len(self._list) - 1)]

    def _leave_list(self, table: Any, frequency_hz: float) -> None:
        # In this order: the mode first would jump to the single frequency of before.
        self._set(table, "frequency", frequency_hz, within=self.FREQUENCY_STEP_HZ)
        if self._started_s is not None:
            self._set(table, "frequency_mode", "CW")
            self._started_s = None
