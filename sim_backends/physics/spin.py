"""One NV class as the kernels see it: levels, populations and torque in closed form.

With b = (gamma/2pi) B / D, the levels l (in units of D) solve the characteristic equation of
H = D Sz^2 + gamma B.S:   l^3 - 2 l^2 + (1 - b^2) l + b^2 - b_par^2 = 0.
A rotation leaves b^2 alone, so one Newton step from the last position follows the levels between
two exact solutions, and
  dl/d(b_par^2) = 1/f',   f' = 3 l^2 - 4 l + 1 - b^2,
  |<0|l>|^2 = ((l - 1)^2 - b_par^2)/f',  |<+-1|l>|^2 = (l (l - 1 +- b_par) - b_perp^2/2)/f'
give torque and mixing without an eigenvector. Index 0, 1, 2 of a level is |0>, lower, upper.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sim_backends.physics.kernel import kernel

_LEAST_GAP = 1e-12


@kernel(nogil=True, error_model="numpy")
def exact_levels(b_square: float, par_square: float) -> tuple[float, float]:
    """The ground and the lower magnetic level by the trigonometric solution of the cubic.

    Args:
        b_square: square of the field over D.
        par_square: square of its component along the axis.

    Returns:
        Levels in units of D, to 1e-8; the upper one is 2 minus both.
    """
    third_p = -(1.0 / 3.0 + b_square) / 3.0
    half_q = 1.0 / 27.0 + b_square / 6.0 - 0.5 * par_square
    radius = math.sqrt(-third_p)
    cosine = min(max(-half_q / radius**3, -1.0), 1.0)
    angle = math.acos(cosine) / 3.0
    ground = 2.0 / 3.0 + 2.0 * radius * math.cos(angle + 2.0 * math.pi / 3.0)
    lower = 2.0 / 3.0 + 2.0 * radius * math.cos(angle - 2.0 * math.pi / 3.0)
    return ground, lower


@kernel(nogil=True, error_model="numpy", inline="always")
def _gaps(level: float, b_square: float) -> float:
    """Product of a level's gaps to the others, the derivative f'; never zero, as at no field."""
    gaps = (3.0 * level - 4.0) * level + 1.0 - b_square
    return gaps if abs(gaps) > _LEAST_GAP else _LEAST_GAP


@kernel(nogil=True, error_model="numpy", inline="always")
def follow_level(level: float, b_square: float, par_square: float) -> float:
    """One Newton step of a level towards the root of the characteristic equation."""
    value = ((level - 2.0) * level + 1.0 - b_square) * level + b_square - par_square
    return level - value / _gaps(level, b_square)


@kernel(nogil=True, error_model="numpy", inline="always")
def level_slope(level: float, b_square: float) -> float:
    """d(level)/d(b_par^2) at fixed b^2; bounded where two levels meet, at no field."""
    return 1.0 / _gaps(level, b_square)


@kernel(nogil=True, error_model="numpy")
def mixing(
    levels: NDArray[np.float64], b_par: float, b_square: float, out: NDArray[np.float64]
) -> None:
    """Weights |<m|l>|^2 of the basis states m = 0, -1, +1 in each level.

    Args:
        levels: the three levels in units of D, shape (3,).
        b_par: field along the axis over D.
        b_square: square of the field over D.
        out: receives the weights, shape (3 levels, 3 states); rows and columns sum to 1.
    """
    perp_half = 0.5 * (b_square - b_par * b_par)
    for i in range(3):
        level = levels[i]
        slope = level_slope(level, b_square)
        out[i, 0] = ((level - 1.0) ** 2 - b_par * b_par) * slope
        out[i, 1] = (level * (level - 1.0 - b_par) - perp_half) * slope
        out[i, 2] = (level * (level - 1.0 + b_par) - perp_half) * slope


@kernel(nogil=True, error_model="numpy")
def static_rates(
    weights: NDArray[np.float64],
    pump_rate: float,
    single_quantum_rate: float,
    double_quantum_rate: float,
    out: NDArray[np.float64],
) -> None:
    """Transition rates between the mixed levels without microwaves.

    The jumps |a><b| between basis states at rate k_ab become, for populations of the mixed
    levels, R(i -> j) = sum_ab k_ab |<j|a>|^2 |<b|i>|^2 (the coherences turn at GHz).

    Args:
        weights: from `mixing`, shape (3, 3).
        pump_rate: optical pumping |+-1> -> |0>, s^-1 (`002`, SM Sec. VI).
        single_quantum_rate: relaxation between |0> and |+-1>, s^-1.
        double_quantum_rate: relaxation between |-1> and |+1>, s^-1.
        out: receives R[i, j] for i != j, shape (3, 3), s^-1.
    """
    for i in range(3):
        for j in range(3):
            if i == j:
                out[i, j] = 0.0
                continue
            into_dark = weights[j, 0] * (1.0 - weights[i, 0])
            out_of_dark = (1.0 - weights[j, 0]) * weights[i, 0]
            double = weights[j, 1] * weights[i, 2] + weights[j, 2] * weights[i, 1]
            out[i, j] = (
                pump_rate * into_dark
                + single_quantum_rate * (into_dark + out_of_dark)
                + double_quantum_rate * double
            )


@kernel(nogil=True, error_model="numpy")
def fitted_theta(rates: NDArray[np.float64], step_s: float) -> float:
    """Weight of the step's end for which `step_populations` is exact for the decay of p_0.

    With z the decay's rate times the step, (1 - (1 - theta) z)/(1 + theta z) = exp(-z) gives
    theta = 1/(1 - exp(-z)) - 1/z: 1/2 for slow spins, 1 for those that decay within a step and
    on which the trapezoidal rule would ring.

    Args:
        rates: static rates R[i, j], shape (3, 3), s^-1.
        step_s: length of the step.
    """
    # p_0 decays by itself where both magnetic levels empty alike, as they all but do in light.
    decay = rates[0, 1] + rates[0, 2] + 0.5 * (rates[1, 0] + rates[2, 0])
    return theta_of(step_s * decay)


@kernel(nogil=True, error_model="numpy")
def theta_of(z: float) -> float:
    """The weight of `fitted_theta` for a decay by exp(-z) in a step."""
    if z < 1e-3:
        return 0.5 + z / 12.0
    return -1.0 / math.expm1(-z) - 1.0 / z


@kernel(nogil=True, error_model="numpy", inline="always")
def step_populations(
    lower: float,
    upper: float,
    rates: NDArray[np.float64],
    drive_lower: tuple[float, float],
    drive_upper: tuple[float, float],
    implicit: float,
    step_s: float,
) -> tuple[float, float]:
    """Step of the populations of one class by the theta rule (A-stable, second order).

    Args:
        lower: population of the lower magnetic level; the ground level has 1 - lower - upper.
        upper: population of the upper magnetic level.
        rates: static rates R[i, j], shape (3, 3), s^-1.
        drive_lower: microwave rate |0> <-> lower at the start and at the end of the step, s^-1.
        drive_upper: the same for |0> <-> upper.
        implicit: theta from `fitted_theta`; 0.5 is the trapezoidal rule.
        step_s: length of the step.
    """
    explicit_s, implicit_s = (1.0 - implicit) * step_s, implicit * step_s
    from_lower = rates[1, 0] + rates[1, 2] + rates[0, 1]
    from_upper = rates[2, 0] + rates[2, 1] + rates[0, 2]
    lower_upper = rates[2, 1] - rates[0, 1]
    upper_lower = rates[1, 2] - rates[0, 2]
    # d lower/dt = s0 - a lower + b upper,  d upper/dt = s1 - c upper + d lower
    w, u = drive_lower[0], drive_upper[0]
    first = (rates[0, 1] + w) - (from_lower + 2 * w) * lower + (lower_upper - w) * upper
    second = (rates[0, 2] + u) - (from_upper + 2 * u) * upper + (upper_lower - u) * lower
    w, u = drive_lower[1], drive_upper[1]
    first = lower + explicit_s * first + implicit_s * (rates[0, 1] + w)
    second = upper + explicit_s * second + implicit_s * (rates[0, 2] + u)
    m00 = 1.0 + implicit_s * (from_lower + 2 * w)
    m01 = -implicit_s * (lower_upper - w)
    m10 = -implicit_s * (upper_lower - u)
    m11 = 1.0 + implicit_s * (from_upper + 2 * u)
    scale = 1.0 / (m00 * m11 - m01 * m10)
    return (m11 * first - m01 * second) * scale, (m00 * second - m10 * first) * scale
