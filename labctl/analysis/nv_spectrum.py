"""A whole spectrum as eight lines of one field: what overlapping lines still tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lmfit
import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.optimize import leastsq

from labctl.analysis.lineshapes import Lineshape, profile
from labctl.analysis.nv_line_fit import FEW_LINES, field_fit, normal_matrix
from labctl.analysis.nv_matching import SPLITTING_PRIOR_HZ, Candidate, LineSet
from labctl.analysis.nv_model import fold_field
from labctl.analysis.nv_report import FieldFit
from labctl.data import FitCurve

Floats = NDArray[np.float64]

CANDIDATES = 12
"""Fields that are tried on the spectrum."""

SAMPLES = 4000
"""Length of the chain that explores merged lines, about half a second."""

HEIGHT_SPREAD = 0.35
"""How much the eight heights differ, as a part of their typical value."""


@dataclass(frozen=True)
class SpectrumModel:
    """Eight lines of one field with a common width and free heights over a quadratic baseline.

    Heights and baseline are linear and are solved at every step (variable projection: Golub and
    Pereyra, SIAM J. Numer. Anal. 10 (1973) 413). A weak prior on the heights keeps two lines
    that coincide, or a line outside the window, from growing without bound.

    Parameters are gamma B (3) in MHz, the shift of D in MHz, and ln(FWHM / MHz).

    Attributes:
        lines: measured lines and constants, for the eight frequencies.
        frequency_hz: (n,).
        y: signal less `offset`, in units of `scale`, (n,).
        error: likewise, (n,).
        offset: in the unit of the signal.
        scale: in the unit of the signal.
        height: typical height, signed; 0 where either sign is possible.
        height_sigma: how far heights stray from it.
        shape: Lorentzian or Gaussian.
        log_width: prior on ln(FWHM / MHz).
    """

    lines: LineSet
    frequency_hz: Floats
    y: Floats
    error: Floats
    offset: float
    scale: float
    height: float
    height_sigma: float
    shape: Lineshape
    log_width: tuple[float, float]

    @classmethod
    def of(
        cls, data: FitCurve, lines: LineSet, *, height: float, sign: str, shape: Lineshape
    ) -> SpectrumModel:
        """The model for one spectrum; `height` is the typical absolute height found in it."""
        offset, scale = float(np.median(data.y)), float(np.std(data.y)) or 1.0
        one_sign = {"positive": 1.0, "negative": -1.0}.get(sign, 0.0)
        typical = max(height / scale, 1e-3)
        return cls(
            lines=lines,
            frequency_hz=data.x,
            y=(data.y - offset) / scale,
            error=data.y_error / scale,
            offset=offset,
            scale=scale,
            height=one_sign * typical,
            height_sigma=typical * (HEIGHT_SPREAD if one_sign else 1.5),
            shape=shape,
            log_width=(float(np.log(lines.fwhm_hz * 1e-6)), 0.4),
        )

    def _design(self, parameters: Floats) -> Floats:
        half = np.exp(np.clip(parameters[4], -3, 6)) * 5e5
        x = (self.frequency_hz[:, None] - self.lines.predict(parameters[:4])) / half
        u, _, _ = profile(self.shape, x, np.zeros_like(x))
        f = self.frequency_hz
        polynomial = legendre.legvander(2 * (f - f[0]) / (f[-1] - f[0]) - 1, 2)
        return np.concatenate([u, polynomial], axis=1)

    def solve(self, parameters: Floats) -> tuple[Floats, Floats, Floats]:
        """Heights and baseline (11,), residuals in sigmas with priors (n + 10,), curve (n,)."""
        design = self._design(parameters)
        n = self.y.size
        matrix = np.zeros((n + 8, 11))
        matrix[:n] = design / self.error[:, None]
        matrix[n:, :8] = np.eye(8) / self.height_sigma
        target = np.concatenate([self.y / self.error, np.full(8, self.height / self.height_sigma)])
        # The normal equations are well conditioned thanks to the prior, and fast.
        normal = matrix.T @ matrix
        solution = np.linalg.solve(normal, matrix.T @ target)
        coefficients = np.asarray(solution, dtype=np.float64)
        mean, sigma = self.log_width
        prior = [
            parameters[3] / (SPLITTING_PRIOR_HZ * 1e-6 if self.lines.free_splitting else 1e-4),
            (parameters[4] - mean) / sigma,
        ]
        residual = np.concatenate([matrix @ coefficients - target, prior])
        return coefficients, residual, design @ coefficients

    def residual(self, parameters: Floats) -> Floats:
        """What least squares sees, (n + 10,)."""
        return self.solve(parameters)[1]

    def curve(self, parameters: Floats) -> Floats:
        """The fitted spectrum in the unit of the signal, (n,)."""
        return self.solve(parameters)[2] * self.scale + self.offset

    def minimise(self, start: Floats) -> tuple[Floats, float]:
        """Nearest minimum and its chi-square with priors."""
        best = leastsq(
            self.residual, start, ftol=1e-8, xtol=1e-8, epsfcn=1e-8, maxfev=150, full_output=True
        )[0]
        return best, float(np.sum(self.residual(best) ** 2))

    def polish(self, start: Floats) -> Floats:
        """The final minimum, by lmfit."""
        parameters = lmfit.Parameters()
        for i, value in enumerate(start):
            parameters.add(f"p{i}", value=float(value))

        def flat(current: Any) -> Floats:
            return self.residual(np.array([p.value for p in current.values()]))

        minimiser = lmfit.Minimizer(flat, parameters, scale_covar=False, calc_covar=False)
        outcome: Any = minimiser.leastsq(ftol=1e-11, xtol=1e-11, epsfcn=1e-8, max_nfev=600)
        return np.array([p.value for p in outcome.params.values()])


def fit_spectrum(
    model: SpectrumModel, candidates: list[Candidate]
) -> tuple[FieldFit, Floats, list[tuple[Floats, float]]]:
    """The best fit from all candidates, its parameters, and all the fits, best first."""
    width = model.log_width[0]
    starts = [
        np.concatenate([c.parameters, np.zeros(4 - c.parameters.size), [width]])
        for c in candidates[:CANDIDATES]
    ]
    fits = sorted((model.minimise(start) for start in starts), key=lambda fit: fit[1])
    best = model.polish(fits[0][0])
    _, residual, _ = model.solve(best)
    n = model.y.size
    free = np.array([0, 1, 2, 3, 4] if model.lines.free_splitting else [0, 1, 2, 4])
    # Less the heights, the baseline and these.
    freedom = n - 11 - free.size
    reduced = float(np.sum(residual[:n] ** 2)) / freedom if freedom > 0 else float("nan")
    covariance = _profile_covariance(model, best, free, max(1.0, reduced))
    centre = best[free]
    if _merged(model, best):
        centre, covariance = _sample(model, best, free, covariance, max(1.0, reduced))
    fit = field_fit(model.lines, centre[:-1], covariance[:-1, :-1], reduced, freedom)
    return fit, best, fits


def _profile_covariance(
    model: SpectrumModel, best: Floats, free: NDArray[np.int64], scale: float
) -> Floats:
    """Covariance of the free parameters from how far chi-square lets them go.

    Near a symmetry plane chi-square is quartic and its curvature says nothing, so along each
    principal axis the distance is measured at which chi-square has risen by 4 `scale`, two
    sigma; heights and baseline readjust.
    """

    def vector(some: Floats) -> Floats:
        every = best.copy()
        every[free] = some
        return model.residual(every)

    centre = best[free]
    least = float(np.sum(vector(centre) ** 2))
    values, axes = np.linalg.eigh(normal_matrix(vector, centre))
    covariance = np.zeros((free.size, free.size))
    for value, axis in zip(values, axes.T, strict=True):
        guess = 2 * np.sqrt(scale / max(value, 1e-4))
        reach = [
            _reach(lambda t, a=axis, s=s: float(np.sum(vector(centre + s * t * a) ** 2)) - least,
                   4 * scale, guess)
            for s in (1.0, -1.0)
        ]  # fmt: skip
        covariance += np.outer(axis, axis) * max(reach) ** 2 / 4
    return covariance


def _merged(model: SpectrumModel, parameters: Floats) -> bool:
    """Whether two predicted lines in the window coincide within half a width."""
    predicted = model.lines.predict(parameters[:4])
    shown = np.sort(predicted[model.lines.seen(predicted)])
    return bool(np.any(np.diff(shown) < np.exp(parameters[4]) * 5e5))


def _sample(
    model: SpectrumModel, best: Floats, free: NDArray[np.int64], covariance: Floats, scale: float
) -> tuple[Floats, Floats]:
    """Mean and covariance of the free parameters, the field folded, by adaptive Metropolis.

    Merged lines trade their splitting against width and heights along a curved valley, which
    no ellipsoid around its lowest point describes (Haario et al., Bernoulli 7 (2001) 223). The
    seed is fixed: the same spectrum gives the same result.
    """
    random = np.random.default_rng(0)
    every = best.copy()
    current, cost = best[free], float(np.sum(model.residual(best) ** 2))
    chain = np.empty((SAMPLES, free.size))
    floor = 1e-8 * np.eye(free.size)
    step = np.linalg.cholesky(covariance + floor) * 2.4 / np.sqrt(free.size)
    for i in range(SAMPLES):
        if i and i % 250 == 0:
            seen = np.cov(chain[i // 2 : i].T) + floor
            step = np.linalg.cholesky(seen) * 2.4 / np.sqrt(free.size)
        every[free] = current + step @ random.normal(size=free.size)
        new = float(np.sum(model.residual(every) ** 2))
        if random.random() < np.exp(min((cost - new) / (2 * scale), 0.0)):
            current, cost = every[free], new
        chain[i] = current
    kept = chain[SAMPLES // 4 :]
    kept[:, :3] = fold_field(kept[:, :3])
    return kept.mean(axis=0), np.cov(kept.T)


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


def spectrum_notes(
    model: SpectrumModel, fit: FieldFit, fits: list[tuple[Floats, float]]
) -> list[str]:
    """What makes the field doubtful, in words."""
    notes: list[str] = []
    if model.lines.frequency_hz.size < FEW_LINES:
        notes.append(
            f"Only {model.lines.frequency_hz.size} lines stand out: another field may fit as well."
        )
    if not model.lines.free_splitting:
        notes.append(f"Zero-field splitting held at {model.lines.splitting_hz / 1e9:.4f} GHz.")
    if fit.freedom < 1:
        notes.append("Fewer points than the model needs: the errors mean little.")
    elif fit.reduced_chi_square > 3:
        notes.append(
            f"Reduced chi-square is {fit.reduced_chi_square:.1f}: the spectrum is not eight equal"
            " lines of one field, or the errors are too small."
        )
    if _merged(model, fits[0][0]):
        notes.append("Lines of different classes coincide: position and errors are sampled.")
    seen = int(np.sum(model.lines.seen(fit.predicted_hz.reshape(8))))
    if seen < 4:
        notes.append(f"Only {seen} of the eight lines lie in the window.")
    scale = max(1.0, fit.reduced_chi_square if fit.freedom > 0 else 1.0)
    best = fold_field(fits[0][0][:3])
    for parameters, chi_square in fits[1:]:
        other = fold_field(parameters[:3])
        if np.linalg.norm(other - best) > 3 and (chi_square - fits[0][1]) / scale < 6:
            gauss = other * 1e10 / model.lines.gamma
            notes.append(
                f"Ambiguous: a field of ({gauss[0]:.2f}, {gauss[1]:.2f}, {gauss[2]:.2f}) G"
                " explains the spectrum nearly as well."
            )
            break
    return notes
