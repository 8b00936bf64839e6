"""A spectrum as a sum of lines over a polynomial baseline: values, derivatives, least squares.

Internal units keep the fit well scaled: frequencies in MHz from the middle of the window,
signals in units of their own spread. One line is (centre, ln FWHM, amplitude[, pull]); some have a
dispersive part beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.optimize import leastsq

from labctl.analysis.lineshapes import BISTABLE_PULL, Lineshape, dispersive_profile, profile

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LineModel:
    """Lines over a baseline, with weak priors on width and pull.

    The priors keep a weak line from becoming a spike or a baseline; a line that is seen well
    does not feel them.

    Attributes:
        x: frequencies in MHz from the middle of the window, (n,).
        shape: lineshape of every line.
        order: degree of the baseline.
        log_width: mean and standard deviation of the prior on ln(FWHM / MHz).
        pull_mhz: mean and standard deviation of the prior on the pull; None expects none, up to
            the bistability.
        mixed: numbers of the lines, from 0, that have a dispersive part.
    """

    x: Floats
    shape: Lineshape
    order: int
    log_width: tuple[float, float]
    pull_mhz: tuple[float, float] | None = None
    mixed: tuple[int, ...] = ()
    polynomial: Floats = field(init=False)
    _last: dict[bytes, tuple[Floats, Floats, Floats]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        span = max(float(np.max(np.abs(self.x))), 1e-9)
        basis = legendre.legvander(self.x / span, self.order)
        object.__setattr__(self, "polynomial", basis)

    @property
    def per_line(self) -> int:
        """Parameters of one line."""
        return 4 if self.shape is Lineshape.PULLED_LORENTZIAN else 3

    def count(self, parameters: Floats) -> int:
        """How many lines `parameters` describes."""
        return (parameters.size - len(self.mixed) - self.order - 1) // self.per_line

    def split(self, parameters: Floats) -> tuple[Floats, Floats]:
        """Lines as (m, per_line), and the rest: dispersive parts, then the baseline."""
        m = self.count(parameters)
        return parameters[: m * self.per_line].reshape(m, self.per_line), parameters[
            m * self.per_line :
        ]

    def join(self, lines: Floats, baseline: Floats) -> Floats:
        """The inverse of `split`."""
        return np.concatenate([np.ravel(lines), baseline])

    def parts(self, parameters: Floats) -> Floats:
        """Dispersive part of every line, (m,), in units of the signal; 0 where it has none."""
        parts = np.zeros(self.count(parameters))
        parts[list(self.mixed)] = self.split(parameters)[1][: len(self.mixed)]
        return parts

    def evaluate(self, parameters: Floats) -> tuple[Floats, Floats, Floats]:
        """Lines alone (n,), lines with baseline (n,), and the Jacobian (n, parameters).

        Least squares asks for residuals and Jacobian at the same place: the last is remembered.
        """
        key = parameters.tobytes()
        if key not in self._last:
            self._last.clear()
            self._last[key] = self._evaluate(parameters)
        return self._last[key]

    def _evaluate(self, parameters: Floats) -> tuple[Floats, Floats, Floats]:
        lines, rest = self.split(parameters)
        m, mixed = len(lines), list(self.mixed)
        parts, baseline = rest[: len(mixed)], rest[len(mixed) :]
        jacobian = np.empty((self.x.size, parameters.size))
        jacobian[:, m * self.per_line + len(mixed) :] = self.polynomial
        total = np.zeros_like(self.x)
        if m:
            half = np.exp(np.clip(lines[:, 1], -5, 8)) / 2
            amplitude = lines[:, 2]
            pull = lines[:, 3] if self.per_line == 4 else np.zeros(m)
            q = np.broadcast_to(np.clip(pull / half, -20, 20), (self.x.size, m))
            x = (self.x[:, None] - lines[:, 0]) / half
            u, du_dx, du_dq = profile(self.shape, x, q)
            block = np.empty((self.x.size, m, self.per_line))
            block[:, :, 0] = -amplitude * du_dx / half
            block[:, :, 1] = -amplitude * (x * du_dx + q * du_dq)
            block[:, :, 2] = u
            if self.per_line == 4:
                block[:, :, 3] = amplitude * du_dq / half
            total = u @ amplitude
            if mixed:
                odd, slope = dispersive_profile(self.shape, x[:, mixed])
                block[:, mixed, 0] -= parts * slope / half[mixed]
                block[:, mixed, 1] -= parts * slope * x[:, mixed]
                jacobian[:, m * self.per_line : m * self.per_line + len(mixed)] = odd
                total = total + odd @ parts
            jacobian[:, : m * self.per_line] = block.reshape(self.x.size, -1)
        return total, total + self.polynomial @ baseline, jacobian

    def prior(self, parameters: Floats) -> tuple[Floats, Floats]:
        """Residuals of the priors (k,) and their Jacobian (k, parameters)."""
        lines, _ = self.split(parameters)
        m = len(lines)
        kinds = self.per_line - 2
        residual = np.zeros(m * kinds)
        jacobian = np.zeros((m * kinds, parameters.size))
        mean, sigma = self.log_width
        rows = np.arange(m)
        columns = rows * self.per_line
        residual[:m] = (lines[:, 1] - mean) / sigma
        jacobian[rows, columns + 1] = 1 / sigma
        if kinds == 2:
            centre, scale = self.pull_mhz or (0.0, BISTABLE_PULL * np.exp(mean) / 2)
            residual[m:] = (lines[:, 3] - centre) / scale
            jacobian[m + rows, columns + 3] = 1 / scale
        return residual, jacobian

    def residual(self, parameters: Floats, y: Floats, error: Floats) -> Floats:
        """(data - model)/error with the priors' residuals behind, (n + k,)."""
        _, model, _ = self.evaluate(parameters)
        return np.concatenate([(model - y) / error, self.prior(parameters)[0]])

    def jacobian(self, parameters: Floats, y: Floats, error: Floats) -> Floats:
        """Derivatives of `residual`, (n + k, parameters)."""
        del y
        _, _, jacobian = self.evaluate(parameters)
        return np.concatenate([jacobian / error[:, None], self.prior(parameters)[1]])

    def minimise(self, parameters: Floats, y: Floats, error: Floats) -> tuple[Floats, float]:
        """Nearest least-squares minimum and its chi-square, priors included."""
        best = leastsq(
            self.residual,
            parameters,
            args=(y, error),
            Dfun=self.jacobian,
            ftol=1e-7,
            xtol=1e-6,
            maxfev=60,
            full_output=True,
        )[0]
        return best, float(np.sum(self.residual(best, y, error) ** 2))
