"""Optical Bloch equations with pure dephasing: what microwave pulses do to one transition.

With u, v the coherence, w = p_0 - p_1, O the angular Rabi frequency, D the detuning:
du/dt = -u/T2* + D v, dv/dt = -v/T2* - D u + O w, dw/dt = -O v.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import expm
from scipy.optimize import brentq

Floats = NDArray[np.float64]

SATURATED = 0.05
"""What is left of w when a saturating pulse may end."""

WELL_APART = 1e6
"""Condition of eigenvectors that leaves ten digits."""


def inversion(time_s: ArrayLike, rabi_rad_s: float, t2star_s: float) -> Floats:
    """What w is after a resonant pulse on w = 1: a damped oscillator.

    exp(-t/2T) [cos O't + sin(O't)/(2 T O')] with O'^2 = O^2 - 1/(2T)^2; hyperbolic below zero.

    Args:
        time_s: any shape.
        rabi_rad_s: O.
        t2star_s: T.
    """
    t = np.asarray(time_s, dtype=np.float64)
    half = 0.5 / t2star_s
    square = rabi_rad_s**2 - half**2
    if square > 0:
        turn = np.sqrt(square)
        return np.exp(-half * t) * (np.cos(turn * t) + half * t * np.sinc(turn * t / np.pi))
    root = np.sqrt(-square)
    # exp(-half t) cosh(root t) without overflow.
    slow, fast = np.exp(-(half - root) * t), np.exp(-(half + root) * t)
    ratio = half / root if root > 0 else 0.0
    if root * np.max(t, initial=0.0) < 1e-6:
        return np.exp(-half * t) * (1 + half * t)
    return 0.5 * ((slow + fast) + ratio * (slow - fast))


def pi_time(rabi_rad_s: float, t2star_s: float) -> float:
    """When a resonant pulse inverts most, s; infinite where it never does (O T2* <= 1/2)."""
    square = rabi_rad_s**2 - 0.25 / t2star_s**2
    return float(np.pi / np.sqrt(square)) if square > 0 else float("inf")


def saturation_time(rabi_rad_s: float, t2star_s: float) -> float:
    """When a resonant pulse has first brought w down to `SATURATED`, s."""
    latest = 10 * (1 / (rabi_rad_s**2 * t2star_s) + t2star_s)
    found: Any = brentq(
        lambda t: float(inversion(t, rabi_rad_s, t2star_s)) - SATURATED, 0.0, latest
    )
    return float(found)


def rabi_of_pi_time(pi_time_s: float, t2star_s: float) -> float:
    """The angular Rabi frequency whose `pi_time` is this."""
    return float(np.hypot(np.pi / pi_time_s, 0.5 / t2star_s))


def ramsey_inversion(
    gap_s: ArrayLike, *, rabi_rad_s: float, t2star_s: float, detuning_rad_s: float, pulse_s: float
) -> Floats:
    """What w is after pulse - gap - pulse on w = 1, with detuning and dephasing in the pulses too.

    Args:
        gap_s: free precession, shape (n,).
        rabi_rad_s: O during the pulses.
        t2star_s: T2*.
        detuning_rad_s: D.
        pulse_s: length of each pulse.
    """
    gap = np.asarray(gap_s, dtype=np.float64)
    decay, turn = 1.0 / t2star_s, detuning_rad_s
    generator = np.array(
        [[-decay, turn, 0.0], [-turn, -decay, rabi_rad_s], [0.0, -rabi_rad_s, 0.0]]
    )
    pulse = _exponential(generator, pulse_s)
    u, v, w = pulse @ np.array([0.0, 0.0, 1.0])
    left, cosine, sine = np.exp(-gap * decay), np.cos(turn * gap), np.sin(turn * gap)
    u, v = left * (cosine * u + sine * v), left * (cosine * v - sine * u)
    return pulse[2, 0] * u + pulse[2, 1] * v + pulse[2, 2] * w


def _exponential(generator: Floats, time_s: float) -> Floats:
    """exp(generator time); by eigenvectors, many times faster, where they are well apart."""
    rates, vectors = np.linalg.eig(generator)
    if np.linalg.cond(vectors) > WELL_APART:
        return np.asarray(expm(generator * time_s), dtype=np.float64)
    return np.real((vectors * np.exp(rates * time_s)) @ np.linalg.inv(vectors))
