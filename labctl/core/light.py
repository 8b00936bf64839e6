"""Whether light still comes from the particle, judged by what a run counts anyway."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from labctl.hal import PhotonCounter, Pulse, PulseChannel, PulseSequencer

ENOUGH = 40.0
"""Counts that the least rate would give: with fewer nothing is judged."""
SIGMAS = 5.0
"""So far below the least rate, in Poisson errors, there is no light."""


class Light:
    """Compares count rates with the least ones that a particle gives.

    Args:
        least: channel -> counts per second below which there is no particle.
        point: tells the number of the point under way.

    Attributes:
        lost: what was found, in words; "" while there is light.
        first: the first point that may be dark.
    """

    def __init__(self, least: Mapping[str, float], point: Callable[[], int]) -> None:
        self.least = dict(least)
        self.lost = ""
        self.first = 0
        self._point = point
        self._before = self._begun = point()
        self._duration_s = 0.0
        self._counts = dict.fromkeys(self.least, 0.0)

    def begin_anew(self) -> None:
        """Forget what was seen, such as after another particle was loaded."""
        self.lost = ""
        self._before = self._point()
        self._next_window()

    def saw(self, duration_s: float, counts: Mapping[str, float], *, at_end: bool = False) -> None:
        """Take counts per channel of one time window; windows add up until they tell enough.

        `at_end`: the window is the end of a longer record, all of which is dark if its end is.
        """
        if not self._duration_s:
            self._begun = self._point()
        self._duration_s += duration_s
        for channel in self._counts:
            self._counts[channel] += counts.get(channel, math.inf)
        judged = False
        for channel, least in self.least.items():
            expected = least * self._duration_s
            if expected < ENOUGH:
                continue
            judged = True
            got = self._counts[channel]
            if got < expected - SIGMAS * math.sqrt(expected) and not self.lost:
                # Of several windows the one before may have been dark at its end.
                self.first = self._begun if at_end else self._before
                self.lost = (
                    f"no light on {channel}: {got / self._duration_s:.3g} counts/s, and the "
                    f"particle gives at least {least:.3g}"
                )
        if judged:
            self._before = self._begun
            self._next_window()

    def saw_bins(self, rate_hz: float, counts: Mapping[str, Any]) -> None:
        """Take adjacent bins; judged by their end, so that a loss on the way is seen."""
        slowest = min(self.least.values())
        bins = max(math.ceil(ENOUGH / slowest * rate_hz), 1)
        ends = {channel: np.asarray(values)[-bins:] for channel, values in counts.items()}
        size = max((len(values) for values in ends.values()), default=0)
        sums = {channel: float(np.sum(values)) for channel, values in ends.items()}
        self.saw(size / rate_hz, sums, at_end=True)

    def _next_window(self) -> None:
        self._duration_s = 0.0
        self._counts = dict.fromkeys(self.least, 0.0)


class LitCounter:
    """A counter whose counts are shown to a `Light` as they come; otherwise the counter itself.

    Args:
        gate_s: tells for how long in all the armed gates of the loaded program are open.
    """

    def __init__(self, counter: PhotonCounter, light: Light, gate_s: Callable[[], float]) -> None:
        self._counter, self._light, self._gate_s = counter, light, gate_s

    def __getattr__(self, name: str) -> Any:
        return getattr(self._counter, name)

    def count(self, duration_s: float) -> Mapping[str, int]:
        counts = self._counter.count(duration_s)
        self._light.saw(duration_s, counts)
        return counts

    def stream(self, sample_rate_hz: float, n: int) -> Mapping[str, Any]:
        counts = self._counter.stream(sample_rate_hz, n)
        self._light.saw_bins(sample_rate_hz, counts)
        return counts

    def read_gates(self) -> Mapping[str, Any]:
        counts = self._counter.read_gates()
        open_s = self._gate_s()
        if open_s > 0:
            self._light.saw(open_s, {channel: float(np.sum(v)) for channel, v in counts.items()})
        return counts


class TimedSequencer:
    """A sequencer that remembers how long its program lasts; otherwise the sequencer itself.

    Attributes:
        program_s: length of the loaded program with its repeats.
        gate_s: for how long the count line is high in it.
    """

    def __init__(self, sequencer: PulseSequencer) -> None:
        self._sequencer = sequencer
        self.program_s = self.gate_s = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sequencer, name)

    def load(self, program: Sequence[Pulse], *, repeats: int = 1) -> None:
        self._sequencer.load(program, repeats=repeats)
        self.program_s = repeats * sum(pulse.duration_s for pulse in program)
        self.gate_s = repeats * sum(
            pulse.duration_s for pulse in program if PulseChannel.COUNT in pulse.high
        )
