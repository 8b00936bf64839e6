"""Rabi oscillation: what a microwave pulse does against its length."""

from collections.abc import Iterator, Sequence

from labctl.analysis.rabi import fit_rabi
from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.hal import Instruments, Pulse
from labctl.parameters import quantity
from sequences.pulsed_readout import (
    DRIVE,
    Pulses,
    Spacing,
    TimeScan,
    count_in_turn,
    dark,
    lasts_s,
)


class RabiParameters(TimeScan, Pulses):
    """Parameters of a Rabi measurement; log spacing shows oscillation and saturation at once."""

    start_s: float = quantity(
        10e-9, unit="s", label="Shortest pulse", limited_by="sequencer.pulse_duration_s", gt=0
    )
    stop_s: float = quantity(
        30e-6, unit="s", label="Longest pulse", limited_by="sequencer.pulse_duration_s", gt=0
    )
    points: int = quantity(60, unit="", label="Pulse lengths per sweep", ge=2, le=100_000)
    spacing: Spacing = quantity(Spacing.LOG, unit="", label="Pulse length spacing")
    sweeps: int = quantity(5, unit="", label="Sweeps", ge=1, le=1_000_000)
    repeats: int = quantity(
        600, unit="", label="Pairs of shots per point", limited_by="sequencer.repeats",
        ge=1, le=1_000_000,
    )  # fmt: skip
    polarize_s: float = quantity(
        300e-6, unit="s", label="Polarising light", limited_by="sequencer.pulse_duration_s", gt=0
    )
    settle_s: float = quantity(
        1e-6, unit="s", label="Dark before longest pulse",
        limited_by="sequencer.pulse_duration_s", gt=0,
    )  # fmt: skip

    def shots(self, duration_s: float) -> list[list[Pulse]]:
        """The shot with a pulse of this length just before the reading, and the one without.

        Both are as long and as dark for every length, so that relaxation is the same in all.
        """
        whole_s = self.settle_s + self.stop_s
        driven = [*dark(whole_s - duration_s), Pulse.of(duration_s, DRIVE)]
        return [self.shot(*driven), self.shot(Pulse.of(whole_s))]


class Rabi:
    """Rabi: loss of photoluminescence (APD2) by a microwave pulse against the pulse's length.

    Shots with and without the pulse alternate. The fit gives Rabi frequency, T2* and the length
    of a pi pulse, or of a saturating pulse where the oscillation is overdamped.
    """

    name = "rabi"
    title = "Rabi oscillation"
    roles = ("microwave", "laser", "counter", "sequencer")
    Parameters = RabiParameters

    def __init__(self, parameters: RabiParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        return (
            Column("sweep", "", "Sweep", "int64"),
            Column("pulse_s", "s", "Length of the microwave pulse"),
            Column("contrast", "", "Loss of APD2 counts by the pulse"),
            Column("driven_counts", "counts", "APD2 counts (PL) after the pulse", "int64"),
            Column("reference_counts", "counts", "APD2 counts (PL) without a pulse", "int64"),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("contrast", ("pulse_s",))

    @property
    def length(self) -> int:
        return self.parameters.length

    @property
    def duration_s(self) -> float:
        p = self.parameters
        return p.length * p.repeats * sum(lasts_s(shot) for shot in p.shots(p.stop_s))

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Scan the pulse length; the sequencer gates the microwave, the generator stays on."""
        p = self.parameters
        p.tune(rig)
        for sweep, pulse_s in p.steps(done):
            driven, reference = count_in_turn(rig, p.shots(pulse_s), p.repeats)[:, 0].tolist()
            yield {
                "sweep": sweep,
                "pulse_s": pulse_s,
                "contrast": 1.0 - driven / max(reference, 1),
                "driven_counts": driven,
                "reference_counts": reference,
            }
        rig.microwave.output = False

    def analyze(self, run: Run) -> FitResult | None:
        """Rabi frequency and pi time, or the time that saturates."""
        return fit_rabi(run["pulse_s"], run["driven_counts"], run["reference_counts"])
