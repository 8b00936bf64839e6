"""The simulated photon counters APD1 and APD2."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from labctl.errors import DeviceError, LimitError
from labctl.hal import ANGLE, PL, CountTrace, Limits
from sim_backends.controls import Gates
from sim_backends.devices.simulated_device import SimulatedDevice

MAX_BINS = 100_000_000


class SimulatedPhotonCounter(SimulatedDevice):
    """Two counters on one gate: reflected light and photoluminescence."""

    ROLE = "counter"
    MODEL = "SimAPD"
    LIMITS: ClassVar = {
        "duration_s": Limits(1e-7, 1e3, "s"),
        "sample_rate_hz": Limits(1e-2, 1e7, "Hz"),
    }

    @property
    def channels(self) -> tuple[str, ...]:
        return (ANGLE, PL)

    def count(self, duration_s: float) -> Mapping[str, int]:
        """Count both channels for `duration_s` from now."""
        angle, pl = self._connected().count(self.limits.check("duration_s", duration_s))
        return {ANGLE: angle, PL: pl}

    def stream(self, sample_rate_hz: float, n: int) -> CountTrace:
        """Record `n` adjacent bins."""
        rate_hz = self.limits.check("sample_rate_hz", sample_rate_hz)
        if not 1 <= n <= MAX_BINS:
            raise LimitError(f"A stream has 1 to {MAX_BINS} bins, not {n}.")
        counts = self._connected().stream(1 / rate_hz, n)
        return CountTrace({ANGLE: counts[0], PL: counts[1]}, rate_hz)

    def arm_gates(self, gates: int, *, inverted: bool = False) -> None:
        """Expect `gates` gates of the sequencer's count line; `inverted` ones open as it falls."""
        world = self._connected()
        if gates < 1:
            raise LimitError(f"At least one gate must be armed, not {gates}.")
        world.gates = Gates(armed=gates, inverted=inverted)

    def read_gates(self) -> Mapping[str, NDArray[np.int64]]:
        """Wait for the armed gates and return their counts."""
        world = self._connected()
        if not world.gates.armed:
            raise DeviceError("No gates are armed; call arm_gates before starting the sequencer.")
        world.finish("pulses")
        gates, armed = world.gates, world.gates.armed
        done = gates.done[:-1] if gates.open else gates.done
        world.gates = Gates()
        if len(done) < armed:
            raise DeviceError(f"Only {len(done)} of {armed} gates came before the program ended.")
        counts = np.array(done[:armed])
        return {ANGLE: counts[:, 0], PL: counts[:, 1]}
