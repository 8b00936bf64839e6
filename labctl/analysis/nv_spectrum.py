"""A whole spectrum as eight lines of one field: what overlapping lines still tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.optimize import leastsq, nnls

from labctl.analysis.lineshapes import Lineshape, profile
from labctl.analysis.nv_matching import MAGNITUDE_RANGE_T, LineSet
from labctl.analysis.nv_model import fold_field, transition_frequencies_hz

Floats = NDArray[np.float64]

WIDTH_PRIOR = 0.5
"""Standard deviation of ln(FWHM) about the width of the lines that were found."""

WIDTH_SPREAD = 0.35
"""By how much ln(FWHM) differs between the lines of one spectrum, where it may."""

HEIGHT_SPREAD = 0.35
"""How much the eight heights differ where they are alike, as a part of their typical value."""

STRUCTURE_COST = 10.0
"""By how much a hyperfine structure must explain the spectrum better than none."""

MULTIPLETS: dict[str, Floats] = {
    "single": np.array([0.0]),
    "14N": np.array([-2.16, 0.0, 2.16]),
    "15N": np.array([-1.515, 1.515]),
}
"""Hyperfine components in MHz: A of 14N and 15N in NV (Felton et al., PRB 79, 075203 (2009))."""


@dataclass(frozen=True)
class SpectrumModel:
    """Eight lines of one field with free heights over a quadratic baseline.

    Heights and baseline are linear and are solved at every step (variable projection, Golub and
    Pereyra, SIAM J. Numer. Anal. 10 (1973) 413, with Kaufman's Jacobian, BIT 15 (1975) 49).
    The heights have a normal prior about zero, cut at zero where the sign is known: a line that
    is not seen is allowed, and `log_evidence_cost` makes it pay. Where the lines are alike the
    prior says so, which tells more about lines that merge.

    Parameters are gamma B (3) in MHz, the shift of D in MHz, ln(FWHM / MHz), and where
    `own_widths` is set how far ln(FWHM) of each line is from that (8).

    Attributes:
        lines: measured lines and constants, for the eight frequencies.
        frequency_hz: (n,).
        y: signal, (n,).
        error: (n,).
        height: rms height of a line, the unit of the signal.
        sign: -1 or +1 for lines of one sign, 0 for both.
        shape: Lorentzian or Gaussian.
        log_width: mean of the prior on ln(FWHM / MHz).
        offsets_mhz: hyperfine components of each line.
        own_widths: whether every line has a width of its own.
        alike: whether all heights are near `height`; else any height up to about that.
    """

    lines: LineSet
    frequency_hz: Floats
    y: Floats
    error: Floats
    height: float
    sign: int
    shape: Lineshape
    log_width: float
    offsets_mhz: Floats
    own_widths: bool = False
    alike: bool = False
    _baseline: Floats = field(init=False, repr=False, compare=False)
    _target: Floats = field(init=False, repr=False, compare=False)
    _last: dict[bytes, Any] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        f = self.frequency_hz
        polynomial = legendre.legvander(2 * (f - f[0]) / (f[-1] - f[0]) - 1, 2)
        basis = np.linalg.qr(polynomial / self.error[:, None])[0]
        target = self.y / self.error
        object.__setattr__(self, "_baseline", basis)
        object.__setattr__(self, "_target", target - basis @ (basis.T @ target))
        object.__setattr__(self, "_last", {})

    @property
    def _height_prior(self) -> tuple[float, float]:
        """Mean and standard deviation of the heights."""
        if self.alike:
            return self.sign * self.height, HEIGHT_SPREAD * self.height
        return 0.0, self.height

    @property
    def size(self) -> int:
        """Number of parameters."""
        return 13 if self.own_widths else 5

    @property
    def free(self) -> NDArray[np.int64]:
        """Which parameters the fit may move."""
        held = [] if self.lines.free_splitting else [3]
        return np.setdiff1d(np.arange(self.size), held)

    def start(self, parameters: Floats) -> Floats:
        """Parameters of this model from those of another, or from a field (3,) or (4,)."""
        out = np.zeros(self.size)
        out[4] = self.log_width
        n = min(parameters.size, self.size)
        out[:n] = parameters[:n]
        return out

    def _profiles(self, parameters: Floats) -> tuple[Floats, Floats, Floats]:
        """Normalised lines, their slopes by frequency (1/MHz) and by ln FWHM, each (n, 8)."""
        log_width = parameters[4] + (parameters[5:] if self.own_widths else 0.0)
        half = np.exp(np.clip(log_width, -3, 6)) / 2
        x0 = (self.frequency_hz[:, None] - self.lines.predict(parameters[:4])) * 1e-6
        total, by_place, by_width = (np.zeros_like(x0) for _ in range(3))
        for offset in self.offsets_mhz:
            x = (x0 - offset) / half
            u, slope, _ = profile(self.shape, x, np.zeros_like(x))
            total += u
            by_place -= slope / half
            by_width -= slope * x
        share = 1 / self.offsets_mhz.size
        return total * share, by_place * share, by_width * share

    def _project(self, matrix: Floats) -> Floats:
        """In units of the errors and without what the baseline can follow."""
        scaled = matrix / self.error[:, None]
        return scaled - self._baseline @ (self._baseline.T @ scaled)

    def _solve(self, parameters: Floats) -> tuple[Floats, Floats, Floats, Floats, Any]:
        """Heights (8,), residual (n + 8,), design (n, 8), normal matrix (8, 8), profiles."""
        key = parameters.tobytes()
        if key not in self._last:
            profiles = self._profiles(parameters)
            design = self._project(profiles[0])
            mean, sigma = self._height_prior
            normal = design.T @ design + np.eye(8) / sigma**2
            right = design.T @ self._target + mean / sigma**2
            if self.sign:
                root = np.linalg.cholesky(normal)
                heights = self.sign * nnls(root.T, np.linalg.solve(root, self.sign * right))[0]
            else:
                heights = np.linalg.solve(normal, right)
            prior = (heights - mean) / sigma
            residual = np.concatenate([design @ heights - self._target, prior])
            self._last.clear()
            self._last[key] = heights, residual, design, normal, profiles
        return self._last[key]

    def heights(self, parameters: Floats) -> Floats:
        """Signed heights of the eight lines, (8,)."""
        return self._solve(parameters)[0]

    def height_errors(self, parameters: Floats) -> Floats:
        """Their standard errors where nothing but they are free, (8,)."""
        return 1 / np.sqrt(np.diag(self._solve(parameters)[3]))

    def residual(self, parameters: Floats) -> Floats:
        """What least squares sees: data, then priors on heights, D and widths, in sigmas."""
        prior = [
            # Weak enough to matter only where the spectrum leaves a direction open.
            *(parameters[:3] / (self.lines.gamma * MAGNITUDE_RANGE_T[1] * 1e-6)),
            self.lines.splitting_residual(parameters[3]),
            (parameters[4] - self.log_width) / WIDTH_PRIOR,
        ]
        return np.concatenate([self._solve(parameters)[1], prior, parameters[5:] / WIDTH_SPREAD])

    def jacobian(self, parameters: Floats) -> Floats:
        """Derivatives of `residual` by all parameters, heights and baseline readjusting."""
        heights, _, design, normal, (_, by_place, by_width) = self._solve(parameters)
        places = self._project(by_place * heights)
        widths = self._project(by_width * heights)
        columns = [places @ self._line_slopes(parameters), widths.sum(axis=1)[:, None]]
        if self.own_widths:
            columns.append(widths)
        direct = np.concatenate(columns, axis=1)
        # A line at zero height may not become negative: only the others readjust.
        up = np.abs(heights) > 0 if self.sign else np.ones(8, dtype=bool)
        design = design[:, up]
        answer = np.zeros((8, self.size))
        answer[up] = np.linalg.solve(normal[np.ix_(up, up)], design.T @ direct)
        prior = np.full(self.size, 1 / WIDTH_SPREAD)
        prior[:3] = 1 / (self.lines.gamma * MAGNITUDE_RANGE_T[1] * 1e-6)
        prior[3:5] = self.lines.splitting_residual(1.0), 1 / WIDTH_PRIOR
        return np.concatenate(
            [direct - design @ answer[up], -answer / self._height_prior[1], np.diag(prior)]
        )

    def _line_slopes(self, parameters: Floats, step: float = 1e-3) -> Floats:
        """Derivatives of the eight lines (MHz) by gamma B and the shift of D, (8, 4).

        The lines are homogeneous of degree one in field and D, so Euler's theorem gives the last.
        """
        centre = np.clip(parameters[:3], -1e8, 1e8)
        shifts = step * np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)])
        splitting_mhz = self.lines.splitting_hz * 1e-6 + float(parameters[3])
        lines = (
            transition_frequencies_hz(
                (centre + shifts) * (1e6 / self.lines.gamma),
                zero_field_splitting_hz=splitting_mhz * 1e6,
                gyromagnetic_hz_per_t=self.lines.gamma,
            )
            .reshape(7, 8)
            .T
            * 1e-6
        )
        by_field = (lines[:, 1:4] - lines[:, 4:]) / (2 * step)
        by_splitting = (lines[:, 0] - by_field @ centre) / splitting_mhz
        return np.concatenate([by_field, by_splitting[:, None]], axis=1)

    def chi_square(self, parameters: Floats) -> float:
        """Of the data with the priors."""
        return float(np.sum(self.residual(parameters) ** 2))

    def reduced(self, parameters: Floats) -> float:
        """Reduced chi-square of the data alone; NaN without degrees of freedom."""
        freedom = self.freedom
        data = self.residual(parameters)[: self.y.size]
        return float(np.sum(data**2)) / freedom if freedom > 0 else float("nan")

    @property
    def freedom(self) -> int:
        """Points less the heights, the baseline and the free parameters."""
        return self.y.size - 11 - self.free.size

    def curve(self, parameters: Floats) -> Floats:
        """The fitted spectrum in the unit of the signal, (n,)."""
        return self.y + self.residual(parameters)[: self.y.size] * self.error

    def minimise(self, start: Floats) -> Floats:
        """Nearest minimum, the field folded."""
        free, every = self.free, start.copy()

        def full(some: Floats) -> Floats:
            every[free] = some
            return every

        best = leastsq(
            lambda p: self.residual(full(p)), start[free],
            Dfun=lambda p: self.jacobian(full(p))[:, free],
            ftol=1e-7, xtol=1e-7, maxfev=60, full_output=True,
        )[0]  # fmt: skip
        return self.folded(full(best).copy())

    def folded(self, parameters: Floats) -> Floats:
        """The same spectrum with Bx >= By >= Bz >= 0; own widths follow their classes."""
        field = fold_field(parameters[:3])
        out = np.concatenate([field, parameters[3:]])
        if self.own_widths:
            old, new = self.lines.predict(parameters[:4]), self.lines.predict(out[:4])
            out[5 + np.argsort(new)] = parameters[5 + np.argsort(old)]
        return out

    def log_evidence_cost(self, parameters: Floats, covariance: Floats | None = None) -> float:
        """-2 ln of the evidence (Laplace), up to a constant that all fields share.

        Beside chi-square it holds what a field pays for its freedom: 2 ln(H/s) for a line that
        the window shows with the error s on its height, where the heights' prior allows H, seen
        or not; and the share of all fields (uniform in |B|, any direction) that fit as well,
        which `covariance` of the free parameters tells, or else the curvature of chi-square.
        """
        normal = self._solve(parameters)[3]
        if covariance is None:
            jacobian = self.jacobian(parameters)[:, self.free]
            information = jacobian.T @ jacobian
            information[:3, :3] += np.eye(3) / max(float(np.sum(parameters[:3] ** 2)), 9.0)
        else:
            information = np.linalg.inv(covariance)
        cost = self.chi_square(parameters) + self.prior_cost(parameters)
        cost += float(np.linalg.slogdet(normal * self._height_prior[1] ** 2)[1])
        cost += float(np.linalg.slogdet(information)[1])
        cost += STRUCTURE_COST * (self.offsets_mhz.size > 1)
        return cost + 16 * np.log(WIDTH_SPREAD) * self.own_widths

    def prior_cost(self, parameters: Floats) -> float:
        """-2 ln of the prior of the field, uniform in |B| and in direction, up to a constant."""
        return 2 * float(np.log(max(float(np.sum(parameters[:3] ** 2)), 9.0)))

    def coincide(self, parameters: Floats) -> bool:
        """Whether two predicted lines in the window coincide within half a width."""
        predicted = self.lines.predict(parameters[:4])
        shown = np.sort(predicted[self.lines.seen(predicted)])
        extent = np.exp(parameters[4]) / 2 + np.ptp(self.offsets_mhz)
        return bool(np.any(np.diff(shown) < extent * 1e6))
