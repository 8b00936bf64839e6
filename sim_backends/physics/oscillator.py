"""Libration of a trapped particle: the exact propagator of one damped mode with thermal noise.

x'' = -omega^2 x - gamma x' + a(t) + xi, with <xi xi'> = (2 gamma kB T / I) delta(t - t')
(`000`, SI Eqs. 4-5). Over one step the homogeneous motion, the noise and an acceleration that
is linear in time are all propagated without error.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.constants import Boltzmann

from sim_backends.physics.kernel import kernel

PA_PER_MBAR = 100.0


class StepPropagator(NamedTuple):
    """One step of length h of one mode under a(t) = a0 + a1 (t/h) + a2 (t/h)^2 and noise.

    x, v -> phi.(x, v) + const a0 + ramp a1 + bend a2 + noise: `phi_*` is the homogeneous
    propagator, `const_*`, `ramp_*` and `bend_*` the responses to the three accelerations,
    `noise_*` the lower Cholesky factor of the covariance of the thermal noise.
    """

    phi_xx: float
    phi_xv: float
    phi_vx: float
    phi_vv: float
    const_x: float
    const_v: float
    ramp_x: float
    ramp_v: float
    bend_x: float
    bend_v: float
    noise_xx: float
    noise_vx: float
    noise_vv: float


@kernel(nogil=True, error_model="numpy")
def step_propagator(
    omega_rad_s: float, gamma_s: float, step_s: float, kt_over_i: float
) -> StepPropagator:
    """Exact propagator of one mode over one step, under-, over- or critically damped.

    Args:
        omega_rad_s: angular frequency, > 0.
        gamma_s: damping rate in rad/s (2 pi x the quoted value), >= 0.
        step_s: length of the step in s, > 0.
        kt_over_i: kB T / I in s^-2; 0 switches the noise off.
    """
    square = omega_rad_s * omega_rad_s
    discriminant = square - 0.25 * gamma_s * gamma_s
    decay = math.exp(-0.5 * gamma_s * step_s)
    phase = math.sqrt(abs(discriminant)) * step_s
    if phase < 1e-4:
        cosine = 1.0 - 0.5 * discriminant * step_s * step_s
        sine = step_s * (1.0 - discriminant * step_s * step_s / 6.0)
    elif discriminant > 0.0:
        cosine = math.cos(phase)
        sine = step_s * math.sin(phase) / phase
    else:
        cosine = math.cosh(phase)
        sine = step_s * math.sinh(phase) / phase
    phi_xx = decay * (cosine + 0.5 * gamma_s * sine)
    phi_xv = decay * sine
    phi_vx = -square * phi_xv
    phi_vv = decay * (cosine - 0.5 * gamma_s * sine)
    const_x = (1.0 - phi_xx) / square
    ramp_x = (step_s - phi_xv - gamma_s * const_x) / (square * step_s)
    bend_x = (step_s - 2.0 * const_x / step_s - 2.0 * gamma_s * ramp_x) / (square * step_s)
    variance_x = kt_over_i / square
    if max(omega_rad_s, gamma_s) * step_s < 1e-4:
        # The differences below lose their digits here; the leading orders do not.
        diffusion = 2.0 * gamma_s * kt_over_i
        cov_xx = diffusion * step_s**3 / 3.0
        cov_xv = diffusion * step_s**2 / 2.0
        cov_vv = diffusion * step_s
    else:
        cov_xx = variance_x * (1.0 - phi_xx * phi_xx) - kt_over_i * phi_xv * phi_xv
        cov_xv = -variance_x * phi_xx * phi_vx - kt_over_i * phi_xv * phi_vv
        cov_vv = kt_over_i * (1.0 - phi_vv * phi_vv) - variance_x * phi_vx * phi_vx
    noise_xx = math.sqrt(max(cov_xx, 0.0))
    noise_vx = cov_xv / noise_xx if noise_xx > 0.0 else 0.0
    noise_vv = math.sqrt(max(cov_vv - noise_vx * noise_vx, 0.0))
    return StepPropagator(
        phi_xx, phi_xv, phi_vx, phi_vv, const_x, phi_xv, ramp_x, const_x / step_s,
        bend_x, 2.0 * ramp_x / step_s, noise_xx, noise_vx, noise_vv,
    )  # fmt: skip


def thermal_rate_s2(temperature_k: float, moment_of_inertia: float) -> float:
    """KB T / I in s^-2: the variance of the angular velocity in equilibrium."""
    return Boltzmann * temperature_k / moment_of_inertia


def gas_damping_s(
    pressure_pa: float, *, damping_per_mbar_s: float, viscous_damping_s: float
) -> float:
    """Damping rate by the residual gas.

    Proportional to the pressure in the molecular regime (15 Hz near 1 mbar in `000`, Fig. 1b)
    and constant in the viscous one (about 1 kHz at 1 bar in `002`, conclusion), joined smoothly.

    Args:
        pressure_pa: pressure in Pa.
        damping_per_mbar_s: slope at low pressure, rad/s per mbar.
        viscous_damping_s: limit at high pressure, rad/s.
    """
    molecular = damping_per_mbar_s * pressure_pa / PA_PER_MBAR
    return molecular * viscous_damping_s / (molecular + viscous_damping_s)


def sphere_moment_of_inertia(diameter_m: float, *, density_kg_m3: float = 3510.0) -> float:
    """Moment of inertia of a solid sphere of diamond, kg m^2 (1.3956e-22 for 15 um)."""
    return density_kg_m3 * np.pi / 60.0 * diameter_m**5
