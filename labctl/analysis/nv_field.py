"""The magnetic field in the diamond frame, from the lines of four NV classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from labctl.analysis.lineshapes import Lineshape
from labctl.analysis.nv_candidates import fit_candidates
from labctl.analysis.nv_line_fit import field_notes, fit_lines, line_set, lines_table
from labctl.analysis.nv_matching import SPLITTING_PRIOR_HZ, search
from labctl.analysis.nv_model import GYROMAGNETIC_HZ_PER_T, ZERO_FIELD_SPLITTING_HZ
from labctl.analysis.nv_report import field_result, no_field
from labctl.analysis.nv_spectrum_report import MODEL as SPECTRUM_MODEL
from labctl.analysis.nv_spectrum_report import spectrum_field
from labctl.analysis.nv_spectrum_start import spectrum_start
from labctl.analysis.resonances import fit_resonances
from labctl.data import FitResult
from labctl.errors import ParameterError

MODEL = "field of four NV classes"

POOR = 5.0
"""Standard deviations of chi-square from which the whole spectrum is another than eight lines."""


def nv_field(
    frequency_hz: ArrayLike,
    frequency_error_hz: ArrayLike,
    *,
    window_hz: tuple[float, float] | None = None,
    fwhm_hz: float = 7e6,
    fit_zero_field_splitting: bool = True,
    zero_field_splitting_hz: float = ZERO_FIELD_SPLITTING_HZ,
    gyromagnetic_hz_per_t: float = GYROMAGNETIC_HZ_PER_T,
) -> FitResult:
    """The field that explains the measured lines, which nobody has labelled.

    Every field on a grid over the fundamental domain (0.2 to 55 mT) is compared with the lines,
    the best are refined by least squares, the best of those is reported. A measured line may
    stand for several predicted ones within `fwhm_hz` (their mean counts); a predicted line may
    be missing outside `window_hz` for free, inside at the price of three sigma.

    The spectrum is the same for all 48 signed permutations of the components (the octahedral
    symmetry of the axes, with inversion); the representative Bx >= By >= Bz >= 0 is reported.

    Args:
        frequency_hz: lines in any order, shape (k,), 2 <= k <= 8.
        frequency_error_hz: their standard errors, shape (k,), positive.
        window_hz: lowest and highest frequency scanned; None means everything.
        fwhm_hz: width of a line, below which two lines merge.
        fit_zero_field_splitting: fit D when there are five lines or more.
        zero_field_splitting_hz: D where it is not fitted, and the start where it is.
        gyromagnetic_hz_per_t: gamma.

    Returns:
        `values`: field_x_t, field_y_t, field_z_t[, zero_field_splitting_hz] with their
        covariance, then field_magnitude_t and angle_1_rad to angle_4_rad (ascending). Tables
        "classes" (by angle), "interval_95" of the magnitude, "lines" (measured, predicted mean,
        number of merged lines). Errors are scaled by sqrt(reduced chi-square) where it exceeds
        one. Fewer than two lines give no values and a note.

    Raises:
        ParameterError: NaN, unequal lengths, more than eight lines, errors or widths that are
            not positive, a window upside down.
    """
    lines = line_set(
        frequency_hz,
        frequency_error_hz,
        window_hz,
        fwhm_hz,
        zero_field_splitting_hz,
        gyromagnetic_hz_per_t,
        fit_zero_field_splitting,
    )
    if lines.frequency_hz.size < 2:
        return no_field(MODEL, "Fewer than two lines do not determine a field.")
    candidates = search(lines)
    fit, sigma, owner = fit_lines(lines, candidates[0])
    notes = field_notes(lines, fit, candidates, owner)
    return field_result(
        fit,
        model=MODEL,
        notes=tuple(notes),
        tables={"lines": lines_table(lines, fit, sigma, owner)},
    )


def nv_field_from_spectrum(
    frequency_hz: ArrayLike,
    signal: ArrayLike,
    error: ArrayLike,
    *,
    resonances: FitResult | None = None,
    sign: str = "both",
    shape: Lineshape | str = Lineshape.LORENTZIAN,
    fit_zero_field_splitting: bool = True,
    zero_field_splitting_hz: float = ZERO_FIELD_SPLITTING_HZ,
    zero_field_splitting_error_hz: float = SPLITTING_PRIOR_HZ,
    gyromagnetic_hz_per_t: float = GYROMAGNETIC_HZ_PER_T,
    y_name: str = "signal",
    y_unit: str = "",
    y_label: str = "Signal",
) -> FitResult:
    """The field that explains a whole spectrum, also where its lines overlap.

    The lines that `fit_resonances` finds give candidate fields up to 55 mT (see `nv_field`); each
    is then fitted to the spectrum itself as eight lines at nu_i(B, D) with free heights and, where
    the spectrum asks for them, hyperfine structure and widths of their own. The evidence of the
    fields decides (MacKay, Neural Comput. 4 (1992) 415): a field pays for lines that the window
    should show and does not, and for being one of few that fit. For Lorentzian or Gaussian
    lines; where dispersive lines leave that fit poor, the field is that of their frequencies. Lines
    that the torque pulls are better served by `fit_resonances` and `nv_field`.

    Args:
        frequency_hz: shape (n,), in any order.
        signal: shape (n,).
        error: standard errors, shape (n,), positive.
        resonances: a fit of the same spectrum, to save fitting it again.
        sign: "both", "positive" or "negative" lines (ODMR dips are negative).
        shape: `lorentzian` or `gaussian`.
        fit_zero_field_splitting: fit D, within what is expected of it.
        zero_field_splitting_hz: D where it is not fitted, else what is expected of it.
        zero_field_splitting_error_hz: how far D is expected from there (strain, temperature);
            `math.inf` frees it (it is sought within 80 MHz).
        gyromagnetic_hz_per_t: gamma.
        y_name: column name of the signal, for the plot.
        y_unit: its unit.
        y_label: axis label.

    Returns:
        As `nv_field`, without the table "lines", with the table "resonances" and the curve of
        the eight-line fit. Where other fields are not excluded (odds better than 1:400), table
        "alternatives": fields with their D, chi-squares and probabilities, the best first, which
        is the one in `values`; two lines alone that leave a choice give no values. One line or
        two near D do not tell a field from strain: then "interval_95" holds an upper limit of
        |B|, and there are no values. No line gives no values and a note.

    Raises:
        ParameterError: as `fit_resonances`, a shape other than these two, or a width of D's prior
            that is not positive.
    """
    if shape == Lineshape.PULLED_LORENTZIAN:
        raise ParameterError(
            "Argument `shape` must be lorentzian or gaussian for a whole spectrum."
        )
    if not zero_field_splitting_error_hz > 0:
        raise ParameterError(
            "Argument `zero_field_splitting_error_hz` must be positive, but is"
            f" {zero_field_splitting_error_hz}."
        )
    if resonances is None:
        resonances = fit_resonances(
            frequency_hz, signal, error, shape=shape, sign=sign,
            y_name=y_name, y_unit=y_unit, y_label=y_label,
        )  # fmt: skip
    curve = resonances.curve
    if curve is None:
        raise ParameterError("Argument `resonances` must carry its curve.")
    tables = {"resonances": resonances.tables["resonances"]}
    found = resonances.tables["resonances"].columns
    if not found["frequency_hz"].size:
        return no_field(SPECTRUM_MODEL, "No line stands out from the noise.", tables)
    model, starts = spectrum_start(
        curve,
        found,
        sign=sign,
        shape=Lineshape(shape),
        splitting_hz=zero_field_splitting_hz,
        splitting_error_hz=zero_field_splitting_error_hz,
        gamma=gyromagnetic_hz_per_t,
        free=fit_zero_field_splitting,
    )
    field = spectrum_field(fit_candidates(model, starts), tables, curve)
    poor = resonances.reduced_chi_square + POOR * np.sqrt(2 / curve.x.size)
    if "dispersive" not in found or not field.reduced_chi_square > poor:
        return field
    # Eight symmetric lines stand beside the resonances, and hyperfine structure is not why.
    strongest = np.argsort(-np.abs(found["amplitude"]))[:8]
    field = nv_field(
        found["frequency_hz"][strongest],
        found["frequency_error_hz"][strongest],
        window_hz=(float(curve.x[0]), float(curve.x[-1])),
        fwhm_hz=float(np.median(found["fwhm_hz"])),
        zero_field_splitting_hz=zero_field_splitting_hz,
        gyromagnetic_hz_per_t=gyromagnetic_hz_per_t,
        fit_zero_field_splitting=fit_zero_field_splitting,
    )
    notes = [note for note in resonances.notes if "dispersive" in note]
    notes.append("The field is that of the lines' frequencies, not of the whole spectrum.")
    return replace(
        field, notes=(*field.notes, *notes), tables={**field.tables, **tables}, curve=curve
    )
