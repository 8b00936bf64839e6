"""List mode of the simulated microwave generator."""

from sim_backends.devices.microwave import SimulatedMicrowaveSource


class Sweeper:
    """Frequencies and dwell time as instruments keep them until a list is started.

    Attributes:
        frequencies_hz: the list.
        dwell_s: time per entry.
    """

    def __init__(self, microwave: SimulatedMicrowaveSource) -> None:
        self.frequencies_hz: list[float] = []
        self.dwell_s = 10e-3
        self._microwave = microwave
        self._mode = "CW"
        self._start_s = 0.0

    @property
    def points(self) -> int:
        """Entries of the list."""
        return len(self.frequencies_hz)

    @property
    def index(self) -> int:
        """Entry that is being played; the last one afterwards."""
        elapsed_s = self._microwave.world.now_s() - self._start_s
        return max(min(int(elapsed_s / self.dwell_s), self.points - 1), 0)

    @property
    def mode(self) -> str:
        """CW, or LIST: then a trigger steps through the list."""
        return self._mode

    @mode.setter
    def mode(self, value: str) -> None:
        self._mode = value
        if value != "LIST":
            self._microwave.stop_frequency_list()

    def rewind(self) -> None:
        """Wait at the beginning of the list for the next start."""
        self._microwave.stop_frequency_list()

    def start(self) -> None:
        """Begin at the first entry; each one stays for `dwell_s`, the last one for good."""
        self._microwave.load_frequency_list(self.frequencies_hz, self.dwell_s)
        self._microwave.start_frequency_list()
        self._start_s = self._microwave.world.now_s()
