"""Pairs of microwave frequency and power that hold the diamond at one angle."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from labctl.analysis.equal_angle import find_equal_angles
from labctl.analysis.sweeps import SAME_FREQUENCY_HZ, AveragedSweeps, average_sweeps
from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.hal import ANGLE, PL, Instruments
from labctl.parameters import quantity
from sequences.frequency_scan import FrequencyScan
from sequences.sweeping import Direction, setpoints


class EqualAnglePointsParameters(FrequencyScan):
    """Parameters: MDMR at -20 and -10 dBm around 2.623 GHz (`000`, Fig. 4b).

    The reference is a point of the weakest scan by default, on the resonance: there the spins
    neither damp nor heat.
    """

    start_hz: float = quantity(
        2.605e9, unit="Hz", label="First frequency", limited_by="microwave.frequency_hz", gt=0
    )
    stop_hz: float = quantity(
        2.645e9, unit="Hz", label="Last frequency", limited_by="microwave.frequency_hz", gt=0
    )
    points: int = quantity(41, unit="", label="Points per sweep", ge=3, le=100_000)
    sweeps: int = quantity(60, unit="", label="Sweeps", ge=1, le=1_000_000)
    direction: Direction = quantity(Direction.ALTERNATE, unit="", label="Direction")
    first_power_dbm: float = quantity(
        -20.0, unit="dBm", label="Lowest microwave power", limited_by="microwave.power_dbm"
    )
    last_power_dbm: float = quantity(
        -10.0, unit="dBm", label="Highest microwave power", limited_by="microwave.power_dbm"
    )
    powers: int = quantity(2, unit="", label="Powers", ge=2, le=20)
    reference_hz: float = quantity(
        2.623e9, unit="Hz", label="Reference frequency",
        limited_by="microwave.frequency_hz", gt=0,
    )  # fmt: skip
    reference_power_dbm: float | None = quantity(
        None, unit="dBm", label="Reference power (none: the lowest)",
        limited_by="microwave.power_dbm",
    )  # fmt: skip
    dwell_s: float = quantity(
        20e-3, unit="s", label="Time per point", limited_by="counter.duration_s", gt=0
    )
    settle_s: float = quantity(10e-3, unit="s", label="Wait after each step", ge=0, le=3600.0)

    @model_validator(mode="after")
    def _reference_is_scanned(self) -> Self:
        self.require_below("first_power_dbm", "last_power_dbm")
        if not self.start_hz <= self.reference_hz <= self.stop_hz:
            raise ValueError("Parameter `reference_hz` must lie between `start_hz` and `stop_hz`")
        asked = self.reference_power_dbm
        if asked is not None and not np.any(np.isclose(self.powers_dbm, asked, atol=1e-6)):
            listed = ", ".join(f"{power:g}" for power in self.powers_dbm)
            raise ValueError(f"Parameter `reference_power_dbm` must be one of {listed}")
        return self

    @property
    def powers_dbm(self) -> list[float]:
        """The powers of the scans, rising."""
        return np.linspace(self.first_power_dbm, self.last_power_dbm, self.powers).tolist()

    @property
    def frequencies_hz(self) -> NDArray[np.float64]:
        """The frequencies of every scan, shape (points,)."""
        return np.linspace(self.start_hz, self.stop_hz, self.points)

    @property
    def reference_index(self) -> int:
        """Which of `powers_dbm` the reference has."""
        asked = self.reference_power_dbm
        if asked is None:
            return 0
        return int(np.argmin(np.abs(np.array(self.powers_dbm) - asked)))

    def visits(self) -> Iterator[tuple[int, int]]:
        """(sweep, place); a sweep goes through all powers, so that all drift alike."""
        places = self.powers * self.points
        order = setpoints(0, places - 1, places, sweeps=self.sweeps, direction=self.direction)
        return ((sweep, round(place)) for sweep, place in order)

    def microwave(self, place: int) -> tuple[float, float]:
        """Power (dBm) and frequency (Hz) of a place in the sweep."""
        power, frequency = divmod(place, self.points)
        return self.powers_dbm[power], float(self.frequencies_hz[frequency])


class EqualAnglePoints:
    """Equal angles: MDMR at several powers, and where they give the angle of a reference point.

    The sensitivity of the speckle changes with the diamond's angle, so areas of spectra compare
    only at the same angle: at the frequencies and powers found here (`000`, Methods).
    """

    name = "equal_angle_points"
    title = "Microwave frequencies and powers of one angle"
    roles = ("microwave", "laser", "counter")
    Parameters = EqualAnglePointsParameters

    def __init__(self, parameters: EqualAnglePointsParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        return (
            Column("sweep", "", "Sweep", "int64"),
            Column("power_dbm", "dBm", "Microwave power"),
            Column("frequency_hz", "Hz", "Microwave frequency"),
            Column("angle_counts", "counts", "APD1 counts (angle)", "int64"),
            Column("pl_counts", "counts", "APD2 counts (PL)", "int64"),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("angle_counts", ("frequency_hz",))

    @property
    def length(self) -> int:
        p = self.parameters
        return p.sweeps * p.powers * p.points

    @property
    def duration_s(self) -> float:
        return self.length * (self.parameters.dwell_s + self.parameters.settle_s)

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Scan power after power; the microwave is on throughout."""
        p = self.parameters
        p.apply(rig)
        for sweep, place in islice(p.visits(), done, None):
            power_dbm, frequency_hz = p.microwave(place)
            rig.microwave.power_dbm = power_dbm
            rig.microwave.frequency_hz = frequency_hz
            if not rig.microwave.output:
                rig.microwave.output = True
            if p.settle_s > 0:
                rig.clock.sleep_s(p.settle_s)
            counts = rig.counter.count(p.dwell_s)
            yield {
                "sweep": sweep,
                "power_dbm": power_dbm,
                "frequency_hz": frequency_hz,
                "angle_counts": counts[ANGLE],
                "pl_counts": counts[PL],
            }
        rig.microwave.output = False

    def analyze(self, run: Run) -> FitResult | None:
        """The points that have the reference's count rate."""
        p = self.parameters
        if len(run) < p.powers * p.points:
            return None
        return find_equal_angles(
            self._spectra(run),
            reference_dbm=p.powers_dbm[p.reference_index],
            reference_hz=p.reference_hz,
        )

    def _spectra(self, run: Run) -> dict[float, AveragedSweeps]:
        """Every power's spectrum; all powers of a sweep are freed of its drift together."""
        p = self.parameters
        places = [place for _, place in islice(p.visits(), len(run))]
        apart = np.array(places) * 10 * SAME_FREQUENCY_HZ
        both = average_sweeps(apart, run["angle_counts"], p.dwell_s)
        spectra: dict[float, AveragedSweeps] = {}
        for i, power in enumerate(p.powers_dbm):
            part = slice(i * p.points, (i + 1) * p.points)
            spectra[power] = AveragedSweeps(
                p.frequencies_hz, both.rate_per_s[part], both.error_per_s[part], both.repeats[part]
            )
        return spectra
