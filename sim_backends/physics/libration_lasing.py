"""Onset of phonon lasing: the drive at which the rest position starts to oscillate.

Along the curve of equilibria at fixed detuning everything is explicit in the microwave rate W at
the equilibrium: the populations, the angle phi(W), the Jacobian, and the Rabi frequency
Omega^2 = 2 W/(T2* L((Delta + G_B phi(W)) T2*)) that it takes. No fixed point has to be found.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sim_backends.physics.libration_equilibria import (
    find_root,
    magnetisation,
    populations_at_rest,
    saturation_rates,
)
from sim_backends.physics.libration_flow import jacobian_at_rate, line_profile, scaled_detuning
from sim_backends.physics.spin_libration import Lineshape, SpinLibration

_DECADES_BELOW = 8.0
_DECADES_ABOVE = 6.0
_POINTS_PER_DECADE = 50
_LINE_STEP = 0.02  # of asinh x: a fiftieth of a linewidth on resonance


def lasing_threshold_hz(p: SpinLibration) -> float:
    """Smallest Rabi frequency Omega/2pi in Hz at which the rest position loses its stability.

    The drive is raised slowly from zero at fixed detuning and the equilibrium that starts at
    phi = 0 is followed. It ends in a Hopf bifurcation, where gamma_eff changes sign (`000`, SI
    Sec. D.2); or, on the red side of a bistable system, it jumps at a fold, and if the place
    where it lands already oscillates, the fold is the threshold. `p.rabi_hz` plays no role.

    Returns:
        The threshold; `nan` if no drive makes the equilibrium unstable, or none below 1e308 Hz
        (far in the wing of a Gaussian); 0 if the smallest one does (no damping, and spins that
        heat).

    Raises:
        ValueError: neither pump nor relaxation.
    """
    rates = _rates_along_the_curve(p)
    log_rabi = np.array([_log_rabi(p, rate) for rate in rates])
    unstable = np.array([_growth(p, rate) > 0.0 for rate in rates])
    # A slow ramp only visits the points that need more drive than every point before them; the
    # last of them before a fold may lie just behind it.
    rising = np.array([_log_rabi_slope(p, rate) > 0.0 for rate in rates])
    visited = np.flatnonzero(rising & (log_rabi >= np.maximum.accumulate(log_rabi)))
    reached = np.flatnonzero(unstable[visited])
    if reached.size == 0:
        return math.nan
    first = int(reached[0])
    if first == 0:
        return 0.0
    before, after = int(visited[first - 1]), int(visited[first])
    if after == before + 1:
        rate = find_root(lambda w: _growth(p, w), rates[before], rates[after])
    else:
        rate = find_root(lambda w: _log_rabi_slope(p, w), rates[before], rates[before + 1])
    with np.errstate(over="ignore"):
        threshold = float(np.exp(_log_rabi(p, rate))) / (2.0 * math.pi)
    return threshold if math.isfinite(threshold) else math.nan


def _rates_along_the_curve(p: SpinLibration) -> NDArray[np.float64]:
    """Microwave rates W that resolve both the saturation and the line, shape (n,), s^-1."""
    k, q = p.relaxation
    speeds = (p.pump_rate + k, p.pump_rate + 3 * k + 3 * q, p.omega_rad_s, p.gamma_s)
    low = math.log(min(speed for speed in speeds if speed > 0.0)) - _DECADES_BELOW * math.log(10)
    high = math.log(max(speeds)) + _DECADES_ABOVE * math.log(10)
    log_rates = np.linspace(low, high, 1000)
    for _ in range(20):
        x = np.array([scaled_detuning(p, _angle(p, math.exp(rate))) for rate in log_rates])
        length = np.diff(log_rates) * _POINTS_PER_DECADE / math.log(10)
        length = np.maximum(length, np.abs(np.diff(np.arcsinh(x))) / _LINE_STEP)
        if length.max() <= 2.0:
            break
        along = np.concatenate([[0.0], np.cumsum(length)])
        even = np.linspace(0.0, along[-1], math.ceil(along[-1]) + 1)
        log_rates = np.interp(even, along, log_rates)
    return np.exp(log_rates)


def _angle(p: SpinLibration, rate: float) -> float:
    return p.torque_s2 / p.omega_rad_s**2 * magnetisation(p, rate)


def _log_rabi(p: SpinLibration, rate: float) -> float:
    """Logarithm of the Omega, rad/s, that holds the equilibrium at the rate W."""
    x = scaled_detuning(p, _angle(p, rate))
    log_profile = -x * x if p.lineshape is Lineshape.GAUSSIAN else -math.log1p(x * x)
    return 0.5 * (math.log(2.0 * rate / p.t2star_s) - log_profile)


def _log_rabi_slope(p: SpinLibration, rate: float) -> float:
    """d(2 ln Omega)/d(ln W): zero at a fold."""
    angle = _angle(p, rate)
    _, logarithmic = line_profile(p.lineshape, scaled_detuning(p, angle))
    relaxing, saturating = saturation_rates(p)
    unsaturated = relaxing / (relaxing + saturating * rate)  # d(ln phi)/d(ln W)
    return 1.0 - logarithmic * p.gradient_s * p.t2star_s * angle * unsaturated


def _growth(p: SpinLibration, rate: float) -> float:
    """Largest real part of the eigenvalues at the equilibrium with the rate W, s^-1."""
    _, lower, upper = populations_at_rest(p, rate)
    _, logarithmic = line_profile(p.lineshape, scaled_detuning(p, _angle(p, rate)))
    slope = rate * logarithmic * p.gradient_s * p.t2star_s
    return float(np.linalg.eigvals(jacobian_at_rate(p, rate, slope, lower, upper)).real.max())
