"""List mode of a simulated microwave generator."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, count

from sim_backends.devices.microwave import SimulatedMicrowaveSource
from sim_backends.timelines import Event
from sim_backends.wire.scpi_error import SCPIError

LEARNING_S = 2e-3
"""To find the hardware's settings for one entry. Rohde & Schwarz name no figure; a dwell below it
is one that the first pass does not keep."""
TIMELINE = "frequency list"


class StoredList:
    """One list as it stands in the instrument's memory."""

    def __init__(self) -> None:
        self.frequencies_hz: list[float] = []
        self.powers_dbm: list[float] = []
        self.learned = False


class Sweeper:
    """Single frequency and lists of one family of generators; `mode` says which it emits.

    Args:
        microwave: what it sets.
        dwell_step_s: grid that a dwell is rounded to; 0 for none.
        dwell_s: after *RST.
        learns: whether a list that was not learned keeps no short dwell in its first pass
            (R&S SMB100A operating manual 1407.0806.32-23, p. 192 and 373).

    Attributes:
        dwells_s: time of each entry, or one for all.
        cycle: AUTO plays the whole list at a trigger, STEP one entry.
        source: of the trigger; AUTO and IMM repeat a list by itself.
    """

    def __init__(
        self,
        microwave: SimulatedMicrowaveSource,
        *,
        dwell_step_s: float = 0.0,
        dwell_s: float = 10e-3,
        learns: bool = False,
    ) -> None:
        self.dwells_s = [dwell_s]
        self.cycle, self._source = "AUTO", "AUTO" if learns else "BUS"
        self._microwave = microwave
        self._step_s, self._learns = dwell_step_s, learns
        self._lists: dict[str, StoredList] = {"": StoredList()}
        self._selected = ""
        self._mode = "CW"
        self._cw_hz = self._cw_dbm = 0.0
        self._starts_s: list[float] = []
        self._start_s = 0.0
        self._index = 0

    # --- the single frequency -------------------------------------------------------------

    @property
    def frequency_hz(self) -> float:
        """Of the single tone, also while a list plays."""
        return self._cw_hz if self._mode == "LIST" else self._microwave.frequency_hz

    @frequency_hz.setter
    def frequency_hz(self, value: float) -> None:
        if self._mode == "LIST":
            self._cw_hz = value
        else:
            self._microwave.frequency_hz = value

    @property
    def power_dbm(self) -> float:
        """Of the single tone."""
        return self._cw_dbm if self._mode == "LIST" else self._microwave.power_dbm

    @power_dbm.setter
    def power_dbm(self, value: float) -> None:
        if self._mode == "LIST":
            self._cw_dbm = value
        else:
            self._microwave.power_dbm = value

    # --- lists ----------------------------------------------------------------------------

    @property
    def selected(self) -> str:
        """Name of the list that is edited and played; made if there is none."""
        return self._selected

    @selected.setter
    def selected(self, name: str) -> None:
        self._lists.setdefault(name, StoredList())
        self._selected = name

    @property
    def frequencies_hz(self) -> Sequence[float]:
        """Of the selected list."""
        return self._list.frequencies_hz

    @frequencies_hz.setter
    def frequencies_hz(self, values: list[float]) -> None:
        self._list.frequencies_hz, self._list.learned = values, False

    @property
    def powers_dbm(self) -> Sequence[float]:
        """Of the selected list."""
        return self._list.powers_dbm

    @powers_dbm.setter
    def powers_dbm(self, values: list[float]) -> None:
        self._list.powers_dbm, self._list.learned = values, False

    @property
    def points(self) -> int:
        """Frequencies of the selected list."""
        return len(self._list.frequencies_hz)

    @property
    def levels(self) -> int:
        """Levels of the selected list."""
        return len(self._list.powers_dbm)

    @property
    def dwell_s(self) -> float:
        """Time of every entry, rounded to the instrument's grid."""
        return self.dwells_s[0]

    @dwell_s.setter
    def dwell_s(self, value: float) -> None:
        step_s = self._step_s
        self.dwells_s = [round(value / step_s) / round(1 / step_s) if step_s else value]

    def learn(self) -> None:
        """Find the hardware's settings of every entry, which takes its time."""
        self._check_lengths()
        self._microwave.world.sleep_s(LEARNING_S * self.points)
        self._list.learned = True

    # --- playing --------------------------------------------------------------------------

    @property
    def mode(self) -> str:
        """CW, FIX, SWE or LIST: then a trigger steps through the list."""
        return self._mode

    @mode.setter
    def mode(self, value: str) -> None:
        if (value == "LIST") == (self._mode == "LIST"):
            self._mode = value
            return
        if value == "LIST":
            self._check_lengths()
            self._cw_hz, self._cw_dbm = self._microwave.frequency_hz, self._microwave.power_dbm
            self._mode = value
            self.rewind()
            if self._repeats:
                self.start()
            return
        self._mode = value
        self._microwave.stop_frequency_list()
        self._microwave.frequency_hz, self._microwave.power_dbm = self._cw_hz, self._cw_dbm

    @property
    def source(self) -> str:
        """What starts a list: AUTO or IMM (by itself, again and again), SING or BUS, EXT."""
        return self._source

    @source.setter
    def source(self, value: str) -> None:
        self._source = value
        if self._mode == "LIST" and self._repeats:
            self.start()

    @property
    def _repeats(self) -> bool:
        return self._learns and self.cycle == "AUTO" and self._source in ("AUTO", "IMM")

    @property
    def index(self) -> int:
        """Entry that is being played; the last one afterwards."""
        if self._starts_s and self.cycle == "AUTO":
            elapsed_s = self._microwave.world.now_s() - self._start_s
            return max(bisect_right(self._starts_s, elapsed_s) - 1, 0)
        return self._index

    @index.setter
    def index(self, value: float) -> None:
        if not 0 <= value < self.points:
            raise SCPIError(-222, "list index")
        self._index = round(value)
        if self._mode == "LIST" and self.cycle == "STEP":
            self._emit(self._index)

    def rewind(self) -> None:
        """Wait at the beginning of the list for the next start."""
        self._microwave.stop_frequency_list()
        self._starts_s, self._index = [], 0
        if self._mode == "LIST":
            self._emit(0)

    def start(self) -> None:
        """Obey a trigger: play the list, or its next entry."""
        if self._mode != "LIST":
            raise SCPIError(-221, "not in list mode")
        if self.cycle == "STEP":
            self._emit(self._index)
            self._index = (self._index + 1) % self.points
            return
        world = self._microwave.world
        with world.lock:
            world.synchronise()
            self._start_s = world.now_s()
            world.play(TIMELINE, self._steps(self._start_s))

    def _steps(self, start_s: float) -> Iterator[Event]:
        playing = self._list
        for _ in count():
            slowest_s = LEARNING_S if self._learns and not playing.learned else 0.0
            dwells_s = self.dwells_s * (self.points if len(self.dwells_s) == 1 else 1)
            ends_s = list(accumulate(max(dwell_s, slowest_s) for dwell_s in dwells_s))
            self._starts_s, self._start_s = [0.0, *ends_s[:-1]], start_s
            for n, after_s in enumerate(self._starts_s):
                yield start_s + after_s, lambda n=n: self._emit(n)
            playing.learned = True
            if not self._repeats:
                return
            start_s += ends_s[-1]

    def _emit(self, n: int) -> None:
        controls = self._microwave.world.controls
        controls.microwave_hz = self._list.frequencies_hz[n % self.points]
        if self.levels:
            controls.microwave_dbm = self._list.powers_dbm[n % self.levels]

    @property
    def _list(self) -> StoredList:
        return self._lists[self._selected]

    def _check_lengths(self) -> None:
        """All columns are equally long, or one value long, which is meant for all entries."""
        lengths = self.points, self.levels, len(self.dwells_s)
        if not self.points or any(n not in (1, max(lengths)) for n in lengths):
            raise SCPIError(-226, f"{lengths[0]} frequencies, {lengths[1]} levels")
