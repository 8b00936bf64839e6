"""The pulled line from the balance of mean angle and mean torque, group of steps by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import OptimizeResult, least_squares

from labctl.analysis.pulled_line import noisy_line, steepness
from labctl.analysis.significance import ONE_SIGMA
from labctl.analysis.swept_angle import BINS, SweptAngle

Floats = NDArray[np.float64]

LINE = 5
"""Parameters of the line; what the delay adds comes after them."""
AS_GOOD = 4.0
"""Half chi-square by which a solution with a stronger pull must be better."""


@dataclass(frozen=True)
class TorqueBalance:
    """The equation of motion, averaged over time, holds for any motion: <angle> = <torque>.

    With eta the angle in units of what the torque makes on resonance, u = f - f0 + P eta the
    detuning and L(u) the line, eta = L(u) at rest. Spins follow at tau dm/dt = L - m with
    tau = tau0 (1 - sigma L), sigma = s/(1 + s) at the saturation s: a stronger microwave, a
    shorter delay (rate equations of `000`, SI Sec. C, without the undriven level). Put
    into itself twice, integrated by parts, and with the damping g of the mode at W:

        <eta> = <L> - D <d eta/dt> + K <(dL/dt)^2> + third order in tau
        D = tau + g/W^2,   K = tau0^2 sigma (1 - sigma L)

    each at its mean. D is felt where a group of steps holds a jump, K where the angle oscillates;
    the data give both, and where they are poor what `_tie` says of them holds.

    Attributes:
        p: f0, P, w in MHz, C and y0 in units of `scale` (counts/s), D in samples, K in
            samples^2, (7,).
        covariance: of `p`, from the scatter between sweeps, (7, 7).
        reduced: chi-square over its degrees of freedom.
        scale: counts/s.
        bend: of the line, 1/MHz; see `pulled_line`.
        gain: by how much the line lowers chi-square of the averages against a constant.
    """

    p: Floats
    covariance: Floats
    reduced: float
    scale: float
    bend: float
    gain: float

    @classmethod
    def of(
        cls, sides: list[SweptAngle], bend: float, near: TorqueBalance | None = None
    ) -> TorqueBalance:
        """The fit to the sweeps up and down; `near` is where to start."""
        averages = np.concatenate([side.groups(side.path.mean(axis=0)) for side in sides])
        scale = max(float(np.ptp(averages)), 1e-9 * float(np.abs(averages).max()), 1e-300)
        error = _scatter([side.groups(side.path) / scale for side in sides])
        few = [side.thinned() for side in sides]
        flat = float(
            np.sum(((averages - np.average(averages, weights=error**-2)) / (scale * error)) ** 2)
        )
        starts = _starts(sides, averages, scale) if near is None else [near.p]
        # The line first: delays would let it end elsewhere.
        tried = [_solve(few, start, scale, error, bend) for start in starts]
        good = min(outcome.cost for outcome in tried) + AS_GOOD
        # Where data are poor a strong pull fits as well as a weak one: bistability is not free.
        best = min((o for o in tried if o.cost <= good), key=lambda outcome: outcome.x[1])
        tie = _tie(sides)
        for _ in range(2):
            error = _scatter([imbalance(side, best.x, scale, bend)[0] for side in sides])
            best = _solve(sides, best.x, scale, error, bend, tie)
        return cls._with_errors(sides, best, scale, error, bend, tie, flat)

    @classmethod
    def _with_errors(
        cls,
        sides: list[SweptAngle],
        best: OptimizeResult,
        scale: float,
        error: Floats,
        bend: float,
        tie: Floats,
        flat: float,
    ) -> TorqueBalance:
        """Covariance from the scatter of the sweeps' scores: groups of a sweep hang together."""
        p: Floats = best.x
        halves, meat = [], np.zeros((p.size, p.size))
        for i, side in enumerate(sides):
            parts, slopes = imbalance(side, p, scale, bend)
            weighted = slopes / error[i * BINS : (i + 1) * BINS, None]
            halves.append(weighted)
            score = (parts - parts.mean(axis=0)) / error[i * BINS : (i + 1) * BINS] @ weighted
            meat += score.T @ score / (side.sweeps * (side.sweeps - 1))
        # Few sweeps know their scatter badly: Student's factor.
        freedom = max(sum(side.sweeps for side in sides) - 2 - p.size, 1)
        meat = meat * stats.t.ppf(ONE_SIGMA, freedom) ** 2 + np.diag(tie**2)
        slopes = np.concatenate(halves)
        bread = np.linalg.pinv(slopes.T @ slopes + np.diag(tie**2))
        chi_square = 2 * float(best.cost)
        reduced = chi_square / (2 * BINS - LINE)
        return cls(p, bread @ meat @ bread, reduced, scale, bend, flat - chi_square)

    def torque_curve(self, side: SweptAngle) -> Floats:
        """What the mean torque makes of the angle at each step, counts/s."""
        _, torque, *_ = _torque(side, self.p, self.scale, self.bend)
        return self.scale * (self.p[4] + self.p[3] * torque.mean(axis=(0, 2)))


def imbalance(side: SweptAngle, p: Floats, scale: float, bend: float) -> tuple[Floats, Floats]:
    """Mean angle less mean torque, (sweeps, BINS), and the derivatives of its mean (BINS, 7).

    The small term of the lag is held where the others' derivatives are taken.
    """
    pull, height, delay, lag = p[1], p[3], p[5], p[6]
    eta, torque, by_u, by_w, by_eta, rise, late = _torque(side, p, scale, bend)
    mean = side.groups
    by_pull = by_u * (eta - bend * pull * eta**2)
    slopes = [
        height * by_u.mean(axis=0),
        -height * by_pull.mean(axis=0),
        -height * by_w.mean(axis=0),
        (by_eta * eta - torque).mean(axis=0),
        by_eta.mean(axis=0) - 1.0,
        height * rise.mean(axis=0),
        -height * late.mean(axis=0),
    ]
    slopes = np.stack([mean(slope) for slope in slopes], axis=1)
    return height * mean(eta - torque + delay * rise - lag * late), slopes


def _torque(side: SweptAngle, p: Floats, scale: float, bend: float) -> tuple[Floats, ...]:
    """Relative angle eta, torque and its slopes by u, w and eta, then d eta/dt and (dL/dt)^2."""
    f0, pull, width, height, base, *_ = p
    eta = (side.path / scale - base) / height
    flat = 1 - bend * pull * eta
    u = side.frequency_mhz[:, None] - f0 + pull * (eta - 0.5 * bend * pull * eta**2)
    lever = (pull / (height * scale) * flat) ** 2
    noise = side.variance * lever
    line, by_u, by_w = noisy_line(u, width, noise)
    rise = side.speed / (height * scale)
    late = steepness(u, width, noise) * (side.speed**2 - side.speed_variance) * lever
    by_u, by_w = flat * by_u, flat * by_w
    return eta, flat * line, by_u, by_w, pull * flat * by_u - bend * pull * line, rise, late


def _scatter(parts: list[Floats]) -> Floats:
    """Standard errors of the means over sweeps, (2 BINS,); a few sweeps borrow from all groups."""
    errors = []
    for part in parts:
        variance = part.var(axis=0, ddof=1)
        own = len(part) / (len(part) + 10)
        errors.append(np.sqrt((own * variance + (1 - own) * variance.mean()) / len(part)))
    return np.concatenate(errors)


def _tie(sides: list[SweptAngle]) -> Floats:
    """What is known of the parameters beforehand: one over its standard deviation, (7,).

    Nothing of the line; of the delays that the spins are faster than the libration, tau W = 0 to
    a half, and so D W, while K is tau^2 times less than a half. 1/W comes from how far and how
    fast the angle moves, and is 1.6 samples at least, a tenth of a period.
    """
    far = sum(float(np.mean(side.path.var(axis=0) - side.variance.mean(axis=0))) for side in sides)
    fast = sum(float(np.mean(side.speed**2 - side.speed_variance)) for side in sides)
    square = max(far / fast if fast > 0 else 0.0, (5 / np.pi) ** 2)
    return np.append(np.zeros(LINE), [2 / np.sqrt(square), 10 / square])


def _solve(
    sides: list[SweptAngle], start: Floats, scale: float, error: Floats, bend: float,
    tie: Floats | None = None,
) -> OptimizeResult:  # fmt: skip
    """Least squares from `start`; without a `tie` the delays stay where they are."""
    ties = np.zeros(start.size) if tie is None else tie
    free = LINE if tie is None else start.size

    def whole(x: Floats) -> Floats:
        return np.concatenate([x, start[free:]])

    def residual(x: Floats) -> Floats:
        parts = [imbalance(side, whole(x), scale, bend)[0].mean(axis=0) for side in sides]
        return np.concatenate([np.concatenate(parts) / error, ties * whole(x)])

    def jacobian(x: Floats) -> Floats:
        slopes = np.concatenate([imbalance(side, whole(x), scale, bend)[1] for side in sides])
        return np.concatenate([slopes / error[:, None], np.diag(ties)])[:, :free]

    f = sides[0].frequency_mhz
    span, least = float(np.ptp(f)), float(np.ptp(f)) / f.size / 3
    height = (-30.0, -1e-3) if start[3] < 0 else (1e-3, 30.0)
    low = np.array([f[0] - span, least / 100, least, height[0], *[-np.inf] * 3])[:free]
    high = np.array([f[-1] + span, 3 * span, 2 * span, height[1], *[np.inf] * 3])[:free]
    sizes = np.array([span / 20, span / 10, span / 20, 1.0, 0.3, 0.5, 0.05])[:free]
    by_x: Any = jacobian  # the stub of SciPy knows only names of schemes
    best = least_squares(
        residual, np.clip(start[:free], low, high), by_x, bounds=(low, high), x_scale=sizes,
        max_nfev=60,
    )  # fmt: skip
    best.x = whole(best.x)
    return best


def _starts(sides: list[SweptAngle], averages: Floats, scale: float) -> list[Floats]:
    f = sides[0].frequency_mhz
    edge = 0.5 * (averages[0] + averages[BINS])
    mean = 0.5 * (averages[:BINS] + averages[BINS:])
    furthest = int(np.argmax(np.abs(mean - edge)))
    height = float(mean[furthest] - edge) or scale
    peak = float(np.interp((furthest + 0.5) / BINS, np.linspace(0, 1, f.size), f))
    span = float(np.ptp(f))
    line = 0.15 * span, 1.1 * height / scale, edge / scale
    return [
        np.array([peak + pull * span, pull * span, *line, 0.0, 0.0]) for pull in (0.02, 0.2, 0.5)
    ]
