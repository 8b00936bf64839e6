"""Resonances of a spectrum: how many, where, how wide, how high, with standard errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import lmfit
import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.line_model import LineModel
from labctl.analysis.lineshapes import BISTABLE_PULL, Lineshape
from labctl.analysis.noise_correlation import Correlation
from labctl.analysis.peak_finding import dispersive_parts, find_lines_over_any_baseline
from labctl.analysis.pull_prior import common_pull
from labctl.analysis.significance import silence
from labctl.data import FitCurve, FitResult, FitValue, Table
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

MINIMUM_POINTS = 8
ALL_LINES = 8
FEW_POINTS = 1000
BINS_PER_WIDTH = 8
SIGNS = {"both": 0, "positive": 1, "negative": -1}


def fit_resonances(
    frequency_hz: ArrayLike,
    signal: ArrayLike,
    error: ArrayLike,
    *,
    shape: Lineshape | str = Lineshape.LORENTZIAN,
    sign: str = "both",
    max_lines: int = ALL_LINES,
    fwhm_range_hz: tuple[float, float] = (3e6, 20e6),
    y_name: str = "signal",
    y_unit: str = "",
    y_label: str = "Signal",
) -> FitResult:
    """Find and fit the lines of a spectrum over a baseline that bends as far as it must.

    The number of lines comes from the data (see `peak_finding.find_lines`): on pure noise about
    one spectrum in a hundred shows a line. Widths have a log-normal prior with the two-sigma
    range `fwhm_range_hz`. Pulls have a normal prior with the bistability threshold as its sigma,
    or from four lines on with the mean and spread that the lines show among themselves (see
    `pull_prior.common_pull`). Lines well above the noise do not feel them. Standard errors come
    from the covariance of the least-squares fit, times sqrt(reduced chi-square) where that
    exceeds one. Spectra of many more points than the narrowest line needs are binned first.

    Args:
        frequency_hz: shape (n,), in any order.
        signal: shape (n,).
        error: standard error of each signal, shape (n,), positive.
        shape: `lorentzian`, `gaussian`, or `pulled_lorentzian` for lines that the torque of
            their own spins shifts; there the frequency is that without torque.
        sign: "both", "positive" or "negative" lines.
        max_lines: no more than these.
        fwhm_range_hz: expected widths.
        y_name: column name of the signal, for the plot.
        y_unit: unit of the signal, for amplitudes and the plot.
        y_label: axis label.

    Returns:
        `values`: frequency_i_hz, fwhm_i_hz, amplitude_i[, pull_i_hz] for i = 1.. in order of
        frequency, then baseline_0.. (coefficients in (f - centre)/half span, Legendre), with
        their covariance. Table "resonances": one row per line. No line is an empty table and a
        note. The curve has the bins where there were too many points.

    Raises:
        ParameterError: NaN, unequal lengths, fewer than 8 points, errors that are not positive,
            an unknown shape or sign.
    """
    frequency, y, sigma = _checked(frequency_hz, signal, error)
    shape = _shape(shape)
    if sign not in SIGNS:
        raise ParameterError(f"Argument `sign` must be one of {', '.join(SIGNS)}, not {sign!r}.")
    if max_lines < 0:
        raise ParameterError(f"Argument `max_lines` must not be negative, but is {max_lines}.")
    low, high = fwhm_range_hz
    if not 0 < low < high:
        raise ParameterError(f"Argument `fwhm_range_hz` must be 0 < low < high, not {low}, {high}.")

    frequency, y, sigma = _binned(frequency, y, sigma, low)
    middle = (frequency[0] + frequency[-1]) / 2
    x = (frequency - middle) * 1e-6
    step = float(np.median(np.diff(x)))
    centre, spread = float(np.median(y)), float(np.std(y)) or 1.0
    scaled, scaled_error = (y - centre) / spread, sigma / spread
    model = LineModel(x, shape, 2, _log_width(low * 1e-6, high * 1e-6, step))
    model, parameters, correlation = find_lines_over_any_baseline(
        model, scaled, scaled_error, max_lines=max_lines, sign=SIGNS[sign]
    )
    parameters = _sorted(model, parameters)
    parameters, covariance = _final_fit(model, parameters, scaled, scaled_error, correlation)
    if shape is Lineshape.PULLED_LORENTZIAN:
        model = replace(model, pull_mhz=common_pull(model, parameters, covariance))
        parameters, covariance = _final_fit(model, parameters, scaled, scaled_error, correlation)

    _, curve, _ = model.evaluate(parameters)
    freedom = y.size - parameters.size
    chi_square = float(np.sum(((scaled - curve) / scaled_error) ** 2))
    reduced = chi_square / freedom if freedom > 0 else float("nan")
    if reduced > 1:
        covariance = covariance * reduced
    values, covariance = _physical(model, parameters, covariance, middle, centre, spread, y_unit)
    return FitResult(
        model=f"{model.count(parameters)} x {shape.value.replace('_', ' ')}"
        f" over a {_degree(model.order)} baseline",
        values=values,
        covariance=covariance,
        reduced_chi_square=reduced,
        notes=(
            *_notes(model, parameters, values, step, reduced, freedom, max_lines),
            *_shape_notes(model, parameters, scaled, scaled_error, correlation, middle),
            *_noise_notes(correlation, y, y_label),
        ),
        tables={"resonances": _table(model, parameters, values, y_unit)},
        curve=FitCurve(
            x=frequency,
            y=y,
            y_error=sigma,
            model=curve * spread + centre,
            x_name="frequency_hz",
            x_unit="Hz",
            x_label="Microwave frequency",
            y_name=y_name,
            y_unit=y_unit,
            y_label=y_label,
        ),
    )


def _degree(order: int) -> str:
    return ("constant", "linear", "quadratic")[order] if order < 3 else f"bent (degree {order})"


def _checked(
    frequency_hz: ArrayLike, signal: ArrayLike, error: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    named = {"frequency_hz": frequency_hz, "signal": signal, "error": error}
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in named.items()}
    length = arrays["frequency_hz"].size
    for name, array in arrays.items():
        if array.ndim != 1 or array.size != length:
            raise ParameterError(
                f"Argument `{name}` must have shape ({length},) like `frequency_hz`,"
                f" but has {array.shape}."
            )
        if not np.all(np.isfinite(array)):
            raise ParameterError(f"Argument `{name}` must be finite, but it holds NaN or inf.")
    if length < MINIMUM_POINTS:
        raise ParameterError(f"A fit needs at least {MINIMUM_POINTS} points, but got {length}.")
    if np.any(arrays["error"] <= 0):
        raise ParameterError("Argument `error` must be positive everywhere.")
    order = np.argsort(arrays["frequency_hz"], kind="stable")
    frequency = arrays["frequency_hz"][order]
    if frequency[0] == frequency[-1]:
        raise ParameterError("Argument `frequency_hz` must hold more than one frequency.")
    return frequency, arrays["signal"][order], arrays["error"][order]


def _binned(
    frequency: Floats, y: Floats, sigma: Floats, narrowest_hz: float
) -> tuple[Floats, Floats, Floats]:
    """Weighted means of neighbours, where there are many more than the narrowest line needs.

    The search costs time and memory with the square of the number of points.
    """
    span_hz = float(frequency[-1] - frequency[0])
    enough = max(FEW_POINTS, BINS_PER_WIDTH * span_hz / narrowest_hz)
    together = int(frequency.size // enough)
    if together < 2:
        return frequency, y, sigma
    starts, weight = np.arange(0, frequency.size, together), sigma**-2
    total = np.add.reduceat(weight, starts)
    mean_y, mean_frequency = (
        np.add.reduceat(weight * (values - values[0]), starts) / total + values[0]
        for values in (y, frequency)
    )
    return mean_frequency, mean_y, total**-0.5


def _shape(shape: Lineshape | str) -> Lineshape:
    try:
        return Lineshape(shape)
    except ValueError as unknown:
        known = ", ".join(member.value for member in Lineshape)
        raise ParameterError(
            f"Argument `shape` must be one of {known}, not {shape!r}."
        ) from unknown


def _log_width(low: float, high: float, step: float) -> tuple[float, float]:
    """Mean and sigma of ln(FWHM / MHz); narrower than 1.5 steps is one point, not a line."""
    low = max(low, 1.5 * step)
    high = max(high, 2 * low)
    return float(np.log(low * high) / 2), float(np.log(high / low) / 4)


def _sorted(model: LineModel, parameters: Floats) -> Floats:
    lines, baseline = model.split(parameters)
    return model.join(lines[np.argsort(lines[:, 0])], baseline)


def _final_fit(
    model: LineModel, parameters: Floats, y: Floats, error: Floats, correlation: Correlation
) -> tuple[Floats, Floats]:
    """Least squares with lmfit; covariance for the errors as given, and their correlation."""
    start = lmfit.Parameters()
    for i, value in enumerate(parameters):
        start.add(f"p{i}", value=float(value))

    def residual(current: Any) -> Floats:
        return model.residual(np.array([p.value for p in current.values()]), y, error)

    def jacobian(current: Any) -> Floats:
        return model.jacobian(np.array([p.value for p in current.values()]), y, error)

    minimiser = lmfit.Minimizer(residual, start, scale_covar=False, calc_covar=False)
    outcome: Any = minimiser.leastsq(Dfun=jacobian, ftol=1e-10, xtol=1e-8, max_nfev=200)
    best = np.array([p.value for p in outcome.params.values()])
    derivative = model.jacobian(best, y, error)
    inverse = np.asarray(np.linalg.pinv(derivative.T @ derivative), dtype=np.float64)
    return best, correlation.covariance(derivative, inverse, y.size)


def _physical(
    model: LineModel,
    parameters: Floats,
    covariance: Floats,
    middle: float,
    centre: float,
    spread: float,
    unit: str,
) -> tuple[dict[str, FitValue], Floats]:
    """Values in SI with their covariance."""
    lines, baseline = model.split(parameters)
    rows: list[tuple[str, float, float, str, str]] = []
    for i, line in enumerate(lines, start=1):
        fwhm = float(np.exp(line[1])) * 1e6
        rows.append((f"frequency_{i}_hz", middle + line[0] * 1e6, 1e6, "Hz", f"Resonance {i}"))
        rows.append((f"fwhm_{i}_hz", fwhm, fwhm, "Hz", f"FWHM {i}"))
        rows.append((f"amplitude_{i}", line[2] * spread, spread, unit, f"Amplitude {i}"))
        if model.per_line == 4:
            rows.append((f"pull_{i}_hz", line[3] * 1e6, 1e6, "Hz", f"Pull {i}"))
    for i, value in enumerate(baseline):
        offset = centre if i == 0 else 0.0
        rows.append((f"baseline_{i}", value * spread + offset, spread, unit, f"Baseline {i}"))
    factor = np.array([row[2] for row in rows])
    covariance = covariance * np.outer(factor, factor)
    errors = np.sqrt(np.diag(covariance))
    values = {
        name: FitValue(float(value), float(error), unit_, label)
        for (name, value, _, unit_, label), error in zip(rows, errors, strict=True)
    }
    return values, covariance


def _table(
    model: LineModel, parameters: Floats, values: Mapping[str, FitValue], unit: str
) -> Table:
    m = model.count(parameters)
    names = {
        "frequency_hz": "frequency_{}_hz",
        "fwhm_hz": "fwhm_{}_hz",
        "amplitude": "amplitude_{}",
    }
    units = {"frequency_hz": "Hz", "fwhm_hz": "Hz", "amplitude": unit}
    if model.per_line == 4:
        names["pull_hz"] = "pull_{}_hz"
        units["pull_hz"] = "Hz"
    columns: dict[str, Floats] = {}
    all_units: dict[str, str] = {}
    for name, pattern in names.items():
        error_name = f"{name.removesuffix('_hz')}_error{'_hz' if name.endswith('_hz') else ''}"
        picked = [values[pattern.format(i)] for i in range(1, m + 1)]
        columns[name] = np.array([value.value for value in picked])
        columns[error_name] = np.array([value.error for value in picked])
        all_units[name] = all_units[error_name] = units[name]
    return Table(columns, all_units)


def _shape_notes(
    model: LineModel,
    parameters: Floats,
    y: Floats,
    error: Floats,
    correlation: Correlation,
    middle: float,
) -> list[str]:
    """What is not the shape that was fitted, so that the frequency is doubtful."""
    lines, _ = model.split(parameters)
    at = [f"{(middle * 1e-6 + line[0]):.1f} MHz" for line in lines]
    notes = [
        f"The line at {at[i]} is not symmetric (dispersive part about {100 * share:.0f} % of its"
        " height): a dispersive or Fano line, or two in one; its frequency may be off by more than"
        " its error."
        for i, share in dispersive_parts(model, parameters, y, error, correlation).items()
    ]
    for i in range(1, len(lines)):
        apart = lines[i, 0] - lines[i - 1, 0]
        opposite = lines[i, 2] * lines[i - 1, 2] < 0
        if opposite and apart < float(np.exp(lines[i, 1]) + np.exp(lines[i - 1, 1])):
            notes.append(
                f"The lines at {at[i - 1]} and {at[i]} are of opposite sign and close: they may be"
                " one dispersive line between them."
            )
    return notes


def _noise_notes(correlation: Correlation, y: Floats, label: str) -> list[str]:
    notes = [silence(label, y)] if silence(label, y) else []
    if correlation.first:
        notes.append(
            f"The noise of neighbouring points is correlated ({correlation.first:.2f}): lines and"
            " errors allow for it."
        )
    return notes


def _notes(
    model: LineModel,
    parameters: Floats,
    values: Mapping[str, FitValue],
    step: float,
    reduced: float,
    freedom: int,
    max_lines: int,
) -> list[str]:
    lines, _ = model.split(parameters)
    notes: list[str] = []
    if not len(lines):
        return ["No line stands out from the noise."]
    at = [f"{values[f'frequency_{i + 1}_hz'].value / 1e6:.1f} MHz" for i in range(len(lines))]
    fwhm = np.exp(lines[:, 1])
    if freedom < 1:
        notes.append("Fewer points than the model needs: the errors mean little.")
    if reduced > 3:
        notes.append(
            f"Reduced chi-square is {reduced:.1f}: the model misses part of the signal,"
            " or the errors are too small."
        )
    for i in range(len(lines)):
        if min(lines[i, 0] - model.x[0], model.x[-1] - lines[i, 0]) < fwhm[i] / 2:
            notes.append(f"The line at {at[i]} is cut by the edge of the window.")
        if i and lines[i, 0] - lines[i - 1, 0] < (fwhm[i] + fwhm[i - 1]) / 4:
            notes.append(
                f"Possibly two lines at {at[i - 1]} and {at[i]}: they are closer than half a width,"
                " and one line of another shape may look the same."
            )
        elif i and lines[i, 0] - lines[i - 1, 0] < (fwhm[i] + fwhm[i - 1]) / 2:
            notes.append(f"The lines at {at[i - 1]} and {at[i]} overlap within a width.")
        if fwhm[i] < 2 * step:
            notes.append(f"The line at {at[i]} is narrower than two steps.")
        if len(lines) > 2 and fwhm[i] > 1.6 * np.median(fwhm):
            notes.append(f"The line at {at[i]} is wide and may be two merged ones.")
        if model.per_line == 4:
            if abs(lines[i, 3]) > BISTABLE_PULL * fwhm[i] / 2:
                notes.append(
                    f"The line at {at[i]} may be bistable: compare sweeps up and down"
                    " (`hysteresis`) before taking its frequency."
                )
            pull = values[f"pull_{i + 1}_hz"]
            if pull.value < -3 * pull.error:
                notes.append(f"The line at {at[i]} is pulled upwards, against the torque's sense.")
    # Eight is all that four classes have.
    if len(lines) == max_lines != ALL_LINES:
        notes.append(f"The search stopped at {max_lines} lines, as many as were allowed.")
    return notes
