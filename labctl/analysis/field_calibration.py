"""Field against magnet current, and the currents at which classes of NV become degenerate.

The field vectors are known up to the symmetry of the four NV axes only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.nv_model import NV_AXES, equivalent_fields, transition_frequencies_hz
from labctl.analysis.significance import claims_only_what_is_there
from labctl.data import FitCurve, FitResult, FitValue, Table
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

MINIMUM_CURRENTS = 3
AMBIGUOUS = 6.0
"""Another choice of images whose chi-square is no more than this above the best."""
SLOPE_STEP_T = 1e-6
PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


class FieldLine(NamedTuple):
    """B(I) = bias + I slope, in the frame of the first field's folded image.

    Attributes:
        bias_t: (3,).
        slope_t_per_a: (3,).
        covariance: of both behind each other, (6, 6), scaled by the reduced chi-square where it
            exceeds one.
        reduced_chi_square: NaN without degrees of freedom.
        rival: least chi-square above the best of another choice of images; inf if there is none.
        field_t: the images chosen, (k, 3).
    """

    bias_t: Floats
    slope_t_per_a: Floats
    covariance: Floats
    reduced_chi_square: float
    rival: float
    field_t: Floats


class Degeneracies(NamedTuple):
    """Currents at which classes become degenerate; all arrays (m,), rising by current.

    Attributes:
        plane: 110 (u_i.B = u_j.B, one pair) or 100 (u_i.B = -u_j.B, two pairs).
        normal: of the plane, Miller indices, (m, 3).
        current_a: where B(I) crosses it.
        error_a: its standard error.
        field_t: |B| there.
        slope_hz_per_t: d(nu_i - nu_j)/d(field of the magnet), of the pair that closes fastest.
        transition_hz: |0> -> |-1> that the first pair shares there.
    """

    plane: NDArray[np.int64]
    normal: NDArray[np.int64]
    current_a: Floats
    error_a: Floats
    field_t: Floats
    slope_hz_per_t: Floats
    transition_hz: Floats


def fit_field_line(current_a: ArrayLike, field_t: ArrayLike, covariance_t2: ArrayLike) -> FieldLine:
    """Straight line through field vectors of which only the image Bx >= By >= Bz >= 0 is known.

    A spectrum leaves 48 images of a field (signed permutations). The first stays as it is; for
    each image of the last, the others take the image nearest to the line between these two, and
    the choice with the least chi-square counts. Continuity from step to step would not do: a
    path that crosses a symmetry plane is nearer to its own reflection.

    Args:
        current_a: (k,), k >= 3, not all equal, in any order.
        field_t: folded fields, (k, 3), T.
        covariance_t2: their covariances, (k, 3, 3), T^2.

    Raises:
        ParameterError: wrong shapes, NaN, fewer than three currents.
    """
    current = np.asarray(current_a, dtype=np.float64)
    field = np.asarray(field_t, dtype=np.float64)
    covariance = np.asarray(covariance_t2, dtype=np.float64)
    k = current.size
    if field.shape != (k, 3) or covariance.shape != (k, 3, 3):
        raise ParameterError(
            f"For {k} currents `field_t` must be ({k}, 3) and `covariance_t2` ({k}, 3, 3), not"
            f" {field.shape} and {covariance.shape}."
        )
    if not all(np.all(np.isfinite(array)) for array in (current, field, covariance)):
        raise ParameterError("Currents, fields and covariances must be finite.")
    if np.unique(current).size < MINIMUM_CURRENTS:
        raise ParameterError(f"A field line needs {MINIMUM_CURRENTS} currents or more.")
    order = np.argsort(current)
    trials: list[tuple[float, Floats, Floats, Floats]] = []
    share = (current - current[order[0]]) / np.ptp(current)
    for last in equivalent_fields(field[order[-1]]):
        first = field[order[0]]
        expected = first + share[:, None] * (last - first)
        images = np.empty_like(field)
        spreads = np.empty_like(covariance)
        for i in range(k):
            images[i], spreads[i] = _nearest(field[i], covariance[i], expected[i])
        trials.append((*_solve(current, images, spreads), images))
    trials.sort(key=lambda trial: trial[0])
    chi_square, solution, spread, images = trials[0]
    freedom = 3 * k - 6
    reduced = chi_square / freedom
    rival = next(
        (t[0] - chi_square for t in trials[1:] if not np.allclose(t[3], images)), float("inf")
    )
    return FieldLine(
        bias_t=solution[:3],
        slope_t_per_a=solution[3:],
        covariance=spread * max(reduced, 1.0),
        reduced_chi_square=reduced,
        rival=rival / max(reduced, 1.0),
        field_t=images,
    )


def _nearest(field: Floats, covariance: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """The image of a field nearest to where it is expected, and its covariance turned alike."""
    rotations = np.stack([equivalent_fields(axis) for axis in np.eye(3)], axis=-1)
    images = rotations @ field
    i = int(np.argmin(np.sum((images - expected) ** 2, axis=1)))
    return images[i], rotations[i] @ covariance @ rotations[i].T


def _solve(current: Floats, field: Floats, covariance: Floats) -> tuple[float, Floats, Floats]:
    """Chi-square, (bias, slope) and their covariance by generalised least squares."""
    weight = np.linalg.inv(covariance)
    powers = np.stack([np.ones_like(current), current], axis=1)
    normal = np.einsum("ka,kb,kij->aibj", powers, powers, weight).reshape(6, 6)
    target = np.einsum("ka,kij,kj->ai", powers, weight, field).reshape(6)
    # In units of their own size: teslas and teslas per ampere differ by orders of magnitude.
    scale = 1 / np.sqrt(np.diag(normal))
    spread = np.linalg.inv(normal * np.outer(scale, scale)) * np.outer(scale, scale)
    solution = spread @ target
    rest = field - powers @ solution.reshape(2, 3)
    return float(np.einsum("ki,kij,kj->", rest, weight, rest)), solution, spread


def predict_degeneracies(line: FieldLine, range_a: tuple[float, float]) -> Degeneracies:
    """Where the field meets the six {110} and three {100} planes (`002`, SM Sec. I B).

    On a plane with normal n the current is I = -n.b/n.t, and its variance that of n.(b + I t)
    over (n.t)^2.

    Args:
        line: from `fit_field_line`.
        range_a: lowest and highest current of interest.
    """
    rows: list[tuple[int, Floats, float, float, float, float, float]] = []
    u = np.sqrt(3) / 2 * NV_AXES
    planes = [(110, np.rint(u[i] - u[j]), ((i, j),)) for i, j in PAIRS]
    planes += [
        (100, np.rint(u[i] + u[j]), ((i, j), tuple(sorted({0, 1, 2, 3} - {i, j}))))
        for i, j in PAIRS[:3]
    ]
    for family, normal, pairs in planes:
        closing = float(normal @ line.slope_t_per_a)
        if closing == 0:
            continue
        current = -float(normal @ line.bias_t) / closing
        if not range_a[0] <= current <= range_a[1]:
            continue
        gradient = np.concatenate([normal, current * normal]) / closing
        error = float(np.sqrt(gradient @ line.covariance @ gradient))
        field = line.bias_t + current * line.slope_t_per_a
        slope = max(abs(_splitting_slope(field, line.slope_t_per_a, pair)) for pair in pairs)
        shared_hz = float(transition_frequencies_hz(field[None])[0, pairs[0][0], 0])
        rows.append(
            (family, normal, current, error, float(np.linalg.norm(field)), slope, shared_hz)
        )
    rows.sort(key=lambda row: row[2])
    columns = list(zip(*rows, strict=True)) if rows else [()] * 7
    return Degeneracies(
        plane=np.array(columns[0], dtype=np.int64),
        normal=np.array(columns[1], dtype=np.int64).reshape(len(rows), 3),
        current_a=np.array(columns[2], dtype=np.float64),
        error_a=np.array(columns[3], dtype=np.float64),
        field_t=np.array(columns[4], dtype=np.float64),
        slope_hz_per_t=np.array(columns[5], dtype=np.float64),
        transition_hz=np.array(columns[6], dtype=np.float64),
    )


def _splitting_slope(field: Floats, slope: Floats, pair: tuple[int, ...]) -> float:
    step = SLOPE_STEP_T * slope / np.linalg.norm(slope)
    lower = transition_frequencies_hz(np.array([field - step, field + step]))[:, list(pair), 0]
    return float(np.diff(lower[:, 0] - lower[:, 1])[0]) / (2 * SLOPE_STEP_T)


@claims_only_what_is_there("field linear in the current of the magnet")
def calibration_result(
    current_a: ArrayLike,
    field_t: ArrayLike,
    covariance_t2: ArrayLike,
    *,
    range_a: tuple[float, float],
    notes: tuple[str, ...] = (),
) -> FitResult:
    """The line as a result: tesla per ampere, bias, the angle between them, and predictions.

    Args:
        current_a: as `fit_field_line`.
        field_t: as `fit_field_line`.
        covariance_t2: as `fit_field_line`.
        range_a: currents for which degeneracies are predicted.
        notes: what is known to be doubtful already.

    Returns:
        `values`: bias_x_t.., slope_x_t_per_a.. with their covariance (diamond frame up to
        symmetry), then tesla_per_ampere, bias_field_t (magnitudes), angle_rad between the two.
        Tables "fields" (one row per current) and "degeneracies". Curve: |B| against current.

    Raises:
        ParameterError: as `fit_field_line`.
    """
    current = np.asarray(current_a, dtype=np.float64)
    line = fit_field_line(current, field_t, covariance_t2)
    errors = np.sqrt(np.diag(line.covariance))
    vector = np.concatenate([line.bias_t, line.slope_t_per_a])
    names = [f"bias_{axis}_t" for axis in "xyz"] + [f"slope_{axis}_t_per_a" for axis in "xyz"]
    values = {
        name: FitValue(float(value), float(error), unit, label)
        for name, value, error, unit, label in zip(
            names, vector, errors, ["T"] * 3 + ["T/A"] * 3,
            [f"Bias B{axis}" for axis in "xyz"] + [f"Magnet dB{axis}/dI" for axis in "xyz"],
            strict=True,
        )
    }  # fmt: skip
    bias, slope = (float(np.linalg.norm(part)) for part in (line.bias_t, line.slope_t_per_a))
    e, f = line.bias_t / bias, line.slope_t_per_a / slope
    cosine = float(np.clip(e @ f, -1, 1))
    sine = max(float(np.linalg.norm(np.cross(e, f))), 1e-9)
    zero = np.zeros(3)
    angle_gradient = -np.concatenate([(f - cosine * e) / bias, (e - cosine * f) / slope]) / sine

    def derived(value: float, gradient: Floats, unit: str, label: str) -> FitValue:
        variance = float(gradient @ line.covariance @ gradient)
        return FitValue(value, float(np.sqrt(max(variance, 0.0))), unit, label)

    values["tesla_per_ampere"] = derived(slope, np.concatenate([zero, f]), "T/A", "Magnet |dB/dI|")
    values["bias_field_t"] = derived(bias, np.concatenate([e, zero]), "T", "Bias |B|")
    values["angle_rad"] = derived(
        float(np.arctan2(sine, cosine)), angle_gradient, "rad", "Angle between bias and magnet"
    )
    found = predict_degeneracies(line, range_a)
    return FitResult(
        model="field linear in the current of the magnet",
        values=values,
        covariance=line.covariance,
        reduced_chi_square=line.reduced_chi_square,
        notes=(*notes, *_notes(line, found)),
        tables={
            "fields": _fields(current, line.field_t, np.asarray(covariance_t2, dtype=np.float64)),
            "degeneracies": _degeneracies(found),
        },
        curve=_curve(current, line, np.asarray(covariance_t2, dtype=np.float64)),
    )


def _notes(line: FieldLine, found: Degeneracies) -> list[str]:
    notes: list[str] = []
    if line.rival < AMBIGUOUS:
        notes.append(
            "Ambiguous: another choice of the symmetry images of the fields fits nearly as well;"
            " start further from a symmetry plane, or take more currents."
        )
    if line.reduced_chi_square > 3:
        notes.append(
            f"Reduced chi-square is {line.reduced_chi_square:.1f}: the fields do not lie on one"
            " straight line within their errors."
        )
    if not found.plane.size:
        notes.append("No degeneracy lies in the range of the electromagnet.")
    return notes


def _degeneracies(found: Degeneracies) -> Table:
    columns = {
        "plane": found.plane,
        **{axis: found.normal[:, i] for i, axis in enumerate("hkl")},
        "current_a": found.current_a,
        "current_error_a": found.error_a,
        "field_t": found.field_t,
        "splitting_slope_hz_per_t": found.slope_hz_per_t,
        "transition_hz": found.transition_hz,
    }
    units = {
        "current_a": "A", "current_error_a": "A", "field_t": "T",
        "splitting_slope_hz_per_t": "Hz/T", "transition_hz": "Hz",
    }  # fmt: skip
    return Table(columns, units)


def _fields(current: Floats, field: Floats, covariance: Floats) -> Table:
    columns: dict[str, Floats] = {"current_a": current}
    for i, axis in enumerate("xyz"):
        columns[f"field_{axis}_t"] = field[:, i]
    # The images permute the axes; the size of the error is the same for all.
    columns["error_t"] = np.sqrt(np.trace(covariance, axis1=1, axis2=2) / 3)
    return Table(columns, {name: "A" if name == "current_a" else "T" for name in columns})


def _curve(current: Floats, line: FieldLine, covariance: Floats) -> FitCurve:
    magnitude = np.linalg.norm(line.field_t, axis=1)
    # |B| does not depend on the image.
    error = np.sqrt(np.trace(covariance, axis1=1, axis2=2) / 3)
    model = line.bias_t + current[:, None] * line.slope_t_per_a
    return FitCurve(
        x=current,
        y=magnitude,
        y_error=error,
        model=np.linalg.norm(model, axis=1),
        x_name="current_a",
        x_unit="A",
        x_label="Electromagnet current",
        y_name="field_t",
        y_unit="T",
        y_label="|B|",
    )
