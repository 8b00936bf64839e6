"""Photoluminescence and angle against the current of the electromagnet."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Self

import numpy as np
from pydantic import model_validator

from labctl.analysis.field_features import MINIMUM_POINTS, Scan, fit_field_scan
from labctl.analysis.sweeps import average_sweeps
from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.hal import ANGLE, PL, Instruments
from labctl.parameters import SequenceParameters, quantity
from sequences.sweeping import Direction, setpoints

MICROAMPERES = 1e6
"""`average_sweeps` takes setpoints closer than 1 as one: here 1 uA."""


class FieldScanParameters(SequenceParameters):
    """Parameters of a field scan; the laser power is that of `000`, Methods.

    The angle needs the many sweeps: its bump is a hundredth of the signal and of the size of the
    thermal libration averaged over 50 ms. Alternating sweeps cancel the drift.
    """

    start_a: float = quantity(
        0.0, unit="A", label="First current", limited_by="electromagnet.current_a"
    )
    stop_a: float = quantity(
        8.0, unit="A", label="Last current", limited_by="electromagnet.current_a"
    )
    points: int = quantity(81, unit="", label="Points per sweep", ge=2, le=1_000_000)
    dwell_s: float = quantity(
        50e-3, unit="s", label="Time per point", limited_by="counter.duration_s", gt=0
    )
    settle_s: float = quantity(
        5e-3, unit="s", label="Wait after each current step", ge=0, le=3600.0
    )
    sweeps: int = quantity(40, unit="", label="Sweeps", ge=1, le=1_000_000)
    direction: Direction = quantity(Direction.ALTERNATE, unit="", label="Direction")
    ramp_rate_a_per_s: float | None = quantity(
        None, unit="A/s", label="Ramp rate", limited_by="electromagnet.ramp_rate_a_per_s"
    )
    laser_power_w: float | None = quantity(
        330e-6, unit="W", label="Laser power at the diamond", limited_by="laser.power_w", ge=0
    )
    tesla_per_ampere: float | None = quantity(None, unit="T/A", label="Field per current")
    splitting_slope_hz_per_t: float | None = quantity(
        None, unit="Hz/T", label="Slope of closing splitting (none: no widths in Hz)"
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        self.require_below("start_a", "stop_a", hint="to sweep downwards set `direction` to down")
        if self.tesla_per_ampere == 0:
            raise ValueError("Parameter `tesla_per_ampere` must not be zero.")
        if self.splitting_slope_hz_per_t == 0:
            raise ValueError("Parameter `splitting_slope_hz_per_t` must not be zero.")
        if self.splitting_slope_hz_per_t is not None and self.tesla_per_ampere is None:
            raise ValueError(
                "Parameter `splitting_slope_hz_per_t` needs `tesla_per_ampere` beside it."
            )
        return self


class FieldScan:
    """Field scan: photoluminescence (APD2) and angle (APD1) against magnet current, no microwave.

    Where two or more NV classes become degenerate they depolarise each other: the
    photoluminescence dips, and the torques of the classes no longer cancel (`002`, Fig. 4).
    """

    name = "field_scan"
    title = "Field scan across degeneracies"
    roles = ("electromagnet", "laser", "counter")
    Parameters = FieldScanParameters

    def __init__(self, parameters: FieldScanParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        return (
            Column("sweep", "", "Sweep", "int64"),
            Column("current_a", "A", "Electromagnet current"),
            Column("current_readback_a", "A", "Electromagnet current, read back"),
            Column("pl_counts", "counts", "APD2 counts (PL)", "int64"),
            Column("angle_counts", "counts", "APD1 counts (angle)", "int64"),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("pl_counts", ("current_a",))

    @property
    def length(self) -> int:
        return self.parameters.points * self.parameters.sweeps

    @property
    def duration_s(self) -> float:
        """Dwelling and settling; the ramps come on top, at a speed that the rig knows."""
        return self.length * (self.parameters.dwell_s + self.parameters.settle_s)

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Ramp, settle, count; the magnet's own ramp rate is put back at the end."""
        p = self.parameters
        if p.laser_power_w is not None:
            rig.laser.power_w = p.laser_power_w
        rig.laser.gate = True
        magnet = rig.electromagnet
        usual_a_per_s = magnet.ramp_rate_a_per_s
        try:
            if p.ramp_rate_a_per_s is not None:
                magnet.ramp_rate_a_per_s = p.ramp_rate_a_per_s
            order = setpoints(p.start_a, p.stop_a, p.points, sweeps=p.sweeps, direction=p.direction)
            for sweep, current_a in islice(order, done, None):
                magnet.ramp_to(current_a)
                if p.settle_s > 0:
                    rig.clock.sleep_s(p.settle_s)
                counts = rig.counter.count(p.dwell_s)
                yield {
                    "sweep": sweep,
                    "current_a": current_a,
                    "current_readback_a": magnet.current_a,
                    "pl_counts": counts[PL],
                    "angle_counts": counts[ANGLE],
                }
        finally:
            if p.ramp_rate_a_per_s is not None:
                magnet.ramp_rate_a_per_s = usual_a_per_s

    def analyze(self, run: Run) -> FitResult | None:
        """Gaussian dips or bumps of both signals, averaged over the sweeps."""
        if np.unique(run["current_a"]).size < MINIMUM_POINTS:
            return None
        return fit_field_scan(
            _average(run, "pl_counts"),
            _average(run, "angle_counts"),
            tesla_per_ampere=run.parameters["tesla_per_ampere"],
            splitting_slope_hz_per_t=run.parameters.get("splitting_slope_hz_per_t"),
        )


def _average(run: Run, signal: str) -> Scan:
    current = MICROAMPERES * np.asarray(run["current_a"], dtype=float)
    mean = average_sweeps(current, run[signal], run.parameters["dwell_s"])
    return Scan(mean.frequency_hz / MICROAMPERES, mean.rate_per_s, mean.error_per_s)
