"""Which fields may have made a spectrum, and how much better one explains it than another."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.nv_matching import LineSet, search
from labctl.analysis.nv_model import fold_field
from labctl.analysis.nv_sampling import profile_covariance
from labctl.analysis.nv_spectrum import MULTIPLETS, SpectrumModel
from labctl.data import Table

Floats = NDArray[np.float64]

TRIED = 40
"""Fields that are tried on the coarse spectrum."""

FEW_LINES = 3

SPLITTING_STEP_HZ, SPLITTING_REACH_HZ = 20e6, 80e6
"""Where the splitting is freed, it is sought in these steps and this far from nominal."""

KEPT = 8
"""Those of them that are tried on the whole one."""

POOR = 2.0
"""Reduced chi-square above which a spectrum is not explained."""

COARSE_BINS = 3.0
"""Points per width in the coarse spectrum."""

ALIKE_SHARES = (0.35, 0.5, 1.0)

HEIGHT_SHARES = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4)
"""Heights of single lines that are tried, in terms of the lines that were found."""

AMBIGUOUS = 12.0
"""Fields within this of the best, on the scale of chi-square, are alternatives: odds of 1:400."""


@dataclass(frozen=True)
class FittedField:
    """A field fitted to the spectrum.

    Attributes:
        model: the model that was fitted.
        parameters: of `model`.
        judged: the model with the errors and heights that the evidence was computed with.
        cost: -2 ln of the evidence.
    """

    model: SpectrumModel
    parameters: Floats
    judged: SpectrumModel
    cost: float = float("inf")

    @classmethod
    def of(cls, model: SpectrumModel, start: Floats) -> FittedField:
        """The nearest minimum of a model; not judged yet."""
        return cls(model, model.minimise(model.start(start)), model)

    @property
    def field_mhz(self) -> Floats:
        """Folded field times gamma, (3,)."""
        return self.parameters[:3]


def fit_candidates(model: SpectrumModel, starts: list[LineSet]) -> list[FittedField]:
    """All fields that may have made the spectrum, best first, no two the same.

    Every set of lines gives starts. They are tried on a coarse spectrum, where the basins are
    wide, then on the whole one with each hyperfine structure, last with widths of their own for
    every line or with heights that are alike; evidence decides. Where no model reaches
    chi-square per degree of freedom of one, the errors are taken as that much larger; where it
    stays far above, the splitting may be far from what is expected, and is sought there as well.
    """
    fits = _fitted(model, starts)
    best = fits[0]
    if model.lines.free_splitting and best.model.reduced(best.parameters) > POOR:
        far = [replace(lines, splitting_error_hz=SPLITTING_REACH_HZ) for lines in starts]
        others = _fitted(model, far)
        fits = min(fits, others, key=lambda some: some[0].model.reduced(some[0].parameters))
    return fits


def _fitted(model: SpectrumModel, starts: list[LineSet]) -> list[FittedField]:
    width = float(np.exp(model.log_width))
    coarse = binned(model, width * 1e6 / COARSE_BINS)
    parameters = [found for lines in starts for found in _searched(lines)]
    parameters += [b * np.array(d) for b in (width / 2, 1.5 * width) for d in _DIRECTIONS]
    rough = _distinct(_scaled([FittedField.of(coarse, start) for start in parameters]))
    # Few lines leave many fields.
    rough = rough[: KEPT if max(s.frequency_hz.size for s in starts) > FEW_LINES else TRIED]
    fine = []
    for offsets in MULTIPLETS.values():
        extent = float(np.ptp(offsets))
        if extent and extent > 1.2 * width:
            continue
        log_width = float(np.log(max(width**2 - extent**2, (width / 4) ** 2)) / 2)
        trial = replace(model, offsets_mhz=offsets, log_width=log_width)
        chosen = rough[:KEPT] if extent else rough
        fine += [FittedField.of(trial, np.append(one.parameters[:4], log_width)) for one in chosen]
    fine = _scaled(fine)
    others = [{"own_widths": True}]
    if model.sign:
        others += [{"alike": True, "height": model.height * share} for share in ALIKE_SHARES]
    again = [
        FittedField.of(replace(one.model, **other), one.parameters)
        for one in fine[: KEPT // 2]
        for other in others
    ]
    return _distinct(_precisely(_scaled(fine + again)))


def _searched(lines: LineSet) -> list[Floats]:
    """Fields that explain the lines; where D may be anywhere near, those of several D."""
    reach = min(2 * lines.splitting_error_hz, SPLITTING_REACH_HZ) if lines.free_splitting else 0.0
    if reach < 1.5 * SPLITTING_STEP_HZ:
        return [candidate.parameters for candidate in search(lines)[:TRIED]]
    found = []
    for shift in np.arange(-reach, reach + 1, SPLITTING_STEP_HZ):
        # All lines move nearly as D does, so the grid of one D serves.
        moved = replace(
            lines,
            frequency_hz=lines.frequency_hz - shift,
            window_hz=(lines.window_hz[0] - shift, lines.window_hz[1] - shift),
            splitting_error_hz=SPLITTING_STEP_HZ,
        )
        for candidate in search(moved, keep=10):
            start = np.concatenate([candidate.parameters, [0.0]])[:4]
            start[3] += shift * 1e-6
            found.append(start)
    return found


_DIRECTIONS = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 0.6, 0.3]]) / np.array(
    [[3**0.5], [1], [2**0.5], [1.45**0.5]]
)


def binned(model: SpectrumModel, bin_hz: float) -> SpectrumModel:
    """The same spectrum in weighted means over `bin_hz`, where that holds several points."""
    f = model.frequency_hz
    together = int(bin_hz * (f.size - 1) / (f[-1] - f[0]))
    if together < 2:
        return model
    starts, weight = np.arange(0, f.size, together), model.error**-2
    total = np.add.reduceat(weight, starts)
    place = np.add.reduceat(weight * (f - f[0]), starts) / total + f[0]
    y = np.add.reduceat(weight * model.y, starts) / total
    return replace(model, frequency_hz=place, y=y, error=total**-0.5)


def _scaled(fits: list[FittedField]) -> list[FittedField]:
    """Evidence with errors for which the best of the fits has chi-square one, best first."""
    reduced = min(one.model.reduced(one.parameters) for one in fits)
    scale = float(np.sqrt(max(reduced, 1.0))) if np.isfinite(reduced) else 1.0
    return sorted((_with_evidence(one, scale) for one in fits), key=lambda one: one.cost)


def _with_evidence(one: FittedField, scale: float) -> FittedField:
    """The fit with its evidence, at the typical height of a line that serves it best.

    How many lines merge in one that was measured, and so how high each is, depends on the field.
    """
    trials = [
        replace(one.model, error=one.model.error * scale, height=one.model.height * share)
        for share in HEIGHT_SHARES
    ]
    costs = [trial.log_evidence_cost(one.parameters) for trial in trials]
    i = int(np.argmin(costs))
    return replace(one, judged=trials[i], cost=costs[i])


def _precisely(fits: list[FittedField]) -> list[FittedField]:
    """The fields that stay in question once more, with how far chi-square really lets them go."""
    close = [one for one in fits if one.cost < fits[0].cost + 3 * AMBIGUOUS]
    again = []
    for one in close:
        parameters = one.judged.minimise(one.parameters)
        covariance = profile_covariance(one.judged, parameters)
        cost = one.judged.log_evidence_cost(parameters, covariance)
        again.append(replace(one, parameters=parameters, cost=cost))
    return sorted(again, key=lambda one: one.cost)


def _distinct(fits: list[FittedField]) -> list[FittedField]:
    kept: list[FittedField] = []
    for one in fits:
        if all(np.linalg.norm(one.field_mhz - other.field_mhz) > 3 for other in kept):
            kept.append(one)
    return kept


def rivals(fits: list[FittedField]) -> list[FittedField]:
    """The best and every other that the spectrum does not exclude."""
    return [one for one in fits if one.cost - fits[0].cost < AMBIGUOUS]


def alternatives_table(fits: list[FittedField]) -> Table:
    """One row per field that explains the spectrum about as well, the best first."""
    lines = fits[0].model.lines
    field = np.array([fold_field(one.field_mhz) for one in fits]) * (1e6 / lines.gamma)
    splitting = [lines.splitting_hz + one.parameters[3] * 1e6 for one in fits]
    odds = np.exp(-np.array([one.cost - fits[0].cost for one in fits]) / 2)
    columns = {
        **{f"field_{axis}_t": field[:, i] for i, axis in enumerate("xyz")},
        "field_magnitude_t": np.linalg.norm(field, axis=1),
        "zero_field_splitting_hz": np.array(splitting),
        "chi_square": np.array([one.judged.chi_square(one.parameters) for one in fits]),
        "probability": odds / odds.sum(),
    }
    units = {name: "T" if name.endswith("_t") else "Hz" if name.endswith("_hz") else ""
             for name in columns}  # fmt: skip
    return Table(columns, units)
