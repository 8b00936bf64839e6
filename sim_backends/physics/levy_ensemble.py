"""Relaxation of a dense ensemble of spins, each at a rate of its own (`002`, SM Sec. II A).

Near a fast-decaying neighbour a spin relaxes at a rate g of its own. For neighbours placed at
random the rates have the density rho(g) = exp(-1/(4 g T1))/sqrt(4 pi g^3 T1), a Levy law, and the
ensemble decays as a stretched exponential, int rho(g) exp(-g t) dg = exp(-sqrt(t/T1)).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim_backends.physics.ranges import require_positive

FASTEST, SLOWEST = 2e4, 0.016
"""Rates times T1 that a quadrature spans: what is left out has decayed at 1e-3 T1, or weighs
less than 1e-6."""


@dataclass(frozen=True, kw_only=True)
class RateEnsemble:
    """Relaxation rates and the shares of spins that have them.

    Attributes:
        rate: g, s^-1, shape (n,).
        weight: shares, sum 1, shape (n,).
    """

    rate: NDArray[np.float64]
    weight: NDArray[np.float64]

    def decay(self, time_s: ArrayLike) -> NDArray[np.float64]:
        """Sum of weight exp(-rate t), shape of `time_s`."""
        time = np.asarray(time_s, dtype=float)[..., None]
        return np.exp(-self.rate * time) @ self.weight


def levy_density(rate: ArrayLike, t1_s: float) -> NDArray[np.float64]:
    """rho(g) of the module, in s (`002`, SM Sec. II A).

    Args:
        rate: g, s^-1, any shape; the density is 0 at and below zero.
        t1_s: T1 of the ensemble.

    Raises:
        ValueError: `t1_s` is not finite and > 0.
    """
    require_positive(t1_s=t1_s)
    g = np.asarray(rate, dtype=float)
    inside = g > 0
    reduced = np.where(inside, g * t1_s, 1.0)
    density = t1_s * np.exp(-0.25 / reduced) / np.sqrt(4.0 * np.pi * reduced**3)
    return np.where(inside, density, 0.0)


def ensemble_decay(time_s: ArrayLike, t1_s: float) -> NDArray[np.float64]:
    """exp(-sqrt(t/T1)): what is left of the polarisation (`002`, SM Sec. II A).

    Args:
        time_s: t >= 0, any shape.
        t1_s: T1 of the ensemble.

    Raises:
        ValueError: a negative or undefined time; `t1_s` is not finite and > 0.
    """
    require_positive(t1_s=t1_s)
    time = np.asarray(time_s, dtype=float)
    if not np.all(time >= 0):
        raise ValueError("time_s must be >= 0")
    return np.exp(-np.sqrt(time / t1_s))


def sample_rates(t1_s: float, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Rates of single spins: 1/(2 T1 z^2) with z normal has the Levy density.

    Args:
        t1_s: T1 of the ensemble.
        size: number of spins.
        rng: source of randomness.

    Returns:
        Rates in s^-1, shape (size,).

    Raises:
        ValueError: `t1_s` is not finite and > 0.
    """
    require_positive(t1_s=t1_s)
    return 0.5 / (t1_s * rng.standard_normal(size) ** 2)


def levy_quadrature(t1_s: float, *, nodes: int = 24) -> RateEnsemble:
    """A few rates that decay together as exp(-sqrt(t/T1)).

    The trapezoidal rule in log g: the integrand is analytic and falls off at both ends, so the
    error is exp(-pi^2/spacing). The last node takes the share of everything faster.

    Args:
        t1_s: T1 of the ensemble.
        nodes: number of rates, >= 16, which keeps the error of the decay below 1e-4 from 1e-3 T1
            to 30 T1; at 0 it is none.

    Raises:
        ValueError: `t1_s` is not finite and > 0; too few nodes.
    """
    require_positive(t1_s=t1_s)
    if nodes < 16:
        raise ValueError(f"nodes must be >= 16, but is {nodes}")
    log_rate, spacing = np.linspace(np.log(SLOWEST), np.log(FASTEST), nodes, retstep=True)
    rate = np.exp(log_rate)
    weight = spacing * rate * levy_density(rate, 1.0)
    weight[-1] = 1.0 - weight[:-1].sum()
    return RateEnsemble(rate=rate / t1_s, weight=weight)
