"""Optically detected magnetic resonance."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from labctl.analysis.nv_field import nv_field_from_spectrum
from labctl.analysis.resonances import MINIMUM_POINTS
from labctl.analysis.sweeps import average_sweeps
from labctl.data import FitResult, Point, Run
from labctl.hal import ANGLE, PL, Instruments, Pulse, PulseChannel
from labctl.parameters import SequenceParameters, quantity
from sequences.frequency_scan import FrequencyScan, FrequencyScanSequence


class Gating(SequenceParameters):
    """How microwave and counters are gated against the motion (`000`, Methods)."""

    off_s: float = quantity(
        0.5e-3, unit="s", label="Microwave off", limited_by="sequencer.pulse_duration_s", gt=0
    )
    on_s: float = quantity(
        0.5e-3,
        unit="s",
        label="Microwave on, counted",
        limited_by="sequencer.pulse_duration_s",
        gt=0,
    )
    repeats: int = quantity(
        4,
        unit="",
        label="Off-on cycles per point",
        limited_by="sequencer.repeats",
        ge=1,
        le=100_000,
    )
    power_dbm: float = quantity(
        0.0, unit="dBm", label="Microwave power", limited_by="microwave.power_dbm"
    )

    @property
    def point_s(self) -> float:
        """Duration of one point."""
        return self.repeats * (self.off_s + self.on_s)

    @property
    def counted_s(self) -> float:
        """Time that is counted in one point."""
        return self.repeats * self.on_s

    def prepare(self, rig: Instruments) -> None:
        """Load the gating and set the power; the generator is off still."""
        light, drive = PulseChannel.LASER, PulseChannel.MICROWAVE
        cycle = [Pulse.of(self.off_s, light), Pulse.of(self.on_s, light, drive, PulseChannel.COUNT)]
        rig.sequencer.load(cycle, repeats=self.repeats)
        rig.microwave.power_dbm = self.power_dbm

    def count(self, rig: Instruments, frequency_hz: float) -> dict[str, int]:
        """Play one point at this frequency; both detectors' counts while the microwave is on."""
        rig.microwave.frequency_hz = frequency_hz
        if not rig.microwave.output:
            rig.microwave.output = True
        rig.counter.arm_gates(self.repeats)
        rig.sequencer.start()
        counts = rig.counter.read_gates()
        return {
            "pl_counts": int(np.sum(counts[PL])),
            "angle_counts": int(np.sum(counts[ANGLE])),
        }


class ODMRParameters(Gating, FrequencyScan):
    """Parameters of an ODMR scan."""


class ODMR(FrequencyScanSequence):
    """ODMR: photoluminescence (APD2) against microwave frequency, gated against the motion.

    Each cycle leaves the microwave off, then on while photons are counted; the torque has no
    time to turn the diamond, so the lines stay where they are (`000`, Methods and Fig. 2a-iii).
    """

    name = "odmr"
    title = "Optically detected magnetic resonance"
    roles = ("microwave", "laser", "counter", "sequencer")
    signal = "pl_counts"
    Parameters = ODMRParameters

    def __init__(self, parameters: ODMRParameters) -> None:
        super().__init__(parameters)
        self.parameters = parameters

    @property
    def duration_s(self) -> float:
        return self.length * self.parameters.point_s

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Scan; the sequencer gates microwave and counters, the generator stays on."""
        p = self.parameters
        p.apply(rig)
        p.prepare(rig)
        for sweep, frequency_hz in p.steps(done):
            counts = p.count(rig, frequency_hz)
            yield {"sweep": sweep, "frequency_hz": frequency_hz, **counts}
        rig.microwave.output = False

    def analyze(self, run: Run) -> FitResult | None:
        """PL dips, and the field vector in the diamond frame that explains them."""
        counted_s = run.parameters["repeats"] * run.parameters["on_s"]
        return field_of(run["frequency_hz"], run["pl_counts"], counted_s)


def field_of(frequency_hz: ArrayLike, pl_counts: ArrayLike, counted_s: float) -> FitResult | None:
    """The field that explains the dips of one ODMR scan; None where it has hardly any points."""
    if np.unique(frequency_hz).size < MINIMUM_POINTS:
        return None
    spectrum = average_sweeps(frequency_hz, pl_counts, counted_s)
    return nv_field_from_spectrum(
        spectrum.frequency_hz,
        spectrum.rate_per_s,
        spectrum.error_per_s,
        sign="negative",
        y_name="pl_rate",
        y_unit="counts/s",
        y_label="APD2 count rate (PL)",
    )
