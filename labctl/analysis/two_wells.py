"""Two wells of a jumping signal: its histogram, and how long it stays in each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import uniform_filter1d
from scipy.stats import t as student_t

from labctl.analysis.significance import ONE_SIGMA
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

SEPARATION = 2.0
"""Ashman's D above which two Gaussians make two humps (Ashman et al., AJ 108 (1994) 2348)."""
LEAST_SHARE = 0.005
SMOOTHING = 0.2
"""Moving average before stays are told apart, in dead times: less photon noise, the same motion."""
PRIOR_STAYS = 20
"""So many memoryless stays weigh in where the scatter of the seen ones is taken."""
JACKKNIFE = 20


@dataclass(frozen=True)
class TwoWells:
    """Two Gaussians under the histogram of a signal, A the one of smaller signal.

    Attributes:
        mean_a, mean_b, sigma_a, sigma_b: of the Gaussians, in the unit of the signal.
        share_b: weight of B.
        covariance: of these five, (5, 5), by the jackknife over records.
        separation: Ashman's D, |mean_b - mean_a| sqrt(2)/sqrt(sigma_a^2 + sigma_b^2).
    """

    mean_a: float
    mean_b: float
    sigma_a: float
    sigma_b: float
    share_b: float
    covariance: Floats
    separation: float

    @property
    def bistable(self) -> bool:
        """Whether the histogram has two humps."""
        return self.separation > SEPARATION and LEAST_SHARE < self.share_b < 1 - LEAST_SHARE


@dataclass(frozen=True)
class Residence:
    """Stays in one well.

    Attributes:
        mean_s: mean time to leave the well once a stay has lasted the dead time: total time
            beyond it over the number of exits beyond it, plus one against the bias of a few:
            the mean of an exponential whose stays may be cut at the ends of the records; NaN
            without an exit.
        error_s: mean_s/sqrt(exits), times the relative scatter of the stays.
        exits: seen to end, beyond the dead time.
        scatter: relative standard deviation of the stays beyond the dead time; 1 if memoryless.
    """

    mean_s: float
    error_s: float
    exits: int
    scatter: float


@dataclass(frozen=True)
class Stays:
    """What some records say about jumps: stays in A and B, and the share of time in B."""

    a: Residence
    b: Residence
    share_b: float
    share_b_error: float
    time_s: float


def fit_two_wells(records: ArrayLike, rounds: ArrayLike | None = None) -> TwoWells:
    """Fit two Gaussians to the samples of all records by maximum likelihood.

    Samples of a record hang together, so errors are by the jackknife over groups of records.

    Args:
        records: shape (records, samples), two records or more.
        rounds: which round through the conditions a record belongs to, integers, shape
            (records,), two rounds or more; by default each record is one. Rounds must be alike.

    Raises:
        ParameterError: wrong shape, NaN, or a signal that never changes.
    """
    signal = np.asarray(records, dtype=float)
    if signal.ndim != 2 or signal.shape[0] < 2 or not np.all(np.isfinite(signal)):
        raise ParameterError("Records must be finite and of shape (records, samples), two or more.")
    low, high = float(signal.min()), float(signal.max())
    if not low < high:
        raise ParameterError("The signal never changes: there is nothing to sort into wells.")
    levels, index = _levels(signal, low, high)
    turn = np.arange(len(signal)) if rounds is None else np.unique(rounds, return_inverse=True)[1]
    groups = turn % min(JACKKNIFE, int(turn.max()) + 1)
    counts = np.zeros((groups.max() + 1, levels.size))
    np.add.at(counts, (np.repeat(groups, signal.shape[1]), index.ravel()), 1.0)
    total = counts.sum(axis=0)
    middle = 0.5 * (levels[0] + levels[-1])
    p = _mixture(levels, total, _start(levels, total, middle))
    parts = np.array([_mixture(levels, total - count, p) for count in counts])
    n = len(parts)
    # Of few groups the scatter is itself a guess: one error holds 68 % of Student's t.
    student = float(student_t.ppf(ONE_SIGMA, n - 1))
    spread = student * (parts - parts.mean(axis=0))
    mean_a, mean_b, sigma_a, sigma_b, share_b = (float(value) for value in p)
    return TwoWells(
        mean_a, mean_b, sigma_a, sigma_b, share_b, (n - 1) / n * spread.T @ spread,
        float(np.sqrt(2) * abs(mean_b - mean_a) / np.hypot(sigma_a, sigma_b)),
    )  # fmt: skip


def count_stays(
    records: ArrayLike, sample_s: float, levels: tuple[float, float], *, dead_time_s: float
) -> Stays:
    """Sort records into wells with hysteresis and time the stays.

    A record is in B from when it reaches the level of B until it reaches that of A, and the
    reverse; before the first level it does not count. A jump takes a libration period, in which
    the angle may fall back at once: stays shorter than the dead time are left out of the mean,
    and the dead time is taken off the others. Errors take the scatter of the stays, which bursts
    of jumps raise, moderated by that of memoryless ones.

    Args:
        records: (records, samples), in any unit.
        sample_s: length of a sample.
        levels: of A and B, A the lower.
        dead_time_s: >= 0.
    """
    signal = np.atleast_2d(np.asarray(records, dtype=float))
    width = round(SMOOTHING * dead_time_s / sample_s)
    if 1 < width < signal.shape[1]:
        signal = uniform_filter1d(signal, width, axis=1)
    stays: tuple[list[tuple[int, bool, bool]], ...] = ([], [])
    for trace in signal:
        label = np.where(trace >= levels[1], 1, np.where(trace <= levels[0], 0, -1))
        last = np.maximum.accumulate(np.where(label >= 0, np.arange(trace.size), -1))
        state = label[last[last >= 0]]
        edges = np.concatenate([[0], np.flatnonzero(np.diff(state)) + 1, [state.size]])
        for i, (begin, end) in enumerate(pairwise(edges)):
            if end > begin:
                stays[state[begin]].append((end - begin, i > 0, end < state.size))
    a, b = (_residence(well, sample_s, dead_time_s) for well in stays)
    times = [sample_s * sum(stay for stay, _, _ in well) for well in stays]
    total = sum(times)
    share = times[1] / total if total else np.nan
    return Stays(a, b, share, _share_error(stays, sample_s, share, total), total)


def _residence(
    stays: list[tuple[int, bool, bool]], sample_s: float, dead_time_s: float
) -> Residence:
    beyond = [(n * sample_s - dead_time_s, whole and ended, ended) for n, whole, ended in stays]
    beyond = [stay for stay in beyond if stay[0] > 0]
    exits = sum(ended for _, _, ended in beyond)
    if not exits:
        return Residence(np.nan, np.nan, 0, np.nan)
    # The mean of total/exits over many runs of one length is too long by one exit.
    mean_s = sum(time for time, _, _ in beyond) / (exits + 1)
    scatter = _scatter([time for time, whole, _ in beyond if whole])
    n = max(exits, 1)
    factor = np.sqrt((n * scatter**2 + PRIOR_STAYS) / (n + PRIOR_STAYS))
    return Residence(mean_s, float(mean_s * factor / np.sqrt(n)), exits, scatter)


def _scatter(times: list[float]) -> float:
    """Relative standard deviation; 1, as of memoryless stays, from fewer than two."""
    return float(np.std(times, ddof=1) / np.mean(times)) if len(times) > 1 else 1.0


def _share_error(
    stays: tuple[list[tuple[int, bool, bool]], ...], sample_s: float, share: float, total: float
) -> float:
    """Of the share of time in B: stays in A and B by turns, each independent of the last."""
    exits = [sum(ended for *_, ended in well) for well in stays]
    if not total or min(exits) == 0:
        return float("nan")
    cycles = sum(exits) / 2
    relative = 0.0
    for well in stays:
        whole = [n * sample_s for n, seen, ended in well if seen and ended]
        n = len(whole)
        relative += (n * _scatter(whole) ** 2 + PRIOR_STAYS) / (n + PRIOR_STAYS)
    return float(share * (1 - share) * np.sqrt(relative / cycles))


def _levels(signal: Floats, low: float, high: float) -> tuple[Floats, NDArray[np.intp]]:
    """A thousand levels at most: the signal may have as few values as a counter gives."""
    values = np.unique(signal)
    if values.size <= 1000:
        return values, np.searchsorted(values, signal).astype(np.intp)
    step = (high - low) / 999
    index = np.rint((signal - low) / step).astype(np.intp)
    return np.asarray(low + step * np.arange(1000), dtype=np.float64), index


def _start(levels: Floats, counts: Floats, middle: float) -> Floats:
    """Two means: the halves on either side of a border that lies midway between their means."""
    border = middle
    mean = np.array([levels[0], levels[-1]])
    for _ in range(100):
        upper = levels > border
        mean = np.array(
            [np.average(levels[side], weights=counts[side] + 1e-12) for side in (~upper, upper)]
        )
        if border == mean.mean():
            break
        border = float(mean.mean())
    upper = levels > border
    sigma = [
        np.sqrt(np.average((levels[side] - m) ** 2, weights=counts[side] + 1e-12))
        for side, m in zip((~upper, upper), mean, strict=True)
    ]
    least = 1e-3 * np.ptp(levels)
    share = counts[upper].sum() / counts.sum()
    return np.array([*mean, max(sigma[0], least), max(sigma[1], least), np.clip(share, 0.01, 0.99)])


def _mixture(levels: Floats, counts: Floats, start: Floats, rounds: int = 300) -> Floats:
    """Expectation maximisation of two Gaussians on a histogram."""
    p = start.copy()
    least = 1e-3 * float(np.ptp(levels))
    for _ in range(rounds):
        a = (1 - p[4]) / p[2] * np.exp(-0.5 * ((levels - p[0]) / p[2]) ** 2)
        b = p[4] / p[3] * np.exp(-0.5 * ((levels - p[1]) / p[3]) ** 2)
        of_b = b / np.maximum(a + b, 1e-300)
        new = np.empty(5)
        for i, weight in enumerate(((1 - of_b) * counts, of_b * counts)):
            total = max(float(weight.sum()), 1e-9)
            new[i] = weight @ levels / total
            new[2 + i] = max(np.sqrt(weight @ (levels - new[i]) ** 2 / total), least)
        new[4] = np.clip(of_b @ counts / counts.sum(), 1e-9, 1 - 1e-9)
        done = np.all(np.abs(new - p) < 1e-5 * np.array([p[2], p[3], p[2], p[3], 1.0]))
        p = new
        if done:
            break
    return p
