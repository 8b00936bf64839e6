"""One rule for all fits: a feature is claimed where noise alone would hardly have made it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import ParamSpec

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from labctl.data import FitCurve, FitResult, FitValue

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Arguments = ParamSpec("Arguments")

FALSE_ALARM = 0.01
"""Probability that one fit of noise alone claims a feature."""


ONE_SIGMA = float(stats.norm.cdf(1.0))
"""Quantile that lies one standard error above the middle, for Student's factor."""


def false_alarm(
    gain: float, parameters: int, *, places: float = 1.0, freedom: float = np.inf
) -> float:
    """Probability that noise alone lowers chi-square by `gain` or more.

    Chi-square of nested models falls by a chi-square variate of as many degrees of freedom as
    the feature has parameters (Wilks, Ann. Math. Stat. 9 (1938) 60), in units of the noise's
    variance; where that is itself an estimate the fall per parameter is F distributed. A feature
    that is sought at n independent places has as many chances: 1 - (1 - p)^n (Sidak).

    Args:
        gain: chi-square without the feature less chi-square with it, >= 0.
        parameters: of the feature that the data may choose linearly, such as an amplitude, or
            cosine and sine; what is scanned, such as a frequency, counts in `places`.
        places: independent places at which the feature was sought.
        freedom: degrees of freedom behind the noise's variance; inf where it is known.
    """
    if not gain > 0:
        return 1.0
    if np.isfinite(freedom):
        log_p = stats.f.logsf(gain / parameters, parameters, max(freedom, 1.0))
    else:
        log_p = stats.chi2.logsf(gain, parameters)
    p = min(float(np.exp(log_p)), 1.0)
    return 1.0 if p == 1.0 else float(-np.expm1(max(places, 1.0) * np.log1p(-p)))


def stands_out(
    gain: float, parameters: int, *, places: float = 1.0, freedom: float = np.inf
) -> bool:
    """Whether a feature is claimed: `false_alarm` is below `FALSE_ALARM`."""
    return false_alarm(gain, parameters, places=places, freedom=freedom) < FALSE_ALARM


def needed_gain(parameters: int, *, places: float = 1.0, freedom: float = np.inf) -> float:
    """The fall of chi-square from which a feature stands out."""
    p = -np.expm1(np.log1p(-FALSE_ALARM) / max(places, 1.0))
    if np.isfinite(freedom):
        return float(parameters * stats.f.isf(p, parameters, max(freedom, 1.0)))
    return float(stats.chi2.isf(p, parameters))


def counting_error(counts: ArrayLike, exposure_s: ArrayLike) -> Floats:
    """Standard error of a count rate, counts/s: that of one count where none came.

    Args:
        counts: >= 0, any shape.
        exposure_s: how long was counted, of a shape that fits.
    """
    return np.sqrt(np.maximum(np.asarray(counts, dtype=float), 1.0)) / np.asarray(exposure_s)


def silence(signal: str, counts: ArrayLike) -> str:
    """What to say of a detector that answers nothing; "" of one that does.

    Args:
        signal: the detector as the reader knows it, such as "APD1 (angle)".
        counts: counts or rates, any shape.
    """
    values = np.asarray(counts, dtype=float)
    if values.size < 2 or np.any(values != values.flat[0]):
        return ""
    if values.flat[0] == 0:
        return f"{signal} counted nothing: is it on, and does light reach it?"
    return (
        f"{signal} shows the same value everywhere: photons never do. The detector is saturated,"
        " or something else is connected."
    )


def no_claim(
    model: str, *notes: str, curve: FitCurve | None = None, reduced: float = float("nan")
) -> FitResult:
    """The result of a fit that found nothing to claim, and why, in words."""
    return FitResult(model, {}, np.empty((0, 0)), reduced, notes, curve=curve)


def sound(fit: FitResult) -> FitResult:
    """The fit without the values that have no error: those say nothing, and look exact."""
    bad = [name for name, value in fit.values.items() if not _has_error(value)]
    if not bad:
        return fit
    names = list(fit.values)
    kept = [i for i in range(len(fit.covariance)) if names[i] not in bad]
    words = ", ".join(fit.values[name].label or name for name in bad)
    return replace(
        fit,
        values={name: value for name, value in fit.values.items() if name not in bad},
        covariance=fit.covariance[np.ix_(kept, kept)],
        notes=(
            *fit.notes,
            f"The data do not tell how well these are known, so not given: {words}.",
        ),
    )


def claims_only_what_is_there(
    model: str,
) -> Callable[[Callable[Arguments, FitResult]], Callable[Arguments, FitResult]]:
    """Make a fit end in words where its numerics fail, and drop values without an error.

    Bad input is still refused with `ParameterError`. What failed stands in the log.

    Args:
        model: what was to be fitted, for the result that claims nothing.
    """

    def wrap(fit: Callable[Arguments, FitResult]) -> Callable[Arguments, FitResult]:
        @functools.wraps(fit)
        def wrapped(*args: Arguments.args, **kwargs: Arguments.kwargs) -> FitResult:
            try:
                return sound(fit(*args, **kwargs))
            except (ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
                logger.warning("The fit of %s failed", model, exc_info=error)
                return no_claim(model, "These data do not determine the model: nothing is fitted.")

        return wrapped

    return wrap


def _has_error(value: FitValue) -> bool:
    return bool(np.isfinite(value.value) and np.isfinite(value.error) and value.error > 0)
