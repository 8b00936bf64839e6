"""Ramsey fringes: how long a superposition keeps its phase."""

from collections.abc import Iterator, Sequence

from labctl.analysis.ramsey import fit_ramsey
from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.errors import ParameterError
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


class RamseyParameters(TimeScan, Pulses):
    """Parameters of a Ramsey measurement; the pi pulse comes from the newest `rabi`."""

    start_s: float = quantity(
        10e-9, unit="s", label="Shortest gap", limited_by="sequencer.pulse_duration_s", gt=0
    )
    stop_s: float = quantity(
        400e-9, unit="s", label="Longest gap", limited_by="sequencer.pulse_duration_s", gt=0
    )
    points: int = quantity(60, unit="", label="Gaps per sweep", ge=2, le=100_000)
    spacing: Spacing = quantity(Spacing.LINEAR, unit="", label="Spacing of the gaps")
    sweeps: int = quantity(5, unit="", label="Sweeps", ge=1, le=1_000_000)
    repeats: int = quantity(
        600, unit="", label="Pairs of shots per point", limited_by="sequencer.repeats",
        ge=1, le=1_000_000,
    )  # fmt: skip
    polarize_s: float = quantity(
        300e-6, unit="s", label="Polarising light", limited_by="sequencer.pulse_duration_s", gt=0
    )
    settle_s: float = quantity(
        1e-6, unit="s", label="Dark before the first pulse",
        limited_by="sequencer.pulse_duration_s", gt=0,
    )  # fmt: skip
    offset_hz: float = quantity(6e6, unit="Hz", label="Detuning of the microwave")
    pi_time_s: float | None = quantity(
        None, unit="s", label="Pi pulse (none: from the newest rabi)",
        limited_by="sequencer.pulse_duration_s", taken_from="rabi.pi_time_s", gt=0,
    )  # fmt: skip

    def shots(self, gap_s: float, pi_time_s: float) -> list[list[Pulse]]:
        """The shot with both pulses just before the reading, and the one without."""
        half = Pulse.of(pi_time_s / 2, DRIVE)
        whole_s = self.settle_s + self.stop_s + pi_time_s
        before = dark(self.settle_s + self.stop_s - gap_s)
        return [
            self.shot(*before, half, *dark(gap_s), half),
            self.shot(Pulse.of(whole_s)),
        ]


class Ramsey:
    """Ramsey: loss of photoluminescence (APD2) by two half pi pulses against the time between.

    Shots with and without the pulses alternate. The fit of the fringes gives T2* and the
    detuning (`000`, Methods: 70 ns).
    """

    name = "ramsey"
    title = "Ramsey fringes"
    roles = ("microwave", "laser", "counter", "sequencer")
    Parameters = RamseyParameters

    def __init__(self, parameters: RamseyParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        return (
            Column("sweep", "", "Sweep", "int64"),
            Column("gap_s", "s", "Time between the pulses"),
            Column("contrast", "", "Loss of APD2 counts by the pulses"),
            Column("driven_counts", "counts", "APD2 counts (PL) after the pulses", "int64"),
            Column("reference_counts", "counts", "APD2 counts (PL) without pulses", "int64"),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("contrast", ("gap_s",))

    @property
    def length(self) -> int:
        return self.parameters.length

    @property
    def duration_s(self) -> float:
        p = self.parameters
        shots = p.shots(p.stop_s, p.pi_time_s or 0.0)
        return p.length * p.repeats * sum(lasts_s(shot) for shot in shots)

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Scan the gap; the sequencer gates the microwave, the generator stays on.

        Raises:
            ParameterError: `pi_time_s` is missing.
        """
        p = self.parameters
        if p.pi_time_s is None:
            raise ParameterError("Parameter `pi_time_s` is missing; measure it first with `rabi`.")
        p.tune(rig, offset_hz=p.offset_hz)
        for sweep, gap_s in p.steps(done):
            shots = p.shots(gap_s, p.pi_time_s)
            driven, reference = count_in_turn(rig, shots, p.repeats)[:, 0].tolist()
            yield {
                "sweep": sweep,
                "gap_s": gap_s,
                "contrast": 1.0 - driven / max(reference, 1),
                "driven_counts": driven,
                "reference_counts": reference,
            }
        rig.microwave.output = False

    def analyze(self, run: Run) -> FitResult | None:
        """T2* and the detuning."""
        p = run.parameters
        if not p["pi_time_s"]:
            return None
        return fit_ramsey(
            run["gap_s"],
            run["driven_counts"],
            run["reference_counts"],
            pi_time_s=p["pi_time_s"],
            frequency_hz=p["frequency_hz"] + p["offset_hz"],
        )
