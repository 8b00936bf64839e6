"""Two pulse programs in turn: their difference, averaged over sweeps, with Poisson errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.significance import FALSE_ALARM, false_alarm
from labctl.errors import ParameterError

SAME_TIME = 1e-9
"""Relative distance below which two times are one."""


class SummedSweeps(NamedTuple):
    """Counts summed over the sweeps; `sums` (k, n) belong to the k columns given.

    Attributes:
        time_s: distinct times, shape (n,), ascending.
        sums: total counts of each column, shape (k, n).
        points: how many points went into the sums, shape (n,).
    """

    time_s: NDArray[np.float64]
    sums: NDArray[np.float64]
    points: NDArray[np.int64]

    def difference(self, first: int, second: int) -> tuple[NDArray[np.float64], ...]:
        """Mean counts of one column less another per point, and the Poisson error."""
        # An empty bin still has the uncertainty of about one count.
        variance = np.maximum(self.sums[first] + self.sums[second], 1.0)
        value = (self.sums[first] - self.sums[second]) / self.points
        return value, np.sqrt(variance) / self.points

    def loss(self, reference: int, driven: int) -> tuple[NDArray[np.float64], ...]:
        """1 - driven/reference, and the Poisson error.

        By first order around the share of the driven counts in both without what that scatters by
        chance (`_usual_share`). Of few counts the ratio itself is skewed and biased, and its own
        error is smaller wherever driven fell by chance: a fit that weighs with it finds a loss in
        mere noise.
        """
        part = self.sums[driven]
        both = part + self.sums[reference]
        share, usual = _usual_share(part, both)
        slope = (1 - usual) ** -2
        error = slope * np.sqrt(usual * (1 - usual) / np.maximum(both, 1.0))
        return 1 - usual / (1 - usual) - slope * (share - usual), error


def _usual_share(
    part: NDArray[np.float64], both: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of one column in the counts of two, as counted and without chance, in (0, 1).

    The latter is one half where chance alone explains the sums, one for all points where chance
    explains how they scatter, else each point's own, drawn to the mean by its part of the variance
    that is chance (empirical Bayes).
    """
    total = max(both.sum(), 2.0)
    mean = float(np.clip(part.sum() / total, 1 / total, 1 - 1 / total))
    if false_alarm(4 * total * (mean - 0.5) ** 2, 1) > FALSE_ALARM:
        mean = 0.5
    # An empty point tells nothing.
    share = np.where(both > 0, part / np.maximum(both, 1.0), mean)
    variance = mean * (1 - mean) / np.maximum(both, 1.0)
    excess = (share - mean) ** 2 / variance
    if false_alarm(float(excess.sum()), share.size) > FALSE_ALARM:
        return share, np.full_like(share, mean)
    between = max(float(np.mean((excess - 1.0) * variance)), 0.0)
    return share, (between * share + variance * mean) / (between + variance)


def sum_sweeps(time_s: ArrayLike, *counts: ArrayLike) -> SummedSweeps:
    """Sum the points that were taken at the same time; the last sweep may be incomplete.

    Args:
        time_s: time of each point, shape (points,).
        counts: columns of counts, the same shape each.

    Raises:
        ParameterError: no points, unequal shapes, NaN or negative counts.
    """
    time = np.asarray(time_s, dtype=np.float64)
    columns = [np.asarray(column, dtype=np.float64) for column in counts]
    if time.ndim != 1 or time.size == 0:
        raise ParameterError(f"Argument `time_s` must hold points, but has shape {time.shape}.")
    for column in (time, *columns):
        if column.shape != time.shape:
            raise ParameterError(
                f"Every column must have {time.size} points, but one has {column.shape}."
            )
        if not np.all(np.isfinite(column)) or np.any(column < 0):
            raise ParameterError("Times and counts must be finite and not negative.")
    order = np.argsort(time, kind="stable")
    new = np.diff(time[order]) > SAME_TIME * time[order][1:]
    group = np.empty(time.size, dtype=np.int64)
    group[order] = np.concatenate([[0], np.cumsum(new)])
    points = np.bincount(group)
    sums = np.array([np.bincount(group, weights=column) for column in columns], dtype=np.float64)
    return SummedSweeps(np.bincount(group, weights=time) / points, sums, points)
