"""Windows in which several counters see the same photons."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim_backends.devices.counter import SimulatedPhotonCounter

Counts = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Window:
    """What a counter waits for: `gates` of its own clock, or of the sequencer's count line."""

    gate_s: float
    gates: int
    external: bool
    inverted: bool


class CountWindows:
    """The APDs behind T-pieces: equal windows that wait at the same time are one.

    Time passes when the first of them is read; the others have counted meanwhile.
    """

    def __init__(self, counter: SimulatedPhotonCounter) -> None:
        self._counter = counter
        self._waiting: dict[Any, Window] = {}
        self._counted: dict[Any, Counts] = {}

    def open(self, owner: Any, window: Window) -> None:
        """Wait for the gates: the sequencer's from now on, the own ones when they are read."""
        self.forget(owner)
        if window.external and window not in self._waiting.values():
            self._counter.arm_gates(window.gates, inverted=window.inverted)
        self._waiting[owner] = window

    def forget(self, owner: Any) -> None:
        """Give a window up."""
        self._waiting.pop(owner, None)
        self._counted.pop(owner, None)

    def read(self, owner: Any) -> Counts:
        """Counts by APD, shape (gates,), after the last gate has closed.

        Raises:
            DeviceError: the sequencer's gates do not come.
        """
        if owner in self._counted:
            return self._counted.pop(owner)
        window = self._waiting.pop(owner)
        counts = self._count(window)
        for other in [o for o, w in self._waiting.items() if w == window]:
            del self._waiting[other]
            self._counted[other] = counts
        return counts

    def _count(self, window: Window) -> Counts:
        if window.external:
            return dict(self._counter.read_gates())
        if window.gates == 1:
            return {k: np.array([v]) for k, v in self._counter.count(window.gate_s).items()}
        return dict(self._counter.stream(1 / window.gate_s, window.gates))
