"""From a fitted field and its covariance to the result that is printed and stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from labctl.analysis.nv_model import class_angles_rad
from labctl.data import FitCurve, FitResult, FitValue, Table

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FieldFit:
    """A fitted field vector.

    Attributes:
        field_t: folded field in the diamond frame, (3,).
        covariance: of field_t and, where it was fitted, of the zero-field splitting behind it,
            (3, 3) or (4, 4), tesla and hertz, scaled by the reduced chi-square where it exceeds 1.
        splitting_hz: zero-field splitting.
        predicted_hz: the lines of each class, (4, 2).
        reduced_chi_square: NaN without degrees of freedom.
        freedom: degrees of freedom.
    """

    field_t: Floats
    covariance: Floats
    splitting_hz: float
    predicted_hz: Floats
    reduced_chi_square: float
    freedom: int


def field_result(
    fit: FieldFit,
    *,
    model: str,
    notes: tuple[str, ...],
    tables: dict[str, Table] | None = None,
    curve: FitCurve | None = None,
) -> FitResult:
    """Magnitude, vector, angles and intervals with standard errors."""
    block = fit.covariance[:3, :3]
    labels = ("Bx", "By", "Bz")
    values = {
        f"field_{axis}_t": FitValue(float(b), float(np.sqrt(v)), "T", f"{label} (diamond, folded)")
        for axis, label, b, v in zip("xyz", labels, fit.field_t, np.diag(block), strict=True)
    }
    if len(fit.covariance) > 3:
        error = float(np.sqrt(fit.covariance[3, 3]))
        values["zero_field_splitting_hz"] = FitValue(
            fit.splitting_hz, error, "Hz", "Zero-field splitting"
        )
    magnitude = float(np.linalg.norm(fit.field_t))
    direction = fit.field_t / magnitude
    magnitude_error = float(np.sqrt(direction @ block @ direction))
    values["field_magnitude_t"] = FitValue(magnitude, magnitude_error, "T", "|B|")

    angles = class_angles_rad(fit.field_t)
    order = np.argsort(angles)
    errors = np.sqrt([_angle_variance(fit.field_t, block, i) for i in range(4)])
    for rank, i in enumerate(order, start=1):
        values[f"angle_{rank}_rad"] = FitValue(
            float(angles[i]), float(errors[i]), "rad", f"Angle to class {rank}"
        )
    scaled = fit.reduced_chi_square > 1 and fit.freedom > 0
    reach = magnitude_error * float(t.ppf(0.975, fit.freedom) if scaled else norm.ppf(0.975))
    classes = Table(
        {
            "angle_rad": angles[order],
            "angle_error_rad": errors[order],
            "lower_hz": fit.predicted_hz[order, 0],
            "upper_hz": fit.predicted_hz[order, 1],
        },
        {"angle_rad": "rad", "angle_error_rad": "rad", "lower_hz": "Hz", "upper_hz": "Hz"},
    )
    interval = Table(
        {
            "magnitude_low_t": np.array([max(magnitude - reach, 0.0)]),
            "magnitude_high_t": np.array([magnitude + reach]),
        },
        {"magnitude_low_t": "T", "magnitude_high_t": "T"},
    )
    return FitResult(
        model=model,
        values=values,
        covariance=fit.covariance,
        reduced_chi_square=fit.reduced_chi_square,
        notes=notes,
        tables={"classes": classes, "interval_95": interval, **(tables or {})},
        curve=curve,
    )


def field_limit(
    limit_t: float,
    model: str,
    notes: list[str],
    tables: dict[str, Table],
    curve: FitCurve,
    reduced: float,
) -> FitResult:
    """The result where the spectrum only says that the field is smaller than `limit_t` (95 %)."""
    interval = Table(
        {"magnitude_low_t": np.array([0.0]), "magnitude_high_t": np.array([limit_t])},
        {"magnitude_low_t": "T", "magnitude_high_t": "T"},
    )
    note = (
        f"Upper limit: |B| < {limit_t * 1e4:.2g} G (95 %). The lines lie too near the zero-field"
        " splitting to tell a field from strain, or one direction from another."
    )
    return FitResult(
        model, {}, np.empty((0, 0)), reduced, (note, *notes),
        {**tables, "interval_95": interval}, curve,
    )  # fmt: skip


def no_field(model: str, note: str, tables: dict[str, Table] | None = None) -> FitResult:
    """The result when the lines say nothing about the field."""
    return FitResult(model, {}, np.empty((0, 0)), float("nan"), (note,), tables or {})


def _angle_variance(field_t: Floats, covariance: Floats, index: int) -> float:
    """Variance of the angle to one axis, by central differences of the field."""
    step = 1e-6 * float(np.linalg.norm(field_t))
    shifts = step * np.eye(3)
    up = class_angles_rad(field_t + shifts)[:, index]
    down = class_angles_rad(field_t - shifts)[:, index]
    gradient = (up - down) / (2 * step)
    return max(float(gradient @ covariance @ gradient), 0.0)
