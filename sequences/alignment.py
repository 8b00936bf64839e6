"""Live contrast of the angle signal, for aligning the fibre on the speckle."""

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
from pydantic import model_validator

from labctl.analysis.level_contrast import contrast_of_cycles, levels
from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.hal import ANGLE, PL, Instruments
from labctl.parameters import quantity
from labctl.units import format_quantity
from sequences.conditions import Conditions


class AlignmentParameters(Conditions):
    """A microwave on one resonance, switched at 1 Hz (`000`, Methods)."""

    frequency_hz: float = quantity(
        2.72e9, unit="Hz", label="Microwave frequency", limited_by="microwave.frequency_hz", gt=0
    )
    power_dbm: float = quantity(
        0.0, unit="dBm", label="Microwave power", limited_by="microwave.power_dbm"
    )
    switching_hz: float = quantity(1.0, unit="Hz", label="Switching frequency", gt=0, le=100.0)
    settle_s: float = quantity(20e-3, unit="s", label="Settling, not counted", ge=0, le=3600.0)
    slices: int = quantity(20, unit="", label="Slices of each level", ge=4, le=10_000)
    cycles: int | None = quantity(
        60, unit="", label="Cycles (none: until stopped)", ge=0, le=1_000_000_000
    )

    @model_validator(mode="after")
    def _something_is_counted(self) -> Self:
        if self.counted_s <= 0:
            raise ValueError(
                f"Parameter `settle_s` must be below half a cycle, but"
                f" {self.shown('settle_s')} >= {format_quantity(0.5 / self.switching_hz, 's')}."
            )
        return self

    @property
    def counted_s(self) -> float:
        """How long each level is counted in one cycle."""
        return 0.5 / self.switching_hz - self.settle_s


class Alignment:
    """Alignment: the microwave goes on and off, the two levels of the angle signal are compared.

    Each point is one cycle: the difference of the count rates (APD1) with and without microwave,
    its error, and the ratio of the two. Turn the fibre until the difference is largest.
    """

    name = "alignment"
    title = "Live contrast of the angle signal"
    roles = ("microwave", "laser", "counter")
    Parameters = AlignmentParameters

    def __init__(self, parameters: AlignmentParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        return (
            Column("time_s", "s", "Middle of the cycle"),
            Column("off_rate", "counts/s", "APD1 count rate, microwave off"),
            Column("on_rate", "counts/s", "APD1 count rate, microwave on"),
            Column("contrast_rate", "counts/s", "On less off"),
            Column("contrast_error", "counts/s", "Standard error of the contrast"),
            Column("contrast_sigmas", "", "Contrast in standard errors"),
            Column("pl_rate", "counts/s", "APD2 count rate (PL)"),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("contrast_rate", ("time_s",))

    @property
    def length(self) -> int | None:
        return self.parameters.cycles or None

    @property
    def duration_s(self) -> float | None:
        p = self.parameters
        return None if self.length is None else self.length / p.switching_hz

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Switch and count; every level in slices, whose scatter tells its error."""
        p = self.parameters
        p.apply(rig)
        microwave = rig.microwave
        microwave.output = False
        microwave.power_dbm = p.power_dbm
        microwave.frequency_hz = p.frequency_hz
        slice_hz = p.slices / p.counted_s
        start_s = rig.clock.now_s() - done / p.switching_hz
        while self.length is None or done < self.length:
            begun_s = rig.clock.now_s()
            rates, pl = {}, 0.0
            for on in (False, True):
                microwave.output = on
                if p.settle_s > 0:
                    rig.clock.sleep_s(p.settle_s)
                counts = rig.counter.stream(slice_hz, p.slices)
                rate_hz = counts.sample_rate_hz
                rates[on] = counts[ANGLE] * rate_hz
                pl += float(np.mean(counts[PL])) * rate_hz / 2
            off, on_level = levels(rates[False], rate_hz), levels(rates[True], rate_hz)
            error = float(np.hypot(off.error, on_level.error))
            contrast = on_level.mean - off.mean
            yield {
                "time_s": (begun_s + rig.clock.now_s()) / 2 - start_s,
                "off_rate": off.mean,
                "on_rate": on_level.mean,
                "contrast_rate": contrast,
                "contrast_error": error,
                "contrast_sigmas": contrast / error,
                "pl_rate": pl,
            }
            done += 1
        microwave.output = False

    def analyze(self, run: Run) -> FitResult | None:
        """Mean contrast over all cycles, free of a linear drift."""
        return contrast_of_cycles(
            run["time_s"], run["off_rate"], run["on_rate"], run["contrast_error"]
        )
