"""Motion of a libration against the microwave power on the blue side of a resonance."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Self

import numpy as np
from pydantic import model_validator

from labctl.analysis.lasing_threshold import Scan, fit_lasing
from labctl.analysis.spectra import Averaging, welch_psd
from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.hal import ANGLE, PL, Instruments
from labctl.parameters import quantity
from sequences.conditions import Conditions
from sequences.sample_rate import SAMPLE_RATE, sample_rate_of


class LasingScanParameters(Conditions):
    """Parameters of a power scan; `000`, Fig. 3b and 6: 7 MHz to the blue, power up and down."""

    frequency_hz: float = quantity(
        2.727e9, unit="Hz", label="Microwave frequency", limited_by="microwave.frequency_hz", gt=0
    )
    start_power_dbm: float = quantity(
        -18.0, unit="dBm", label="Lowest power", limited_by="microwave.power_dbm"
    )
    stop_power_dbm: float = quantity(
        -2.0, unit="dBm", label="Highest power", limited_by="microwave.power_dbm"
    )
    points: int = quantity(33, unit="", label="Powers", ge=2, le=10_000)
    cycles: int = quantity(1, unit="", label="Times up and down", ge=1, le=100_000)
    record_s: float = quantity(10.0, unit="s", label="Length of a record", gt=0, le=1e4)
    settle_s: float = quantity(0.5, unit="s", label="Wait after a step of power", ge=0, le=60.0)
    sample_rate_hz: float = quantity(
        4e3, unit="Hz", label="Sample rate", limited_by="counter.sample_rate_hz", gt=0
    )
    segment_s: float = quantity(1.0, unit="s", label="Segment (1/resolution)", gt=0, le=1e3)
    band_from_hz: float = quantity(380.0, unit="Hz", label="Libration band from", gt=0)
    band_to_hz: float = quantity(620.0, unit="Hz", label="Libration band to", gt=0)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        self.require_below("start_power_dbm", "stop_power_dbm")
        self.require_below("band_from_hz", "band_to_hz")
        if self.sample_rate_hz < 2 * self.band_to_hz:
            raise ValueError(
                f"Parameter `sample_rate_hz` must be at least twice `band_to_hz`, but"
                f" {self.shown('sample_rate_hz')} < 2 x {self.shown('band_to_hz')}"
            )
        if not 64 <= self.segment <= self.samples <= 10_000_000:
            raise ValueError(
                "A record must hold a segment of 64 samples and 10 million at most, but"
                f" `segment_s`, `record_s` and `sample_rate_hz` make {self.segment} in"
                f" {self.samples}"
            )
        if (self.band_to_hz - self.band_from_hz) * self.segment_s < 20:
            raise ValueError("The band must span 20 bins of 1/`segment_s`; take a longer segment")
        return self

    @property
    def samples(self) -> int:
        """Samples per record."""
        return round(self.record_s * self.sample_rate_hz)

    @property
    def segment(self) -> int:
        """Samples per segment."""
        return round(self.segment_s * self.sample_rate_hz)


class LasingScan:
    """Lasing scan: the libration (APD1) at stepped microwave powers, first up, then down.

    On the blue side the spins amplify the motion; above a threshold it turns into a steady
    oscillation (`000`, Fig. 3b). The fit gives the threshold, the energy at each power, and
    whether the histogram is that of thermal motion or of a sine.
    """

    name = "lasing_scan"
    title = "Phonon lasing against the microwave power"
    roles = ("microwave", "laser", "counter")
    Parameters = LasingScanParameters

    def __init__(self, parameters: LasingScanParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        p = self.parameters
        bins = (p.segment // 2 + 1,)
        return (
            Column("power_dbm", "dBm", "Microwave power"),
            Column("direction", "", "Power: 1 rising, -1 falling", "int64"),
            Column("frequency_hz", "Hz", "Frequency", shape=bins),
            Column("psd", "counts^2/s^2/Hz", "PSD of the APD1 count rate", shape=bins),
            Column("angle_counts", "counts", "APD1 counts (angle)", "int64", shape=(p.samples,)),
            SAMPLE_RATE,
            Column("pl_rate", "counts/s", "APD2 count rate (PL)"),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("psd", ("frequency_hz",))

    @property
    def length(self) -> int:
        return 2 * self.parameters.points * self.parameters.cycles

    @property
    def duration_s(self) -> float:
        return self.length * (self.parameters.settle_s + self.parameters.record_s)

    def _steps(self) -> Iterator[tuple[int, float]]:
        """(direction, power in dBm) in the order they are visited."""
        p = self.parameters
        rising = np.linspace(p.start_power_dbm, p.stop_power_dbm, p.points)
        for _ in range(p.cycles):
            for direction in (1, -1):
                for power in rising[::direction]:
                    yield direction, float(power)

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Step the power; the oscillation carries over from one step to the next.

        A run that is resumed while the power falls starts from the highest power again, since
        the oscillation depends on where it comes from.
        """
        p = self.parameters
        p.apply(rig)
        microwave = rig.microwave
        microwave.frequency_hz = p.frequency_hz
        steps = islice(self._steps(), done, None)
        if done and done % (2 * p.points) > p.points:
            microwave.power_dbm = p.stop_power_dbm
            microwave.output = True
            rig.clock.sleep_s(p.settle_s + p.record_s)
        for direction, power_dbm in steps:
            microwave.power_dbm = power_dbm
            if not microwave.output:
                microwave.output = True
            if p.settle_s > 0:
                rig.clock.sleep_s(p.settle_s)
            counts = rig.counter.stream(p.sample_rate_hz, p.samples)
            rate_hz = counts.sample_rate_hz
            frequency_hz, psd = welch_psd(counts[ANGLE] * rate_hz, rate_hz, p.segment)
            yield {
                "power_dbm": power_dbm,
                "direction": direction,
                "frequency_hz": frequency_hz,
                "psd": psd,
                "angle_counts": counts[ANGLE],
                "sample_rate_hz": rate_hz,
                "pl_rate": float(np.mean(counts[PL]) * rate_hz),
            }
        microwave.output = False

    def analyze(self, run: Run) -> FitResult | None:
        """Threshold, energies and histograms."""
        if len(run) < 2:
            return None
        p, sample_rate_hz = run.parameters, sample_rate_of(run)
        samples, segment = run["angle_counts"].shape[1], 2 * (run["psd"].shape[1] - 1)
        scan = Scan(
            power_dbm=run["power_dbm"],
            direction=run["direction"],
            rate=run["angle_counts"] * sample_rate_hz,
            frequency_hz=run["frequency_hz"][0],
            psd=run["psd"],
            averaging=Averaging(max(2 * samples // segment - 1, 1)),
        )
        return fit_lasing(scan, sample_rate_hz, (p["band_from_hz"], p["band_to_hz"]))
