"""Two wells of the angle: effective potential, Kramers rates, residence times (`000`, SI D.1).

Spins that follow at once turn the equation of motion into that of a particle in the potential

    U(phi) = I [w^2 phi^2/2 - Gamma int_0^phi (S-1 - S+1)(phi') dphi']

with wells A (smaller angle) and B, and the barrier C between them: the stable and unstable
`libration.equilibria`. This picture is qualitative. The spins lag by 1/(g_las + ...), so that
they cool or heat each well by its own amount and no potential exists in the strict sense; and at
g << w the jumps are limited by the energy exchanged with the gas, below the rate of Eq. 16, which
is meant for strong friction. Hence `compare`: both figures beside those of a trace.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import Boltzmann

from sim_backends.physics.libration_equilibria import (
    StaticLine,
    equilibria,
    fold_detunings_hz,
    magnetisation,
    static_line,
)
from sim_backends.physics.libration_flow import scaled_detuning
from sim_backends.physics.ranges import require_positive
from sim_backends.physics.residence import ResidenceTimes, residence_times
from sim_backends.physics.spin_libration import Lineshape, SpinLibration

__all__ = [
    "DoubleWell",
    "JumpComparison",
    "KramersRates",
    "ResidenceTimes",
    "compare",
    "double_well",
    "kramers_rates",
    "potential_j",
    "residence_times",
]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(400)


@dataclass(frozen=True)
class DoubleWell:
    """Geometry of the effective potential: A and B the wells by increasing angle, C the barrier.

    Attributes:
        angle_a_rad, angle_b_rad, angle_c_rad: fixed points.
        frequency_a_hz, frequency_b_hz, frequency_c_hz: sqrt(|U''|/I)/2pi there, static spins.
        barrier_a_j, barrier_b_j: U(C) - U(A) and U(C) - U(B), both > 0.
    """

    angle_a_rad: float
    angle_b_rad: float
    angle_c_rad: float
    frequency_a_hz: float
    frequency_b_hz: float
    frequency_c_hz: float
    barrier_a_j: float
    barrier_b_j: float


@dataclass(frozen=True)
class KramersRates:
    """Jump rates of Eq. 16 and the population ratio of Eq. 17.

    Attributes:
        rate_ab_s: A to B, s^-1.
        rate_ba_s: B to A, s^-1.
        ratio: exp((U_A - U_B)/kB T) with U_A, U_B the barriers seen from A and B. The paper calls
            it P_A/(P_A + P_B), but it exceeds 1 where A is the deeper well: it is P_A/P_B for
            equal frequencies of the wells.
        fraction_b: P_B/(P_A + P_B) that balances the two rates.
    """

    rate_ab_s: float
    rate_ba_s: float
    ratio: float
    fraction_b: float


@dataclass(frozen=True)
class JumpComparison:
    """Theory beside a trace.

    Attributes:
        theory: Eqs. 16 and 17.
        observed: residence times and occupation of the trace.
        observed_rate_ab_s: jumps from A to B per time spent in A, s^-1.
        observed_rate_ba_s: the reverse.
        observed_ratio: time in A over time in B.
    """

    theory: KramersRates
    observed: ResidenceTimes
    observed_rate_ab_s: float
    observed_rate_ba_s: float
    observed_ratio: float


def potential_j(p: SpinLibration, angle_rad: ArrayLike) -> NDArray[np.float64]:
    """Effective potential U(phi) in J of spins that follow at once, U(0) = 0.

    Args:
        p: the system.
        angle_rad: any shape, finite.

    Returns:
        Same shape as `angle_rad`.

    Raises:
        ValueError: angle_rad not finite; neither pump nor relaxation.
    """
    angle = np.asarray(angle_rad, float)
    if not np.all(np.isfinite(angle)):
        raise ValueError("angle_rad must be finite")
    line = static_line(p)
    start = np.array(p.detuning_s * p.t2star_s)
    scale = p.gradient_s * p.t2star_s
    if scale == 0.0:
        work = line.response(float(start)) * angle
    else:
        work = (_line_integral(line, start + scale * angle) - _line_integral(line, start)) / scale
    unsaturated = p.torque_s2 * magnetisation(p, p.peak_rate) * (1.0 + line.saturation)
    return p.moment_of_inertia * (0.5 * (p.omega_rad_s * angle) ** 2 - unsaturated * work)


def double_well(p: SpinLibration) -> DoubleWell:
    """Wells and barrier of a bistable system.

    An outer fixed point counts as a well even where the delay of the spins makes it oscillate.

    Raises:
        ValueError: a single well: the detuning is outside `libration.fold_detunings_hz(p)`.
    """
    points = equilibria(p)
    if len(points) != 3:
        folds = ", ".join(f"{fold:.6g}" for fold in fold_detunings_hz(p))
        raise ValueError(
            f"detuning_hz must lie between the folds ({folds or 'none at this drive'}), "
            f"but is {p.detuning_hz:.6g}"
        )
    angles = [point.angle_rad for point in points]
    line = static_line(p)
    curvatures = [1.0 - line.height * line.slope(scaled_detuning(p, phi)) for phi in angles]
    low, barrier, high = potential_j(p, angles)
    a, c, b = (p.libration_hz * math.sqrt(abs(curvature)) for curvature in curvatures)
    return DoubleWell(
        angle_a_rad=angles[0],
        angle_b_rad=angles[2],
        angle_c_rad=angles[1],
        frequency_a_hz=a,
        frequency_b_hz=b,
        frequency_c_hz=c,
        barrier_a_j=float(barrier - low),
        barrier_b_j=float(barrier - high),
    )


def kramers_rates(p: SpinLibration, *, temperature_k: float | None = None) -> KramersRates:
    """Jump rates and population ratio in the effective potential (`000`, SI Eqs. 16 and 17).

        R_AB = (1/2pi) (w_A/w_C) [sqrt(w_C^2 + g^2/4) - g/2] exp(-U_A/kB T)

    Args:
        p: a bistable system.
        temperature_k: effective temperature with all sources of noise; default that of the gas.

    Raises:
        ValueError: temperature_k not above 0, or a single well.
    """
    kelvin = p.temperature_k if temperature_k is None else temperature_k
    require_positive(temperature_k=kelvin)
    well = double_well(p)
    heat = Boltzmann * kelvin
    over = 2.0 * math.pi * well.frequency_c_hz
    half = 0.5 * p.gamma_s
    # sqrt(w^2 + h^2) - h without the cancellation of strong friction.
    attempt = over / (math.hypot(over, half) + half)
    rate_ab = well.frequency_a_hz * attempt * math.exp(-well.barrier_a_j / heat)
    rate_ba = well.frequency_b_hz * attempt * math.exp(-well.barrier_b_j / heat)
    difference = (well.barrier_a_j - well.barrier_b_j) / heat
    log_odds = difference + math.log(well.frequency_b_hz / well.frequency_a_hz)
    return KramersRates(
        rate_ab_s=rate_ab,
        rate_ba_s=rate_ba,
        ratio=math.exp(min(difference, 700.0)),
        fraction_b=0.5 * (1.0 - math.tanh(0.5 * log_odds)),
    )


def compare(
    p: SpinLibration,
    angle_rad: ArrayLike,
    sample_rate_hz: float,
    *,
    temperature_k: float | None = None,
) -> JumpComparison:
    """Kramers rates and population ratio beside those of a simulated or measured trace.

    A jump counts when the trace reaches the bottom of the other well.

    Args:
        p: the bistable system the trace belongs to.
        angle_rad: the trace, or one per row; shape (n,) or (trajectories, n).
        sample_rate_hz: of the trace, several per period.
        temperature_k: see `kramers_rates`.

    Raises:
        ValueError: a single well, or a trace that is too short or not finite.
    """
    theory = kramers_rates(p, temperature_k=temperature_k)
    well = double_well(p)
    observed = residence_times(
        angle_rad, sample_rate_hz, levels_rad=(well.angle_a_rad, well.angle_b_rad)
    )
    a, b = observed.a, observed.b
    return JumpComparison(
        theory=theory,
        observed=observed,
        observed_rate_ab_s=a.exits / a.total_s if a.total_s else math.nan,
        observed_rate_ba_s=b.exits / b.total_s if b.total_s else math.nan,
        observed_ratio=a.total_s / b.total_s if b.total_s else math.inf,
    )


def _line_integral(line: StaticLine, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integral of L/(1 + s L) from 0 to x, shape of x."""
    if line.lineshape is Lineshape.LORENTZIAN:
        width = math.sqrt(1.0 + line.saturation)
        return np.arctan(x / width) / width
    # Beyond `end` the Gaussian adds nothing; up to there it has at most one edge, of width 1/x.
    end = math.sqrt(math.log1p(line.saturation) + 40.0)
    span = np.minimum(np.abs(x), end)[..., None]
    profile = np.exp(-((0.5 * span * (_NODES + 1.0)) ** 2))
    integrand = profile / (1.0 + line.saturation * profile)
    return np.sign(x) * 0.5 * span[..., 0] * (integrand @ _WEIGHTS)
