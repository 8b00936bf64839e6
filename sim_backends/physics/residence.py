"""How long a trace stays in each of two wells (`000`, Fig. 3 a iii and extended data Fig. 9)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim_backends.physics.ranges import require_positive


@dataclass(frozen=True)
class WellResidence:
    """Stays in one well.

    Attributes:
        mean_s: time spent in the well over the number of exits; nan without an exit. The stays
            cut by the ends of the record count in both, so that a record of a few stays is not
            biased towards short ones; for memoryless jumps it is the maximum-likelihood mean.
        error_s: standard error, mean_s/sqrt(exits) as for memoryless jumps; more by the relative
            spread of the stays where that exceeds 1, because jumps come in bursts.
        total_s: time spent in the well.
        exits: jumps to the other well.
        stays_s: the stays seen from entry to exit, shape (n,).
    """

    mean_s: float
    error_s: float
    total_s: float
    exits: int
    stays_s: NDArray[np.float64]


@dataclass(frozen=True)
class ResidenceTimes:
    """Stays in the well A of smaller values and in the well B of larger ones.

    Attributes:
        a: well A.
        b: well B.
        fraction_b: share of the time in B.
        levels_rad: the two levels that had to be reached.
    """

    a: WellResidence
    b: WellResidence
    fraction_b: float
    levels_rad: tuple[float, float]


def residence_times(
    angle_rad: ArrayLike,
    sample_rate_hz: float,
    *,
    levels_rad: tuple[float, float] | None = None,
) -> ResidenceTimes:
    """Sort a trace into two wells with hysteresis and time its stays.

    The trace is in B from the moment it reaches the upper level until it reaches the lower one:
    noise and oscillation that stay short of the other level make no jump. What comes before the
    first level is reached is left out.

    Args:
        angle_rad: the trace, or one per row; shape (n,) or (trajectories, n). Any unit.
        sample_rate_hz: samples per second.
        levels_rad: lower and upper level; default the centres of the two clusters of the
            samples (two-means), which needs a trace that visits both wells well. A trace of one
            well only is split as well: where the wells are known, give their angles.

    Raises:
        ValueError: a trace that is empty, not finite or of three dimensions; a rate not above
            0; levels not increasing; a constant trace without levels; no level ever reached.
    """
    traces = np.atleast_2d(np.asarray(angle_rad, float))
    if traces.ndim != 2 or traces.shape[1] < 2 or not np.all(np.isfinite(traces)):
        raise ValueError("angle_rad must be finite and of shape (n,) or (trajectories, n), n >= 2")
    require_positive(sample_rate_hz=sample_rate_hz)
    low, high = _two_means(traces) if levels_rad is None else levels_rad
    if not low < high:
        raise ValueError(f"levels_rad must be (lower, higher), but is ({low}, {high})")
    stays: tuple[list[int], list[int]] = ([], [])
    totals, exits = [0, 0], [0, 0]
    for trace in traces:
        state = _hold(trace, low, high)
        jumps = np.flatnonzero(np.diff(state)) + 1
        for begin, end in zip([0, *jumps], [*jumps, state.size], strict=True):
            if begin == end:
                continue
            well = int(state[begin])
            totals[well] += int(end - begin)
            exits[well] += int(end < state.size)
            if begin > 0 and end < state.size:
                stays[well].append(int(end - begin))
    if sum(totals) == 0:
        raise ValueError(f"angle_rad must reach one of the levels, {low} or {high}, but does not")
    a, b = (
        _well(np.array(stays[i]) / sample_rate_hz, totals[i] / sample_rate_hz, exits[i])
        for i in (0, 1)
    )
    return ResidenceTimes(
        a=a, b=b, fraction_b=totals[1] / sum(totals), levels_rad=(float(low), float(high))
    )


def _hold(trace: NDArray[np.float64], low: float, high: float) -> NDArray[np.int8]:
    """0 in A, 1 in B, from the first level reached on."""
    label = np.where(trace >= high, 1, np.where(trace <= low, 0, -1)).astype(np.int8)
    last = np.maximum.accumulate(np.where(label >= 0, np.arange(trace.size), -1))
    return label[last[last >= 0]]


def _two_means(traces: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(traces.min()), float(traces.max())
    if low == high:
        raise ValueError("angle_rad must vary for its wells to be found; give levels_rad")
    for _ in range(200):
        upper = traces > 0.5 * (low + high)
        means = float(traces[~upper].mean()), float(traces[upper].mean())
        if means == (low, high):
            break
        low, high = means
    return low, high


def _well(stays_s: NDArray[np.float64], total_s: float, exits: int) -> WellResidence:
    mean_s = total_s / exits if exits else math.nan
    # The stays between two seen jumps are the short ones: below 1 their spread means nothing.
    spread = max(1.0, float(stays_s.std(ddof=1) / stays_s.mean())) if stays_s.size > 1 else 1.0
    return WellResidence(
        mean_s=mean_s,
        error_s=mean_s * spread / math.sqrt(exits) if exits else math.nan,
        total_s=total_s,
        exits=exits,
        stays_s=stays_s,
    )
