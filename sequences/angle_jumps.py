"""Jumps of the angle between two wells under a fixed microwave."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Self

import numpy as np
from pydantic import model_validator

from labctl.analysis.well_jumps import analyze_jumps
from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.hal import ANGLE, PL, Instruments
from labctl.parameters import quantity
from sequences.conditions import Conditions
from sequences.sample_rate import SAMPLE_RATE, sample_rate_of
from sequences.sweeping import Direction, setpoints


class AngleJumpsParameters(Conditions):
    """Parameters of a record of jumps; `000`, Fig. 3a-iii and extended data Fig. 9."""

    start_hz: float = quantity(
        2.71155e9, unit="Hz", label="First frequency", limited_by="microwave.frequency_hz", gt=0
    )
    stop_hz: float = quantity(
        2.71215e9, unit="Hz", label="Last frequency", limited_by="microwave.frequency_hz", gt=0
    )
    points: int = quantity(5, unit="", label="Frequencies (1: the first)", ge=1, le=10_000)
    record_s: float = quantity(2.0, unit="s", label="Length of a record", gt=0, le=1e4)
    repeats: int = quantity(10, unit="", label="Records per frequency", ge=1, le=1_000_000)
    sample_rate_hz: float = quantity(
        3e3, unit="Hz", label="Sample rate", limited_by="counter.sample_rate_hz", gt=0
    )
    settle_s: float = quantity(0.1, unit="s", label="Wait before a record", ge=0, le=60.0)
    stay_dead_time_s: float = quantity(
        5e-3, unit="s", label="Shortest stay that counts", ge=0, le=10.0
    )
    power_dbm: float = quantity(
        -6.58, unit="dBm", label="Microwave power", limited_by="microwave.power_dbm"
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.points > 1:
            self.require_below("start_hz", "stop_hz")
        if not 100 <= self.samples <= 10_000_000:
            raise ValueError(
                "A record must hold 100 to 10 million samples, but `record_s` and"
                f" `sample_rate_hz` make {self.samples}"
            )
        return self

    @property
    def samples(self) -> int:
        """Samples per record."""
        return round(self.record_s * self.sample_rate_hz)


class AngleJumps:
    """Angle jumps: long records of the angle (APD1) at a few frequencies red of a resonance.

    Where the strong torque makes the angle bistable, noise kicks it from well to well. The
    histogram gives the wells, the stays their residence times, and the share of time in the
    upper well rises towards the resonance (`000`, Fig. 3a-iii and 9).
    """

    name = "angle_jumps"
    title = "Jumps of the angle between two wells"
    roles = ("microwave", "laser", "counter")
    Parameters = AngleJumpsParameters

    def __init__(self, parameters: AngleJumpsParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        shape = (self.parameters.samples,)
        return (
            Column("repeat", "", "Round through the frequencies", "int64"),
            Column("frequency_hz", "Hz", "Microwave frequency"),
            Column("time_s", "s", "Time in the record", shape=shape),
            Column("angle_counts", "counts", "APD1 counts (angle)", "int64", shape=shape),
            SAMPLE_RATE,
            Column("pl_rate", "counts/s", "APD2 count rate (PL)"),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("angle_counts", ("time_s",))

    @property
    def length(self) -> int:
        return self.parameters.points * self.parameters.repeats

    @property
    def duration_s(self) -> float:
        return self.length * (self.parameters.settle_s + self.parameters.record_s)

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Record by record, round after round through the frequencies."""
        p = self.parameters
        p.apply(rig)
        rig.microwave.power_dbm = p.power_dbm
        order = setpoints(p.start_hz, p.stop_hz, p.points, sweeps=p.repeats, direction=Direction.UP)
        for repeat, frequency_hz in islice(order, done, None):
            rig.microwave.frequency_hz = frequency_hz
            if not rig.microwave.output:
                rig.microwave.output = True
            if p.settle_s > 0:
                rig.clock.sleep_s(p.settle_s)
            counts = rig.counter.stream(p.sample_rate_hz, p.samples)
            yield {
                "repeat": repeat,
                "frequency_hz": frequency_hz,
                "time_s": (np.arange(p.samples) + 0.5) / counts.sample_rate_hz,
                "angle_counts": counts[ANGLE],
                "sample_rate_hz": counts.sample_rate_hz,
                "pl_rate": float(np.mean(counts[PL]) * counts.sample_rate_hz),
            }
        rig.microwave.output = False

    def analyze(self, run: Run) -> FitResult | None:
        """Wells of all records together, then the stays at each frequency."""
        if len(run) < 2:
            return None
        return analyze_jumps(
            run["frequency_hz"],
            run["angle_counts"],
            1 / sample_rate_of(run),
            dead_time_s=run.parameters["stay_dead_time_s"],
        )
