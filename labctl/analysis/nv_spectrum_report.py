"""From the fields that explain a spectrum to the result: a value, a limit, or alternatives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.nv_candidates import FittedField, alternatives_table, rivals
from labctl.analysis.nv_line_fit import FEW_LINES, field_fit
from labctl.analysis.nv_report import FieldFit, field_limit, field_result
from labctl.analysis.nv_sampling import profile_covariance, sample
from labctl.analysis.nv_spectrum import SpectrumModel
from labctl.data import FitCurve, FitResult, Table

Floats = NDArray[np.float64]

MODEL = "eight lines of one field"

NEAR_SPLITTING_HZ = 20e6
"""Two lines this near to D may be split by strain alone (Doherty et al., Phys. Rep. 528, 1)."""


def spectrum_field(fits: list[FittedField], tables: dict[str, Table], curve: FitCurve) -> FitResult:
    """The best field with its errors, an upper limit of its size, or several fields."""
    best = fits[0]
    model = best.judged
    curve = replace(curve, model=best.model.curve(best.parameters))
    reduced = best.model.reduced(best.parameters)
    covariance = profile_covariance(model, best.parameters)
    centre = best.parameters[model.free]
    splitting = 3 if model.lines.free_splitting else 2
    chain = None
    small = _little_more_than_zero(model, best, tables["resonances"])
    if small or model.coincide(best.parameters):
        chain = sample(model, best.parameters, covariance)
        centre, covariance = chain.mean(axis=0), np.cov(chain.T)
    fit = field_fit(
        model.lines,
        centre[: splitting + 1],
        covariance[: splitting + 1, : splitting + 1],
        reduced,
        model.freedom,
    )
    several = rivals(fits)
    if chain is not None and (small or _may_vanish(model, fit)):
        limit = float(np.quantile(np.linalg.norm(chain[:, :3], axis=1), 0.95))
        several = [one for one in several if np.linalg.norm(one.field_mhz) > limit]
        notes = _notes(model, fit, [best, *several])
        return field_limit(limit * 1e6 / model.lines.gamma, MODEL, notes, tables, curve, reduced)
    notes = _notes(model, fit, several)
    if len(several) > 1:
        tables = {**tables, "alternatives": alternatives_table(several)}
        if tables["resonances"].columns["frequency_hz"].size <= 2:
            note = "Two lines do not determine a field: the alternatives are listed."
            return FitResult(MODEL, {}, np.empty((0, 0)), reduced, (note, *notes), tables, curve)
    return field_result(fit, model=MODEL, notes=tuple(notes), tables=tables, curve=curve)


def _little_more_than_zero(model: SpectrumModel, best: FittedField, found: Table) -> bool:
    """Whether the spectrum shows one line or two near D, and the best field is small."""
    place, fwhm = found.columns["frequency_hz"], found.columns["fwhm_hz"]
    reach = max(NEAR_SPLITTING_HZ, 1.5 * float(np.max(fwhm)))
    centre = model.lines.splitting_hz + best.parameters[3] * 1e6
    near = place.size <= 2 and bool(np.all(np.abs(place - centre) < reach))
    return near and float(np.linalg.norm(best.field_mhz)) * 1e6 < 3 * reach


def _may_vanish(model: SpectrumModel, fit: FieldFit) -> bool:
    """Whether the size of a small field is within three of its errors of zero."""
    magnitude = float(np.linalg.norm(fit.field_t))
    direction = fit.field_t / magnitude
    error = float(np.sqrt(direction @ fit.covariance[:3, :3] @ direction))
    return magnitude < 3 * error and magnitude * model.lines.gamma < 3 * NEAR_SPLITTING_HZ


def _notes(model: SpectrumModel, fit: FieldFit, several: list[FittedField]) -> list[str]:
    """What makes the field doubtful, in words."""
    notes: list[str] = []
    lines, found = model.lines, model.lines.frequency_hz.size
    if found < FEW_LINES:
        notes.append(f"Only {found} line(s) stand out: another field may fit as well.")
    if not lines.free_splitting:
        notes.append(f"Zero-field splitting held at {lines.splitting_hz / 1e9:.4f} GHz.")
    elif abs(lines.splitting_residual((fit.splitting_hz - lines.splitting_hz) * 1e-6)) > 3:
        notes.append(
            f"Zero-field splitting of {fit.splitting_hz / 1e9:.4f} GHz is more than three sigma"
            f" from {lines.splitting_hz / 1e9:.4f} +- {lines.splitting_error_hz / 1e9:.4f} GHz."
        )
    if fit.freedom < 1:
        notes.append("Fewer points than the model needs: the errors mean little.")
    elif fit.reduced_chi_square > 3:
        notes.append(
            f"Reduced chi-square is {fit.reduced_chi_square:.1f}: the spectrum is not eight equal"
            " lines of one field, or the errors are too small."
        )
    best = several[0]
    if best.model.offsets_mhz.size > 1:
        isotope = {2: "15N", 3: "14N"}[best.model.offsets_mhz.size]
        notes.append(f"Each line is fitted with the hyperfine structure of {isotope}.")
    if model.coincide(best.parameters):
        notes.append("Lines of different classes coincide: position and errors are sampled.")
    missing = _missing(model, best.parameters)
    if missing:
        notes.append(f"{missing} predicted line(s) inside the window are not seen.")
    seen = int(np.sum(lines.seen(fit.predicted_hz.reshape(8))))
    if seen < FEW_LINES:
        notes.append(f"Only {seen} of the eight lines lie in the window.")
    if len(several) > 1:
        words = [
            "({:.2f}, {:.2f}, {:.2f}) G".format(*(one.field_mhz * 1e10 / lines.gamma))
            + f" with chi-square {one.judged.chi_square(one.parameters):.1f}"
            for one in several[:4]
        ]
        more = f" and {len(several) - 4} more" if len(several) > 4 else ""
        notes.append(
            f"Ambiguous: {len(several)} fields explain the spectrum: {'; '.join(words)}{more}."
        )
    return notes


def _missing(model: SpectrumModel, parameters: Floats) -> int:
    """Predicted lines in the window whose height is below two of its errors."""
    predicted = model.lines.predict(parameters[:4])
    error = model.height_errors(parameters)
    return int(
        np.sum(model.lines.seen(predicted) & (np.abs(model.heights(parameters)) < 2 * error))
    )
