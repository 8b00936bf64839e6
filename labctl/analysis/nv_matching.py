"""Which fields explain a set of unlabelled lines: global search, assignment, refinement."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import leastsq

from labctl.analysis.nv_model import fold_field, transition_frequencies_hz

Floats = NDArray[np.float64]

MAGNITUDE_RANGE_T = (0.2e-3, 55e-3)
MISSING_COST = 9.0
"""Chi-square of a predicted line that nothing in the window shows: it counts as three sigma."""

MERGED_WEIGHT = 0.07
"""A line measured where several merge stands off their plain mean by about this part of a width,
because the merged lines differ in height by an unknown amount."""

SPLITTING_PRIOR_HZ = 5e6
"""How far strain and temperature move the zero-field splitting."""


GRID_MHZ = 12.0
"""How far apart the fields of the grid are."""

SPARED = 3.0
"""Over how many gates a measured line reaches for a predicted one that another has chosen."""

APART = 0.05
"""Fields on the grid that differ by less than this part of their size count as one start."""


@dataclass(frozen=True)
class LineSet:
    """Measured lines, ascending, and what else is known about them.

    Attributes:
        frequency_hz: (k,).
        error_hz: standard errors, (k,).
        window_hz: scanned range; lines predicted outside it are not missed.
        fwhm_hz: lines closer than this merge.
        splitting_hz: nominal zero-field splitting.
        gamma: gyromagnetic ratio, hertz per tesla.
        free_splitting: whether the splitting is fitted.
        splitting_error_hz: how far it may be from its nominal value, infinite where anywhere.
    """

    frequency_hz: Floats
    error_hz: Floats
    window_hz: tuple[float, float]
    fwhm_hz: float
    splitting_hz: float
    gamma: float
    free_splitting: bool
    splitting_error_hz: float = SPLITTING_PRIOR_HZ

    def splitting_residual(self, shift_mhz: float) -> float:
        """The shift of the splitting in units of its prior; 0 where it is held."""
        # A freed splitting still has to be of the order of D for the matrices to be regular.
        error = min(self.splitting_error_hz, self.splitting_hz)
        return shift_mhz * 1e6 / error if self.free_splitting else 0.0

    def predict(self, parameters: Floats) -> Floats:
        """The eight lines (class-major: lower, upper) for (gamma B in MHz, dD in MHz), (8,)."""
        # A step of the least squares may go anywhere; the levels beyond 3000 T overflow.
        parameters = np.clip(parameters, -1e8, 1e8)
        shift = parameters[3] if parameters.size > 3 else 0.0
        return transition_frequencies_hz(
            parameters[:3] * (1e6 / self.gamma),
            zero_field_splitting_hz=self.splitting_hz + shift * 1e6,
            gyromagnetic_hz_per_t=self.gamma,
        ).reshape(8)

    def seen(self, predicted: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Which predicted lines the window certainly shows."""
        margin = self.fwhm_hz / 2
        low, high = self.window_hz
        return (predicted > low + margin) & (predicted < high - margin)


@dataclass(frozen=True)
class Candidate:
    """One field that may explain the lines.

    Attributes:
        parameters: gamma B (3,) in MHz, folded, and the shift of D in MHz where it is free.
        owner: for each of the eight lines the index of its measured line, -1 for none.
        chi_square: of the measured lines alone.
        score: chi-square plus the costs of merging, missing lines and the priors.
    """

    parameters: Floats
    owner: NDArray[np.int64]
    chi_square: float
    score: float


@lru_cache(maxsize=2)
def _grid(splitting_hz: float, gamma: float) -> tuple[Floats, NDArray[np.float32]]:
    """Fields of the fundamental domain (n, 3) in tesla, about 12 MHz apart, and their lines (8, n).

    Sums and minima over the few lines are many times faster along the first axis.
    """
    low, high = MAGNITUDE_RANGE_T
    fields = []
    for magnitude in np.arange(low, high, 9e6 / gamma):
        n = int(np.ceil(gamma * magnitude / (GRID_MHZ * 1e6))) + 3
        a, b = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n), indexing="ij")
        keep = b <= a
        direction = np.stack([np.ones(int(keep.sum())), a[keep], b[keep]], axis=-1)
        fields.append(magnitude * direction / np.linalg.norm(direction, axis=-1, keepdims=True))
    stacked = np.concatenate(fields)
    lines = transition_frequencies_hz(
        stacked, zero_field_splitting_hz=splitting_hz, gyromagnetic_hz_per_t=gamma
    )
    return stacked, np.ascontiguousarray(lines.reshape(-1, 8).T, dtype=np.float32)


def search(lines: LineSet, *, keep: int = 40) -> list[Candidate]:
    """The best candidates after refinement, best first, no two the same."""
    fields, predicted = _grid(lines.splitting_hz, lines.gamma)
    cost = _grid_cost(lines, predicted)
    order = np.argsort(cost)[:20000]
    left = fields[order] * lines.gamma * 1e-6
    chosen: list[Floats] = []
    while len(left) and len(chosen) < keep:
        field = left[0]
        chosen.append(field)
        apart = np.linalg.norm(left - field, axis=1)
        left = left[apart > max(GRID_MHZ, APART * float(np.linalg.norm(field)))]
    refined: list[Candidate] = []
    for field in chosen:
        start = np.append(field, 0.0) if lines.free_splitting else field
        refined.append(refine(lines, start))
    refined.sort(key=lambda candidate: candidate.score)
    distinct: list[Candidate] = []
    for candidate in refined:
        if all(
            np.linalg.norm(candidate.parameters[:3] - other.parameters[:3]) > 2
            for other in distinct
        ):
            distinct.append(candidate)
    return distinct


def _grid_cost(lines: LineSet, predicted: NDArray[np.float32]) -> NDArray[np.float32]:
    cost = np.empty(predicted.shape[1], dtype=np.float32)
    tolerance = np.hypot(lines.error_hz, 8e6).astype(np.float32)
    measured = lines.frequency_hz.astype(np.float32)
    for start in range(0, cost.size, 20000):
        block = predicted[:, start : start + 20000]
        nearest = np.full(block.shape, 4.0, dtype=np.float32)
        unexplained = np.zeros(block.shape[1], dtype=np.float32)
        for frequency, sigma in zip(measured, tolerance, strict=True):
            distance = ((block - frequency) / sigma) ** 2
            np.minimum(nearest, distance, out=nearest)
            unexplained += np.minimum(distance.min(axis=0), 16.0)
        missed = np.where(lines.seen(block), nearest, 0.0).sum(axis=0)
        cost[start : start + 20000] = unexplained + 0.5 * missed
    return cost


def assign(lines: LineSet, predicted: Floats, gate_hz: float) -> NDArray[np.int64]:
    """The measured line that each predicted one belongs to, -1 for none, (8,).

    Nearest within the gate; a measured line that nobody chose takes the nearest predicted line
    that can be spared and is not far off: one line may have been taken for two.
    """
    distance = np.abs(predicted[:, None] - lines.frequency_hz)
    owner = np.argmin(distance, axis=1)
    gate = np.maximum(gate_hz, 4 * lines.error_hz)
    owner[np.min(distance - gate, axis=1) > 0] = -1
    for k in range(lines.frequency_hz.size):
        if not np.any(owner == k):
            sizes = np.bincount(owner[owner >= 0], minlength=lines.frequency_hz.size)
            spare = np.array([o < 0 or sizes[o] > 1 for o in owner])
            spare &= distance[:, k] < SPARED * gate[k]
            if np.any(spare):
                owner[int(np.argmin(np.where(spare, distance[:, k], np.inf)))] = k
    return owner


def residuals(
    lines: LineSet, parameters: Floats, owner: NDArray[np.int64], sigma: Floats
) -> tuple[Floats, Floats]:
    """Measured minus predicted in sigmas (k,), and the residuals of merging and priors."""
    predicted = lines.predict(parameters)
    taken = owner >= 0
    count = np.bincount(owner[taken], minlength=lines.frequency_hz.size)
    total = np.bincount(owner[taken], weights=predicted[taken], minlength=lines.frequency_hz.size)
    mean = total / np.maximum(count, 1)
    data = np.where(count > 0, (lines.frequency_hz - mean) / sigma, 10.0)
    spread = np.where(taken, (predicted - mean[owner]) / (lines.fwhm_hz / 2), 0.0)
    # Weak enough to matter only where the lines leave a direction open.
    extra = [spread, parameters[:3] / (lines.gamma * MAGNITUDE_RANGE_T[1] * 1e-6)]
    if parameters.size > 3:
        extra.append(np.array([lines.splitting_residual(parameters[3])]))
    return data, np.concatenate(extra)


def merged_sigma(lines: LineSet, owner: NDArray[np.int64]) -> Floats:
    """Standard errors of the measured lines, with what merging adds, (k,)."""
    count = np.bincount(owner[owner >= 0], minlength=lines.frequency_hz.size)
    return np.where(
        count > 1, np.hypot(lines.error_hz, MERGED_WEIGHT * lines.fwhm_hz), lines.error_hz
    )


def refine(lines: LineSet, parameters: Floats) -> Candidate:
    """Least squares and assignment in turn, from a start on the grid."""
    owner = np.full(8, -2)
    sigma = lines.error_hz
    for gate in (3 * lines.fwhm_hz, 1.5 * lines.fwhm_hz, lines.fwhm_hz, lines.fwhm_hz):
        predicted = lines.predict(parameters)
        new = assign(lines, predicted, gate)
        if np.array_equal(new, owner):
            break
        owner = new
        sigma = merged_sigma(lines, owner)

        def flat(p: Floats, owner: NDArray[np.int64] = owner, s: Floats = sigma) -> Floats:
            return np.concatenate(residuals(lines, p, owner, s))

        parameters = leastsq(flat, parameters, ftol=1e-9, xtol=1e-9, maxfev=80, full_output=True)[0]
    parameters = np.concatenate([fold_field(parameters[:3]), parameters[3:]])
    # Folding permutes the classes.
    predicted = lines.predict(parameters)
    owner = assign(lines, predicted, lines.fwhm_hz)
    sigma = merged_sigma(lines, owner)
    data, extra = residuals(lines, parameters, owner, sigma)
    chi_square = float(np.sum(data**2))
    missing = int(np.sum(lines.seen(predicted) & (owner < 0)))
    score = chi_square + float(np.sum(extra**2)) + MISSING_COST * missing
    score += 2 * float(np.sum(np.log(sigma / lines.error_hz)))
    return Candidate(parameters, owner, chi_square, score)
