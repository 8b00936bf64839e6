"""What an ampere of the electromagnet does to the field, and which currents are degenerate."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Self

import numpy as np
from pydantic import model_validator

from labctl.analysis.field_calibration import MINIMUM_CURRENTS, calibration_result
from labctl.analysis.significance import no_claim, silence
from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.hal import Instruments
from labctl.parameters import quantity
from sequences.current_steps import CurrentSteps
from sequences.frequency_scan import FrequencySweeps
from sequences.odmr import Gating, field_of


class FieldCalibrationParameters(Gating, FrequencySweeps, CurrentSteps):
    """ODMR scans at several currents; strong light and microwave, as for a field of one scan."""

    start_hz: float = quantity(
        2.45e9, unit="Hz", label="First frequency", limited_by="microwave.frequency_hz", gt=0
    )
    stop_hz: float = quantity(
        3.35e9, unit="Hz", label="Last frequency", limited_by="microwave.frequency_hz", gt=0
    )
    points: int = quantity(301, unit="", label="Points per sweep", ge=8, le=1_000_000)
    sweeps: int = quantity(30, unit="", label="Sweeps at each current", ge=1, le=1_000_000)
    laser_power_w: float | None = quantity(
        1e-3, unit="W", label="Laser power at the diamond", limited_by="laser.power_w", ge=0
    )
    power_dbm: float = quantity(
        5.0, unit="dBm", label="Microwave power", limited_by="microwave.power_dbm"
    )
    predict_from_a: float | None = quantity(
        None, unit="A", label="Predict degeneracies from (none: a span below)"
    )
    predict_to_a: float | None = quantity(
        None, unit="A", label="Predict degeneracies to (none: two spans above)"
    )

    @model_validator(mode="after")
    def _enough_currents(self) -> Self:
        if self.currents < MINIMUM_CURRENTS:
            raise ValueError(
                f"Parameter `currents` must be {MINIMUM_CURRENTS} or more, but is {self.currents}."
            )
        return self


class FieldCalibration:
    """Field calibration: ODMR at several currents gives field per ampere and bias as vectors.

    From the straight line B(I) follow the currents at which classes of NV become degenerate,
    also those outside the range that was measured (`002`, SM Fig. 7).
    """

    name = "field_calibration"
    title = "Field per ampere, bias field and degeneracies"
    roles = ("microwave", "laser", "counter", "sequencer", "electromagnet")
    Parameters = FieldCalibrationParameters

    def __init__(self, parameters: FieldCalibrationParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        return (
            Column("current_a", "A", "Electromagnet current"),
            Column("sweep", "", "Sweep", "int64"),
            Column("frequency_hz", "Hz", "Microwave frequency"),
            Column("pl_counts", "counts", "APD2 counts (PL)", "int64"),
            Column("angle_counts", "counts", "APD1 counts (angle)", "int64"),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("pl_counts", ("frequency_hz", "current_a"))

    @property
    def length(self) -> int:
        p = self.parameters
        return p.currents * p.sweeps * p.points

    @property
    def duration_s(self) -> float:
        """Without the ramps, whose speed the rig knows."""
        return self.length * self.parameters.point_s

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """One gated scan after the other; the microwave is off during the ramps."""
        p = self.parameters
        p.shine(rig)
        p.prepare(rig)
        first, rest = divmod(done, p.sweeps * p.points)
        for current_a in islice(p.currents_a, first, None):
            rig.microwave.output = False
            rig.electromagnet.ramp_to(current_a)
            for sweep, frequency_hz in p.steps(rest):
                counts = p.count(rig, frequency_hz)
                yield {
                    "current_a": current_a, "sweep": sweep, "frequency_hz": frequency_hz, **counts,
                }  # fmt: skip
            rest = 0
        rig.microwave.output = False

    def analyze(self, run: Run) -> FitResult | None:
        """A field for each current, and the straight line through them."""
        p = run.parameters
        counted_s = p["repeats"] * p["on_s"]
        if dumb := silence("APD2 (PL)", run["pl_counts"]):
            return no_claim("field linear in the current of the magnet", dumb)
        currents, fields, covariances, notes = [], [], [], []
        for current_a in np.unique(run["current_a"]):
            here = run["current_a"] == current_a
            fit = field_of(run["frequency_hz"][here], run["pl_counts"][here], counted_s)
            if fit is None or "field_x_t" not in fit.values:
                notes.append(f"No field could be fitted at {current_a:.4g} A.")
                continue
            notes += [f"At {current_a:.4g} A: {note}" for note in fit.notes]
            currents.append(float(current_a))
            fields.append([fit.values[f"field_{axis}_t"].value for axis in "xyz"])
            covariances.append(fit.covariance[:3, :3])
        if len(currents) < MINIMUM_CURRENTS:
            notes.append(f"A field line needs fields at {MINIMUM_CURRENTS} currents or more.")
            return no_claim("field linear in the current of the magnet", *notes)
        span_a = max(currents) - min(currents)
        low_a, high_a = p["predict_from_a"], p["predict_to_a"]
        return calibration_result(
            currents,
            fields,
            covariances,
            range_a=(
                min(currents) - span_a if low_a is None else low_a,
                max(currents) + 2 * span_a if high_a is None else high_a,
            ),
            notes=tuple(notes),
        )
