"""Where the fit of a whole spectrum starts: typical lines, and sets of lines to search with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.lineshapes import Lineshape
from labctl.analysis.nv_candidates import binned
from labctl.analysis.nv_line_fit import line_set
from labctl.analysis.nv_matching import LineSet
from labctl.analysis.nv_spectrum import MULTIPLETS, SpectrumModel
from labctl.analysis.resonances import MINIMUM_POINTS, SIGNS, fit_resonances
from labctl.data import FitCurve

Floats = NDArray[np.float64]

HYPERFINE_FWHM_HZ = 6e6
"""Lines narrower than this may be components of one line."""


def spectrum_start(
    curve: FitCurve,
    found: Mapping[str, Floats],
    *,
    sign: str,
    shape: Lineshape,
    splitting_hz: float,
    splitting_error_hz: float,
    gamma: float,
    free: bool,
) -> tuple[SpectrumModel, list[LineSet]]:
    """The model of one spectrum, and the sets of lines whose fields are worth trying.

    Where the lines that were found are narrow, the hyperfine structure may be resolved: then
    the lines of the spectrum at a resolution that hides it are tried as well.
    """
    step = float(np.median(np.diff(curve.x)))
    window = float(curve.x[0]), float(curve.x[-1])

    def lines(some: Mapping[str, Floats]) -> LineSet:
        strongest = np.sort(np.argsort(-np.abs(some["amplitude"]))[:8])
        fwhm = min(max(float(np.median(some["fwhm_hz"])), 2 * step, 2e6), 30e6)
        place = some["frequency_hz"][strongest]
        # Here the lines only choose the starts: neighbours may bias them beyond their errors.
        error = np.hypot(some["frequency_error_hz"][strongest], fwhm / 20)
        made = line_set(place, error, window, fwhm, splitting_hz, gamma, free)
        return replace(made, splitting_error_hz=splitting_error_hz)

    sets = [lines(found)]
    fwhm = float(np.median(found["fwhm_hz"]))
    height = float(np.sqrt(np.mean(found["amplitude"] ** 2)))
    model = SpectrumModel(
        lines=replace(sets[0], free_splitting=free),
        frequency_hz=curve.x,
        y=curve.y,
        error=curve.y_error,
        height=height,
        sign=SIGNS[sign],
        shape=shape,
        log_width=float(np.log(max(fwhm, 1.5 * step) * 1e-6)),
        offsets_mhz=MULTIPLETS["single"],
    )
    if fwhm < HYPERFINE_FWHM_HZ:
        hidden = binned(model, 4e6)
        if MINIMUM_POINTS <= hidden.y.size < curve.x.size:
            again = fit_resonances(
                hidden.frequency_hz, hidden.y, hidden.error, shape=shape, sign=sign,
                fwhm_range_hz=(4e6, 20e6),
            )  # fmt: skip
            columns = again.tables["resonances"].columns
            if columns["frequency_hz"].size:
                sets.append(lines(columns))
                width = float(np.median(columns["fwhm_hz"]))
                model = replace(model, log_width=float(np.log(width * 1e-6)))
    return model, sets
