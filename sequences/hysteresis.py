"""Hysteresis of the angle when the microwave is swept up and down across a resonance."""

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
from pydantic import model_validator

from labctl.analysis.hysteresis import BINS, fit_hysteresis
from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.hal import ANGLE, PL, FrequencyList, Instruments
from labctl.parameters import quantity
from sequences.conditions import Conditions


class HysteresisParameters(Conditions):
    """Parameters of sweeps up and down; `000`, Fig. 3a: strong torque, across one resonance."""

    start_hz: float = quantity(
        2.704e9, unit="Hz", label="Lowest frequency", limited_by="microwave.frequency_hz", gt=0
    )
    stop_hz: float = quantity(
        2.724e9, unit="Hz", label="Highest frequency", limited_by="microwave.frequency_hz", gt=0
    )
    points: int = quantity(200, unit="", label="Frequencies per sweep", gt=BINS, le=100_000)
    dwell_s: float = quantity(
        5e-3,
        unit="s",
        label="Time per frequency",
        limited_by="microwave.list_dwell_s",
        gt=0,
        le=10.0,
    )
    samples_per_dwell: int = quantity(20, unit="", label="Samples per frequency", ge=1, le=10_000)
    settle_s: float = quantity(50e-3, unit="s", label="Wait before each sweep", ge=0, le=60.0)
    sweeps: int = quantity(60, unit="", label="Sweeps (up, down in turn)", ge=1, le=1_000_000)
    power_dbm: float = quantity(
        -5.0, unit="dBm", label="Microwave power", limited_by="microwave.power_dbm"
    )
    dead_time_s: float = quantity(24e-9, unit="s", label="Dead time of APD1", ge=0, lt=1e-5)
    field_t: float | None = quantity(
        10e-3, unit="T", label="Field that bends the line (none: straight)", gt=0, lt=0.1
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        self.require_below("start_hz", "stop_hz")
        if not 1e-2 <= self.sample_rate_hz <= 1e7:
            raise ValueError(
                "Parameters `dwell_s` and `samples_per_dwell` must make 0.01 Hz to 10 MHz of"
                f" sample rate, but make {self.sample_rate_hz:g} Hz"
            )
        return self

    @property
    def sample_rate_hz(self) -> float:
        """Samples per second."""
        return self.samples_per_dwell / self.dwell_s

    @property
    def samples(self) -> int:
        """Samples per sweep."""
        return self.points * self.samples_per_dwell


class Hysteresis:
    """Hysteresis: the angle (APD1) in fast sweeps up and down across a resonance.

    A strong torque makes the angle bistable on the red side: a sweep up stays on the lower branch
    longer, a sweep down on the upper one (`000`, Fig. 3a). Every sweep is kept by itself; the
    fit averages either direction and finds both folds of the curve of rest positions.
    """

    name = "hysteresis"
    title = "Hysteresis of the angle in fast microwave sweeps"
    roles = ("microwave", "laser", "counter")
    Parameters = HysteresisParameters

    def __init__(self, parameters: HysteresisParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        shape = (self.parameters.samples,)
        return (
            Column("sweep", "", "Sweep", "int64"),
            Column("direction", "", "Direction: 1 up, -1 down", "int64"),
            Column("frequency_hz", "Hz", "Microwave frequency", shape=shape),
            Column("angle_counts", "counts", "APD1 counts (angle)", "int64", shape=shape),
            Column("pl_rate", "counts/s", "APD2 count rate (PL)"),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("angle_counts", ("frequency_hz",))

    @property
    def length(self) -> int:
        return self.parameters.sweeps

    @property
    def duration_s(self) -> float:
        p = self.parameters
        return p.sweeps * (p.settle_s + p.points * p.dwell_s)

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Sweep after sweep, up and down in turn; photons stream while the generator steps."""
        p = self.parameters
        p.apply(rig)
        rig.microwave.power_dbm = p.power_dbm
        rising = np.linspace(p.start_hz, p.stop_hz, p.points)
        for sweep in range(done, p.sweeps):
            direction = 1 if sweep % 2 == 0 else -1
            steps = rising[::direction]
            rig.microwave.frequency_hz = float(steps[0])
            if not rig.microwave.output:
                rig.microwave.output = True
            if p.settle_s > 0:
                rig.clock.sleep_s(p.settle_s)
            angle, pl = self._sweep(rig, [float(f) for f in steps])
            yield {
                "sweep": sweep,
                "direction": direction,
                "frequency_hz": np.repeat(steps, p.samples_per_dwell),
                "angle_counts": angle,
                "pl_rate": float(np.mean(pl) * p.sample_rate_hz),
            }
        rig.microwave.output = False

    def _sweep(self, rig: Instruments, steps: list[float]) -> tuple[np.ndarray, np.ndarray]:
        """One sweep by the generator's own clock, or step by step where it has no list."""
        p = self.parameters
        microwave = rig.microwave
        if isinstance(microwave, FrequencyList):
            microwave.load_frequency_list(steps, p.dwell_s)
            microwave.start_frequency_list()
            # The generator's clock orders the samples, so the counter's must keep step with it.
            counts = rig.counter.stream(p.sample_rate_hz, p.samples).in_step_with(p.sample_rate_hz)
            microwave.stop_frequency_list()
            return counts[ANGLE], counts[PL]
        angle, pl = [], []
        for frequency_hz in steps:
            microwave.frequency_hz = frequency_hz
            counts = rig.counter.stream(p.sample_rate_hz, p.samples_per_dwell)
            counts.in_step_with(p.sample_rate_hz)
            angle.append(counts[ANGLE])
            pl.append(counts[PL])
        return np.concatenate(angle), np.concatenate(pl)

    def analyze(self, run: Run) -> FitResult | None:
        """Both folds, from the sweeps of either direction."""
        p = run.parameters
        shape = (-1, p["points"], p["samples_per_dwell"])
        up = run["angle_counts"][run["direction"] == 1].reshape(shape)
        down = run["angle_counts"][run["direction"] == -1].reshape(shape)[:, ::-1]
        if len(up) < 2 or len(down) < 2:
            return None
        frequency_hz = np.linspace(p["start_hz"], p["stop_hz"], p["points"])
        sample_s = p["dwell_s"] / p["samples_per_dwell"]
        return fit_hysteresis(
            frequency_hz,
            up,
            down,
            sample_s,
            dead_time_s=p["dead_time_s"],
            field_t=p["field_t"],
        )
