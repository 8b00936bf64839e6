"""The magnetic field in the diamond frame, from the lines of four NV classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from labctl.analysis.lineshapes import Lineshape
from labctl.analysis.nv_line_fit import field_notes, fit_lines, line_set, lines_table
from labctl.analysis.nv_matching import search
from labctl.analysis.nv_model import GYROMAGNETIC_HZ_PER_T, ZERO_FIELD_SPLITTING_HZ
from labctl.analysis.nv_report import field_result, no_field
from labctl.analysis.nv_spectrum import SpectrumModel, fit_spectrum, spectrum_notes
from labctl.analysis.resonances import fit_resonances
from labctl.data import FitResult
from labctl.errors import ParameterError

MODEL = "field of four NV classes"
SPECTRUM_MODEL = "eight lines of one field, common width"


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

    Every field on a grid over the fundamental domain (0.2 to 30 mT) is compared with the lines,
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
    gyromagnetic_hz_per_t: float = GYROMAGNETIC_HZ_PER_T,
    y_name: str = "signal",
    y_unit: str = "",
    y_label: str = "Signal",
) -> FitResult:
    """The field that explains a whole spectrum, also where its lines overlap.

    The lines that `fit_resonances` finds give candidate fields (see `nv_field`); each is then
    fitted to the spectrum itself as eight lines at nu_i(B, D) with a common width and free
    heights, and the best fit counts. For Lorentzian or Gaussian lines; lines that the torque
    pulls are better served by `fit_resonances` and `nv_field`.

    Args:
        frequency_hz: shape (n,), in any order.
        signal: shape (n,).
        error: standard errors, shape (n,), positive.
        resonances: a fit of the same spectrum, to save fitting it again.
        sign: "both", "positive" or "negative" lines (ODMR dips are negative).
        shape: `lorentzian` or `gaussian`.
        fit_zero_field_splitting: fit D when five lines or more are found.
        zero_field_splitting_hz: D where it is not fitted, and the start where it is.
        gyromagnetic_hz_per_t: gamma.
        y_name: column name of the signal, for the plot.
        y_unit: its unit.
        y_label: axis label.

    Returns:
        As `nv_field`, without the table "lines", with the table "resonances" and the curve of
        the eight-line fit. Fewer than two lines give no values and a note.

    Raises:
        ParameterError: as `fit_resonances`, or a shape other than these two.
    """
    if shape == Lineshape.PULLED_LORENTZIAN:
        raise ParameterError(
            "Argument `shape` must be lorentzian or gaussian for a whole spectrum."
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
    found = tables["resonances"].columns
    if found["frequency_hz"].size < 2:
        return no_field(SPECTRUM_MODEL, "Fewer than two lines do not determine a field.", tables)
    fwhm = float(np.median(found["fwhm_hz"]))
    step = float(np.median(np.diff(curve.x)))
    fwhm = min(max(fwhm, 2 * step, 2e6), 30e6)
    lines = line_set(
        found["frequency_hz"],
        # Here the lines only choose the starts: neighbours may bias them beyond their errors.
        np.hypot(found["frequency_error_hz"], fwhm / 20),
        (float(curve.x[0]), float(curve.x[-1])),
        fwhm,
        zero_field_splitting_hz,
        gyromagnetic_hz_per_t,
        fit_zero_field_splitting,
    )
    height = float(np.median(np.abs(found["amplitude"])))
    model = SpectrumModel.of(curve, lines, height=height, sign=sign, shape=Lineshape(shape))
    fit, best, rivals = fit_spectrum(model, search(lines))
    return field_result(
        fit,
        model=SPECTRUM_MODEL,
        notes=tuple(spectrum_notes(model, fit, rivals)),
        tables=tables,
        curve=replace(curve, model=model.curve(best)),
    )
