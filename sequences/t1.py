"""Longitudinal relaxation in the dark, with two alternating pulse programs."""

from collections.abc import Iterator, Sequence
from typing import Self

from pydantic import model_validator

from labctl.analysis.relaxation import Readout, fit_relaxation
from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.errors import ParameterError
from labctl.hal import Instruments, Pulse
from labctl.parameters import quantity
from sequences.pulsed_readout import (
    COUNT,
    DRIVE,
    LIGHT,
    Pulses,
    Spacing,
    TimeScan,
    count_in_turn,
    dark,
    lasts_s,
)

GAP_S = 1e-6
"""Between the two windows, so that the counters see two gates."""


class T1Parameters(TimeScan, Pulses):
    """Parameters of a T1 measurement; 1 ms of light and 10 us of reading as in `002`, SM III B.

    The reading goes over into the next polarising light, whose beginning is counted too: it tells
    how fast the light polarises, which a stretched decay must know.
    """

    start_s: float = quantity(
        5e-6, unit="s", label="Shortest dark time", limited_by="sequencer.pulse_duration_s", gt=0
    )
    stop_s: float = quantity(
        5e-3, unit="s", label="Longest dark time", limited_by="sequencer.pulse_duration_s", gt=0
    )
    points: int = quantity(16, unit="", label="Dark times per sweep", ge=2, le=100_000)
    spacing: Spacing = quantity(Spacing.LOG, unit="", label="Spacing of the dark times")
    sweeps: int = quantity(40, unit="", label="Sweeps", ge=1, le=1_000_000)
    recovery_s: float = quantity(
        100e-6, unit="s", label="Counted after the reading",
        limited_by="sequencer.pulse_duration_s", gt=0,
    )  # fmt: skip
    pi_time_s: float | None = quantity(
        None, unit="s", label="Pi pulse (none: from the newest rabi)",
        limited_by="sequencer.pulse_duration_s", taken_from="rabi.pi_time_s", gt=0,
    )  # fmt: skip
    polarization_rate_per_s: float | None = quantity(
        None, unit="1/s", label="Polarisation by the light (none: fitted)", gt=0
    )

    @model_validator(mode="after")
    def _room_to_polarise(self) -> Self:
        if not self.recovery_s + 2 * GAP_S < self.polarize_s:
            raise ValueError(
                f"Parameter `recovery_s` must be below `polarize_s`, of which it is the beginning,"
                f" but {self.shown('recovery_s')} >= {self.shown('polarize_s')}"
            )
        return self

    def shots(self, dark_s: float, pi_time_s: float) -> list[list[Pulse]]:
        """The shot without and the one with a pi pulse; `dark_s` does not count the pulse."""
        rest = Pulse.of(self.polarize_s - GAP_S - self.recovery_s, LIGHT)
        read = [
            Pulse.of(self.read_s, LIGHT, COUNT),
            Pulse.of(GAP_S, LIGHT),
            Pulse.of(self.recovery_s, LIGHT, COUNT),
        ]
        waits = dark(dark_s)
        return [
            [rest, *waits, *dark(pi_time_s), *read],
            [rest, *waits, Pulse.of(pi_time_s, DRIVE), *read],
        ]

    @property
    def shot_s(self) -> float:
        """Light of one shot."""
        return self.polarize_s + self.read_s


class T1:
    """T1: decay of the polarisation of one NV class in the dark, by photoluminescence (APD2).

    Two programs alternate, polarise - dark - read and polarise - dark - pi - read. Their
    difference is free of what changes in the dark for every spin, charge above all. Simple and
    stretched exponential are fitted (`002`, SM Sec. II A and III B).
    """

    name = "t1"
    title = "Longitudinal relaxation (T1)"
    roles = ("microwave", "laser", "counter", "sequencer")
    Parameters = T1Parameters

    def __init__(self, parameters: T1Parameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        late = "in the light that follows"
        return (
            Column("sweep", "", "Sweep", "int64"),
            Column("dark_s", "s", "Dark time"),
            Column("difference_counts", "counts", "APD2 counts without less with pi", "int64"),
            Column("plain_counts", "counts", "APD2 counts (PL)", "int64"),
            Column("flipped_counts", "counts", "APD2 counts (PL) after pi", "int64"),
            Column("plain_late_counts", "counts", f"APD2 counts {late}", "int64"),
            Column("flipped_late_counts", "counts", f"APD2 counts after pi, {late}", "int64"),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("difference_counts", ("dark_s",))

    @property
    def length(self) -> int:
        return self.parameters.length

    @property
    def duration_s(self) -> float:
        p = self.parameters
        pi_time_s = p.pi_time_s or 0.0
        pairs = (p.shots(time_s, pi_time_s) for time_s in p.times_s.tolist())
        return p.sweeps * p.repeats * sum(lasts_s(shot) for pair in pairs for shot in pair)

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Scan the dark time; the sequencer gates light and microwave.

        Raises:
            ParameterError: `pi_time_s` is missing.
        """
        p = self.parameters
        if p.pi_time_s is None:
            raise ParameterError("Parameter `pi_time_s` is missing; measure it first with `rabi`.")
        p.tune(rig)
        for sweep, time_s in p.steps(done):
            counts = count_in_turn(rig, p.shots(time_s, p.pi_time_s), p.repeats)
            (plain, plain_late), (flipped, flipped_late) = counts.tolist()
            yield {
                "sweep": sweep,
                "dark_s": time_s + p.pi_time_s,
                "difference_counts": plain - flipped,
                "plain_counts": plain,
                "flipped_counts": flipped,
                "plain_late_counts": plain_late,
                "flipped_late_counts": flipped_late,
            }
        rig.microwave.output = False

    def analyze(self, run: Run) -> FitResult | None:
        """T1 of the law that fits better, and of both."""
        p = run.parameters
        read_s, late_s = p["read_s"], p["read_s"] + GAP_S
        readout = Readout(
            light_s=p["polarize_s"] + read_s,
            windows_s=((0.0, read_s), (late_s, late_s + p["recovery_s"])),
            pump_per_s=p["polarization_rate_per_s"],
        )
        names = ("plain", "flipped", "plain_late", "flipped_late")
        counts = {name: run[f"{name}_counts"] for name in names}
        return fit_relaxation(run["dark_s"], counts, readout)
