"""Least squares of data with known errors, for models of a few positive and free parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import lmfit
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEP = 1e-4
KNOWN = 0.5
"""Relative error below which a positive parameter counts as known."""


@dataclass(frozen=True)
class WeightedFit:
    """The minimum.

    Attributes:
        names: of the parameters.
        best: their values, shape (k,).
        covariance: (k, k), for the errors as given; NaN where the data do not tell.
        chi_square: sum of the squared residuals in units of their errors.
        freedom: points less parameters.
        model: the model at the minimum, shape of the data.
    """

    names: tuple[str, ...]
    best: Floats
    covariance: Floats
    chi_square: float
    freedom: int
    model: Floats

    def __getitem__(self, name: str) -> float:
        return float(self.best[self.names.index(name)])

    @property
    def reduced(self) -> float:
        """Reduced chi-square; NaN without degrees of freedom."""
        return self.chi_square / self.freedom if self.freedom > 0 else float("nan")

    @property
    def aic(self) -> float:
        """Akaike's criterion, chi-square + 2 k."""
        return self.chi_square + 2 * self.best.size

    def error(self, name: str) -> float:
        """Standard error of a parameter."""
        index = self.names.index(name)
        return float(np.sqrt(self.covariance[index, index]))

    def knows(self, *names: str) -> bool:
        """Whether each of these parameters is known to better than `KNOWN` of itself."""
        # Written so that NaN counts as not known.
        return all(self.error(name) < KNOWN * abs(self[name]) for name in names)

    def widened(self) -> WeightedFit:
        """Errors times sqrt(reduced chi-square) where that exceeds what chance allows."""
        excess = self.reduced if self.freedom > 0 and self.poor else 1.0
        return replace(self, covariance=self.covariance * excess)

    @property
    def poor(self) -> bool:
        """Whether the reduced chi-square is above what chance allows."""
        return self.reduced > 1 + 5 * np.sqrt(2 / max(self.freedom, 1))

    def error_of(self, function: Callable[..., float]) -> float:
        """Standard error of a function of the parameters, to first order.

        Args:
            function: takes the parameters by position.
        """
        slope = np.empty(self.best.size)
        for i, step in enumerate(_steps(self.best)):
            up, down = self.best.copy(), self.best.copy()
            up[i] += step
            down[i] -= step
            slope[i] = (function(*up) - function(*down)) / (2 * step)
        return float(np.sqrt(slope @ self.covariance @ slope))


def fit_weighted(
    function: Callable[..., Floats],
    start: Mapping[str, float],
    y: Floats,
    error: Floats,
    *,
    positive: tuple[str, ...] = (),
    held: tuple[str, ...] = (),
) -> WeightedFit:
    """Fit `function(*parameters)` to `y`, any shape, with the errors `error`.

    Positive parameters are varied on a log scale, where their likelihood is rounder.

    Args:
        function: takes the parameters by position, gives the shape of `y`.
        start: where to begin, by name.
        y: data.
        error: standard errors, the same shape.
        positive: names of the parameters that must stay above zero.
        held: names of the parameters that stay where they begin; their uncertainty still counts
            in the errors of the others.
    """
    scale = {name: abs(value) or 1.0 for name, value in start.items()}
    parameters = lmfit.Parameters()
    for name, value in start.items():
        if name in positive:
            parameters.add(
                name, value=np.log(value), min=np.log(value) - 12, max=np.log(value) + 12
            )
        else:
            parameters.add(name, value=value / scale[name])

    for name in held:
        parameters[name].vary = False

    def read(current: Any) -> Floats:
        return np.array([
            np.exp(p.value) if name in positive else p.value * scale[name]
            for name, p in current.items()
        ])  # fmt: skip

    def residual(current: Any) -> Floats:
        return ((function(*read(current)) - y) / error).ravel()

    # lmfit inverts its Hessian also where that is singular; `_covariance` tells such data apart.
    with np.errstate(invalid="ignore"):
        outcome: Any = lmfit.minimize(
            residual, parameters, method="least_squares", scale_covar=False, calc_covar=False,
            max_nfev=200,
        )  # fmt: skip
    best = read(outcome.params)
    model = function(*best)
    return WeightedFit(
        names=tuple(start),
        best=best,
        covariance=_covariance(function, best, error),
        chi_square=float(np.sum(((model - y) / error) ** 2)),
        freedom=y.size - best.size,
        model=model,
    )


def _covariance(function: Callable[..., Floats], best: Floats, error: Floats) -> Floats:
    columns = []
    steps = _steps(best)
    for i, step in enumerate(steps):
        up, down = best.copy(), best.copy()
        up[i] += step
        down[i] -= step
        columns.append(((function(*up) - function(*down)) / (2 * step) / error).ravel())
    slopes = np.stack(columns, axis=1) * steps
    _, values, right = np.linalg.svd(slopes, full_matrices=False)
    if values[-1] <= 1e-9 * values[0]:
        return np.full((best.size, best.size), np.nan)
    root = (right.T / values) * steps[:, None]
    return root @ root.T


def _steps(best: Floats) -> Floats:
    return _STEP * np.where(best == 0, 1.0, np.abs(best))
