"""A detuning from its square, all that pulses on a line tell: near zero, how small it is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

RESOLVED = 3.0
"""Sigmas of the square from which the detuning is told apart from none."""
ONE_SIGMA, MOST = 0.6827, 0.95


class Detuning(NamedTuple):
    """The size of a detuning.

    Attributes:
        hz: its size, 0 where it is not told apart from none.
        error_hz: standard error; around 0, where 68 % of the probability ends.
        below_hz: where 95 % of the probability end.
        resolved: whether it is told apart from none.
    """

    hz: float
    error_hz: float
    below_hz: float
    resolved: bool


def detuning_of(square: float, error: float) -> Detuning:
    """The detuning D of a fitted D^2 with a normal error; D >= 0 is as probable everywhere before.

    Args:
        square: D^2 in rad^2/s^2, of either sign.
        error: its standard error, > 0.
    """
    turn = 2 * np.pi
    end = np.sqrt(max(square, 0.0) + 6 * error)
    grid = np.linspace(0, end, 4001)
    exponent = -0.5 * ((grid**2 - square) / error) ** 2
    share = np.cumsum(np.exp(exponent - exponent.max()))
    inside, most = np.interp([ONE_SIGMA, MOST], share / share[-1], grid) / turn
    if square <= RESOLVED * error:
        return Detuning(0.0, float(inside), float(most), False)
    size = float(np.sqrt(square))
    return Detuning(size / turn, error / (2 * size) / turn, float(most), True)
