"""The angle signal in radians, by the pull of a resonance at several powers."""

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
from pydantic import model_validator

from labctl.analysis.angle_calibration import (
    PulledLine,
    Transition,
    calibrate_angle,
    strongest_line,
)
from labctl.analysis.spectra import UNIT, welch_psd
from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.hal import ANGLE, PL, Instruments
from labctl.parameters import quantity
from sequences.conditions import Conditions
from sequences.mdmr import lines_of

SEGMENTS = 8
"""Segments of the noise record, one after the other."""


class AngleCalibrationParameters(Conditions):
    """Three MDMR powers over one resonance, and a record of the noise after each sweep."""

    field_t: float = quantity(9.5e-3, unit="T", label="Field |B|", gt=0, lt=0.1)
    transition: Transition = quantity(Transition.LOWER, unit="", label="Transition of the line")
    start_hz: float = quantity(
        2.68e9, unit="Hz", label="First frequency", limited_by="microwave.frequency_hz", gt=0
    )
    stop_hz: float = quantity(
        2.76e9, unit="Hz", label="Last frequency", limited_by="microwave.frequency_hz", gt=0
    )
    points: int = quantity(61, unit="", label="Points per sweep", ge=8, le=1_000_000)
    sweeps: int = quantity(200, unit="", label="Sweeps at each power", ge=1, le=1_000_000)
    dwell_s: float = quantity(
        10e-3, unit="s", label="Time per point", limited_by="counter.duration_s", gt=0
    )
    low_dbm: float = quantity(
        -8.0, unit="dBm", label="Lowest microwave power", limited_by="microwave.power_dbm"
    )
    middle_dbm: float = quantity(
        0.0, unit="dBm", label="Middle microwave power", limited_by="microwave.power_dbm"
    )
    high_dbm: float = quantity(
        8.0, unit="dBm", label="Highest microwave power", limited_by="microwave.power_dbm"
    )
    noise_rate_hz: float = quantity(
        50e3, unit="Hz", label="Noise sample rate",
        limited_by="counter.sample_rate_hz", gt=0,
    )  # fmt: skip
    noise_s: float = quantity(0.1, unit="s", label="Noise record per sweep", gt=0, le=100.0)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        self.require_below("start_hz", "stop_hz")
        if not self.low_dbm < self.middle_dbm < self.high_dbm:
            raise ValueError("Parameters `low_dbm`, `middle_dbm`, `high_dbm` must rise.")
        if self.segment < 64:
            raise ValueError(
                f"The noise record must hold {64 * SEGMENTS} samples or more; make `noise_s` or"
                " `noise_rate_hz` larger."
            )
        return self

    @property
    def segment(self) -> int:
        """Samples per segment of the noise record."""
        return int(self.noise_s * self.noise_rate_hz / SEGMENTS)

    @property
    def powers_dbm(self) -> tuple[float, float, float]:
        """In the order they are visited in every round."""
        return self.low_dbm, self.middle_dbm, self.high_dbm


class AngleCalibration:
    """Angle calibration: how many milliradians one Mcount/s of the angle signal is.

    The driven spins turn the diamond, which moves their own resonance: at a known field the top
    of the line tells the angle, and its height the signal (`000`, Methods and Fig. 7a).
    """

    name = "angle_calibration"
    title = "Angle calibration by the pull of a resonance"
    roles = ("microwave", "laser", "counter")
    Parameters = AngleCalibrationParameters

    def __init__(self, parameters: AngleCalibrationParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        sweep, noise = (self.parameters.points,), (self.parameters.segment // 2 + 1,)
        return (
            Column("power_dbm", "dBm", "Microwave power"),
            Column("sweep", "", "Sweep", "int64"),
            Column("frequency_hz", "Hz", "Microwave frequency", shape=sweep),
            Column("angle_counts", "counts", "APD1 counts (angle)", "int64", shape=sweep),
            Column("pl_counts", "counts", "APD2 counts (PL)", "int64", shape=sweep),
            Column("noise_frequency_hz", "Hz", "Frequency", shape=noise),
            Column("noise_psd", f"{UNIT}/Hz", "PSD of the APD1 count rate", shape=noise),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("angle_counts", ("frequency_hz",))

    @property
    def length(self) -> int:
        return 3 * self.parameters.sweeps

    @property
    def duration_s(self) -> float:
        p = self.parameters
        return self.length * (p.points * p.dwell_s + p.noise_s)

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """The powers take turns sweep by sweep, so that a drift hits all alike.

        Sweeps go up and down in turn: the diamond follows late, which shifts a line.
        """
        p = self.parameters
        p.apply(rig)
        microwave = rig.microwave
        microwave.output = False
        up_hz = np.linspace(p.start_hz, p.stop_hz, p.points)
        while done < self.length:
            sweep, which = divmod(done, 3)
            power_dbm = p.powers_dbm[which]
            frequency_hz = up_hz if sweep % 2 == 0 else up_hz[::-1]
            microwave.power_dbm = power_dbm
            counts = np.zeros((2, p.points), dtype=np.int64)
            for i, frequency in enumerate(frequency_hz):
                microwave.frequency_hz = float(frequency)
                if i == 0:
                    microwave.output = True
                counted = rig.counter.count(p.dwell_s)
                counts[:, i] = counted[ANGLE], counted[PL]
            microwave.output = False
            stream = rig.counter.stream(p.noise_rate_hz, p.segment * SEGMENTS)
            rate_hz = stream.sample_rate_hz
            noise = welch_psd(stream[ANGLE] * rate_hz, rate_hz, p.segment)
            yield {
                "power_dbm": power_dbm,
                "sweep": sweep,
                "frequency_hz": frequency_hz,
                "angle_counts": counts[0],
                "pl_counts": counts[1],
                "noise_frequency_hz": noise[0],
                "noise_psd": noise[1],
            }
            done += 1

    def analyze(self, run: Run) -> FitResult | None:
        """Pull against signal over the powers; None without data."""
        if not len(run):
            return None
        p = run.parameters
        lines: list[PulledLine] = []
        notes: list[str] = []
        for power_dbm in np.unique(run["power_dbm"]):
            here = run["power_dbm"] == power_dbm
            fit = lines_of(run["frequency_hz"][here], run["angle_counts"][here], p["dwell_s"])
            line = None if fit is None else strongest_line(fit, float(power_dbm))
            notes += [f"At {power_dbm:.4g} dBm: {note}" for note in fit.notes] if fit else []
            if line is not None:
                lines.append(line)
        return calibrate_angle(
            lines,
            _floor(run["noise_psd"]),
            field_t=p["field_t"],
            transition=Transition(p["transition"]),
            notes=tuple(notes),
        )


def _floor(psd: np.ndarray) -> tuple[float, float]:
    """Mean PSD in the upper half of the band, where nothing moves, and its standard error."""
    upper = psd[:, psd.shape[1] // 2 : -1]
    each = upper.mean(axis=1)
    # Neighbouring bins of Hann windows share noise; records do not.
    spread = np.std(each, ddof=1) if len(each) > 1 else each[0] * np.sqrt(2 / upper.size)
    return float(each.mean()), float(spread / np.sqrt(len(each)))
