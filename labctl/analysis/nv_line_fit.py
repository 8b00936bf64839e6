"""Least squares of a field to its lines, after the search has found where to start."""

from __future__ import annotations

from typing import Any

import lmfit
import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.nv_matching import Candidate, LineSet, assign, merged_sigma, residuals
from labctl.analysis.nv_report import FieldFit
from labctl.data import Table
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

LINES_FOR_SPLITTING = 5
FEW_LINES = 4


def line_set(
    frequency_hz: ArrayLike,
    error_hz: ArrayLike,
    window_hz: tuple[float, float] | None,
    fwhm_hz: float,
    splitting_hz: float,
    gamma: float,
    free: bool,
) -> LineSet:
    """The checked arguments of `nv_field`, sorted by frequency."""
    frequency = np.asarray(frequency_hz, dtype=np.float64)
    error = np.asarray(error_hz, dtype=np.float64)
    if frequency.ndim != 1 or frequency.shape != error.shape:
        raise ParameterError(
            "Arguments `frequency_hz` and `frequency_error_hz` must be of equal length,"
            f" but have shapes {frequency.shape} and {error.shape}."
        )
    if not (np.all(np.isfinite(frequency)) and np.all(np.isfinite(error))):
        raise ParameterError("The lines and their errors must be finite, but hold NaN or inf.")
    if frequency.size > 8:
        raise ParameterError(f"Four classes have at most 8 lines, but {frequency.size} are given.")
    if np.any(error <= 0):
        raise ParameterError("Argument `frequency_error_hz` must be positive everywhere.")
    for name, value in {
        "fwhm_hz": fwhm_hz,
        "zero_field_splitting_hz": splitting_hz,
        "gyromagnetic_hz_per_t": gamma,
    }.items():
        if not 0 < value < np.inf:
            raise ParameterError(f"Argument `{name}` must be positive, but is {value}.")
    window = (-np.inf, np.inf) if window_hz is None else window_hz
    if not window[0] < window[1]:
        raise ParameterError(
            f"Argument `window_hz` must be (low, high), but {window[0]:g} >= {window[1]:g}."
        )
    order = np.argsort(frequency)
    return LineSet(
        frequency_hz=frequency[order],
        error_hz=error[order],
        window_hz=window,
        fwhm_hz=fwhm_hz,
        splitting_hz=splitting_hz,
        gamma=gamma,
        free_splitting=free and frequency.size >= LINES_FOR_SPLITTING,
    )


def fit_lines(lines: LineSet, candidate: Candidate) -> tuple[FieldFit, Floats, NDArray[np.int64]]:
    """Field, standard errors of the lines with what merging adds, and the assignment."""
    owner = candidate.owner
    sigma = merged_sigma(lines, owner)
    start = lmfit.Parameters()
    for i, value in enumerate(candidate.parameters):
        start.add(f"p{i}", value=float(value))

    def flat(current: Any) -> Floats:
        p = np.array([parameter.value for parameter in current.values()])
        return np.concatenate(residuals(lines, p, owner, sigma))

    minimiser = lmfit.Minimizer(flat, start, scale_covar=False, calc_covar=False)
    outcome: Any = minimiser.leastsq(ftol=1e-12, xtol=1e-12, max_nfev=400)
    best = np.array([parameter.value for parameter in outcome.params.values()])

    def vector(p: Floats) -> Floats:
        return np.concatenate(residuals(lines, p, owner, sigma))

    covariance = np.asarray(np.linalg.pinv(normal_matrix(vector, best)), dtype=np.float64)
    data, _ = residuals(lines, best, owner, sigma)
    freedom = lines.frequency_hz.size - best.size
    reduced = float(np.sum(data**2)) / freedom if freedom > 0 else float("nan")
    if reduced > 1:
        covariance *= reduced
    return field_fit(lines, best, covariance, reduced, freedom), sigma, owner


def normal_matrix(vector: Any, parameters: Floats, step: float = 1e-3) -> Floats:
    """J^T J of residuals by central differences with `step` (MHz) in every parameter."""
    shifts = step * np.eye(parameters.size)
    jacobian = np.stack(
        [(vector(parameters + s) - vector(parameters - s)) / (2 * step) for s in shifts], axis=-1
    )
    return jacobian.T @ jacobian


def field_fit(
    lines: LineSet, parameters: Floats, covariance: Floats, reduced: float, freedom: int
) -> FieldFit:
    """Fitted parameters in MHz to a folded field in tesla, covariance with it."""
    # The signed permutation that folds the vector is orthogonal and carries the covariance.
    order = np.argsort(-np.abs(parameters[:3]), kind="stable")
    fold = np.eye(parameters.size)
    fold[:3, :3] = np.eye(3)[order] * np.where(parameters[:3] < 0, -1.0, 1.0)
    unit = np.array([1e6 / lines.gamma] * 3 + [1e6] * (parameters.size - 3))
    turned = fold @ parameters
    shift = turned[3] * 1e6 if turned.size > 3 else 0.0
    return FieldFit(
        field_t=turned[:3] * unit[:3],
        covariance=(fold @ covariance @ fold.T) * np.outer(unit, unit),
        splitting_hz=lines.splitting_hz + shift,
        predicted_hz=lines.predict(turned).reshape(4, 2),
        reduced_chi_square=reduced,
        freedom=freedom,
    )


def lines_table(lines: LineSet, fit: FieldFit, sigma: Floats, owner: NDArray[np.int64]) -> Table:
    """One row per measured line: where it is, where the field puts it, how many merge in it."""
    predicted = fit.predicted_hz.reshape(8)
    owner = assign(lines, predicted, lines.fwhm_hz)
    groups = [predicted[owner == k] for k in range(lines.frequency_hz.size)]
    mean = np.array([g.mean() if g.size else np.nan for g in groups])
    return Table(
        {
            "measured_hz": lines.frequency_hz,
            "error_hz": sigma,
            "predicted_hz": mean,
            "merged": np.array([g.size for g in groups], dtype=np.int64),
        },
        {"measured_hz": "Hz", "error_hz": "Hz", "predicted_hz": "Hz", "merged": ""},
    )


def field_notes(
    lines: LineSet, fit: FieldFit, candidates: list[Candidate], owner: NDArray[np.int64]
) -> list[str]:
    """What makes the field doubtful, in words."""
    notes: list[str] = []
    if lines.frequency_hz.size < FEW_LINES:
        notes.append(f"Only {lines.frequency_hz.size} lines: another field may fit them as well.")
    best = candidates[0]
    predicted = fit.predicted_hz.reshape(8)
    if not lines.free_splitting:
        notes.append(f"Zero-field splitting held at {lines.splitting_hz / 1e9:.4f} GHz.")
    if fit.freedom < 1:
        notes.append("As many unknowns as lines, or more: nothing checks the field.")
    elif fit.reduced_chi_square > 5:
        notes.append(
            f"Reduced chi-square is {fit.reduced_chi_square:.1f}: the lines do not fit one field"
            " within their errors."
        )
    missing = int(np.sum(lines.seen(predicted) & (owner < 0)))
    if missing:
        notes.append(f"{missing} predicted line(s) inside the window were not measured.")
    scale = max(1.0, fit.reduced_chi_square if fit.freedom > 0 else 1.0)
    for other in candidates[1:]:
        if (other.score - best.score) / scale < 6:
            b = other.parameters[:3] * 1e10 / lines.gamma
            notes.append(
                "Ambiguous: a field of"
                f" ({b[0]:.2f}, {b[1]:.2f}, {b[2]:.2f}) G explains the lines nearly as well."
            )
            break
    return notes
