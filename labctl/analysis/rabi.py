"""Rabi oscillations: Rabi frequency, T2* and the pulse that inverts, or the one that saturates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.alternating import sum_sweeps
from labctl.analysis.bloch import SATURATED, inversion, pi_time, saturation_time
from labctl.analysis.detuning import Detuning, detuning_of
from labctl.analysis.fine_grid import fine_grid
from labctl.analysis.rabi_start import Start, rough_oscillations
from labctl.analysis.significance import no_claim, silence, sound, stands_out
from labctl.analysis.weighted_fit import WeightedFit, fit_weighted
from labctl.data import FitCurve, FitResult, FitValue

Floats = NDArray[np.float64]

MINIMUM_TIMES = 6
COHERENT = 20.0
"""Multiples of T2* that the oscillation is fitted to."""
FEW = 4
"""Degrees of freedom below which errors are rough."""
RIVAL = 9.0
"""Chi-square above the best within which another Rabi frequency is named."""
IMPOSSIBLE = 3.0
"""Sigmas below zero at which light that other lines would gain is not chance any more."""
LEAST_BROADENING = 0.5
APART = 3.0
"""Sigmas between two Rabi frequencies that are not the same."""
TURN = 2 * np.pi
NO_EFFECT = "No effect of the pulse: is the microwave on a line, and strong enough?"


def rabi_contrast(
    time_s: ArrayLike,
    contrast: float,
    rabi_rad_s: float,
    t2star_s: float,
    detuning_square: float = 0.0,
) -> Floats:
    """Loss of light by a pulse, `contrast` (1 - w)/2, w from the Bloch equations."""
    return contrast * 0.5 * (1.0 - inversion(time_s, rabi_rad_s, t2star_s, detuning_square))


def saturating_contrast(time_s: ArrayLike, contrast: float, rate_per_s: float) -> Floats:
    """The same where dephasing leaves only a rate, O^2 T2*: `contrast` (1 - exp(-rate t))/2."""
    return contrast * -0.5 * np.expm1(-rate_per_s * np.asarray(time_s, dtype=np.float64))


def fit_rabi(
    time_s: ArrayLike, driven_counts: ArrayLike, reference_counts: ArrayLike
) -> FitResult | None:
    """Fit pulses of different lengths against shots without a pulse.

    The detuning shows in how deep the oscillation goes against where it ends, half the contrast;
    it is fitted as its square, which has no edge at resonance. Rabi frequency and pi pulse are
    those on resonance.

    Args:
        time_s: pulse length of each point, shape (points,), in any order and repeated.
        driven_counts: counts after the pulse, same shape.
        reference_counts: counts without it.

    Returns:
        `values`: `contrast` (loss of light by a full inversion), rabi_hz, t2star_s, detuning_hz
        (its size; 0 with an upper limit as its error where it is not told apart from none), then
        pi_time_s, pi_fidelity (share of the addressed spins that such a pulse inverts) and
        pi_contrast. Where the oscillation is overdamped: contrast, saturation_rate_per_s,
        pi_time_s and pi_contrast of a pulse that saturates. What the data do not tell is left
        out, and a note says so. None with too few different pulse lengths.

    Raises:
        ParameterError: NaN, shapes that do not match.
    """
    if np.unique(np.asarray(time_s)).size < MINIMUM_TIMES:
        return None
    summed = sum_sweeps(time_s, driven_counts, reference_counts)
    if silent := silence("APD2 (PL)", np.array([driven_counts, reference_counts])):
        return no_claim("nothing", silent)
    t = summed.time_s
    y, error = summed.loss(1, 0)
    plain = _saturation(t, y, error)
    fits, resonant = _oscillations(t, y, error)
    rings = bool(fits) and _rings(fits[0], t, y, error)
    fit = fits[0] if rings else plain
    shown = slice(0, fit.model.size)
    nothing = float(np.sum((y[shown] / error[shown]) ** 2))
    fine = fine_grid(t[shown])
    values: dict[str, FitValue] = {}
    covariance = np.empty((0, 0))
    if not stands_out(nothing - fit.chi_square, 1, places=t.size) or fit["contrast"] <= 0:
        notes, drawn = [NO_EFFECT], np.zeros(fine.size)
    elif rings:
        values, notes = _of_oscillation(fit.widened(), resonant=resonant)
        covariance = _in_hertz(fit.widened())
        notes += _of_rivals(fits)
        drawn = _driven(fine, *fit.best)
    else:
        values, notes = _of_saturation(plain.widened(), t)
        covariance = plain.widened().covariance[: min(len(values), 2), : min(len(values), 2)]
        drawn = saturating_contrast(fine, *plain.best)
    if values and fit.poor:
        notes.append(
            f"Reduced chi-square is {fit.reduced:.2f}: more than one line takes part, or the decay"
            " is no exponential."
        )
    return sound(
        FitResult(
            model="a damped Rabi oscillation" if rings else "saturation without oscillation",
            values=values,
            covariance=covariance,
            reduced_chi_square=fit.reduced,
            notes=tuple(notes),
            curve=FitCurve(
                x=t[shown],
                y=y[shown],
                y_error=error[shown],
                model=fit.model if values else np.zeros(fit.model.size),
                x_name="pulse_s",
                x_unit="s",
                x_label="Length of the microwave pulse",
                y_name="contrast",
                y_unit="",
                y_label="Loss of APD2 counts by the pulse",
                model_x=fine,
                model_y=drawn,
            ),
        )
    )


def _rings(bloch: WeightedFit, t: Floats, y: Floats, error: Floats) -> bool:
    """Whether an oscillation explains more than saturation without one, and tells its frequency."""
    early = slice(0, bloch.model.size)
    mere = _saturation(t[early], y[early], error[early])
    return (
        bloch["rabi_rad_s"] * bloch["t2star_s"] > 0.5
        and bloch.knows("rabi_rad_s", "t2star_s")
        and bloch["contrast"] > 0
        and stands_out(mere.chi_square - bloch.chi_square, bloch.best.size - 2, places=t.size)
    )


def _saturation(t: Floats, y: Floats, error: Floats) -> WeightedFit:
    def shape(rate: float) -> Floats:
        return saturating_contrast(t, 1.0, rate)

    rate, contrast = _best_of(shape, np.geomspace(0.1 / t[-1], 5 / t[0], 60), y, error)
    return fit_weighted(
        lambda contrast, rate: saturating_contrast(t, contrast, rate),
        {"contrast": contrast, "saturation_rate_per_s": rate},
        y, error, positive=("saturation_rate_per_s",),
    )  # fmt: skip


def _oscillations(t: Floats, y: Floats, error: Floats) -> tuple[list[WeightedFit], bool]:
    """Fits of the start of the record, where what a strong drive does to other lines is a slope.

    Returns:
        The fits from different starts, best first, none where nothing loses light, and whether
        resonance had to be taken for granted because the data do not tell the detuning apart from
        the rest.
    """
    starts = rough_oscillations(t, y, error)
    if not starts:
        return [], False
    early = t <= max(COHERENT * starts[0].t2star_s, t[min(MINIMUM_TIMES, t.size) - 1])
    data = t[early], y[early], error[early]
    fits = sorted((_oscillation(*data, start) for start in starts), key=_chi_square)
    lowest = _chi_square(fits[0])
    if sound := [fit for fit in fits if _possible(fit) and _chi_square(fit) - lowest < RIVAL]:
        return sound, False
    on_line = sorted((_oscillation(*data, s, resonant=True) for s in starts), key=_chi_square)
    sound = [fit for fit in on_line if _possible(fit) and _chi_square(fit) - lowest < RIVAL]
    return (sound, True) if sound else (fits, False)


def _possible(fit: WeightedFit) -> bool:
    """Whether the data tell these parameters, and they are those of spins that lose light."""
    if not fit.knows("rabi_rad_s", "t2star_s") or not 0 < fit["contrast"] < 1:
        return False
    # Below a half a fit has left the spins for two exponentials of opposite sign.
    if "broadening" in fit.names and fit["broadening"] < LEAST_BROADENING:
        return False
    return fit["slope"] > -IMPOSSIBLE * fit.error("slope")


def _chi_square(fit: WeightedFit) -> float:
    return fit.chi_square


def _oscillation(
    t: Floats, y: Floats, error: Floats, start: Start, *, resonant: bool = False
) -> WeightedFit:
    rabi, t2star, square = start
    models = [rabi_contrast(t, 1.0, *start), t]
    (contrast, slope), _ = _amplitudes(models, y, error)
    guess = {
        "contrast": contrast,
        "rabi_rad_s": rabi,
        "t2star_s": t2star,
        "slope": slope or 1e-3 * contrast / t[-1],
    }
    if not resonant:
        # Above zero wherever the model does not grow, and 1 at resonance: no edge there.
        guess["broadening"] = 1 + square * t2star**2
    return fit_weighted(
        lambda *p: _driven(t, *p), guess, y, error,
        positive=("rabi_rad_s", "t2star_s", "broadening"),
    )  # fmt: skip


def _driven(
    t: Floats, contrast: float, rabi: float, t2star: float, slope: float, broadening: float = 1.0
) -> Floats:
    """The model; `broadening` is 1 + (D T2*)^2."""
    return rabi_contrast(t, contrast, rabi, t2star, (broadening - 1) / t2star**2) + slope * t


def _of_oscillation(fit: WeightedFit, *, resonant: bool) -> tuple[dict[str, FitValue], list[str]]:
    rabi, t2star = fit["rabi_rad_s"], fit["t2star_s"]
    inverts = rabi * t2star > 1.0
    length = pi_time if inverts else saturation_time
    notes = []
    if not inverts:
        notes.append(
            f"Nearly overdamped (rabi x T2* = {rabi * t2star:.2f}): no pi pulse. `pi_time_s` is a"
            " pulse that saturates the line, which serves with half the contrast."
        )

    def fidelity(_contrast: float, rabi: float, t2star: float, *_: float) -> float:
        return 0.5 * (1 - float(inversion(length(rabi, t2star), rabi, t2star)))

    def value(function: Callable[..., float], unit: str, label: str) -> FitValue:
        return FitValue(function(*fit.best), fit.error_of(function), unit, label)

    contrast = FitValue(fit["contrast"], fit.error("contrast"), "", "Contrast")
    values = {
        **({"contrast": contrast} if fit.knows("contrast") else {}),
        "rabi_hz": FitValue(
            rabi / TURN, fit.error("rabi_rad_s") / TURN, "Hz", "Rabi frequency on resonance"
        ),
        "t2star_s": FitValue(t2star, fit.error("t2star_s"), "s", "T2*"),
    }
    if not fit.knows("contrast"):
        notes.append("The data do not tell the contrast: measure longer pulses.")
    if fit.freedom < FEW:
        notes.append("Hardly more points than the model needs: the errors are rough.")
    if resonant:
        notes.append("The data do not tell the detuning: the microwave is taken to be on the line.")
    else:
        detuning = _detuning(fit)
        values["detuning_hz"] = FitValue(detuning.hz, detuning.error_hz, "Hz", "Detuning (size)")
        if detuning.resolved:
            notes.append(
                f"The microwave is {detuning.hz / 1e6:.2f} MHz beside the line, above or below:"
                " Rabi frequency and pi pulse are those on the line."
            )
    label = "Pi pulse" if inverts else "Saturating pulse"
    values["pi_time_s"] = value(lambda _, rabi, t2star, *__: length(rabi, t2star), "s", label)
    values["pi_fidelity"] = value(fidelity, "", "Share of the addressed spins inverted")
    if fit.knows("contrast"):
        values["pi_contrast"] = value(
            lambda contrast, *rest: contrast * fidelity(contrast, *rest),
            "",
            "Contrast of that pulse",
        )
    return values, notes


def _detuning(fit: WeightedFit) -> Detuning:
    def square(_contrast: float, _rabi: float, t2star: float, _slope: float, b: float) -> float:
        return (b - 1) / t2star**2

    return detuning_of(square(*fit.best), fit.error_of(square))


def _of_rivals(fits: list[WeightedFit]) -> list[str]:
    best, error = fits[0]["rabi_rad_s"], fits[0].error("rabi_rad_s")
    rivals = [
        f"{fit['rabi_rad_s'] / TURN / 1e6:.2f} MHz"
        for fit in fits[1:]
        if abs(fit["rabi_rad_s"] - best) > APART * np.hypot(error, fit.error("rabi_rad_s"))
    ]
    if not rivals:
        return []
    return [
        f"Ambiguous: a Rabi frequency of {' or '.join(rivals)} explains the data nearly as well;"
        " choose pulse lengths closer together."
    ]


def _of_saturation(fit: WeightedFit, t: Floats) -> tuple[dict[str, FitValue], list[str]]:
    rate, error = fit["saturation_rate_per_s"], fit.error("saturation_rate_per_s")
    length = -np.log(SATURATED) / rate
    share = 0.5 * (1 - SATURATED)
    values: dict[str, FitValue] = {}
    if fit.knows("contrast"):
        values["contrast"] = FitValue(fit["contrast"], fit.error("contrast"), "", "Contrast")
    if fit.knows("saturation_rate_per_s"):
        values |= {
            "saturation_rate_per_s": FitValue(rate, error, "1/s", "Rate of saturation"),
            "pi_time_s": FitValue(length, length * error / rate, "s", "Saturating pulse"),
        }
    if len(values) == 3:
        values["pi_contrast"] = FitValue(
            share * fit["contrast"], share * fit.error("contrast"), "", "Contrast of that pulse"
        )
    notes = [
        "Overdamped: no oscillation, so no pi pulse. `pi_time_s` is a pulse that saturates the"
        f" line to {1 - SATURATED:.0%}, which serves with half the contrast; more power or a"
        " longer T2* would give a pi pulse."
    ]
    if not fit.knows("saturation_rate_per_s"):
        notes = ["An effect of the pulse, but the data do not tell how fast it comes."]
    if length > t[-1]:
        notes.append("The longest pulse does not saturate the line: measure longer pulses.")
    elif length < t[0] * 3:
        notes.append("The shortest pulse nearly saturates the line: measure shorter pulses.")
    return values, notes


def _in_hertz(fit: WeightedFit) -> Floats:
    scale = np.array([1.0, 1 / TURN, 1.0])
    covariance = fit.covariance[:3, :3] * np.outer(scale, scale)
    return covariance if fit.knows("contrast") else covariance[1:, 1:]


def _best_of(
    shape: Callable[[float], Floats], grid: Floats, y: Floats, error: Floats
) -> tuple[float, float]:
    """The parameter on a grid, and the amplitude, that leave least."""
    fits = []
    for rate in grid:
        (factor,), left = _amplitudes([shape(rate)], y, error)
        fits.append((left if factor > 0 else np.inf, float(rate), max(factor, 1e-9)))
    return min(fits)[1:]


def _amplitudes(models: list[Floats], y: Floats, error: Floats) -> tuple[list[float], float]:
    """Best factors of one or two models, and the chi-square they leave."""
    basis = np.stack(models) / error
    factors, *_ = np.linalg.lstsq(basis @ basis.T, basis @ (y / error))
    return factors.tolist(), float(np.sum((y / error - factors @ basis) ** 2))
