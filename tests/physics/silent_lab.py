"""A lab whose detectors tell nothing: each sequence runs on it, and its fit must say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import numpy as np
from numpy.typing import NDArray

from labctl.core import find_sequence
from labctl.data import FitResult, Run
from labctl.hal import ANGLE, PL
from labctl.hal.counter import CountTrace
from labctl.hal.limits import Limits
from tests.physics.quick_runs import QuickRun

Counts = Callable[[np.random.Generator, int, float], NDArray[np.int64]]
"""Counts of n bins of so many seconds."""

RATE_PER_S = 1.5e6


def dead(rng: np.random.Generator, n: int, bin_s: float) -> NDArray[np.int64]:
    return np.zeros(n, dtype=np.int64)


def saturated(rng: np.random.Generator, n: int, bin_s: float) -> NDArray[np.int64]:
    return np.full(n, round(4e7 * bin_s), dtype=np.int64)


def photons(rng: np.random.Generator, n: int, bin_s: float) -> NDArray[np.int64]:
    return rng.poisson(RATE_PER_S * bin_s, n)


def dark(rng: np.random.Generator, n: int, bin_s: float) -> NDArray[np.int64]:
    """The dark counts of a detector that sees no light: nearly all bins are empty."""
    return rng.poisson(50 * bin_s, n)


def flicker(rng: np.random.Generator, n: int, bin_s: float) -> NDArray[np.int64]:
    """Light whose power scatters from bin to bin by more than its photons do."""
    return rng.poisson(RATE_PER_S * bin_s * np.maximum(1 + 0.05 * rng.standard_normal(n), 0))


class Clock:
    def __init__(self) -> None:
        self.time_s = 0.0

    def now_s(self) -> float:
        return self.time_s

    def sleep_s(self, duration_s: float) -> None:
        self.time_s += duration_s


class Counter:
    def __init__(self, counts: Counts, seed: int, clock: Clock) -> None:
        self._counts, self._clock = counts, clock
        self._rng = np.random.default_rng(seed)
        self._gates = 0

    def _both(self, n: int, bin_s: float) -> Mapping[str, NDArray[np.int64]]:
        self._clock.sleep_s(n * bin_s)
        return {channel: self._counts(self._rng, n, bin_s) for channel in (ANGLE, PL)}

    def count(self, duration_s: float) -> Mapping[str, int]:
        return {name: int(counts[0]) for name, counts in self._both(1, duration_s).items()}

    def stream(self, sample_rate_hz: float, n: int) -> CountTrace:
        return CountTrace(self._both(n, 1 / sample_rate_hz), sample_rate_hz)

    def arm_gates(self, gates: int) -> None:
        self._gates = gates

    def read_gates(self) -> Mapping[str, NDArray[np.int64]]:
        return self._both(self._gates, 1e-4)


def silent_run(sequence: str, counts: Counts, seed: int = 0, **options: Any) -> tuple[Any, Run]:
    """A sequence and its run, of which the detectors tell what `counts` makes."""
    cls: Any = find_sequence(sequence)
    parameters = cls.Parameters(**options)
    clock = Clock()
    rig = SimpleNamespace(clock=clock, counter=Counter(counts, seed, clock))
    for role in ("microwave", "laser", "electromagnet", "sequencer", "trap", "gauge"):
        setattr(rig, role, MagicMock(name=role))
    rig.microwave.limits = {"list_dwell_s": Limits(1e-5, 10.0, "s")}
    rig.electromagnet.current_a = 0.0
    rig.gauge.pressure_pa = 100.0
    measurement = cls(parameters)
    points = list(measurement.run(rig))
    return measurement, cast("Run", QuickRun(points, parameters.model_dump()))


def silent_fit(sequence: str, counts: Counts, seed: int = 0, **options: Any) -> FitResult | None:
    """What a sequence's analysis says of such a run."""
    measurement, run = silent_run(sequence, counts, seed, **options)
    return measurement.analyze(run)
