"""Mechanically detected magnetic resonance."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labctl.analysis.lineshapes import Lineshape
from labctl.analysis.resonances import MINIMUM_POINTS, fit_resonances
from labctl.analysis.significance import no_claim, silence
from labctl.analysis.sweeps import average_sweeps
from labctl.data import FitResult, Point, Run, TableAnalysis
from labctl.hal import ANGLE, PL, Instruments
from labctl.parameters import quantity
from sequences.frequency_scan import FREQUENCY, MICROWAVES_HZ, FrequencyScan, FrequencyScanSequence
from sequences.sweeping import Direction


class MDMRParameters(FrequencyScan):
    """Parameters of an MDMR scan; defaults after `000`, Methods (10 ms per point)."""

    # Up and down in turn: the diamond follows late, which shifts a line along the scan.
    direction: Direction = quantity(Direction.ALTERNATE, unit="", label="Direction")
    dwell_s: float = quantity(
        10e-3, unit="s", label="Time per point", limited_by="counter.duration_s", gt=0
    )
    power_dbm: float = quantity(
        0.0, unit="dBm", label="Microwave power", limited_by="microwave.power_dbm"
    )


class MDMR(FrequencyScanSequence):
    """MDMR: the diamond's angle (APD1) and photoluminescence (APD2) against microwave frequency.

    A resonant microwave magnetises one NV class, whose torque turns the diamond; lines of the
    |0> -> |-1> and |0> -> |+1> branches of a class turn it opposite ways (`000`, Fig. 2a).
    """

    name = "mdmr"
    title = "Mechanically detected magnetic resonance"
    roles = ("microwave", "laser", "counter")
    signal = "angle_counts"
    table = TableAnalysis(FREQUENCY, fit_resonances, MICROWAVES_HZ)
    Parameters = MDMRParameters

    def __init__(self, parameters: MDMRParameters) -> None:
        super().__init__(parameters)
        self.parameters = parameters

    @property
    def duration_s(self) -> float:
        return self.length * self.parameters.dwell_s

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Scan; the microwave is on throughout, so that the diamond has settled at each point."""
        p = self.parameters
        p.apply(rig)
        rig.microwave.power_dbm = p.power_dbm
        for sweep, frequency_hz in p.steps(done):
            rig.microwave.frequency_hz = frequency_hz
            if not rig.microwave.output:
                rig.microwave.output = True
            counts = rig.counter.count(p.dwell_s)
            yield {
                "sweep": sweep,
                "frequency_hz": frequency_hz,
                "angle_counts": counts[ANGLE],
                "pl_counts": counts[PL],
            }
        rig.microwave.output = False

    def analyze(self, run: Run) -> FitResult | None:
        """Lines of either sign on the angle signal, each pulled by the torque it makes."""
        return lines_of(run["frequency_hz"], run["angle_counts"], run.parameters["dwell_s"])


def lines_of(
    frequency_hz: ArrayLike, angle_counts: ArrayLike, dwell_s: float, **options: Any
) -> FitResult | None:
    """Pulled lines of one MDMR scan; None where it has hardly any points.

    `options` go to `fit_resonances`.
    """
    if np.unique(frequency_hz).size < MINIMUM_POINTS:
        return None
    if dumb := silence("APD1 (angle)", angle_counts):
        return no_claim("pulled lorentzian lines", dumb)
    spectrum = average_sweeps(frequency_hz, angle_counts, dwell_s)
    return fit_resonances(
        spectrum.frequency_hz,
        spectrum.rate_per_s,
        spectrum.error_per_s,
        shape=Lineshape.PULLED_LORENTZIAN,
        y_name="angle_rate",
        y_unit="counts/s",
        y_label="APD1 count rate (angle)",
        **options,
    )
