"""Optical Bloch equations with pure dephasing: what microwave pulses do to one transition.

With u, v the coherence, w = p_0 - p_1, O the angular Rabi frequency, D the detuning:
du/dt = -u/T2* + D v, dv/dt = -v/T2* - D u + O w, dw/dt = -O v (Torrey, Phys. Rev. 76 (1949) 1059,
with relaxation of u and v alone).
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


def inversion(
    time_s: ArrayLike,
    rabi_rad_s: ArrayLike,
    t2star_s: ArrayLike,
    detuning_square: ArrayLike = 0.0,
) -> Floats:
    """What w is after a pulse on w = 1.

    It depends on the square of the detuning alone, and on that as smoothly below zero as above,
    so a fit of the square has no edge at resonance.

    Args:
        time_s: length of the pulse, shape (n,) or ().
        rabi_rad_s: O, shape (m,) or ().
        t2star_s: T2*, the same.
        detuning_square: D^2 in rad^2/s^2, the same; above -1/T2*^2, where w would grow.

    Returns:
        Shape (m, n); a shape of () leaves its axis out.
    """
    t = np.asarray(time_s, dtype=np.float64)
    generator = _generator(rabi_rad_s, t2star_s, detuning_square)
    rates, vectors, inverse, apart = _modes(generator)
    weights = vectors[..., 2, :] * inverse[..., :, 2]
    w = np.real(np.exp(rates[..., None, :] * t.reshape(-1, 1)) @ weights[..., None])[..., 0]
    if not np.all(apart):
        w[~apart] = expm(generator[~apart][:, None] * t.reshape(-1, 1, 1))[..., 2, 2]
    return w.reshape((*generator.shape[:-2], *t.shape))


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
    gap_s: ArrayLike,
    *,
    rabi_rad_s: ArrayLike,
    t2star_s: ArrayLike,
    detuning_square: ArrayLike,
    pulse_s: float,
) -> Floats:
    """What w is after pulse - gap - pulse on w = 1, with detuning and dephasing in the pulses too.

    Args:
        gap_s: free precession, shape (n,).
        rabi_rad_s: O during the pulses, shape (m,) or ().
        t2star_s: T2*, the same.
        detuning_square: D^2 in rad^2/s^2, the same; as in `inversion`.
        pulse_s: length of each pulse.

    Returns:
        Shape (m, n) or (n,).
    """
    gap = np.asarray(gap_s, dtype=np.float64)
    pulse = _exponential(_generator(rabi_rad_s, t2star_s, detuning_square), pulse_s)
    u, v, w = (pulse[..., i, 2][..., None] for i in range(3))
    to_u, to_v, to_w = (pulse[..., 2, i][..., None] for i in range(3))
    t2star = np.asarray(t2star_s, dtype=np.float64)[..., None]
    square = np.asarray(detuning_square, dtype=np.float64)[..., None]
    angle = np.sqrt(square + 0j) * gap
    # The sine over D, which is even in D as well.
    left, cosine = np.exp(-gap / t2star), np.real(np.cos(angle))
    sine = gap * np.real(np.sinc(angle / np.pi))
    turned_u = left * (cosine * u + sine / t2star * v)
    turned_v = left * (cosine * v - square * sine * t2star * u)
    return to_u * turned_u + to_v * turned_v + to_w * w


def _generator(rabi_rad_s: ArrayLike, t2star_s: ArrayLike, detuning_square: ArrayLike) -> Floats:
    """d/dt of (u/(D T2*), v, w), (..., 3, 3), in which only the square of D is left."""
    rabi, t2star, square = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.float64) for value in (rabi_rad_s, t2star_s, detuning_square))
    )
    generator = np.zeros((*rabi.shape, 3, 3))
    generator[..., 0, 0] = generator[..., 1, 1] = -1.0 / t2star
    generator[..., 0, 1], generator[..., 1, 0] = 1.0 / t2star, -square * t2star
    generator[..., 1, 2], generator[..., 2, 1] = rabi, -rabi
    return generator


def _modes(generator: Floats) -> tuple[Any, Any, Any, NDArray[np.bool_]]:
    """Rates, eigenvectors and their inverse; the last is False where they are not well apart."""
    rates, vectors = np.linalg.eig(generator)
    apart = np.asarray(np.linalg.cond(vectors) < WELL_APART)
    inverse = np.linalg.inv(np.where(apart[..., None, None], vectors, np.eye(3)))
    return rates, vectors, inverse, apart


def _exponential(generator: Floats, time_s: float) -> Floats:
    """exp(generator time); by eigenvectors, many times faster, where they are well apart."""
    rates, vectors, inverse, apart = _modes(generator)
    result = np.real((vectors * np.exp(rates * time_s)[..., None, :]) @ inverse)
    if not np.all(apart):
        result[~apart] = expm(generator[~apart] * time_s)
    return result
