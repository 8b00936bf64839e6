"""Rohde & Schwarz SMB100A, with its list mode.

Page numbers are those of its operating manual, 1407.0806.32, version 23.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from pymeasure.instruments import Instrument
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from drivers.microwave import VisaMicrowave
from drivers.rohde_schwarz.generator import RohdeSchwarzGenerator
from drivers.session import Session
from labctl.errors import DeviceError, LimitError
from labctl.hal import Clock, Limits, WallClock

MOST_LISTS = 4
"""Kept in the instrument with what it has learned: a sweep up and down needs two."""
LOWEST_LISTED_HZ = 300e3
"""Of LIST:FREQuency (p. 371)."""
DWELL_S, DWELL_STEP_S = (0.7e-3, 100.0), 1e-4
"""Range and increment of LIST:DWELl (p. 370)."""
LEARN_S, LEARN_ENTRY_S = 10.0, 0.1
"""How long learning may take: at all, and for each entry."""


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
        """Set the list that is edited and played; one that does not exist is made (p. 375).""",
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

    list_levels = Instrument.measurement(
        ":SOUR:LIST:POW:POIN?",
        """Get the number of levels in the selected list (int).""",
        cast=int,
    )

    list_dwell = Instrument.control(
        ":SOUR:LIST:DWEL?",
        ":SOUR:LIST:DWEL %.4f",
        """Control how long each entry stays in s (float strictly from 0.7 ms to 100 s).

        The instrument rounds it to a multiple of 0.1 ms (p. 370).""",
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

    def list_learn(self) -> None:
        """Find the hardware's settings for every entry and keep them with the list (p. 373)."""
        self.write(":SOUR:LIST:LEAR")

    def list_reset(self) -> None:
        """Go back to the beginning of the list."""
        self.write(":SOUR:LIST:RES")

    def list_execute(self) -> None:
        """Play the list once."""
        self.write(":SOUR:LIST:TRIG:EXEC")


class SMB100AMicrowave(VisaMicrowave):
    """The RF output of an SMB100A; steps through frequency lists by its own clock.

    A list is learned when it is stored: else its first pass does not keep a short dwell, for the
    hardware's settings are found on the way (p. 192). The manual has no query for the entry that
    is being played, so `clock` tells it from the moment the list was started, to a few ms.

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
        "list_dwell_s": Limits(*DWELL_S, "s", step=DWELL_STEP_S),
    }

    def __init__(
        self, resource: str | Session, *, clock: Clock | None = None, **options: Any
    ) -> None:
        super().__init__(resource, **options)
        self._clock = clock if clock is not None else WallClock()
        self._list: list[float] = []
        self._dwell_s = 0.0
        self._started_s: float | None = None
        self._stored: dict[str, tuple[list[float], float]] = {}

    def _prepare(self, handle: Any) -> None:
        super()._prepare(handle)
        self._set(handle, "frequency_mode", "CW")
        self._list, self._started_s = [], None
        self._stored.clear()

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
        """Store and learn a list at the present level; the single frequency stays meanwhile.

        One that was stored before is only selected.
        """
        frequencies = [self.limits.check("frequency_hz", f) for f in frequencies_hz]
        if not frequencies:
            raise LimitError("A frequency list needs at least one entry.")
        if min(frequencies) < LOWEST_LISTED_HZ:
            raise LimitError(f"An entry of a list is {LOWEST_LISTED_HZ / 1e3:g} kHz at least.")
        dwell_s = self.limits.check("list_dwell_s", dwell_s)
        with self._talk() as table:
            if self._started_s is not None:
                self._leave_list(table, self._listed_hz())
            self._list = []
            self._select_list(table, frequencies, float(table.power))
            # Whatever is left of rounding adds up over the list; a hundredth of an entry may.
            self._set(table, "list_dwell", dwell_s, within=1e-2 * dwell_s / len(frequencies))
            self._set(table, "list_mode", "AUTO")
            self._set(table, "list_trigger_source", "SING")
        self._list, self._dwell_s = frequencies, dwell_s

    def start_frequency_list(self) -> None:
        """Play the list once from its beginning; whether all went well is asked afterwards."""
        with self._talk() as table:
            if not self._list:
                raise DeviceError(
                    f"{self.ROLE} at {self._link.where}: no frequency list is loaded."
                )
            if not table.output_enabled:
                raise DeviceError(
                    f"{self.ROLE} at {self._link.where}: the output must be on before a frequency "
                    "list starts."
                )
            self._set(table, "frequency_mode", "LIST")
            table.list_reset()
            self._refuse_errors(table)
            table.list_execute()
            # A question here would let the list run on while its answer is waited for.
            self._started_s = self._clock.now_s()
        self._setpoints.pop("frequency_hz", None)  # the list sets it now

    def stop_frequency_list(self) -> None:
        """Stay at the entry that is being played, as a single frequency."""
        with self._talk() as table:
            if self._started_s is not None:
                self._leave_list(table, self._listed_hz())

    def _select_list(self, table: Any, frequencies: list[float], level_dbm: float) -> None:
        content = frequencies, level_dbm
        known = [name for name, stored in self._stored.items() if stored == content]
        if known:
            table.list_selected = known[0]
            self._refuse_errors(table)
            return
        free = [n for n in range(1, MOST_LISTS + 1) if f"labctl{n}" not in self._stored]
        name = f"labctl{free[0]}" if free else next(iter(self._stored))
        self._stored.pop(name, None)
        table.list_selected = name
        table.list_frequencies = frequencies
        self._refuse_errors(table)
        table.list_powers = [level_dbm] * len(frequencies)
        self._refuse_errors(table)
        if (stored := (table.list_points, table.list_levels)) != (len(frequencies),) * 2:
            raise DeviceError(
                f"{self.ROLE} at {self._link.where}: `:SOUR:LIST` holds {stored[0]} frequencies "
                f"and {stored[1]} levels instead of {len(frequencies)}."
            )
        table.list_learn()
        with self._session.patience(LEARN_S + LEARN_ENTRY_S * len(frequencies)):
            _ = table.complete
        self._refuse_errors(table)
        self._stored[name] = content

    def _listed_hz(self) -> float:
        elapsed_s = self._clock.now_s() - (self._started_s or 0.0)
        entry = int(elapsed_s / self._dwell_s)
        return self._list[min(entry, len(self._list) - 1)]

    def _leave_list(self, table: Any, frequency_hz: float) -> None:
        if self._started_s is not None:
            self._link.last_command = ":SOUR:LIST:TRIG:EXEC"
            self._refuse_errors(table)
        # In this order: the mode first would jump to the single frequency of before.
        self._set(table, "frequency", frequency_hz, within=self.FREQUENCY_STEP_HZ)
        if self._started_s is not None:
            self._set(table, "frequency_mode", "CW")
            self._started_s = None
