"""Simulation-based calibration: are the errors of a fit right over a whole prior?

Parameters are drawn from a prior, data from the parameters, and the fit is asked. Where its value
and error are a Gaussian posterior, the rank of the truth in it, Phi((true - value)/error), is
uniform over the draws (Talts, Betancourt, Simpson, Vehtari & Gelman, arXiv:1804.06788). One fixed
truth would miss what goes wrong elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import erf, ndtr
from scipy.stats import binom, chisquare

from labctl.data import FitValue

Draw = tuple[Mapping[str, float], Mapping[str, FitValue]]
"""The truth of one draw and what the fit claims, both by the name of the value."""

ONE_SIGMA, TWO_SIGMA = (float(erf(k / np.sqrt(2))) for k in (1, 2))
TOLERANCE = 0.04
"""How far the share within one sigma may be from 68 % in the table of 500 draws."""
RANKS = 10
RANKS_UNIFORM = 1e-3
"""Chance of the ranks' chi-square below which they are not uniform."""


@dataclass(frozen=True)
class Calibration:
    """One fit with its prior.

    Attributes:
        name: of the fit, the heading in the table.
        prior: what is drawn, and from where, in a sentence or two.
        one: draws a truth from the prior, makes the data and fits them.
        quick_draws: how many the quick test takes; a few seconds' worth.
        remarks: why a row of the table is not as it should be, by the name of the value.
    """

    name: str
    prior: str
    one: Callable[[Generator], Draw]
    quick_draws: int = 40
    remarks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Coverage:
    """One value over all draws: `pulls` are (value - true)/error where it was claimed."""

    name: str
    asked: int
    pulls: NDArray[np.float64]

    @property
    def claimed(self) -> int:
        return self.pulls.size

    @property
    def bias(self) -> float:
        """Mean pull."""
        return float(self.pulls.mean()) if self.claimed else float("nan")

    @property
    def ranks_p(self) -> float:
        """Chance of ranks as uneven as these."""
        if self.claimed < 5 * RANKS:
            return float("nan")
        counts, _ = np.histogram(ndtr(-self.pulls), RANKS, (0.0, 1.0))
        return float(chisquare(counts).pvalue)

    def within(self, sigmas: float) -> float:
        """Share of the claims that are within so many errors of the truth."""
        return float(np.mean(np.abs(self.pulls) < sigmas)) if self.claimed else float("nan")

    @property
    def verdict(self) -> str:
        """In words, for the table."""
        one = self.within(1)
        if one < ONE_SIGMA - TOLERANCE:
            return "errors too small"
        if one > ONE_SIGMA + TOLERANCE:
            return "errors too large"
        return "ranks not uniform" if self.ranks_p < RANKS_UNIFORM else "honest"

    def believable(self, chance: float = 1e-3) -> bool:
        """Whether so few draws may come from honest errors."""
        inside = int(np.sum(np.abs(self.pulls) < 1))
        low, high = binom.ppf([chance / 2, 1 - chance / 2], self.claimed, ONE_SIGMA)
        return bool(low <= inside <= high)


def calibrate(
    calibration: Calibration, draws: int, *, seed: int = 0, processes: int = 1
) -> list[Coverage]:
    """Coverage of every value that has a truth; each draw has its own random numbers."""
    one = partial(_draw, calibration, seed)
    if processes == 1:
        return _gathered([one(index) for index in range(draws)])
    with ProcessPoolExecutor(processes) as pool:
        return _gathered(pool.map(one, range(draws), chunksize=max(draws // (8 * processes), 1)))


def _draw(calibration: Calibration, seed: int, index: int) -> Draw:
    return calibration.one(np.random.default_rng([seed, index]))


def _gathered(drawn: Iterable[Draw]) -> list[Coverage]:
    asked: dict[str, int] = {}
    pulls: dict[str, list[float]] = {}
    for truth, values in drawn:
        for name, true in truth.items():
            asked[name] = asked.get(name, 0) + 1
            pulls.setdefault(name, [])
            if name in values:
                pulls[name].append((values[name].value - true) / values[name].error)
    return [Coverage(name, asked[name], np.array(pulls[name])) for name in asked]
