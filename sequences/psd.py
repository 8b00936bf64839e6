"""The power spectral density of the motion."""

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from labctl.analysis.psd_fit import fit_psd
from labctl.analysis.spectra import UNIT, Averaging, welch_psd
from labctl.analysis.temperature import Reference, with_temperatures
from labctl.data import Column, FitResult, PlotHint, Point, Run, TableAnalysis
from labctl.hal import ANGLE, PL, Instruments
from labctl.parameters import quantity
from sequences.conditions import Conditions
from sequences.sample_rate import SAMPLE_RATE, sample_rate_of


class PSDParameters(Conditions):
    """Parameters of a spectrum of the motion; the microwave is off by default.

    The reference is an earlier spectrum of the lowest mode in the range at a known temperature,
    and at the same angle where its area counts (see `equal_angle_points`).
    """

    sample_rate_hz: float = quantity(
        5e3, unit="Hz", label="Sample rate", limited_by="counter.sample_rate_hz", gt=0
    )
    segment_s: float = quantity(1.0, unit="s", label="Segment (1/resolution)", gt=0, le=1e3)
    segments_per_point: int = quantity(4, unit="", label="Segments per point", ge=1, le=1000)
    averages: int | None = quantity(
        80, unit="", label="Segments in all (none: until stopped)", ge=0, le=10_000_000
    )
    fit_from_hz: float = quantity(100.0, unit="Hz", label="Fit from", ge=0)
    fit_to_hz: float = quantity(1500.0, unit="Hz", label="Fit to", gt=0)
    microwave_hz: float | None = quantity(
        None, unit="Hz", label="Microwave frequency (none: off)",
        limited_by="microwave.frequency_hz", gt=0,
    )  # fmt: skip
    power_dbm: float = quantity(
        -10.0, unit="dBm", label="Microwave power", limited_by="microwave.power_dbm"
    )

    reference_area: float | None = quantity(
        None, unit="", label="Reference area in counts²/s²", gt=0
    )
    reference_area_error: float = quantity(0.0, unit="", label="Its error in counts²/s²", ge=0)
    reference_frequency_hz: float | None = quantity(
        None, unit="Hz", label="Reference frequency", gt=0
    )
    reference_damping_hz: float | None = quantity(None, unit="Hz", label="Reference damping", gt=0)
    reference_damping_error_hz: float = quantity(0.0, unit="Hz", label="Its error", ge=0)
    reference_temperature_k: float = quantity(300.0, unit="K", label="Reference temperature", gt=0)
    store_counts: bool = quantity(False, unit="", label="Keep raw APD1 counts")

    @model_validator(mode="after")
    def _whole_reference(self) -> Self:
        if self.reference_area is not None and self.reference_frequency_hz is None:
            raise ValueError(
                "Parameter `reference_area` needs `reference_frequency_hz`: the temperature goes"
                " with area times frequency squared"
            )
        return self

    @model_validator(mode="after")
    def _enough_samples(self) -> Self:
        if not 64 <= self.segment <= 10_000_000:
            raise ValueError(
                f"A segment must hold 64 to 10 million samples, but `segment_s` and"
                f" `sample_rate_hz` make {self.segment}"
            )
        self.require_below("fit_from_hz", "fit_to_hz")
        return self

    @property
    def segment(self) -> int:
        """Samples per segment."""
        return round(self.segment_s * self.sample_rate_hz)

    @property
    def samples(self) -> int:
        """Samples per point."""
        return self.segment + (self.segments_per_point - 1) * (self.segment - self.segment // 2)


class PSD:
    """PSD: the spectrum of the angle signal (APD1), whose peaks are the modes of the motion.

    Each point is the average over a block of adjacent Hann windows with half overlap. The fit
    gives frequency, damping and variance of one to three modes (`000`, Methods, Eq. 1).
    """

    name = "psd"
    title = "Power spectral density of the motion"
    roles = ("laser", "counter", "microwave")
    Parameters = PSDParameters

    def __init__(self, parameters: PSDParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        p = self.parameters
        shape = (p.segment // 2 + 1,)
        raw = Column("counts", "counts", "APD1 counts (angle)", "int64", (p.samples,))
        return (
            Column("frequency_hz", "Hz", "Frequency", shape=shape),
            Column("psd", f"{UNIT}/Hz", "PSD of the APD1 count rate", shape=shape),
            SAMPLE_RATE,
            Column("angle_rate", "counts/s", "APD1 count rate (angle)"),
            Column("pl_rate", "counts/s", "APD2 count rate (PL)"),
            *((raw,) if p.store_counts else ()),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("psd", ("frequency_hz",))

    @property
    def length(self) -> int | None:
        p = self.parameters
        return -(-p.averages // p.segments_per_point) if p.averages else None

    @property
    def duration_s(self) -> float | None:
        p = self.parameters
        return None if self.length is None else self.length * p.samples / p.sample_rate_hz

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Stream block after block; there may be gaps between blocks, not within one."""
        p = self.parameters
        p.apply(rig)
        rig.microwave.output = False
        if p.microwave_hz is not None:
            rig.microwave.power_dbm = p.power_dbm
            rig.microwave.frequency_hz = p.microwave_hz
            rig.microwave.output = True
        while self.length is None or done < self.length:
            counts = rig.counter.stream(p.sample_rate_hz, p.samples)
            rate_hz = counts.sample_rate_hz
            rate = counts[ANGLE] * rate_hz
            frequency_hz, psd = welch_psd(rate, rate_hz, p.segment)
            yield {
                "frequency_hz": frequency_hz,
                "psd": psd,
                "sample_rate_hz": rate_hz,
                "angle_rate": float(np.mean(rate)),
                "pl_rate": float(np.mean(counts[PL]) * rate_hz),
                **({"counts": counts[ANGLE]} if p.store_counts else {}),
            }
            done += 1
        rig.microwave.output = False

    @staticmethod
    def _fit_table(
        frequency_hz: NDArray[np.float64], psd: NDArray[np.float64], error: NDArray[np.float64]
    ) -> FitResult:
        """Somebody's spectrum: its relative errors tell how much was averaged (Welch 1967)."""
        relative = float(np.median(error / np.abs(psd)))
        return fit_psd(frequency_hz, psd, Averaging(1, max(1, round(relative**-2))))

    table = TableAnalysis(Column("frequency_hz", "Hz", "Frequency"), _fit_table)

    @staticmethod
    def reference_parameters(run: Run) -> dict[str, float]:
        """The lowest mode of a spectrum as the reference of later ones; empty if it has none."""
        found = run.fit.values if run.fit is not None else {}
        if not {"mode_1_area", "mode_1_frequency_hz", "mode_1_damping_hz"} <= found.keys():
            return {}
        return {
            "reference_area": found["mode_1_area"].value,
            "reference_area_error": found["mode_1_area"].error,
            "reference_frequency_hz": found["mode_1_frequency_hz"].value,
            "reference_damping_hz": found["mode_1_damping_hz"].value,
            "reference_damping_error_hz": found["mode_1_damping_hz"].error,
        }

    def analyze(self, run: Run) -> FitResult | None:
        """Modes of the average over all points, and the temperature of the lowest."""
        if not len(run):
            return None
        p = run.parameters
        fit = fit_psd(
            run["frequency_hz"][0],
            np.mean(run["psd"], axis=0),
            Averaging(p["segments_per_point"], len(run)),
            range_hz=(p["fit_from_hz"], p["fit_to_hz"]),
            sample_rate_hz=sample_rate_of(run),
        )
        reference = Reference(
            temperature_k=p.get("reference_temperature_k", 300.0),
            damping_hz=p.get("reference_damping_hz"),
            damping_error_hz=p.get("reference_damping_error_hz", 0.0),
            area=p.get("reference_area"),
            area_error=p.get("reference_area_error", 0.0),
            frequency_hz=p.get("reference_frequency_hz"),
        )
        return with_temperatures(fit, reference)
