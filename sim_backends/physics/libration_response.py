"""Linear response around a stable equilibrium: spectrum, variances and temperatures.

The spins answer the angle with a delay, so that their torque is Gamma R(w) phi with

    R(w)     = (1, -1) (iw - M)^-1 (c, 0)^T,   c = dW/dphi (S0 - S-1)
    S_phi(w) = (2 g kB T/I) / |w_phi^2 - w^2 + i w g - Gamma R(w)|^2        (`000`, SI Eq. 14)

with M the 2x2 block of the populations in the Jacobian; xi(w) of the paper is R(w). The spins
themselves add no noise here: the projection noise of 1e8 of them is out of sight.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import Boltzmann
from scipy.linalg import solve_continuous_lyapunov

from sim_backends.physics.libration_equilibria import Equilibrium, equilibria
from sim_backends.physics.libration_flow import jacobian
from sim_backends.physics.spin_libration import SpinLibration


@dataclass(frozen=True)
class EffectiveTemperatures:
    """Temperatures of the mode under the reaction of the spins, K.

    They agree for spins that follow in much less than a period or hardly at all; in between the
    reaction is not a spring and a damper but a filter, and each figure is a different question.

    Attributes:
        damping_ratio: T gamma/gamma_eff, the paper's estimate.
        variance: I w_eff^2 <dphi^2>/kB.
        kinetic: I <v^2>/kB.
    """

    damping_ratio: float
    variance: float
    kinetic: float


def psd(
    p: SpinLibration, frequency_hz: ArrayLike, *, around: Equilibrium | None = None
) -> NDArray[np.float64]:
    """One-sided power spectral density of the angle, rad^2/Hz, as a spectrum analyser shows it.

    Its integral over f >= 0 is the variance of the angle, kB T/(I w^2) without spins. The
    paper's two-sided S_phi(w) (SI Eqs. 5 and 14) is half of it, and integrates to the variance
    over all w with dw/2pi; the paper drops the 2 pi.

    Args:
        p: the system.
        frequency_hz: f >= 0, any shape.
        around: which of `equilibria(p)`; needed only where two are stable.

    Returns:
        S_phi(f), same shape as `frequency_hz`.

    Raises:
        ValueError: frequency_hz negative or not finite, or no single stable equilibrium.
    """
    frequency = np.asarray(frequency_hz, float)
    if not np.all(np.isfinite(frequency) & (frequency >= 0.0)):
        raise ValueError("frequency_hz must be finite and >= 0")
    matrix = _jacobian_around(p, around)
    omega = 2.0 * np.pi * frequency
    k1 = 1j * omega - matrix[2, 2]
    k2 = 1j * omega - matrix[3, 3]
    spins = matrix[2, 0] * (k2 - matrix[3, 2]) / (k1 * k2 - matrix[2, 3] * matrix[3, 2])
    stiffness = p.omega_rad_s**2 - omega**2 + 1j * omega * p.gamma_s - p.torque_s2 * spins
    return 4.0 * p.gamma_s * p.kt_over_i / np.abs(stiffness) ** 2


def variances(p: SpinLibration, *, around: Equilibrium | None = None) -> tuple[float, float]:
    """Variances of the angle in rad^2 and of the velocity in (rad/s)^2, linear response.

    The exact integral of `psd`, from the Lyapunov equation J C + C J^T + D = 0 with
    D_vv = 2 g kB T/I.

    Raises:
        ValueError: no single stable equilibrium, or no damping and so no stationary state.
    """
    if p.damping_hz == 0.0:
        raise ValueError("damping_hz must be > 0 for a thermal state, but is 0.0")
    # In the units of the mode, the equation is well conditioned.
    scale = np.array([1.0, p.omega_rad_s, 1.0, 1.0])
    matrix = _jacobian_around(p, around) / scale[:, None] * scale[None, :]
    noise = np.zeros((4, 4))
    noise[1, 1] = 2.0 * p.gamma_s / p.omega_rad_s**2
    covariance = solve_continuous_lyapunov(matrix, -noise) * p.kt_over_i
    return float(covariance[0, 0]), float(covariance[1, 1] * p.omega_rad_s**2)


def effective_temperatures(
    p: SpinLibration, *, around: Equilibrium | None = None
) -> EffectiveTemperatures:
    """Temperatures of the mode by damping and by variance (`000`, Methods and SI Sec. C.2).

    Raises:
        ValueError: no single stable equilibrium, or no damping.
    """
    point = _stable(p, around)
    angle, velocity = variances(p, around=point)
    kelvin = p.moment_of_inertia / Boltzmann
    return EffectiveTemperatures(
        damping_ratio=p.temperature_k * p.damping_hz / point.damping_hz,
        variance=kelvin * (2.0 * math.pi * point.frequency_hz) ** 2 * angle,
        kinetic=kelvin * velocity,
    )


def _stable(p: SpinLibration, around: Equilibrium | None) -> Equilibrium:
    if around is not None:
        if not around.stable:
            raise ValueError(f"around must be stable, but the one at {around.angle_rad} rad is not")
        return around
    stable = [point for point in equilibria(p) if point.stable]
    if not stable:
        raise ValueError(
            "p must have a stable equilibrium, but its rest position oscillates: "
            "lower rabi_hz or detuning_hz"
        )
    if len(stable) > 1:
        angles = ", ".join(f"{point.angle_rad:.4g}" for point in stable)
        raise ValueError(f"around must be one of equilibria(p): stable at {angles} rad")
    return stable[0]


def _jacobian_around(p: SpinLibration, around: Equilibrium | None) -> NDArray[np.float64]:
    point = _stable(p, around)
    _, lower, upper = point.populations
    return jacobian(p, (point.angle_rad, 0.0, lower, upper))
