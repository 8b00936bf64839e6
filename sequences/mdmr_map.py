"""MDMR against microwave frequency and magnet current."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from labctl.data import Column, FitResult, PlotHint, Point, Run, Table
from labctl.hal import ANGLE, PL, Instruments
from labctl.parameters import quantity
from sequences.current_steps import CurrentSteps
from sequences.frequency_scan import FrequencySweeps
from sequences.mdmr import lines_of
from sequences.sweeping import Direction


class MDMRMapParameters(FrequencySweeps, CurrentSteps):
    """An MDMR scan at each of several currents; 2 MHz steps of 10 ms as in `002`, SM Sec. III D."""

    start_hz: float = quantity(
        2.6e9, unit="Hz", label="First frequency", limited_by="microwave.frequency_hz", gt=0
    )
    stop_hz: float = quantity(
        2.9e9, unit="Hz", label="Last frequency", limited_by="microwave.frequency_hz", gt=0
    )
    points: int = quantity(151, unit="", label="Points per sweep", ge=2, le=1_000_000)
    sweeps: int = quantity(15, unit="", label="Sweeps at each current", ge=1, le=1_000_000)
    # Up and down in turn: the diamond follows late, which shifts a line along the scan.
    direction: Direction = quantity(Direction.ALTERNATE, unit="", label="Direction")
    currents: int = quantity(17, unit="", label="Currents", ge=2, le=10_000)
    dwell_s: float = quantity(
        10e-3, unit="s", label="Time per point", limited_by="counter.duration_s", gt=0
    )
    power_dbm: float = quantity(
        0.0, unit="dBm", label="Microwave power", limited_by="microwave.power_dbm"
    )


class MDMRMap:
    """MDMR map: the diamond's angle (APD1) against microwave frequency and magnet current.

    Lines of different NV classes move differently with the field; where two meet, the classes
    are degenerate (`002`, Fig. 4a and SM Fig. 12b).
    """

    name = "mdmr_map"
    title = "MDMR against magnet current"
    roles = ("microwave", "laser", "counter", "electromagnet")
    Parameters = MDMRMapParameters

    def __init__(self, parameters: MDMRMapParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        return (
            Column("current_a", "A", "Electromagnet current"),
            Column("sweep", "", "Sweep", "int64"),
            Column("frequency_hz", "Hz", "Microwave frequency"),
            Column("angle_counts", "counts", "APD1 counts (angle)", "int64"),
            Column("pl_counts", "counts", "APD2 counts (PL)", "int64"),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("angle_counts", ("frequency_hz", "current_a"))

    @property
    def length(self) -> int:
        p = self.parameters
        return p.currents * p.sweeps * p.points

    @property
    def duration_s(self) -> float:
        """Without the ramps, whose speed the rig knows."""
        return self.length * self.parameters.dwell_s

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """One scan after the other; the microwave is off during the ramps."""
        p = self.parameters
        p.shine(rig)
        rig.microwave.power_dbm = p.power_dbm
        first, rest = divmod(done, p.sweeps * p.points)
        for current_a in islice(p.currents_a, first, None):
            rig.microwave.output = False
            rig.electromagnet.ramp_to(current_a)
            for sweep, frequency_hz in p.steps(rest):
                rig.microwave.frequency_hz = frequency_hz
                if not rig.microwave.output:
                    rig.microwave.output = True
                counts = rig.counter.count(p.dwell_s)
                yield {
                    "current_a": current_a,
                    "sweep": sweep,
                    "frequency_hz": frequency_hz,
                    "angle_counts": counts[ANGLE],
                    "pl_counts": counts[PL],
                }
            rest = 0
        rig.microwave.output = False

    def analyze(self, run: Run) -> FitResult | None:
        """The lines of each current, in one table; no model joins them."""
        rows: dict[str, list[float]] = {name: [] for name in _UNITS}
        notes: list[str] = []
        worst = float("nan")
        for current_a in np.unique(run["current_a"]):
            here = run["current_a"] == current_a
            fit = lines_of(
                run["frequency_hz"][here], run["angle_counts"][here], run.parameters["dwell_s"]
            )
            if fit is None:
                notes.append(f"At {current_a:.4g} A: too few frequencies for a fit.")
                continue
            notes += [f"At {current_a:.4g} A: {note}" for note in fit.notes]
            worst = float(np.fmax(worst, fit.reduced_chi_square))
            if "resonances" not in fit.tables:
                continue
            found = fit.tables["resonances"].columns
            for name, cells in rows.items():
                cells += (
                    [float(current_a)] * len(found["frequency_hz"])
                    if name == "current_a"
                    else found[name].tolist()
                )
        return FitResult(
            model="pulled lorentzian lines, each current on its own",
            values={},
            covariance=np.empty((0, 0)),
            reduced_chi_square=worst,
            notes=tuple(notes),
            tables={"lines": Table({name: np.array(c) for name, c in rows.items()}, _UNITS)},
        )


_UNITS = {
    "current_a": "A",
    "frequency_hz": "Hz",
    "frequency_error_hz": "Hz",
    "amplitude": "counts/s",
    "amplitude_error": "counts/s",
}
