"""Slow monitor of both detectors."""

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
from pydantic import model_validator

from labctl.analysis.drift_rate import MINIMUM_POINTS, DriftRate, fit_drift
from labctl.data import Column, FitCurve, FitResult, FitValue, PlotHint, Point, Run
from labctl.hal import ANGLE, PL, Instruments
from labctl.parameters import quantity
from sequences.conditions import Conditions

NOISY = 1.5
"""Neighbours that differ by this much more than counting statistics allow are worth a note."""


class DriftParameters(Conditions):
    """Parameters of the monitor; laser and magnet as in every measurement."""

    interval_s: float = quantity(1.0, unit="s", label="Time between points", gt=0, le=86400.0)
    dwell_s: float = quantity(
        0.1, unit="s", label="Time per point", limited_by="counter.duration_s", gt=0
    )
    points: int = quantity(60, unit="", label="Points (0: until stopped)", ge=0, le=1_000_000_000)

    @model_validator(mode="after")
    def _dwell_fits(self) -> Self:
        if self.dwell_s > self.interval_s:
            raise ValueError(
                f"Parameter `dwell_s` must not exceed `interval_s`, but "
                f"{self.dwell_s:g} > {self.interval_s:g}."
            )
        return self


class Drift:
    """Drift monitor: angle (APD1), photoluminescence (APD2) and pressure at long intervals.

    The particle slowly loses charge and the speckle's working point creeps with it (`002`).
    Runs for a number of points, or with points=0 until stopped.
    """

    name = "drift"
    title = "Drift of both detectors"
    roles = ("laser", "electromagnet", "counter", "gauge")
    Parameters = DriftParameters

    def __init__(self, parameters: DriftParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        return (
            Column("time_s", "s", "Middle of the counting window"),
            Column("angle_counts", "counts", "APD1 counts (angle)", "int64"),
            Column("pl_counts", "counts", "APD2 counts (PL)", "int64"),
            Column("pressure_pa", "Pa", "Pressure"),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("angle_counts", ("time_s",))

    @property
    def length(self) -> int | None:
        return self.parameters.points or None

    @property
    def duration_s(self) -> float | None:
        """Until the last window closes; None if it runs until stopped."""
        p = self.parameters
        return (p.points - 1) * p.interval_s + p.dwell_s if p.points else None

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Count at fixed moments; a late point does not delay those after it."""
        p = self.parameters
        p.apply(rig)
        start_s = rig.clock.now_s() - done * p.interval_s
        while not p.points or done < p.points:
            wait_s = start_s + done * p.interval_s - rig.clock.now_s()
            if wait_s > 0:
                rig.clock.sleep_s(wait_s)
            opened_s = rig.clock.now_s() - start_s
            counts = rig.counter.count(p.dwell_s)
            yield {
                "time_s": opened_s + p.dwell_s / 2,
                "angle_counts": counts[ANGLE],
                "pl_counts": counts[PL],
                "pressure_pa": rig.gauge.pressure_pa,
            }
            done += 1

    def analyze(self, run: Run) -> FitResult | None:
        """Linear drift of both count rates; None for a record too short to tell."""
        if len(run) < MINIMUM_POINTS:
            return None
        dwell_s = run.parameters["dwell_s"]
        drifts = {
            signal: fit_drift(run["time_s"], run[f"{signal}_counts"], dwell_s)
            for signal in ("angle", "pl")
        }
        values: dict[str, FitValue] = {}
        for (signal, drift), name in zip(drifts.items(), ("Angle", "PL"), strict=True):
            values[f"{signal}_drift_per_s2"] = FitValue(
                drift.drift_per_s2, drift.error_per_s2, "counts/s^2", f"{name}: drift"
            )
        return FitResult(
            model="linear drift with counting noise and a random walk",
            values=values,
            covariance=np.diag([value.error**2 for value in values.values()]),
            reduced_chi_square=max(drift.reduced_chi_square for drift in drifts.values()),
            notes=tuple(note for signal, drift in drifts.items() for note in _notes(signal, drift)),
            curve=_curve(run, drifts["angle"], dwell_s),
        )


def _notes(signal: str, drift: DriftRate) -> list[str]:
    if drift.allan_per_s < NOISY * drift.allan_poisson_per_s:
        return []
    name = {"angle": "Angle", "pl": "PL"}[signal]
    return [
        f"{name}: scatter exceeds counting statistics; the Allan deviation from point to point is"
        f" {drift.allan_per_s:.3g} counts/s, of which these give {drift.allan_poisson_per_s:.3g}."
    ]


def _curve(run: Run, drift: DriftRate, dwell_s: float) -> FitCurve:
    time, rate = np.asarray(run["time_s"], dtype=float), run["angle_counts"] / dwell_s
    return FitCurve(
        x=time,
        y=rate,
        y_error=np.sqrt(np.maximum(run["angle_counts"], 1.0)) / dwell_s,
        model=drift.mean_per_s + drift.drift_per_s2 * (time - time.mean()),
        x_name="time_s",
        x_unit="s",
        x_label="Time",
        y_name="angle_rate",
        y_unit="counts/s",
        y_label="APD1 count rate (angle)",
    )
