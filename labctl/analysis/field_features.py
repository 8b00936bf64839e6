"""Dips and bumps of a field scan: where classes of NV become degenerate, and how sharply.

Cross-relaxation between classes follows a Gaussian of their detuning (`002`, SM Sec. VI), so both
the photoluminescence and the angle show a Gaussian wherever a scan crosses a degeneracy plane
(`002`, Fig. 4).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import lmfit
import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.line_model import LineModel
from labctl.analysis.lineshapes import Lineshape
from labctl.analysis.peak_finding import choose_baseline, find_lines
from labctl.analysis.significance import (
    claims_only_what_is_there,
    no_claim,
    silence,
    stands_out,
)
from labctl.data import FitCurve, FitResult, FitValue, Table
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

MINIMUM_POINTS = 8
FWHM_PER_SIGMA = float(2 * np.sqrt(2 * np.log(2)))
MAX_FEATURES = 12
TESLA_PER_GAUSS = 1e-4
WIDE = 1.6
"""A feature so many times wider than the narrowest may be two."""
_CONVERTED = {"position_{}_t": "T", "fwhm_{}_t": "T", "fwhm_{}_gauss": "G", "fwhm_{}_hz": "Hz"}
BASELINES = ("constant", "linear", "quadratic")


class Scan(NamedTuple):
    """One detector against the magnet current; all arrays share shape (n,)."""

    current_a: ArrayLike
    rate_per_s: ArrayLike
    error_per_s: ArrayLike


@claims_only_what_is_there("Gaussian features")
def fit_field_features(
    scan: Scan,
    *,
    prefix: str = "",
    name: str = "Signal",
    column: str = "signal",
    max_features: int = MAX_FEATURES,
    fwhm_range_a: tuple[float, float] | None = None,
    tesla_per_ampere: float | None = None,
    splitting_slope_hz_per_t: float | None = None,
) -> FitResult:
    """Find and fit Gaussian dips and bumps over a constant, linear or quadratic baseline.

        rate(I) = baseline(I) + sum_i A_i exp(-(I - I_i)^2 / (2 sigma_i^2))

    The number of features comes from the data (`peak_finding.find_lines`: chi-square must fall by
    more than noise makes it fall anywhere, about one false feature in a hundred scans, and by more
    than BIC asks). Widths have a log-normal prior with the two-sigma range `fwhm_range_a`.
    Standard errors are those of the least-squares fit, times sqrt(reduced chi-square) where that
    exceeds one.

    Args:
        scan: currents in any order, count rates and their standard errors.
        prefix: goes before each name in `values`, such as "pl_".
        name: what notes and plot call the signal.
        column: its name in the plot.
        max_features: no more than these.
        fwhm_range_a: expected widths in A; 1.5 steps to a third of the scan if None.
        tesla_per_ampere: adds positions and widths in tesla of the magnet's own field, T/A, and
            widths in gauss.
        splitting_slope_hz_per_t: how fast the two transitions that meet move apart with the
            magnet's own field, d(nu_1 - nu_2)/dB in Hz/T; with `tesla_per_ampere` it adds the
            widths in Hz, which are those of cross-relaxation (`002`, Fig. 4: 2.1 G are 9 MHz).

    Returns:
        `values`: position_i_a, fwhm_i_a, amplitude_i (counts/s) for i = 1.. by current, then
        baseline_0.. (Legendre in (I - middle)/half span), these with their covariance; then the
        derived sigma_i_a and, if asked for, position_i_t, fwhm_i_t, fwhm_i_gauss, fwhm_i_hz. Table
        "<prefix>features": one row each. No feature is an empty table and a note.

    Raises:
        ParameterError: NaN, unequal lengths, fewer than 8 points, errors that are not positive,
            one current only, a width range that does not rise, no tesla per ampere.
    """
    current, rate, error = _checked(scan)
    if tesla_per_ampere is not None and not (np.isfinite(tesla_per_ampere) and tesla_per_ampere):
        raise ParameterError("Argument `tesla_per_ampere` must be finite and not zero.")
    slope = splitting_slope_hz_per_t
    if slope is not None and not (np.isfinite(slope) and slope):
        raise ParameterError("Argument `splitting_slope_hz_per_t` must be finite and not zero.")
    if dumb := silence(name, rate):
        return no_claim("no features", dumb)
    span = float(np.ptp(current))
    step = span / (current.size - 1)
    low, high = fwhm_range_a or (1.5 * step, max(span / 3, 3 * step))
    if not 0 < low < high:
        raise ParameterError(f"Argument `fwhm_range_a` must be 0 < low < high, not {low}, {high}.")

    middle = float(current[0] + current[-1]) / 2
    centre, spread = float(np.median(rate)), float(np.std(rate)) or 1.0
    y, sigma = (rate - centre) / spread, error / spread
    log_width = (float(np.log(low * high / step**2) / 2), float(np.log(high / low) / 4))
    # In steps, because the model's widths are bounded: a scan may be over mA as well.
    model = LineModel((current - middle) / step, Lineshape.GAUSSIAN, 2, log_width)
    found, noise = find_lines(model, y, sigma, max_lines=max_features, sign=0)
    model, found = choose_baseline(model, found, y, noise * sigma)
    lines, baseline = model.split(found)
    found = model.join(lines[np.argsort(lines[:, 0])], baseline)
    found, covariance = _least_squares(model, found, y, sigma)
    lines, baseline = model.split(found)

    curve = model.evaluate(found)[1]
    freedom = rate.size - found.size
    chi_square = float(np.sum(((y - curve) / sigma) ** 2))
    reduced = chi_square / freedom if freedom > 0 else float("nan")
    if freedom > 0 and stands_out(chi_square, freedom):
        covariance = covariance * reduced

    labels: list[tuple[str, float, float, str, str]] = []
    for i, (place, log_fwhm, height) in enumerate(lines, start=1):
        fwhm = float(np.exp(log_fwhm)) * step
        labels += [
            (f"position_{i}_a", middle + place * step, step, "A", f"{name}: position {i}"),
            (f"fwhm_{i}_a", fwhm, fwhm, "A", f"{name}: FWHM {i}"),
            (f"amplitude_{i}", height * spread, spread, "counts/s", f"{name}: amplitude {i}"),
        ]
    for i, value in enumerate(baseline):
        offset = centre if i == 0 else 0.0
        label = f"{name}: baseline {i}"
        labels.append((f"baseline_{i}", value * spread + offset, spread, "counts/s", label))
    factor = np.array([row[2] for row in labels])
    covariance = covariance * np.outer(factor, factor)
    values = {
        label: FitValue(float(value), float(sd), unit, text)
        for (label, value, _, unit, text), sd in zip(
            labels, np.sqrt(np.diag(covariance)), strict=True
        )
    }
    _derive(values, len(lines), name, tesla_per_ampere, slope)
    notes = _notes(values, len(lines), name, (current[0], current[-1]), step, reduced, freedom)
    if 0 < max_features == len(lines):
        notes.append(f"{name}: the search stopped at {max_features} features, as many as allowed.")
    return FitResult(
        model=f"{len(lines)} x gaussian over a {BASELINES[model.order]} baseline",
        values={prefix + key: value for key, value in values.items()},
        covariance=covariance,
        reduced_chi_square=reduced,
        notes=tuple(notes),
        tables={f"{prefix}features": _table(values, len(lines))},
        curve=FitCurve(
            x=current,
            y=rate,
            y_error=error,
            model=curve * spread + centre,
            x_name="current_a",
            x_unit="A",
            x_label="Electromagnet current",
            y_name=column,
            y_unit="counts/s",
            y_label=f"{name} count rate",
        ),
    )


@claims_only_what_is_there("Gaussian features")
def fit_field_scan(
    pl: Scan,
    angle: Scan,
    *,
    tesla_per_ampere: float | None = None,
    splitting_slope_hz_per_t: float | None = None,
) -> FitResult:
    """Features of both detectors of one scan, each found and fitted on its own.

    Returns:
        Values and tables of `fit_field_features` with the prefixes `pl_` and `angle_`; the
        covariance holds no terms between the two; reduced chi-square is that of the worse fit;
        the curve is the photoluminescence's.

    Raises:
        ParameterError: as `fit_field_features`.
    """
    fits = [
        fit_field_features(
            scan,
            prefix=f"{column}_",
            name=name,
            column=f"{column}_rate",
            tesla_per_ampere=tesla_per_ampere,
            splitting_slope_hz_per_t=splitting_slope_hz_per_t,
        )
        for scan, column, name in ((pl, "pl", "PL"), (angle, "angle", "Angle"))
    ]
    sizes = [len(fit.covariance) for fit in fits]
    covariance = np.zeros((sum(sizes), sum(sizes)))
    covariance[: sizes[0], : sizes[0]] = fits[0].covariance
    covariance[sizes[0] :, sizes[0] :] = fits[1].covariance
    fitted: dict[str, FitValue] = {}
    derived: dict[str, FitValue] = {}
    for fit, size in zip(fits, sizes, strict=True):
        for i, (key, value) in enumerate(fit.values.items()):
            (fitted if i < size else derived)[key] = value
    return FitResult(
        model=f"PL: {fits[0].model}; angle: {fits[1].model}",
        values=fitted | derived,
        covariance=covariance,
        reduced_chi_square=float(np.fmax(fits[0].reduced_chi_square, fits[1].reduced_chi_square)),
        notes=fits[0].notes + fits[1].notes,
        tables={**fits[0].tables, **fits[1].tables},
        curve=fits[0].curve or fits[1].curve,
    )


def _checked(scan: Scan) -> tuple[Floats, Floats, Floats]:
    arrays = {key: np.asarray(values, dtype=float) for key, values in scan._asdict().items()}
    length = arrays["current_a"].size
    for key, array in arrays.items():
        if array.shape != (length,):
            raise ParameterError(
                f"Argument `{key}` must have shape ({length},) like `current_a`,"
                f" but has {array.shape}."
            )
        if not np.all(np.isfinite(array)):
            raise ParameterError(f"Argument `{key}` must be finite, but it holds NaN or inf.")
    if length < MINIMUM_POINTS:
        raise ParameterError(f"A fit needs at least {MINIMUM_POINTS} points, but got {length}.")
    if np.any(arrays["error_per_s"] <= 0):
        raise ParameterError("Argument `error_per_s` must be positive everywhere.")
    order = np.argsort(arrays["current_a"], kind="stable")
    current, rate, error = (array[order] for array in arrays.values())
    if current[0] == current[-1]:
        raise ParameterError("Argument `current_a` must hold more than one current.")
    return current, rate, error


def _least_squares(
    model: LineModel, parameters: Floats, y: Floats, error: Floats
) -> tuple[Floats, Floats]:
    """The minimum with lmfit, and the covariance for the errors as given."""
    start = lmfit.Parameters()
    for i, value in enumerate(parameters):
        start.add(f"p{i}", value=float(value))

    def vector(current: Any) -> Floats:
        return np.array([p.value for p in current.values()])

    minimiser = lmfit.Minimizer(
        lambda p: model.residual(vector(p), y, error), start, scale_covar=False, calc_covar=False
    )
    outcome: Any = minimiser.leastsq(
        Dfun=lambda p: model.jacobian(vector(p), y, error), ftol=1e-10, xtol=1e-8, max_nfev=200
    )
    best = vector(outcome.params)
    derivative = model.jacobian(best, y, error)
    return best, np.asarray(np.linalg.pinv(derivative.T @ derivative), dtype=float)


def _derive(
    values: dict[str, FitValue],
    m: int,
    name: str,
    per_ampere: float | None,
    slope_hz_per_t: float | None,
) -> None:
    for i in range(1, m + 1):
        position, fwhm = values[f"position_{i}_a"], values[f"fwhm_{i}_a"]
        values[f"sigma_{i}_a"] = _times(fwhm, 1 / FWHM_PER_SIGMA, "A", f"{name}: sigma {i}")
        if per_ampere is None:
            continue
        width = abs(per_ampere)
        label = f"{name}: FWHM {i}"
        values[f"position_{i}_t"] = _times(position, per_ampere, "T", f"{name}: field {i}")
        values[f"fwhm_{i}_t"] = _times(fwhm, width, "T", label)
        values[f"fwhm_{i}_gauss"] = _times(fwhm, width / TESLA_PER_GAUSS, "G", label)
        if slope_hz_per_t is not None:
            values[f"fwhm_{i}_hz"] = _times(fwhm, width * abs(slope_hz_per_t), "Hz", label)


def _times(value: FitValue, factor: float, unit: str, label: str) -> FitValue:
    return FitValue(value.value * factor, value.error * abs(factor), unit, label)


def _table(values: dict[str, FitValue], m: int) -> Table:
    names = {"position_{}_a": "A", "sigma_{}_a": "A", "fwhm_{}_a": "A", "amplitude_{}": "counts/s"}
    names |= {key: unit for key, unit in _CONVERTED.items() if key.format(1) in values}
    columns: dict[str, Floats] = {}
    units: dict[str, str] = {}
    for pattern, unit in names.items():
        stem, _, suffix = pattern.partition("_{}")
        picked = [values[pattern.format(i)] for i in range(1, m + 1)]
        columns[stem + suffix] = np.array([value.value for value in picked])
        columns[f"{stem}_error{suffix}"] = np.array([value.error for value in picked])
        units[stem + suffix] = units[f"{stem}_error{suffix}"] = unit
    return Table(columns, units)


def _notes(
    values: dict[str, FitValue],
    m: int,
    name: str,
    window: tuple[float, float],
    step: float,
    reduced: float,
    freedom: int,
) -> list[str]:
    if not m:
        return [f"{name}: no feature stands out from the noise."]
    notes: list[str] = []
    if freedom < 1:
        notes.append(f"{name}: fewer points than the model needs; the errors mean little.")
    if reduced > 3:
        notes.append(f"{name}: reduced chi-square is {reduced:.1f}; the model misses something.")
    place = [values[f"position_{i}_a"].value for i in range(1, m + 1)]
    fwhm = [values[f"fwhm_{i}_a"].value for i in range(1, m + 1)]
    for i in range(m):
        if min(place[i] - window[0], window[1] - place[i]) < fwhm[i] / 2:
            notes.append(f"{name}: the feature at {place[i]:.4g} A is cut by the scan's edge.")
        if i and place[i] - place[i - 1] < (fwhm[i] + fwhm[i - 1]) / 2:
            notes.append(
                f"{name}: the features at {place[i - 1]:.4g} and {place[i]:.4g} A overlap:"
                " they are merged, and share their errors."
            )
        if fwhm[i] > WIDE * min(fwhm):
            notes.append(
                f"{name}: the feature at {place[i]:.4g} A is wide and may be two merged ones."
            )
        if fwhm[i] < 2 * step:
            notes.append(f"{name}: the feature at {place[i]:.4g} A is narrower than two steps.")
    return notes
