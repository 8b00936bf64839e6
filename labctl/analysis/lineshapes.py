"""Lineshapes of a spin resonance, each with its derivatives for a fast fit.

A line is A u(x, q): u is the normalised profile with u = 1 at its top, x = (f - f0) / h with h
the half width at half maximum, q = p / h the pull (zero but for `pulled_lorentzian`).
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import dawsn

Floats = NDArray[np.float64]

BISTABLE_PULL = 8 / (3 * np.sqrt(3))
"""Pull in half widths beyond which the pulled line has two stable branches."""


class Lineshape(StrEnum):
    """How one resonance looks."""

    LORENTZIAN = "lorentzian"
    GAUSSIAN = "gaussian"
    PULLED_LORENTZIAN = "pulled_lorentzian"


def lorentzian(
    frequency_hz: ArrayLike, center_hz: float, fwhm_hz: float, amplitude: float
) -> Floats:
    """`amplitude` / (1 + x^2), x = (f - f0) / (FWHM/2); unit of `amplitude`, shape of f."""
    x = (np.asarray(frequency_hz, dtype=np.float64) - center_hz) / (fwhm_hz / 2)
    return amplitude / (1 + x * x)


def gaussian(frequency_hz: ArrayLike, center_hz: float, fwhm_hz: float, amplitude: float) -> Floats:
    """`amplitude` exp(-ln2 x^2), x = (f - f0) / (FWHM/2); unit of `amplitude`, shape of f."""
    x = (np.asarray(frequency_hz, dtype=np.float64) - center_hz) / (fwhm_hz / 2)
    return amplitude * np.exp(-np.log(2) * x * x)


def pulled_lorentzian(
    frequency_hz: ArrayLike, center_hz: float, fwhm_hz: float, amplitude: float, pull_hz: float
) -> Floats:
    """A Lorentzian that its own torque shifts while it is driven.

    The driven spins turn the diamond by phi, and the transition moves with it (Delord et al.
    2020, the self-consistent angle phi = I / (kappa + (Delta + G_B phi)^2)):

        y = A / (1 + ((f - f0 + p y/A) / h)^2),   h = FWHM/2,   p = G_B phi_max / 2 pi.

    A static torque lowers the energy of the state that was driven, so the line falls by p > 0
    at full signal on both branches: |-1> turns the diamond towards the field, |+1> away from
    it, and both transitions drop. The top stands at f0 - p; `center_hz` is the transition of
    the undriven diamond, which the tails tell. Above p = 8 h / (3 sqrt 3) two branches are
    stable; there the profile steps in the middle of the hysteresis loop.

    Args:
        frequency_hz: any shape.
        center_hz: f0.
        fwhm_hz: width of the line without pull.
        amplitude: height, of either sign.
        pull_hz: p.
    """
    half = fwhm_hz / 2
    x = (np.asarray(frequency_hz, dtype=np.float64) - center_hz) / half
    return amplitude * solve_pulled(x, np.full_like(x, pull_hz / half))


def solve_pulled(x: Floats, q: Floats) -> Floats:
    """The root u in (0, 1] of u (1 + (x + q u)^2) = 1, elementwise.

    Newton's method runs on one side of the cubic's inflection only, from the end of the
    interval where it approaches the root monotonically, so it cannot overshoot.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        inflection = np.where(q != 0, -2 * x / (3 * q), 1.0)
    inflection = np.clip(np.nan_to_num(inflection, nan=1.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    above = inflection * (1 + (x + q * inflection) ** 2) >= 1
    u = np.where(above, 0.0, 1.0)
    for _ in range(60):
        qu = q * u
        s = x + qu
        rise = 1 + s * s
        slope = rise + 2 * qu * s
        if np.min(slope, initial=1.0) <= 1e-12:
            slope = np.where(np.abs(slope) > 1e-12, slope, 1e-12)
        step = (u * rise - 1) / slope
        u = np.minimum(np.maximum(u - step, 0.0), 1.0)
        if np.max(np.abs(step), initial=0.0) < 1e-13:
            break
    return u


def profile(shape: Lineshape, x: Floats, q: Floats) -> tuple[Floats, Floats, Floats]:
    """u(x, q) and its derivatives by x and by q, all of the shape of `x`."""
    if shape is Lineshape.GAUSSIAN:
        u = np.exp(-np.log(2) * x * x)
        return u, -2 * np.log(2) * x * u, np.zeros_like(x)
    if shape is Lineshape.LORENTZIAN:
        u = 1 / (1 + x * x)
        return u, -2 * x * u * u, np.zeros_like(x)
    u = solve_pulled(x, q)
    s = x + q * u
    # At a fold the true slope is infinite; a fit needs a finite one.
    du_dx = -2 * u * s / np.maximum(1 + s * s + 2 * u * q * s, 0.05)
    return u, du_dx, u * du_dx


def dispersive_profile(shape: Lineshape, x: Floats) -> tuple[Floats, Floats]:
    """The dispersion that belongs to a line by Kramers and Kronig, and its derivative by x.

    x/(1 + x^2) for a Lorentzian, 2/sqrt(pi) D(sqrt(ln2) x) with Dawson's D for a Gaussian (DLMF
    Eq. 7.5.1). A line A u + B times this is a Fano line
    F (q + x)^2/(1 + x^2) less its offset: A = F (q^2 - 1), B = 2 q F (Fano, Phys. Rev. 124 (1961)
    1866, Eq. 21).
    """
    if shape is Lineshape.GAUSSIAN:
        z = np.sqrt(np.log(2)) * x
        dawson = np.asarray(dawsn(z), dtype=np.float64)
        return 2 / np.sqrt(np.pi) * dawson, 2 * np.sqrt(np.log(2) / np.pi) * (1 - 2 * z * dawson)
    size = 1 / (1 + x * x)
    return x * size, (1 - x * x) * size * size
