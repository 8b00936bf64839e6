"""A resonance that its own torque pulls along: the S-shaped curve and where it folds back.

The angle turns in proportion to the magnetisation, and the line moves with the angle. With the
microwave at f, the line at f0 in the dark, and u the detuning from where the line is now,

    f = f0 + u - P L(u),   L(u) = w^2/(w^2 + u^2)

(`000`, SI Sec. D.1). The excited level is the one the torque favours, so the line always moves
down: P > 0. Above P/w = 8/(3 sqrt 3) the curve folds back at two frequencies below resonance.

A line that is not straight in the angle moves by P (eta - b eta^2/2) at the relative angle eta,
and the torque, its slope, weakens in step: eta = (1 - b eta) L(u), b = P nu''/nu'^2.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from labctl.analysis.nv_model import NV_AXES, ZERO_FIELD_SPLITTING_HZ, transition_frequencies_hz

Floats = NDArray[np.float64]

CRITICAL_PULL = 8 / (3 * math.sqrt(3))
"""P/w above which the angle is bistable."""


def fold_detunings_hz(
    pull_hz: float, half_width_hz: float, bend_per_hz: float = 0.0
) -> tuple[float, float] | None:
    """Where the curve folds back, from the dark resonance, in Hz.

    Args:
        pull_hz: P, how far the line would move if it were straight and driven on resonance.
        half_width_hz: w, half width at half maximum of the saturated line.
        bend_per_hz: see `line_bend_per_hz`; 0 is a line straight in the angle.

    Returns:
        (lower, upper), both negative: a sweep down falls off the upper branch at the lower one,
        a sweep up leaves the lower branch at the upper one. None without bistability.
    """
    bend, ratio = bend_per_hz * pull_hz, pull_hz / half_width_hz

    def slope(x: float) -> float:
        """Slope d f/d u at u = w x, with the angle eta = L/(1 + bend L)."""
        line = 1 / (1 + x * x)
        eta = line / (1 + bend * line)
        by_line = 1 / (1 + bend * line) ** 2
        return 1 - ratio * (1 - bend * eta) * by_line * (-2 * x * line * line)

    x = np.concatenate([[0.0], -np.geomspace(1e-6, 1e3, 4000)])
    signs = np.sign([slope(value) for value in x])
    turns = np.flatnonzero(signs[1:] != signs[:-1])
    if turns.size != 2:
        return None
    folds = []
    for i in turns:
        at = find_root(slope, x[i], x[i + 1])
        line = 1 / (1 + at * at)
        eta = line / (1 + bend * line)
        folds.append(half_width_hz * at - pull_hz * (eta - 0.5 * bend * eta**2))
    return min(folds), max(folds)


def fold_slopes(pull_hz: float, half_width_hz: float, bend_per_hz: float = 0.0) -> Floats | None:
    """Derivatives of (lower, upper) with respect to (pull, half width), (2, 2); None as above."""
    out = np.empty((2, 2))
    for column in range(2):
        values = []
        for sign in (1, -1):
            factor = np.ones(2)
            factor[column] += sign * 1e-5
            folds = fold_detunings_hz(factor[0] * pull_hz, factor[1] * half_width_hz, bend_per_hz)
            if folds is None:
                return None
            values.append(np.array(folds))
        out[:, column] = (values[0] - values[1]) / (2e-5 * (pull_hz, half_width_hz)[column])
    return out


def line_bend_per_hz(resonance_hz: float, field_t: float) -> float | None:
    """How a transition bends as the diamond turns: nu''/nu'^2 in 1/Hz.

    The angle between NV axis and field follows from the transition and the size of the field;
    for a rotation that changes it, nu' and nu'' are its derivatives.

    Args:
        resonance_hz: the transition in the dark.
        field_t: size of the magnetic field, T.

    Returns:
        The bend, positive where a line that is pulled down flattens; None where no angle gives
        this transition, or where it is stationary.
    """

    def line(angle: float) -> float:
        field = field_t * (math.cos(angle) * NV_AXES[0] + math.sin(angle) * _ACROSS)
        return float(transition_frequencies_hz(field)[0, level])

    level = int(resonance_hz > ZERO_FIELD_SPLITTING_HZ)
    ends = 1e-3, math.pi / 2 - 1e-3
    if (line(ends[0]) - resonance_hz) * (line(ends[1]) - resonance_hz) >= 0:
        return None
    angle = find_root(lambda at: line(at) - resonance_hz, *ends)
    step = 1e-3
    low, middle, high = (line(angle + k * step) for k in (-1, 0, 1))
    first, second = (high - low) / (2 * step), (high - 2 * middle + low) / step**2
    return second / first**2 if first else None


def find_root(function: Callable[[float], float], low: float, high: float) -> float:
    """Root of a function that changes sign between two points."""
    root, _ = brentq(function, low, high, full_output=True)
    return float(root)


_ACROSS = np.array([1.0, -1.0, 0.0]) / math.sqrt(2)


def noisy_line(
    detuning_hz: ArrayLike, half_width_hz: float, variance_hz2: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """A function of a noisy detuning whose mean is the line at the true one.

    With Gaussian noise of variance s the mean of L - s L''/2 + s^2 L''''/8 - s^3 L''''''/48 of the
    noisy detuning is L of the true one up to order s^4; L = Re(w/z) with z = w - iu.

    Args:
        detuning_hz: u with noise, any shape.
        half_width_hz: w.
        variance_hz2: s of that noise, same shape or a scalar.

    Returns:
        The function and its derivatives with respect to u and w (s held), same shape.
    """
    u, s = np.asarray(detuning_hz, dtype=float), np.asarray(variance_hz2, dtype=float)
    inverse = np.empty(np.shape(u), dtype=complex)
    size = 1.0 / (half_width_hz * half_width_hz + u * u)
    inverse.real, inverse.imag = half_width_hz * size, u * size
    square = inverse * inverse
    first = s * square
    value = half_width_hz * inverse * (1.0 + first * (1.0 + first * (3.0 + 15.0 * first)))
    by_z = -half_width_hz * square * (1.0 + first * (3.0 + first * (15.0 + 105.0 * first)))
    return value.real, by_z.imag, value.real / half_width_hz + by_z.real


def steepness(detuning_hz: ArrayLike, half_width_hz: float, variance_hz2: ArrayLike) -> Floats:
    """A function of a noisy detuning whose mean is (dL/du)^2 at the true one, in first order of s.

    Args:
        detuning_hz: u with noise, any shape.
        half_width_hz: w.
        variance_hz2: s of that noise, same shape or a scalar.

    Returns:
        (dL/du)^2 - s/2 of its second derivative, 1/Hz^2, same shape.
    """
    u, s = np.asarray(detuning_hz, dtype=float), np.asarray(variance_hz2, dtype=float)
    square = half_width_hz * half_width_hz
    line = 1.0 / (1.0 + u * u / square)
    # (w dL/du)^2 = 4 (L^3 - L^4), and (L^n)'' = 2n (2n + 1) L^(n+1) - 4n (n + 1) L^(n+2) in u/w.
    less = (84.0 - 240.0 * line + 160.0 * line * line) * s / square
    return line**3 * (4.0 - 4.0 * line - line * less) / square
