"""Repeated sweeps over the same frequencies become one spectrum with honest errors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, polygamma

from labctl.errors import ParameterError

SAME_FREQUENCY_HZ = 1.0
"""Setpoints closer than this are one frequency: up and down sweeps differ in the last bit."""

REPEATS_FOR_SCATTER = 5

ENOUGH_COUNTS = 100
"""Counts in every bin from which their scatter may be believed to lie below Poisson's."""

QUIET_SIGMAS = 4.0
"""By how much the scatter of all points must lie below Poisson's before that is believed."""


class AveragedSweeps(NamedTuple):
    """One spectrum; all arrays share shape (n,), frequencies ascend.

    Attributes:
        frequency_hz: distinct frequencies.
        rate_per_s: mean count rate.
        error_per_s: its standard error.
        repeats: how many points went into the mean.
    """

    frequency_hz: NDArray[np.float64]
    rate_per_s: NDArray[np.float64]
    error_per_s: NDArray[np.float64]
    repeats: NDArray[np.int64]


def average_sweeps(
    frequency_hz: ArrayLike,
    counts: ArrayLike,
    dwell_s: ArrayLike,
    *,
    remove_drift: bool = True,
) -> AveragedSweeps:
    """Average the points of a scan, given in the order in which they were taken.

    A new sweep begins when a frequency comes back, so up, down and alternating sweeps need no
    flag, and the last sweep may be incomplete. Each sweep may stand on its own offset and slope
    (the lab drifts): both are fitted together with the spectrum, so an incomplete sweep does
    not tilt it, and taken away; their mean stays.

    With five repeats or more the errors come from the scatter. A single point's scatter from a
    few repeats is a poor estimate, so it is moderated by that of all points in units of the
    Poisson variance (Smyth, Stat. Appl. Genet. Mol. Biol. 3 (2004) 3, Sections 4 and 6.2), and
    falls below Poisson only where all points together do, by four standard deviations: a dead
    time makes counts more regular than chance. With fewer repeats the errors are Poisson.

    Args:
        frequency_hz: setpoint of each point, shape (points,); (sweeps, n) is read row by row.
        counts: counts of each point, same shape.
        dwell_s: counting time, a scalar or the same shape.
        remove_drift: take away the sweeps' offsets and slopes.

    Returns:
        The spectrum; unpacks as frequency, rate, error, repeats.

    Raises:
        ParameterError: no points, unequal lengths, NaN, negative counts or no dwell time.
    """
    frequency = np.asarray(frequency_hz, dtype=np.float64).ravel()
    count = np.asarray(counts, dtype=np.float64).ravel()
    if frequency.size == 0:
        raise ParameterError("There are no points to average.")
    if frequency.shape != count.shape:
        raise ParameterError(
            "Arguments `frequency_hz` and `counts` must have equal lengths,"
            f" but {frequency.size} != {count.size}."
        )
    dwell = np.asarray(dwell_s, dtype=np.float64).ravel()
    if dwell.size not in (1, count.size):
        raise ParameterError(
            "Argument `dwell_s` must be one number or one per point,"
            f" but it has {dwell.size} for {count.size} points."
        )
    dwell = np.broadcast_to(dwell, count.shape)
    for name, values in {"frequency_hz": frequency, "counts": count, "dwell_s": dwell}.items():
        if not np.all(np.isfinite(values)):
            raise ParameterError(f"Argument `{name}` must be finite, but it holds NaN or inf.")
    if np.any(count < 0):
        raise ParameterError("Argument `counts` must not be negative.")
    if np.any(dwell <= 0):
        raise ParameterError("Argument `dwell_s` must be positive.")

    bins, column = _distinct(frequency)
    sweep = _sweep_index(column)
    rate = count / dwell
    parameters = 0
    if remove_drift and sweep[-1] > 0:
        drift, parameters = _drift(rate, column, sweep, bins.size)
        rate = rate - drift

    repeats = np.bincount(column, minlength=bins.size)
    time = np.bincount(column, weights=dwell, minlength=bins.size)
    mean = np.bincount(column, weights=rate * dwell, minlength=bins.size) / time
    total = np.bincount(column, weights=count, minlength=bins.size)
    # An empty bin still has the uncertainty of about one count.
    poisson = np.sqrt(np.maximum(total, 1.0)) / time
    error = poisson.copy()
    many = repeats >= REPEATS_FOR_SCATTER
    if np.any(many):
        square = np.bincount(column, weights=dwell * (rate - mean[column]) ** 2)
        freedom = rate.size - bins.size - parameters
        share = freedom / max(rate.size - bins.size, 1)
        dof = np.maximum((repeats[many] - 1) * share, 1.0)
        # In units of the Poisson variance of the mean, whatever the rate.
        ratio = square[many] / time[many] / dof / poisson[many] ** 2
        error[many] *= np.sqrt(np.maximum(_moderated(ratio, dof), _floor(ratio, dof, total[many])))
    return AveragedSweeps(bins, mean, error, repeats.astype(np.int64))


def _distinct(frequency: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    order = np.argsort(frequency, kind="stable")
    steps = np.diff(frequency[order]) > SAME_FREQUENCY_HZ
    column = np.empty(frequency.size, dtype=np.int64)
    column[order] = np.concatenate([[0], np.cumsum(steps)])
    bins = np.bincount(column, weights=frequency) / np.bincount(column)
    return bins, column


def _sweep_index(column: NDArray[np.int64]) -> NDArray[np.int64]:
    index = np.zeros(column.size, dtype=np.int64)
    seen: set[int] = set()
    current = 0
    for i, value in enumerate(column.tolist()):
        if value in seen:
            current += 1
            seen = set()
        seen.add(value)
        index[i] = current
    return index


def _drift(
    rate: NDArray[np.float64],
    column: NDArray[np.int64],
    sweep: NDArray[np.int64],
    n_bins: int,
) -> tuple[NDArray[np.float64], int]:
    """Offset and slope of each sweep beside a common spectrum, by alternating least squares."""
    n_sweeps = int(sweep[-1]) + 1
    x = 2 * column / max(n_bins - 1, 1) - 1.0
    size = np.bincount(sweep, minlength=n_sweeps)
    # A stump of a sweep gives an offset at best.
    sloped = size >= max(n_bins / 2, 3)
    mean_x = np.bincount(sweep, weights=x) / size
    centred = x - mean_x[sweep]
    variance = np.bincount(sweep, weights=centred**2)
    drift = np.zeros_like(rate)
    scale = float(np.std(rate)) or 1.0
    for _ in range(200):
        spectrum = np.bincount(column, weights=rate - drift) / np.bincount(column)
        rest = rate - spectrum[column]
        offset = np.bincount(sweep, weights=rest) / size
        slope = np.zeros(n_sweeps)
        slope[sloped] = np.bincount(sweep, weights=rest * centred)[sloped] / variance[sloped]
        intercept = offset - slope * mean_x
        # What all sweeps share belongs to the spectrum.
        intercept -= np.average(intercept, weights=size)
        if np.any(sloped):
            slope[sloped] -= slope[sloped].mean()
        new = intercept[sweep] + slope[sweep] * x
        change = float(np.max(np.abs(new - drift)))
        drift = new
        if change < 1e-9 * scale:
            break
    return drift, n_sweeps - 1 + max(int(sloped.sum()) - 1, 0)


def _floor(ratio: NDArray[np.float64], dof: NDArray[np.float64], counts: NDArray[Any]) -> float:
    """1, which is Poisson, unless all points together show that the counter is quieter.

    A dead time d leaves 1/(1 + r d)^2 of Poisson's variance at a photon rate r.
    """
    if counts.min() < ENOUGH_COUNTS:
        return 1.0
    total = float(np.sum(dof))
    pooled = float(np.average(ratio, weights=dof))
    # Counts that never change tell nothing of their noise: Poisson's stays.
    return pooled if 0 < pooled < 1 - QUIET_SIGMAS * np.sqrt(2 / total) else 1.0


def _moderated(ratio: NDArray[np.float64], dof: NDArray[np.float64]) -> NDArray[np.float64]:
    """Empirical-Bayes variances: own estimate with `dof`, prior from all of them together."""
    log = np.log(np.maximum(ratio, 1e-12)) - digamma(dof / 2) + np.log(dof / 2)
    if log.size < 3:
        return ratio
    centre = float(np.mean(log))
    spread = float(np.var(log, ddof=1) - np.mean(polygamma(1, dof / 2)))
    if spread <= 1e-3:
        return np.full_like(ratio, np.average(ratio, weights=dof))
    prior_dof = 2 * _inverse_trigamma(spread)
    prior = np.exp(centre + digamma(prior_dof / 2) - np.log(prior_dof / 2))
    return (dof * ratio + prior_dof * prior) / (dof + prior_dof)


def _inverse_trigamma(value: float) -> float:
    y = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, y))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, y))
        y += step
        if abs(step) < 1e-8 * y:
            break
    return y
