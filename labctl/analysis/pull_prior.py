"""What the lines of one spectrum say together about how far the torque pulls them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.line_model import LineModel

Floats = NDArray[np.float64]

LINES_NEEDED = 4

CLASS_SPREAD = 0.3
"""By what part of their mean the pulls differ at least, as the classes' angles differ."""


def common_pull(
    model: LineModel, parameters: Floats, covariance: Floats
) -> tuple[float, float] | None:
    """Mean and spread of the pulls in MHz, as a prior for each of them.

    The pull trades against the position of its line, so one line alone tells both poorly, while
    the lines of one spectrum are pulled by comparable torques. The spread is the between-lines
    variance of DerSimonian and Laird (Control. Clin. Trials 7 (1986) 177, Eq. 9), taken one
    standard deviation of their statistic high: pulls that differ more than their errors stay
    as they are.

    Args:
        model: a model of pulled lines.
        parameters: its parameters.
        covariance: of `parameters`.

    Returns:
        Mean and standard deviation, or None when there are fewer than four lines.
    """
    lines, _ = model.split(parameters)
    m = len(lines)
    if m < LINES_NEEDED:
        return None
    pulls = lines[:, 3]
    variance = np.diag(covariance)[: lines.size].reshape(lines.shape)[:, 3]
    weight = 1 / variance
    mean = np.average(pulls, weights=weight)
    statistic = np.sum(weight * (pulls - mean) ** 2)
    excess = statistic - (m - 1) + np.sqrt(2 * (m - 1))
    between = max(excess, 0.0) / (weight.sum() - np.sum(weight**2) / weight.sum())
    # Weights that allow for the spread, so that one precise line does not set the mean alone.
    weight = 1 / (variance + between)
    mean = float(np.average(pulls, weights=weight))
    spread = np.sqrt(between + 1 / weight.sum() + (CLASS_SPREAD * mean) ** 2)
    return mean, float(spread)
