"""From the angle signal to radians, with the NV centres as the scale (`000`, Methods, Fig. 7)."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from labctl.analysis.nv_model import NV_AXES, transition_frequencies_hz
from labctl.analysis.significance import claims_only_what_is_there, no_claim, stands_out
from labctl.data import FitCurve, FitResult, FitValue, Table
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

MINIMUM_LINES = 2
ITERATIONS = 5
UPPER_BOUND = (
    "An upper bound: the detected angle is at most the angle that the NV axis turns against the"
    " field, because the librations are not equally stiff."
)


class Transition(StrEnum):
    """Which transition of the class a line is."""

    LOWER = "lower"
    UPPER = "upper"


class PulledLine(NamedTuple):
    """One line: where its top stands, how high it is, and how well both are known.

    Attributes:
        power_dbm: of the microwave.
        top_hz: frequency of the extremum, where the torque is largest.
        signal_per_s: change of the signal there, counts/s, signed.
        covariance: of (top_hz, signal_per_s), (2, 2).
    """

    power_dbm: float
    top_hz: float
    signal_per_s: float
    covariance: Floats


def frequency_at_angle(angle_rad: ArrayLike, field_t: float, transition: Transition) -> Floats:
    """Transition frequency of a class at an angle to a field of known size, Hz.

    Args:
        angle_rad: between NV axis and field, any shape.
        field_t: |B|, T.
        transition: which.
    """
    across = np.array([1.0, -1.0, 0.0]) / np.sqrt(2)
    angle = np.asarray(angle_rad, dtype=np.float64)[..., None]
    field = field_t * (np.cos(angle) * NV_AXES[0] + np.sin(angle) * across)
    column = 0 if transition is Transition.LOWER else 1
    return transition_frequencies_hz(field)[..., 0, column]


def angle_at_frequency(frequency_hz: float, field_t: float, transition: Transition) -> float:
    """The inverse of `frequency_at_angle`, 0 to pi/2, rad; NaN where no angle gives it."""

    def miss(angle: float) -> float:
        return float(frequency_at_angle(angle, field_t, transition)) - frequency_hz

    if miss(0.0) * miss(np.pi / 2) > 0:
        return float("nan")
    return float(np.asarray(brentq(miss, 0.0, np.pi / 2, xtol=1e-12)))


def slope_hz_per_rad(angle_rad: float, field_t: float, transition: Transition) -> float:
    """Slope of the frequency against the angle: 238.7 MHz/rad at 10 mT and 45 degrees."""
    step = 1e-5
    high, low = frequency_at_angle([angle_rad + step, angle_rad - step], field_t, transition)
    return float(high - low) / (2 * step)


def strongest_line(fit: FitResult, power_dbm: float) -> PulledLine | None:
    """The highest line of a fit of pulled Lorentzians; None if there is none.

    The top stands at frequency - pull (see `lineshapes.pulled_lorentzian`).
    """
    if "resonances" not in fit.tables:
        return None
    heights = np.abs(fit.tables["resonances"].columns["amplitude"])
    if not heights.size:
        return None
    i = int(np.argmax(heights)) + 1
    names = list(fit.values)
    rows = [names.index(f"{name}") for name in (f"frequency_{i}_hz", f"pull_{i}_hz",
                                                 f"amplitude_{i}")]  # fmt: skip
    project = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]])
    frequency, pull, amplitude = (fit.values[names[row]].value for row in rows)
    covariance = project @ fit.covariance[np.ix_(rows, rows)] @ project.T
    return PulledLine(power_dbm, frequency - pull, amplitude, covariance)


@claims_only_what_is_there("angle against signal")
def calibrate_angle(
    lines: list[PulledLine],
    floor: tuple[float, float],
    *,
    field_t: float,
    transition: Transition,
    notes: tuple[str, ...] = (),
) -> FitResult:
    """Straight line of the NV angle against the signal, over microwave powers.

        angle(top_k) = angle_0 + resolution * signal_k

    Both sides have errors; the effective variance is that of angle - resolution * signal, with
    the correlation of the two, iterated.

    Args:
        lines: one per power.
        floor: shot noise of the count rate, one-sided PSD (counts/s)^2/Hz, and its error.
        field_t: |B|.
        transition: which transition the line is.
        notes: what is known to be doubtful already.

    Returns:
        `values`: resolution_rad_s (signed, rad per count/s) and undriven_angle_rad with their
        covariance; then resolution in mrad per Mcounts/s and sensitivity in mrad/sqrt(Hz), both
        without sign, and slope_hz_per_rad. Table "powers". Too few lines give no values.

    Raises:
        ParameterError: `field_t` is not positive.
    """
    if not (np.isfinite(field_t) and field_t > 0):
        raise ParameterError(f"Argument `field_t` must be positive, not {field_t}.")
    angle = np.array([angle_at_frequency(line.top_hz, field_t, transition) for line in lines])
    usable = np.isfinite(angle)
    said = list(notes)
    if not np.all(usable):
        said.append(
            f"At {1e4 * field_t:.1f} G no angle gives the {transition} transition a frequency of"
            " the line: check `field_t` and `transition`."
        )
    if usable.sum() < MINIMUM_LINES:
        said.append("Fewer than two usable lines: nothing to calibrate with.")
        return no_claim("angle against signal", *said)
    lines, angle = [line for line, ok in zip(lines, usable, strict=True) if ok], angle[usable]
    signal = np.array([line.signal_per_s for line in lines])
    slopes = np.array([slope_hz_per_rad(value, field_t, transition) for value in angle])
    # Covariance of (angle, signal) of each line.
    spread = np.array([
        line.covariance / np.outer([slope, 1.0], [slope, 1.0])
        for line, slope in zip(lines, slopes, strict=True)
    ])  # fmt: skip
    resolution, start = (float(value) for value in np.polyfit(signal, angle, 1))
    design = np.stack([signal, np.ones_like(signal)], axis=1)
    variance, covariance = np.ones(len(lines)), np.eye(2)
    for _ in range(ITERATIONS):
        way = np.array([1.0, -resolution])
        variance = np.einsum("i,kij,j->k", way, spread, way)
        covariance = np.linalg.inv(design.T @ (design / variance[:, None]))
        resolution, start = (float(v) for v in covariance @ design.T @ (angle / variance))
    freedom = len(lines) - 2
    rest = angle - start - resolution * signal
    reduced = float(np.sum(rest**2 / variance)) / freedom if freedom else float("nan")
    if freedom and stands_out(reduced * freedom, freedom):
        covariance = covariance * reduced
    error = float(np.sqrt(covariance[0, 0]))
    curve = FitCurve(
        x=signal,
        y=angle,
        y_error=np.sqrt(variance),
        model=start + resolution * signal,
        x_name="signal_rate",
        x_unit="counts/s",
        x_label="Change of the angle signal",
        y_name="angle_rad",
        y_unit="rad",
        y_label="Angle between NV axis and field",
    )
    if not stands_out((resolution / error) ** 2, 1):
        said.append("The pull of the line is not seen: use more power or more sweeps.")
        return no_claim("angle against signal", *said, curve=curve, reduced=reduced)
    slope = slope_hz_per_rad(start, field_t, transition)
    start_error = float(np.sqrt(covariance[1, 1]))
    bend = np.diff([slope_hz_per_rad(start + h, field_t, transition) for h in (-1e-3, 1e-3)])
    slope_error = abs(float(bend[0])) / 2e-3 * start_error
    noise, noise_error = floor
    root = float(np.sqrt(max(noise, 0.0)))
    relative = float(np.hypot(error / abs(resolution), noise_error / max(2 * noise, 1e-300)))
    values = {
        "resolution_rad_s": FitValue(resolution, error, "rad s", "NV angle per count rate"),
        "undriven_angle_rad": FitValue(
            start, start_error, "rad", "NV angle, not driven"
        ),
        "resolution": FitValue(
            abs(resolution) * 1e9, error * 1e9, "mrad/(Mcounts/s)", "Resolution (upper bound)"
        ),
        "sensitivity": FitValue(
            abs(resolution) * root * 1e3, abs(resolution) * root * 1e3 * relative,
            "mrad/sqrt(Hz)", "Sensitivity (upper bound)",
        ),
        "slope_hz_per_rad": FitValue(slope, slope_error, "Hz/rad", "Transition against angle"),
    }  # fmt: skip
    said.append(UPPER_BOUND)
    return FitResult(
        model="NV angle linear in the signal",
        values=values,
        covariance=covariance,
        reduced_chi_square=reduced,
        notes=tuple(said),
        tables={"powers": _powers(lines, angle)},
        curve=curve,
    )


def _powers(lines: list[PulledLine], angle: Floats) -> Table:
    errors = np.array([np.sqrt(np.diag(line.covariance)) for line in lines])
    columns = {
        "power_dbm": np.array([line.power_dbm for line in lines]),
        "top_hz": np.array([line.top_hz for line in lines]),
        "top_error_hz": errors[:, 0],
        "signal": np.array([line.signal_per_s for line in lines]),
        "signal_error": errors[:, 1],
        "angle_rad": angle,
    }
    units = dict(zip(columns, ("dBm", "Hz", "Hz", "counts/s", "counts/s", "rad"), strict=True))
    return Table(columns, units)
