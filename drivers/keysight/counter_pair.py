"""Two Keysight 53220A counters as the two channels of a lab."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers.clock_ticks import exact_ticks, nearest_ticks
from drivers.keysight.counter_53220a import GATE_STEP_S, MAX_READINGS, Keysight53220ACounter
from drivers.session import Session
from labctl.data import Setting
from labctl.errors import LimitError, RigError
from labctl.hal import CountTrace, LimitTable


class Keysight53220APair:
    """One counter per APD, started one directly after the other.

    Their windows differ by the time of one command, below a millisecond on a LAN; gates that
    the pulse sequencer opens are the same for both, if the count line goes to both Gate Ins.

    Args:
        resources: VISA resource name by channel, `{ angle = "TCPIP::...", pl = "TCPIP::..." }`.
        number: of the input on every counter, 1 or 2.
        options: what `Keysight53220ACounter` takes.
    """

    def __init__(
        self, resources: Mapping[str, str | Session], *, number: int = 1, **options: Any
    ) -> None:
        if len(resources) < 2:
            raise RigError("A pair of counters needs two resources; one is a plain counter.")
        self._counters = {
            channel: Keysight53220ACounter(resource, inputs={channel: number}, **options)
            for channel, resource in resources.items()
        }
        self.limits: LimitTable = next(iter(self._counters.values())).limits

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(self._counters)

    @property
    def identity(self) -> str:
        return "; ".join(counter.identity for counter in self._counters.values())

    def open(self) -> None:
        """Open all; if one fails the others are closed again."""
        try:
            for counter in self._counters.values():
                counter.open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Disconnect."""
        for counter in self._counters.values():
            counter.close()

    def settings(self) -> Mapping[str, Setting]:
        """Nothing can be adjusted, but all must be open."""
        for counter in self._counters.values():
            counter.settings()
        return {}

    def count(self, duration_s: float) -> Mapping[str, int]:
        """Count for `duration_s` from now."""
        duration_s = self.limits.check("duration_s", duration_s)
        ticks = exact_ticks(duration_s, GATE_STEP_S)
        return {channel: int(v[0]) for channel, v in self._series(ticks, 1).items()}

    def stream(self, sample_rate_hz: float, n: int) -> CountTrace:
        """Record `n` bins of the nearest gate time, in one block from each."""
        rate_hz = self.limits.check("sample_rate_hz", sample_rate_hz)
        if not 1 <= n <= MAX_READINGS:
            raise LimitError(f"A stream has 1 to {MAX_READINGS} bins, not {n}.")
        return self._series(nearest_ticks(1 / rate_hz, GATE_STEP_S), n)

    def _series(self, ticks: int, n: int) -> CountTrace:
        for counter in self._counters.values():
            counter.begin(ticks * GATE_STEP_S, n)
        traces = [counter.finish() for counter in self._counters.values()]
        counts = {channel: values for trace in traces for channel, values in trace.items()}
        return CountTrace(counts, traces[0].sample_rate_hz)

    def arm_gates(self, gates: int) -> None:
        """Expect `gates` gates at every Gate In."""
        for counter in self._counters.values():
            counter.arm_gates(gates)

    def read_gates(self) -> Mapping[str, NDArray[np.int64]]:
        """Wait for the armed gates and return their counts."""
        found: dict[str, NDArray[np.int64]] = {}
        for counter in self._counters.values():
            found |= counter.read_gates()
        return found
