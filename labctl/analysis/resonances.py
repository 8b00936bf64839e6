"""Resonances of a spectrum: how many, where, how wide, how high, with standard errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import lmfit
import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.dispersive_lines import DispersiveSearch, Lines
from labctl.analysis.line_model import LineModel
from labctl.analysis.lineshapes import Lineshape
from labctl.analysis.noise_correlation import Correlation
from labctl.analysis.peak_finding import find_lines_over_any_baseline
from labctl.analysis.pull_prior import common_pull
from labctl.analysis.resonance_report import ResonanceReport
from labctl.analysis.significance import silence
from labctl.data import FitCurve, FitResult
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
    exceeds one. Lines get a dispersive part, A/(1 + u^2) + B u/(1 + u^2), where the spectrum asks
    for it (see `dispersive_lines`), or are not claimed where it may be one dispersive line or two
    of opposite sign. Spectra of many more points than the narrowest line needs are binned first.

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
        frequency, dispersive_i (B, beside amplitude_i, A) of lines that are dispersive or Fano
        lines, then baseline_0.. (coefficients in (f - centre)/half span, Legendre), with
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
    (model, parameters, correlation), plain = find_lines_over_any_baseline(
        model, scaled, scaled_error, max_lines=max_lines, sign=SIGNS[sign]
    )
    search = DispersiveSearch(scaled, scaled_error, SIGNS[sign])
    lines, doubts = search.search(Lines(model, parameters), Lines(*plain))
    if lines.model.mixed:
        rest = scaled - lines.model.evaluate(lines.parameters)[1]
        correlation = Correlation.of(rest / scaled_error)
    model, parameters = lines.model, lines.parameters
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
    report = ResonanceReport(
        model, parameters, covariance, tuple(doubts), middle, centre, spread, y_unit
    )
    notes = report.notes(step, freedom, reduced)
    # Eight is all that four classes have.
    if model.count(parameters) == max_lines != ALL_LINES:
        notes.append(f"The search stopped at {max_lines} lines, as many as were allowed.")
    return FitResult(
        model=f"{model.count(parameters)} x {shape.value.replace('_', ' ')}"
        f" over a {_degree(model.order)} baseline",
        values=report.values,
        covariance=report.covariance,
        reduced_chi_square=reduced,
        notes=(*notes, *_noise_notes(correlation, y, y_label)),
        tables={"resonances": report.table()},
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


def _noise_notes(correlation: Correlation, y: Floats, label: str) -> list[str]:
    notes = [silence(label, y)] if silence(label, y) else []
    if correlation.first:
        notes.append(
            f"The noise of neighbouring points is correlated ({correlation.first:.2f}): lines and"
            " errors allow for it."
        )
    return notes
