"""Optically detected magnetic resonance."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.lineshapes import Lineshape
from labctl.analysis.nv_field import nv_field_from_spectrum
from labctl.analysis.resonances import MINIMUM_POINTS, fit_resonances
from labctl.analysis.sweeps import average_sweeps
from labctl.data import FitResult, FitValue, Point, Run, TableAnalysis
from labctl.hal import ANGLE, PL, Instruments, Pulse, PulseChannel
from labctl.parameters import SequenceParameters, quantity
from sequences.frequency_scan import FREQUENCY, MICROWAVES_HZ, FrequencyScan, FrequencyScanSequence

CLEAR_PULL = 2.5
"""Sigmas from which a pull is clear."""


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

    Each cycle leaves the microwave off, then on while photons are counted, which leaves the torque
    little time to turn the diamond (`000`, Methods and Fig. 2a-iii). Little is not none: it pulls
    every line down. Field and D are those of the lines as driven; the table `pulled_resonances`
    has them as they are without the microwave, and pull_hz says how far they are pulled.
    """

    name = "odmr"
    title = "Optically detected magnetic resonance"
    roles = ("microwave", "laser", "counter", "sequencer")
    signal = "pl_counts"
    Parameters = ODMRParameters
    table = TableAnalysis(FREQUENCY, nv_field_from_spectrum, MICROWAVES_HZ)

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
        data = run["frequency_hz"], run["pl_counts"], counted_s
        field = field_of(*data)
        if field is None or not field.values:
            return field
        shape = Lineshape.PULLED_LORENTZIAN
        return with_pull(field, fit_resonances(*spectrum_of(*data), shape=shape, **DIPS))


DIPS: dict[str, Any] = {
    "sign": "negative",
    "y_name": "pl_rate",
    "y_unit": "counts/s",
    "y_label": "APD2 count rate (PL)",
}
"""What fits are told of an ODMR spectrum."""


def spectrum_of(
    frequency_hz: ArrayLike, pl_counts: ArrayLike, counted_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Frequency, count rate and its standard error, shape (points,) each, of all sweeps."""
    spectrum = average_sweeps(frequency_hz, pl_counts, counted_s)
    return spectrum.frequency_hz, spectrum.rate_per_s, spectrum.error_per_s


def field_of(frequency_hz: ArrayLike, pl_counts: ArrayLike, counted_s: float) -> FitResult | None:
    """The field that explains the dips of one ODMR scan; None where it has hardly any points."""
    if np.unique(frequency_hz).size < MINIMUM_POINTS:
        return None
    return nv_field_from_spectrum(*spectrum_of(frequency_hz, pl_counts, counted_s), **DIPS)


def with_pull(field: FitResult, pulled: FitResult) -> FitResult:
    """The field of lines as driven, with the same lines without the microwave.

    While the microwave is on the torque turns the diamond towards where `mdmr` sees it, and the
    line moves along, to first order as in `mdmr` by a part of that pull.

    Args:
        field: fitted to the lines as they are driven.
        pulled: `fit_resonances` of the same spectrum with pulled lines.

    Returns:
        `field` with the value pull_hz, the weighted mean over the lines, the table
        "pulled_resonances" and a note.
    """
    table = pulled.tables["resonances"]
    pull, error = table.columns["pull_hz"], table.columns["pull_error_hz"]
    good = np.isfinite(error) & (error > 0)
    if not np.any(good):
        return field
    weight = error[good] ** -2.0
    mean, mean_error = float(np.average(pull[good], weights=weight)), float(weight.sum() ** -0.5)
    label = "Pull of the lines by the torque"
    size = f"{mean / 1e6:.2f} +- {mean_error / 1e6:.2f} MHz"
    if mean > CLEAR_PULL * mean_error:
        words = f"The torque pulls the lines down by {size} at their top"
    else:
        words = f"Whether the torque pulls the lines is not clear from this spectrum ({size})"
    notes = (
        *field.notes,
        f"{words}: field and D are those of the lines as driven, `pulled_resonances` are those"
        " without; less power or a shorter `on_s` pulls less.",
    )
    return replace(
        field,
        values={**field.values, "pull_hz": FitValue(mean, mean_error, "Hz", label)},
        tables={**field.tables, "pulled_resonances": table},
        notes=notes,
    )
