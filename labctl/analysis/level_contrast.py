"""The difference between two levels of a count rate that are visited in turn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t

from labctl.analysis.significance import (
    ONE_SIGMA,
    claims_only_what_is_there,
    no_claim,
    silence,
)
from labctl.data import FitCurve, FitResult, FitValue
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

SEEN = 5.0
"""Sigmas below which a contrast is worth a note."""


class Level(NamedTuple):
    """Mean count rate of one level and its standard error, counts/s."""

    mean: float
    error: float


def levels(rate_per_s: ArrayLike, slice_hz: float) -> Level:
    """One level from adjacent slices: its error from their scatter, never below Poisson's.

    Neighbouring slices may share the thermal motion, so pairs of slices are compared with pairs
    as well, and the larger of the two estimates counts.

    Args:
        rate_per_s: slices in order, shape (n,), n >= 4, counts/s.
        slice_hz: slices per second.

    Raises:
        ParameterError: fewer than four slices.
    """
    rate = np.asarray(rate_per_s, dtype=np.float64)
    n = rate.size
    if rate.ndim != 1 or n < 4:
        raise ParameterError(f"A level needs 4 slices or more, not {rate.shape}.")
    poisson = max(float(rate.mean()), slice_hz / n) * slice_hz / n
    single = float(np.var(rate, ddof=1)) / n
    pairs = rate[: n // 2 * 2].reshape(-1, 2).mean(axis=1)
    double = float(np.var(pairs, ddof=1)) / pairs.size
    return Level(float(rate.mean()), float(np.sqrt(max(poisson, single, double))))


@claims_only_what_is_there("mean difference of two levels")
def contrast_of_cycles(
    time_s: ArrayLike, off_per_s: ArrayLike, on_per_s: ArrayLike, error_per_s: ArrayLike
) -> FitResult:
    """Mean of on less off over many cycles that begin with off.

    From the second cycle on, half the difference of the off levels before and after is taken
    away: on - (off before + off after)/2, which a linear drift does not touch. Neighbouring
    cycles share an off level; the error is that of the scatter with this correlation in it, and
    Student's factor for its own uncertainty.

    Args:
        time_s: (n,).
        off_per_s: counts/s, (n,).
        on_per_s: counts/s, (n,).
        error_per_s: standard error of each cycle's contrast, (n,).

    Returns:
        `values`: contrast_rate, off_rate; none below three cycles.
    """
    time, off, on, error = (
        np.asarray(array, dtype=np.float64) for array in (time_s, off_per_s, on_per_s, error_per_s)
    )
    n = time.size
    if n < 3:
        return no_claim("mean difference of two levels", "A contrast needs three cycles or more.")
    if dumb := silence("APD1 (angle)", [off, on]):
        return no_claim("mean difference of two levels", dumb)
    single = on[:-1] - (off[:-1] + off[1:]) / 2
    m = single.size
    # Independent noise s^2 in every level: var(single) = 1.5 s^2, covariance of neighbours s^2/4.
    variance = float(np.var(single, ddof=1)) / m
    inflation = 1 + (2 * 0.25 / 1.5) * (m - 1) / m
    # What the cycles' own errors say, in which the correlation is alike.
    expected = float(np.mean(error**2)) * 0.75 / m
    freedom = m - 1
    factor = float(t.ppf(ONE_SIGMA, freedom)) if variance > expected else 1.0
    mean = float(single.mean())
    spread = float(np.sqrt(max(variance, expected) * inflation)) * factor
    sigmas = abs(mean) / spread
    notes = []
    if sigmas < SEEN:
        notes.append(
            f"The contrast is {sigmas:.1f} sigma: the microwave may miss the resonance, or the"
            " fibre sees a spot that does not move."
        )
    chi_square = float(np.sum((single - mean) ** 2 / (0.75 * error[:-1] ** 2))) / freedom
    if chi_square > 3:
        notes.append("Cycles scatter more than each one's slices: something slow moves the signal.")
    contrast = on - off
    # Of the contrast's error, off and on have half the variance each.
    scatter = float(np.std(off, ddof=1) / np.sqrt(n))
    counting = float(np.sqrt(np.mean(error**2) / 2 / n))
    values = {
        "contrast_rate": FitValue(mean, spread, "counts/s", "Contrast, on less off"),
        "off_rate": FitValue(float(off.mean()), max(scatter, counting), "counts/s", "Level, off"),
    }
    return FitResult(
        model="mean difference of two levels",
        values=values,
        covariance=np.diag([value.error**2 for value in values.values()]),
        reduced_chi_square=chi_square,
        notes=tuple(notes),
        curve=FitCurve(
            x=time, y=contrast, y_error=error, model=np.full(n, mean),
            x_name="time_s", x_unit="s", x_label="Time",
            y_name="contrast_rate", y_unit="counts/s", y_label="Contrast, on less off",
        ),
    )  # fmt: skip
