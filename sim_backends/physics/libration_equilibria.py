"""Fixed points of the spin-libration equations and where they merge (`000`, SI Sec. D).

At rest the populations follow the microwave rate W, and the equation of motion leaves

    S-1 - S+1 = g_las W / [(g_las + 3k)(g_las + k + 2q) + (2 g_las + 3k + 3q) W]
    w^2 phi   = Gamma (S-1 - S+1)

With x = (Delta + G_B phi) T2* this is x - x0 = h f(x), f = L/(1 + s L), s the saturation.
|f'| has a single maximum on either side of the resonance for both lineshapes, so that x - h f(x)
has either no turning point or two, both on one side: between them every root is bracketed, and
the turning points themselves are the folds. Nothing is scanned.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq

from sim_backends.physics.libration_flow import jacobian, line_profile
from sim_backends.physics.spin_libration import Lineshape, SpinLibration


@dataclass(frozen=True)
class Equilibrium:
    """A fixed point of the motion and of the spins.

    Attributes:
        angle_rad: phi.
        stable: all four eigenvalues of the Jacobian have a negative real part.
        damping_hz: gamma_eff/2pi = -2 Re(lam)/2pi of the oscillatory pair; negative where the
            oscillation grows.
        frequency_hz: w_eff/2pi = |lam|/2pi of that pair.
        populations: S0, S-1, S+1.
        eigenvalues: of the Jacobian, s^-1, by decreasing real part.

    Of two oscillatory pairs the less damped counts: a ring-down shows that one. Without any
    (overdamped, or torn apart by a static instability) `frequency_hz` is 0 and `damping_hz`
    belongs to the slowest, or fastest growing, real eigenvalue. The barrier between two wells is
    not stable even where its pair is damped: a real eigenvalue grows there.
    """

    angle_rad: float
    stable: bool
    damping_hz: float
    frequency_hz: float
    populations: tuple[float, float, float]
    eigenvalues: tuple[complex, complex, complex, complex]


@dataclass(frozen=True)
class StaticLine:
    """The static problem in scaled form: phi G_B T2* = height f(x), f = L/(1 + s L).

    Attributes:
        lineshape: of L.
        saturation: s >= 0.
        height: h, signed; phi = h f(x)/(G_B T2*).
    """

    lineshape: Lineshape
    saturation: float
    height: float

    def response(self, x: float) -> float:
        """F(x), between 0 and 1/(1 + s)."""
        profile, _ = line_profile(self.lineshape, x)
        return profile / (1.0 + self.saturation * profile)

    def slope(self, x: float) -> float:
        """F'(x)."""
        profile, logarithmic = line_profile(self.lineshape, x)
        return logarithmic * profile / (1.0 + self.saturation * profile) ** 2

    def steepest(self) -> float:
        """The x > 0 with the largest |f'|."""
        if self.lineshape is Lineshape.LORENTZIAN:
            return math.sqrt((1.0 + self.saturation) / 3.0)

        def curvature(x: float) -> float:
            weight = self.saturation * math.exp(-x * x)
            return (1.0 + 2.0 * x * x) * (1.0 + weight) - 4.0 * x * x

        return find_root(curvature, 0.5, 1.0 + math.sqrt(1.0 + math.log1p(self.saturation)))

    def turning_points(self) -> tuple[float, ...]:
        """Where d(x - h f)/dx = 0: empty or (lower, higher), on the side where h f' > 0."""
        side = -math.copysign(1.0, self.height)
        steepest = self.steepest()

        def excess(distance: float) -> float:
            return abs(self.height * self.slope(side * distance)) - 1.0

        if excess(steepest) <= 0.0:
            return ()
        outside = 2.0 * steepest
        while excess(outside) > 0.0:
            outside *= 2.0
        points = (find_root(excess, 0.0, steepest), find_root(excess, steepest, outside))
        return tuple(sorted(side * point for point in points))


def magnetisation(p: SpinLibration, microwave_rate: float) -> float:
    """Steady S-1 - S+1 at a microwave rate W in s^-1.

    Raises:
        ValueError: neither pump nor relaxation, so that no steady state is singled out.
    """
    relaxing, saturating = saturation_rates(p)
    return p.pump_rate * microwave_rate / (relaxing + saturating * microwave_rate)


def static_line(p: SpinLibration) -> StaticLine:
    """Scale the static problem of a system.

    Raises:
        ValueError: neither pump nor relaxation.
    """
    relaxing, saturating = saturation_rates(p)
    reach = p.torque_s2 / p.omega_rad_s**2 * p.gradient_s * p.t2star_s
    return StaticLine(
        lineshape=p.lineshape,
        saturation=saturating * p.peak_rate / relaxing,
        height=reach * p.pump_rate * p.peak_rate / relaxing,
    )


def equilibria(p: SpinLibration) -> tuple[Equilibrium, ...]:
    """All fixed points by increasing angle: one or three, two exactly at a fold.

    Raises:
        ValueError: neither pump nor relaxation, so that no steady state is singled out.
    """
    line = static_line(p)
    start = p.detuning_s * p.t2star_s

    # In y = x - x0, so that a small angle at a large detuning keeps its digits.
    def imbalance(y: float) -> float:
        return y - line.height * line.response(start + y)

    # Saturated, the root sits on the bound of h f to the last digit: look a little beyond.
    ends = sorted((0.0, 1.01 * line.height / (1.0 + line.saturation)))
    inner = (x - start for x in line.turning_points())
    borders = [ends[0], *(y for y in inner if ends[0] < y < ends[1]), ends[1]]
    roots = {y for y in borders if imbalance(y) == 0.0}
    for low, high in pairwise(borders):
        if imbalance(low) < 0.0 < imbalance(high) or imbalance(high) < 0.0 < imbalance(low):
            roots.add(find_root(imbalance, low, high))
    points = {_at_rest(p, scaled_detuning_at=start + y) for y in roots}
    return tuple(sorted(points, key=lambda point: point.angle_rad))


def fold_detunings_hz(p: SpinLibration) -> tuple[float, ...]:
    """Detunings Delta/2pi in Hz at which two fixed points merge, in increasing order.

    Between the two the angle is bistable. `p.detuning_hz` plays no role.

    Returns:
        (lower, higher), or () if the system has a single fixed point at every detuning.

    Raises:
        ValueError: neither pump nor relaxation.
    """
    line = static_line(p)
    scale = 2.0 * math.pi * p.t2star_s
    folds = (x - line.height * line.response(x) for x in line.turning_points())
    return tuple(sorted(fold / scale for fold in folds))


def populations_at_rest(p: SpinLibration, microwave_rate: float) -> tuple[float, float, float]:
    """Steady S0, S-1, S+1 at a microwave rate W in s^-1.

    Raises:
        ValueError: neither pump nor relaxation.
    """
    k, q = p.relaxation
    relaxing, saturating = saturation_rates(p)
    scale = 1.0 / (relaxing + saturating * microwave_rate)
    thermal = k * (p.pump_rate + k + 2.0 * q)  # what the T1 process alone keeps in each level
    fed = thermal + (k + q) * microwave_rate
    lower = (fed + p.pump_rate * microwave_rate) * scale
    upper = fed * scale
    ground = (thermal + (p.pump_rate + k + q) * microwave_rate) * scale
    ground += p.pump_rate * (p.pump_rate + k + 2.0 * q) * scale
    return ground, lower, upper


def saturation_rates(p: SpinLibration) -> tuple[float, float]:
    """A in s^-2 and B in s^-1 of S-1 - S+1 = g_las W/(A + B W).

    Raises:
        ValueError: neither pump nor relaxation.
    """
    k, q = p.relaxation
    relaxing = (p.pump_rate + 3.0 * k) * (p.pump_rate + k + 2.0 * q)
    if relaxing <= 0.0:
        raise ValueError(
            "pump_rate + relaxation_rate must be > 0 for a steady state, "
            f"but is {p.pump_rate + p.relaxation_rate}"
        )
    return relaxing, 2.0 * p.pump_rate + 3.0 * k + 3.0 * q


def _at_rest(p: SpinLibration, *, scaled_detuning_at: float) -> Equilibrium:
    profile, _ = line_profile(p.lineshape, scaled_detuning_at)
    ground, lower, upper = populations_at_rest(p, p.peak_rate * profile)
    angle = p.torque_s2 / p.omega_rad_s**2 * magnetisation(p, p.peak_rate * profile)
    eigenvalues = np.linalg.eigvals(jacobian(p, (angle, 0.0, lower, upper)))
    eigenvalues = eigenvalues[np.argsort(-eigenvalues.real, kind="stable")]
    # A nearly defective real pair comes out of LAPACK with an imaginary part of sqrt(eps).
    turning = [lam for lam in eigenvalues if abs(lam.imag) > 1e-7 * abs(lam)]
    leading = turning[0] if turning else eigenvalues[0]
    a, b, c, d = (complex(lam) for lam in eigenvalues)
    return Equilibrium(
        angle_rad=float(angle),
        stable=bool(eigenvalues[0].real < 0.0),
        damping_hz=float(-leading.real / math.pi),
        frequency_hz=float(abs(leading) / (2.0 * math.pi)) if turning else 0.0,
        populations=(ground, lower, upper),
        eigenvalues=(a, b, c, d),
    )


def find_root(function: Callable[[float], float], low: float, high: float) -> float:
    """Root of a function that changes sign between two points, to the last digits."""
    tiny, eps = np.finfo(float).tiny, np.finfo(float).eps
    root, _ = brentq(function, low, high, xtol=tiny, rtol=4 * eps, maxiter=2000, full_output=True)
    return float(root)
