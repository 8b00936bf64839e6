"""Lines that are no absorption alone: where a dispersive part beside it explains a spectrum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.line_model import LineModel
from labctl.analysis.lineshapes import dispersive_profile, profile
from labctl.analysis.noise_correlation import Correlation
from labctl.analysis.peak_finding import (
    bic,
    chi_square,
    choose_baseline,
    difference_scale,
    effective_error,
    line_threshold,
    only_heights,
    sane,
)
from labctl.analysis.significance import needed_gain, stands_out

Floats = NDArray[np.float64]

STRONG = 6.0
"""Twice the log of the odds from which evidence is strong (Kass & Raftery, J. Am. Stat. Assoc. 90
(1995) 773, Sec. 3.2)."""

POOR = 5.0
"""Standard deviations above which chi-square leaves room for a further line."""

REACH = 1.5
"""Distance of neighbours, in the sum of their widths, that one dispersive line may look like."""

TOGETHER = 3
"""Neighbours that one dispersive line may look like: two slopes and a wing."""


@dataclass(frozen=True)
class Lines:
    """Lines over a baseline, as a model and its parameters."""

    model: LineModel
    parameters: Floats

    @property
    def places(self) -> Floats:
        """Centre and ln FWHM of each line, (m, 2)."""
        return self.model.split(self.parameters)[0][:, :2]

    def without(self, numbers: tuple[int, ...]) -> Lines:
        """The other lines."""
        lines, rest = self.model.split(self.parameters)
        kept = [i for i in range(len(lines)) if i not in numbers]
        parts = self.model.parts(self.parameters)
        return self._of(lines[kept], parts[kept], [i in self.model.mixed for i in kept], rest)

    def with_line(self, centre: float, log_width: float, *, mixed: bool) -> Lines:
        """One more line, of no height yet."""
        lines, rest = self.model.split(self.parameters)
        new = np.zeros((1, self.model.per_line))
        new[0, :2] = centre, log_width
        parts = np.append(self.model.parts(self.parameters), 0.0)
        before = [i in self.model.mixed for i in range(len(lines))]
        return self._of(np.concatenate([lines, new]), parts, [*before, mixed], rest)

    def _of(self, lines: Floats, parts: Floats, mixed: list[bool], rest: Floats) -> Lines:
        order = np.argsort(lines[:, 0])
        numbers = tuple(n for n, i in enumerate(order) if mixed[i])
        baseline = rest[len(self.model.mixed) :]
        lines, parts = lines[order], parts[order]
        parameters = np.concatenate([lines.ravel(), parts[list(numbers)], baseline])
        return Lines(replace(self.model, mixed=numbers), parameters)


@dataclass(frozen=True)
class Doubt:
    """Two lines of opposite sign, or one dispersive line.

    Attributes:
        numbers: of what was fitted of these, from 0.
        two: centres of the two, in the model's MHz.
        one: centre of the one.
    """

    numbers: tuple[int, ...]
    two: tuple[float, ...]
    one: float


class DispersiveSearch:
    """Whether one line with a dispersive part explains what one to three neighbours do not.

    Args:
        y: signal, (n,).
        error: standard errors, (n,).
        sign: +1 or -1 for lines of one sign, 0 for both.
    """

    def __init__(self, y: Floats, error: Floats, sign: int) -> None:
        self._y, self._error, self._sign = y, error, sign
        self._scale = max(1.0, difference_scale(y, error))

    def search(self, best: Lines, plain: Lines) -> tuple[Lines, list[Doubt]]:
        """The lines, some of them dispersive where that explains the spectrum clearly better.

        The wings of a dispersive line pass for a bent baseline, so the search begins from the
        lines over the plain one as well.

        Args:
            best: lines that are pure, over the baseline that they need.
            plain: lines that are pure, over the plain baseline.

        Returns:
            The lines in order of frequency, and for which of them it cannot be told.
        """
        lines = self._replaced(best.without(()))
        if plain.model.order < lines.model.order:
            other = self._replaced(plain.without(()))
            margin = 0.0 if lines.model.mixed else STRONG
            if other.model.mixed and self._bic(other) < self._bic(lines) - margin:
                lines = other
        return lines, list(self._doubts(lines))

    def _bic(self, lines: Lines) -> float:
        return bic(lines.model, lines.parameters, self._y, self._error)

    def _replaced(self, lines: Lines) -> Lines:
        """Lines in whose place a dispersive one is taken, the clearest first.

        A dispersive part of one line is taken where it stands out. Several lines give way to one
        where that leaves clearly less although it may have fewer parameters: to be simpler is no
        reason, as two lines of opposite sign are ordinary. Lines that stood for its wings go.
        """
        while True:
            trials = [
                (self._evidence(lines, trial), trial)
                for group in _groups(len(lines.places))
                if self._worth(lines, group) and (trial := self._instead(lines, group)) is not None
            ]
            if (trial := self._beside(lines)) is not None:
                trials.append((self._evidence(lines, trial), trial))
            evidence, best = max(trials, key=lambda pair: pair[0], default=(0.0, lines))
            if evidence <= 0:
                return lines
            lines = self._tidied(best)

    def _worth(self, lines: Lines, group: tuple[int, ...]) -> bool:
        """Pure lines, and neighbours no further apart than one line's slopes may be."""
        places = lines.places[list(group)]
        reach = np.exp(places[:, 1])
        near = bool(np.all(np.diff(places[:, 0]) < REACH * (reach[1:] + reach[:-1])))
        return near and (len(group) > 1 or not set(group) & set(lines.model.mixed))

    def _instead(self, lines: Lines, group: tuple[int, ...]) -> Lines | None:
        """The best fit with one mixed line in the place of a group."""
        centre, log_width = lines.places[list(group)].T
        others = lines.without(group)
        fwhm = {float(np.exp(np.median(log_width)))}
        if len(group) > 1:
            fwhm.add(float(np.ptp(centre)))
        low, high = centre.min(), centre.max()
        starts = [
            others.with_line(float(place), float(np.log(width)), mixed=True)
            for width in fwhm
            for place in np.linspace(low - width / 2, high + width / 2, 2 * len(group) + 1)
        ]
        starts = [self._with_heights(start) for start in starts]
        best = min(starts, key=lambda start: self._chi_square(start, start))
        fit = self._fitted(best)
        return fit if sane(fit.model, fit.parameters, self._y, self._sign) else None

    def _beside(self, lines: Lines) -> Lines | None:
        """The best further mixed line where the lines leave more than noise."""
        model, n = lines.model, self._y.size
        error = effective_error(model, lines.parameters, self._error, self._scale)
        left = chi_square(model, lines.parameters, self._y, error)
        if left < n + POOR * np.sqrt(2 * n):
            return None
        mean, sigma = model.log_width
        places = np.array([
            (centre, width)
            for width in mean + sigma * np.array([-1.0, 0.0, 1.0, 2.0])
            for centre in np.arange(model.x[0], model.x[-1], np.exp(width) / 4)
        ])  # fmt: skip
        x = (model.x[:, None] - places[:, 0]) / (np.exp(places[:, 1]) / 2)
        orthogonal, _ = np.linalg.qr(model.evaluate(lines.parameters)[2] / error[:, None])
        rest = (self._y - model.evaluate(lines.parameters)[1]) / error
        rest = rest - orthogonal @ (orthogonal.T @ rest)
        even, _, _ = profile(model.shape, x, np.zeros_like(x))
        atoms = [even / error[:, None], dispersive_profile(model.shape, x)[0] / error[:, None]]
        even, odd = (atom - orthogonal @ (orthogonal.T @ atom) for atom in atoms)
        ee, oo, eo = (np.sum(a * b, axis=0) for a, b in ((even, even), (odd, odd), (even, odd)))
        er, or_ = even.T @ rest, odd.T @ rest
        scale = ee * oo - eo**2
        fall = oo * er**2 - 2 * eo * er * or_ + ee * or_**2
        gain = np.where(scale > 0.01 * ee * oo, fall / np.maximum(scale, 1e-300), 0.0)
        centre, width = places[int(np.argmax(gain))].tolist()
        start = lines.with_line(centre, width, mixed=True)
        fit = self._fitted(self._with_heights(start))
        return fit if sane(fit.model, fit.parameters, self._y, self._sign) else None

    def _fitted(self, lines: Lines) -> Lines:
        found, _ = lines.model.minimise(lines.parameters, self._y, self._scale * self._error)
        return replace(lines, parameters=found)

    def _with_heights(self, lines: Lines) -> Lines:
        """Best heights, dispersive parts and baseline, with centres and widths as they are."""
        error = self._scale * self._error
        return replace(
            lines, parameters=only_heights(lines.model, lines.parameters, self._y, error)
        )

    def _evidence(self, old: Lines, new: Lines) -> float:
        """By how much chi-square falls beyond what `new` must explain to be taken."""
        gain, places = self._gain(old, new), max(len(old.places), 1)
        more = new.parameters.size - old.parameters.size
        if more == 1:
            return gain - needed_gain(1, places=places)
        return gain - STRONG - 2 * np.log(places) - max(np.log(self._y.size) * more, 0.0)

    def _gain(self, old: Lines, new: Lines) -> float:
        """Fall of chi-square, in units of noise as correlated as `new` leaves it."""
        rest = (self._y - new.model.evaluate(new.parameters)[1]) / self._error
        width = float(np.exp(new.model.log_width[0]))
        inflation = Correlation.of(rest).inflation(width, new.model.x)
        fall = self._chi_square(old, new) - self._chi_square(new, new)
        return fall / inflation**2

    def _chi_square(self, lines: Lines, judge: Lines) -> float:
        """With the errors that the shapes of `judge` leave."""
        error = effective_error(judge.model, judge.parameters, self._error, self._scale)
        return chi_square(lines.model, lines.parameters, self._y, error)

    def _tidied(self, lines: Lines) -> Lines:
        """Without the lines and bends that the new line makes needless."""
        needed = line_threshold(lines.model)
        while True:
            pure = [i for i in range(len(lines.places)) if i not in lines.model.mixed]
            fewer = [self._fitted(lines.without((i,))) for i in pure]
            losses = [self._gain(one, lines) for one in fewer]
            if not fewer or min(losses) > needed:
                break
            lines = fewer[int(np.argmin(losses))]
        model, parameters = choose_baseline(
            lines.model, lines.parameters, self._y, self._scale * self._error
        )
        return Lines(model, parameters)

    def _doubts(self, lines: Lines) -> Iterator[Doubt]:
        """Where one dispersive line and two of opposite sign explain the data as well."""
        heights = lines.model.split(lines.parameters)[0][:, 2]
        for group in _groups(len(lines.places)):
            pure = not set(group) & set(lines.model.mixed)
            if pure and len(group) == 2 and np.prod(heights[list(group)]) < 0:
                trial = self._instead(lines, group) if self._worth(lines, group) else None
                if trial is None:
                    continue
                more = lines.parameters.size - trial.parameters.size
                if not stands_out(-self._gain(lines, trial), more):
                    yield Doubt(group, tuple(lines.places[list(group), 0]), _new(lines, trial)[0])
            elif len(group) == 1 and not pure:
                trial = self._pair(lines, group[0])
                if trial is not None and self._gain(lines, trial) > 0:
                    yield Doubt(group, _new(lines, trial), float(lines.places[group[0], 0]))

    def _pair(self, lines: Lines, number: int) -> Lines | None:
        """The best fit with two pure lines of opposite sign in the place of a mixed one."""
        centre, log_width = lines.places[number]
        others, half = lines.without((number,)), np.exp(log_width) / 2
        fits = []
        for apart in (0.5, 1.0):
            start = others
            for way in (-apart, apart):
                start = start.with_line(float(centre + way * half), float(log_width), mixed=False)
            fit = self._fitted(self._with_heights(start))
            # Not asked whether it is `sane`: what is left of two that cancel is as good a doubt.
            if np.isfinite(fit.parameters).all() and _new(others, fit):
                fits.append(fit)
        return min(fits, key=lambda fit: self._chi_square(fit, lines), default=None)


def _new(old: Lines, new: Lines) -> tuple[float, ...]:
    """Centres of the lines that were not there before, which kept their place but for a little."""
    before = old.places
    near = np.exp(before[:, 1]) / 8
    return tuple(
        float(centre)
        for centre in new.places[:, 0]
        if not np.any(np.abs(before[:, 0] - centre) < near)
    )


def _groups(count: int) -> Iterator[tuple[int, ...]]:
    """Numbers of one, two or three lines side by side, of so many."""
    for size in range(1, TOGETHER + 1):
        for first in range(count - size + 1):
            yield tuple(range(first, first + size))
