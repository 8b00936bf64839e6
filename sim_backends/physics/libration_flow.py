"""Right-hand side of the spin-libration equations and its Jacobian (`000`, SI Eqs. 8 and 10-12)."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim_backends.physics.spin_libration import Lineshape, SpinLibration


def line_profile(lineshape: Lineshape, x: float) -> tuple[float, float]:
    """Profile L(x) of the microwave rate and its logarithmic slope L'/L.

    Args:
        lineshape: 1/(1 + x^2) or exp(-x^2).
        x: detuning times T2*, dimensionless.
    """
    if lineshape is Lineshape.GAUSSIAN:
        return math.exp(-x * x), -2.0 * x
    profile = 1.0 / (1.0 + x * x)
    return profile, -2.0 * x * profile


def microwave_rate(p: SpinLibration, angle_rad: float) -> tuple[float, float]:
    """Microwave rate W in s^-1 at an angle, and dW/dphi in s^-1 per rad.

    W = (Omega^2 T2*/2) L((Delta + G_B phi) T2*) (`000`, SI Eqs. 11 and 12).
    """
    profile, slope = line_profile(p.lineshape, scaled_detuning(p, angle_rad))
    rate = p.peak_rate * profile
    return rate, rate * slope * p.gradient_s * p.t2star_s


def scaled_detuning(p: SpinLibration, angle_rad: float) -> float:
    """(Delta + G_B phi) T2*, dimensionless."""
    return (p.detuning_s + p.gradient_s * angle_rad) * p.t2star_s


def flow(p: SpinLibration, state: ArrayLike) -> NDArray[np.float64]:
    """Time derivative of the state, without the thermal torque.

    Args:
        p: the system.
        state: phi in rad, v in rad/s, S-1, S+1; shape (4,).

    Returns:
        Derivatives per second, shape (4,).
    """
    angle, velocity, lower, upper = (float(value) for value in np.asarray(state, float))
    rate, _ = microwave_rate(p, angle)
    k, q = p.relaxation
    ground = 1.0 - lower - upper
    return np.array([
        velocity,
        -(p.omega_rad_s**2) * angle - p.gamma_s * velocity + p.torque_s2 * (lower - upper),
        (rate + k) * (ground - lower) - p.pump_rate * lower + q * (upper - lower),
        k * (ground - upper) - p.pump_rate * upper + q * (lower - upper),
    ])  # fmt: skip


def jacobian(p: SpinLibration, state: ArrayLike) -> NDArray[np.float64]:
    """Jacobian of `flow` at a state, shape (4, 4): d(flow_i)/d(state_j)."""
    angle, _, lower, upper = (float(value) for value in np.asarray(state, float))
    rate, slope = microwave_rate(p, angle)
    return jacobian_at_rate(p, rate, slope, lower, upper)


def jacobian_at_rate(
    p: SpinLibration, rate: float, slope: float, lower: float, upper: float
) -> NDArray[np.float64]:
    """`jacobian` where the microwave rate is known instead of the drive, shape (4, 4).

    Args:
        p: the system; its Rabi frequency plays no role.
        rate: W, s^-1.
        slope: dW/dphi, s^-1 per rad.
        lower: S-1.
        upper: S+1.
    """
    k, q = p.relaxation
    drive = slope * (1.0 - 2.0 * lower - upper)
    return np.array([
        [0.0, 1.0, 0.0, 0.0],
        [-(p.omega_rad_s**2), -p.gamma_s, p.torque_s2, -p.torque_s2],
        [drive, 0.0, -(2.0 * (rate + k) + p.pump_rate + q), -(rate + k - q)],
        [0.0, 0.0, -(k - q), -(2.0 * k + p.pump_rate + q)],
    ])  # fmt: skip
