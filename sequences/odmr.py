"""Optically detected magnetic resonance."""

from collections.abc import Iterator

import numpy as np

from labctl.analysis.nv_field import nv_field_from_spectrum
from labctl.analysis.sweeps import average_sweeps
from labctl.data import FitResult, Point, Run
from labctl.hal import ANGLE, PL, Instruments, Pulse, PulseChannel
from labctl.parameters import quantity
from sequences.frequency_scan import FrequencyScan, FrequencyScanSequence


class ODMRParameters(FrequencyScan):
    """Parameters of an ODMR scan; the gating is that of `000`, Methods."""

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
        p = self.parameters
        return self.length * p.repeats * (p.off_s + p.on_s)

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Scan; the sequencer gates microwave and counters, the generator stays on."""
        p = self.parameters
        p.apply(rig)
        light, drive = PulseChannel.LASER, PulseChannel.MICROWAVE
        cycle = [Pulse.of(p.off_s, light), Pulse.of(p.on_s, light, drive, PulseChannel.COUNT)]
        rig.sequencer.load(cycle, repeats=p.repeats)
        rig.microwave.power_dbm = p.power_dbm
        for sweep, frequency_hz in p.steps(done):
            rig.microwave.frequency_hz = frequency_hz
            if not rig.microwave.output:
                rig.microwave.output = True
            rig.counter.arm_gates(p.repeats)
            rig.sequencer.start()
            counts = rig.counter.read_gates()
            yield {
                "sweep": sweep,
                "frequency_hz": frequency_hz,
                "pl_counts": int(np.sum(counts[PL])),
                "angle_counts": int(np.sum(counts[ANGLE])),
            }
        rig.microwave.output = False

    def analyze(self, run: Run) -> FitResult:
        """PL dips, and the field vector in the diamond frame that explains them."""
        counted_s = run.parameters["repeats"] * run.parameters["on_s"]
        spectrum = average_sweeps(run["frequency_hz"], run["pl_counts"], counted_s)
        return nv_field_from_spectrum(
            spectrum.frequency_hz,
            spectrum.rate_per_s,
            spectrum.error_per_s,
            sign="negative",
            y_name="pl_rate",
            y_unit="counts/s",
            y_label="APD2 count rate (PL)",
        )
