"""How far the data let a field go: along every axis of its valley, or by a chain through it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.nv_model import fold_field
from labctl.analysis.nv_spectrum import SpectrumModel

Floats = NDArray[np.float64]

SAMPLES = 4000
"""Length of the chain that explores merged lines, about half a second."""


def profile_covariance(model: SpectrumModel, best: Floats) -> Floats:
    """Covariance of the free parameters from how far chi-square lets them go.

    Near a symmetry plane chi-square is quartic and its curvature says nothing, so along each
    principal axis the distance is measured at which chi-square has risen by 4, two sigma;
    heights and baseline readjust.
    """
    free, every = model.free, best.copy()

    def rise(some: Floats) -> float:
        every[free] = some
        return model.chi_square(every) - least

    least = model.chi_square(best)
    jacobian = model.jacobian(best)[:, free]
    centre = best[free]
    values, axes = np.linalg.eigh(jacobian.T @ jacobian)
    covariance = np.zeros((free.size, free.size))
    for value, axis in zip(values, axes.T, strict=True):
        guess = 2 / np.sqrt(max(value, 1e-4))
        reach = [
            _reach(lambda t, a=axis, s=s: rise(centre + s * t * a), 4.0, guess) for s in (1.0, -1.0)
        ]
        covariance += np.outer(axis, axis) * max(reach) ** 2 / 4
    return covariance


def sample(model: SpectrumModel, best: Floats, covariance: Floats) -> Floats:
    """A chain of the free parameters (samples, k), the field folded, by adaptive Metropolis.

    Merged lines trade their splitting against width and heights along a curved valley, which
    no ellipsoid around its lowest point describes (Haario et al., Bernoulli 7 (2001) 223). The
    seed is fixed: the same spectrum gives the same result.
    """
    random, free, every = np.random.default_rng(0), model.free, best.copy()
    current, cost = best[free], model.chi_square(best) + model.prior_cost(best)
    chain = np.empty((SAMPLES, free.size))
    floor = 1e-8 * np.eye(free.size)
    step = np.linalg.cholesky(covariance + floor) * 2.4 / np.sqrt(free.size)
    for i in range(SAMPLES):
        if i and i % 250 == 0:
            seen = np.cov(chain[i // 2 : i].T) + floor
            step = np.linalg.cholesky(seen) * 2.4 / np.sqrt(free.size)
        every[free] = current + step @ random.normal(size=free.size)
        new = model.chi_square(every) + model.prior_cost(every)
        if random.random() < np.exp(min((cost - new) / 2, 0.0)):
            current, cost = every[free], new
        chain[i] = current
    kept = chain[SAMPLES // 4 :]
    kept[:, :3] = fold_field(kept[:, :3])
    return kept


def _reach(rise: Callable[[float], float], target: float, guess: float) -> float:
    """Where `rise` comes to `target`, to a few percent, by a secant in log-log."""
    t, power = guess, 2.0
    for _ in range(12):
        height = max(rise(t), 1e-6 * target)
        if abs(height / target - 1) < 0.05:
            break
        factor = (target / height) ** (1 / power)
        t *= min(max(factor, 0.3), 3.0)
    return t
