"""Cross-relaxation between the four NV classes of a dense diamond (`002`, SM Sec. VI)."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def relaxation_rates(
    levels: NDArray[np.float64],
    zero_field_splitting_hz: float,
    relaxation_rate: float,
    cross_relaxation_rate: float,
    width_hz: float,
    out: NDArray[np.float64],
) -> None:
    """1/T1_i = 1/T1_0 + sum_j exp(-(nu_i - nu_j)^2/(2 sigma^2))/T1_dd (`002`, SM Sec. VI).

    Args:
        levels: of each class, ground and lower first, in units of D, shape (4, 2 or more).
        zero_field_splitting_hz: D.
        relaxation_rate: 1/T1_0, s^-1.
        cross_relaxation_rate: 1/T1_dd, s^-1; 0 switches the interaction off.
        width_hz: sigma.
        out: receives the rates, shape (4,), s^-1.
    """
    for i in range(4):
        out[i] = relaxation_rate
        for j in range(4):
            if i != j:
                gap = (levels[i, 1] - levels[i, 0]) - (levels[j, 1] - levels[j, 0])
                x = gap * zero_field_splitting_hz / width_hz
                out[i] += cross_relaxation_rate * math.exp(-0.5 * x * x)
