"""How the noise of neighbouring points is correlated, and what that does to errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

Floats = NDArray[np.float64]

SIGNIFICANT = 2.5
"""Standard errors above which a correlation is believed."""

LONGEST = 0.97
"""Largest decay per point: what decays more slowly is the baseline's matter."""


@dataclass(frozen=True)
class Correlation:
    """Correlation first * decay^(k-1) between points k apart: an ARMA(1, 1) process.

    That is white noise with noise of finite memory beside it (Box and Jenkins, Time Series
    Analysis, Sec. 3.4).

    Attributes:
        first: between neighbours; 0 where the noise is white within what the points tell.
        decay: per further point.
    """

    first: float
    decay: float

    @classmethod
    def of(cls, residual: Floats) -> Correlation:
        """From residuals in units of their errors, (n,), in order of frequency."""
        n = residual.size
        # One bad point must not pass for white noise, nor the rest of a strong line for memory.
        limit = 4 * 1.4826 * float(np.median(np.abs(residual)))
        kept = np.clip(residual, -limit, limit)
        power = float(kept @ kept)
        if n < 20 or power == 0:
            return cls(0.0, 0.0)
        first, second = (float(kept[:-k] @ kept[k:]) / power for k in (1, 2))
        if first < SIGNIFICANT / np.sqrt(n):
            return cls(0.0, 0.0)
        return cls(min(first, LONGEST), float(np.clip(second / first, 0.0, LONGEST)))

    def inflation(self, fwhm: float, x: Floats) -> float:
        """Factor on the error of the height of a Lorentzian, >= 1.

        Args:
            fwhm: width of the line, the unit of `x`.
            x: the points, (n,), nearly equidistant.
        """
        if not self.first:
            return 1.0
        lag = np.arange(1, x.size)
        overlap = 1 / (1 + (lag * float(np.median(np.diff(x))) / fwhm) ** 2)
        return float(np.sqrt(1 + 2 * np.sum(self.first * self.decay ** (lag - 1.0) * overlap)))

    def covariance(self, jacobian: Floats, inverse: Floats, points: int) -> Floats:
        """Covariance of a least-squares fit that took the noise as white.

        (J^T J)^-1 J^T R J (J^T J)^-1 with R the correlation (White, Econometrica 48 (1980) 817).

        Args:
            jacobian: in units of the errors, (n + k, p), priors below the points.
            inverse: (J^T J)^-1, (p, p).
            points: n.
        """
        if not self.first:
            return inverse
        data = jacobian[:points]
        reach = min(points - 1, 200)
        kernel = self.first * self.decay ** np.arange(reach, dtype=float)
        kernel = np.concatenate([kernel[::-1], [1.0], kernel])[:, None]
        middle = data.T @ fftconvolve(data, kernel, mode="same", axes=0)
        prior = jacobian[points:]
        return inverse @ (middle + prior.T @ prior) @ inverse
