"""Slow monitor of both detectors."""

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
from pydantic import model_validator

from labctl.analysis.drift_rate import MINIMUM_POINTS, DriftRate, fit_drift
from labctl.analysis.libration_monitor import drift_of_modes, strongest_modes
from labctl.analysis.significance import silence
from labctl.analysis.spectra import Averaging, welch_psd
from labctl.data import Column, FitCurve, FitResult, FitValue, PlotHint, Point, Run
from labctl.hal import ANGLE, PL, Instruments
from labctl.parameters import quantity
from labctl.units import format_quantity
from sequences.conditions import Conditions

NOISY = 1.5
"""Neighbours that differ by this much more than counting statistics allow are worth a note."""


class DriftParameters(Conditions):
    """Parameters of the monitor; laser and magnet as in every measurement."""

    interval_s: float = quantity(1.0, unit="s", label="Time between points", gt=0, le=86400.0)
    dwell_s: float = quantity(
        0.5, unit="s", label="Time per point", limited_by="counter.duration_s", gt=0
    )
    stream_s: float | None = quantity(
        None, unit="s", label="Motion record per point (none: no librations)", gt=0, le=1e3
    )
    sample_rate_hz: float = quantity(
        5e3, unit="Hz", label="Sample rate of the record", limited_by="counter.sample_rate_hz", gt=0
    )
    segments: int = quantity(7, unit="", label="Segments per record", ge=1, le=1000)
    modes: int = quantity(2, unit="", label="Librations to follow", ge=1, le=3)
    fit_from_hz: float = quantity(100.0, unit="Hz", label="Fit librations from", ge=0)
    fit_to_hz: float = quantity(1500.0, unit="Hz", label="Fit librations to", gt=0)
    points: int = quantity(60, unit="", label="Points (0: until stopped)", ge=0, le=1_000_000_000)

    @model_validator(mode="after")
    def _dwell_fits(self) -> Self:
        busy_s = self.dwell_s + (self.stream_s or 0.0)
        if busy_s > self.interval_s:
            raise ValueError(
                f"Parameters `dwell_s` and `stream_s` together must not exceed `interval_s`, but "
                f"{format_quantity(busy_s, 's')} > {self.shown('interval_s')}."
            )
        self.require_below("fit_from_hz", "fit_to_hz")
        if self.stream_s is not None and self.segment < 64:
            raise ValueError(
                f"A segment of the record must hold 64 samples or more, not {self.segment}:"
                " make `stream_s` longer, or take fewer segments."
            )
        return self

    @property
    def segment(self) -> int:
        """Samples per segment of the record; neighbours overlap by half."""
        samples = round((self.stream_s or 0.0) * self.sample_rate_hz)
        return 2 * samples // (self.segments + 1)


class Drift:
    """Drift monitor: angle (APD1), photoluminescence (APD2) and pressure at long intervals.

    The particle slowly loses charge and the speckle's working point creeps with it (`002`).
    Runs for a number of points, or with points=0 until stopped. With `stream_s` every point also
    fits the librations, whose frequencies follow the trap and the charge.
    """

    name = "drift"
    title = "Drift of both detectors"
    roles = ("laser", "electromagnet", "counter", "gauge")
    Parameters = DriftParameters

    def __init__(self, parameters: DriftParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        modes = range(1, self.parameters.modes + 1 if self.parameters.stream_s else 1)
        return (
            Column("time_s", "s", "Middle of the counting window"),
            Column("angle_counts", "counts", "APD1 counts (angle)", "int64"),
            Column("pl_counts", "counts", "APD2 counts (PL)", "int64"),
            Column("pressure_pa", "Pa", "Pressure"),
            *(Column(f"libration_{i}_hz", "Hz", f"Libration {i}") for i in modes),
            *(Column(f"libration_{i}_error_hz", "Hz", f"Error of libration {i}") for i in modes),
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
        last_s = p.dwell_s + (p.stream_s or 0.0)
        return (p.points - 1) * p.interval_s + last_s if p.points else None

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
                **(self._librations(rig) if p.stream_s else {}),
            }
            done += 1

    def _librations(self, rig: Instruments) -> dict[str, float]:
        p = self.parameters
        samples = p.segment + (p.segments - 1) * (p.segment - p.segment // 2)
        counts = rig.counter.stream(p.sample_rate_hz, samples)
        rate_hz = counts.sample_rate_hz
        frequency_hz, psd = welch_psd(counts[ANGLE] * rate_hz, rate_hz, p.segment)
        found = strongest_modes(
            frequency_hz, psd, Averaging(p.segments), p.modes,
            range_hz=(p.fit_from_hz, p.fit_to_hz),
        )  # fmt: skip
        row: dict[str, float] = {}
        for i, (frequency, error) in enumerate(found, start=1):
            row |= {f"libration_{i}_hz": frequency, f"libration_{i}_error_hz": error}
        return row

    def analyze(self, run: Run) -> FitResult | None:
        """Linear drift of both count rates and of the librations; None for too few points."""
        if len(run) < MINIMUM_POINTS:
            return None
        dwell_s = run.parameters["dwell_s"]
        names = {"angle": "Angle", "pl": "PL"}
        dumb = {signal: silence(name, run[f"{signal}_counts"]) for signal, name in names.items()}
        drifts = {
            signal: fit_drift(run["time_s"], run[f"{signal}_counts"], dwell_s) for signal in names
        }
        values: dict[str, FitValue] = {}
        for (signal, drift), name in zip(drifts.items(), names.values(), strict=True):
            if dumb[signal]:
                continue
            values[f"{signal}_drift_per_s2"] = FitValue(
                drift.drift_per_s2, drift.error_per_s2, "counts/s^2", f"{name}: drift"
            )
        notes = [said for said in dumb.values() if said]
        notes += [note for signal, drift in drifts.items() for note in _notes(signal, drift)]
        if run.parameters.get("stream_s"):
            modes = run.parameters["modes"]
            pairs = [
                (run[f"libration_{i}_hz"], run[f"libration_{i}_error_hz"])
                for i in range(1, modes + 1)
            ]
            followed, said = drift_of_modes(run["time_s"], pairs)
            values |= followed
            notes += said
        return FitResult(
            model="linear drift with counting noise and a random walk",
            values=values,
            covariance=np.diag([value.error**2 for value in values.values()]),
            reduced_chi_square=max(drift.reduced_chi_square for drift in drifts.values()),
            notes=tuple(notes),
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
