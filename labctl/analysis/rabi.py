"""Rabi oscillations: Rabi frequency, T2* and the pulse that inverts, or the one that saturates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.alternating import sum_sweeps
from labctl.analysis.bloch import SATURATED, inversion, pi_time, saturation_time
from labctl.analysis.weighted_fit import WeightedFit, fit_weighted
from labctl.data import FitCurve, FitResult, FitValue

Floats = NDArray[np.float64]

MINIMUM_TIMES = 6
CLEARLY = 25.0
"""Chi-square by which the oscillation must beat mere saturation, on the points of its fit."""
COHERENT = 20.0
"""Multiples of T2* that the oscillation is fitted to."""
SEEN = 16.0
"""Chi-square by which an effect must beat none."""


def rabi_contrast(time_s: ArrayLike, contrast: float, rabi_rad_s: float, t2star_s: float) -> Floats:
    """Loss of light by a resonant pulse, `contrast` (1 - w)/2, w from the Bloch equations."""
    return contrast * 0.5 * (1.0 - inversion(time_s, rabi_rad_s, t2star_s))


def saturating_contrast(time_s: ArrayLike, contrast: float, rate_per_s: float) -> Floats:
    """The same where dephasing leaves only the rate O^2 T2*: `contrast` (1 - exp(-rate t))/2."""
    return contrast * -0.5 * np.expm1(-rate_per_s * np.asarray(time_s, dtype=np.float64))


def fit_rabi(
    time_s: ArrayLike, driven_counts: ArrayLike, reference_counts: ArrayLike
) -> FitResult | None:
    """Fit pulses of different lengths against shots without a pulse.

    Args:
        time_s: pulse length of each point, shape (points,), in any order and repeated.
        driven_counts: counts after the pulse, same shape.
        reference_counts: counts without it.

    Returns:
        `values`: `contrast` (loss of light by a full inversion), rabi_hz, t2star_s; where the
        oscillation is overdamped contrast and saturation_rate_per_s; then pi_time_s, pi_fidelity
        (share of the addressed spins that such a pulse inverts) and pi_contrast.
        No values where nothing is seen; None with too few different pulse lengths.

    Raises:
        ParameterError: NaN, shapes that do not match.
    """
    if np.unique(np.asarray(time_s)).size < MINIMUM_TIMES:
        return None
    summed = sum_sweeps(time_s, driven_counts, reference_counts)
    t = summed.time_s
    y, error = summed.loss(1, 0)
    plain = _saturation(t, y, error)
    bloch = _oscillation(t, y, error)
    angle = bloch["rabi_rad_s"] * bloch["t2star_s"]
    early = slice(0, bloch.model.size)
    mere = _saturation(t[early], y[early], error[early])
    better = mere.chi_square - bloch.chi_square
    rings = better > CLEARLY and angle > 0.5 and np.all(np.isfinite(bloch.covariance))
    fit = bloch if rings else plain
    shown = slice(0, fit.model.size)
    nothing = float(np.sum((y[shown] / error[shown]) ** 2))
    if nothing - fit.chi_square < SEEN or fit["contrast"] <= 0:
        values, covariance = {}, np.empty((0, 0))
        notes = ["No effect of the pulse: is the microwave on a line, and strong enough?"]
    elif rings:
        values, notes = _of_oscillation(bloch, angle)
        covariance = _in_hertz(bloch)
    else:
        values, notes = _of_saturation(plain, t)
        covariance = plain.covariance
    if fit.reduced > 1 + 5 * np.sqrt(2 / max(fit.freedom, 1)):
        notes.append(
            f"Reduced chi-square is {fit.reduced:.2f}: the pulse is off resonance, or more than one"
            " line takes part."
        )
    return FitResult(
        model="a damped Rabi oscillation" if rings else "saturation without oscillation",
        values=values,
        covariance=covariance,
        reduced_chi_square=fit.reduced,
        notes=tuple(notes),
        curve=FitCurve(
            x=t[shown],
            y=y[shown],
            y_error=error[shown],
            model=fit.model,
            x_name="pulse_s",
            x_unit="s",
            x_label="Length of the microwave pulse",
            y_name="contrast",
            y_unit="",
            y_label="Loss of APD2 counts by the pulse",
        ),
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


def _oscillation(t: Floats, y: Floats, error: Floats) -> WeightedFit:
    """Fit the start of the record, where what a strong drive does to other lines is a slope."""
    rabi, t2star = _rough_oscillation(t, y, error)
    early = t <= max(COHERENT * t2star, t[min(MINIMUM_TIMES, t.size) - 1])
    t, y, error = t[early], y[early], error[early]
    (contrast, slope), _ = _amplitudes([rabi_contrast(t, 1.0, rabi, t2star), t], y, error)
    return fit_weighted(
        lambda contrast, rabi, t2star, slope: (
            rabi_contrast(t, contrast, rabi, t2star) + slope * t
        ),
        {
            "contrast": contrast,
            "rabi_rad_s": rabi,
            "t2star_s": t2star,
            "slope": slope or 1e-3 * contrast / t[-1],
        },
        y, error, positive=("rabi_rad_s", "t2star_s"),
    )  # fmt: skip


def _rough_oscillation(t: Floats, y: Floats, error: Floats) -> tuple[float, float]:
    """Rabi frequency and T2* from a grid, beside one slow rise of other lines."""
    rises = -np.expm1(-t / np.geomspace(10 * t[0], 3 * t[-1], 8)[:, None]) / error
    z = y / error
    rise_rise, rise_z = np.sum(rises**2, axis=1), rises @ z
    best = -np.inf, 1.0, 1.0
    for t2star in np.geomspace(t[0], t[-1], 16):
        for rabi in np.geomspace(0.5 / t2star, max(np.pi / t[0], 1 / t2star), 40):
            model = rabi_contrast(t, 1.0, rabi, t2star) / error
            # Normal equations of model and one rise, for all rises at once.
            own, shared, model_z = float(model @ model), rises @ model, float(model @ z)
            scale = own * rise_rise - shared**2
            scale = np.where(scale > 1e-12 * own * rise_rise, scale, np.inf)
            contrast = (model_z * rise_rise - rise_z * shared) / scale
            rise = (rise_z * own - model_z * shared) / scale
            gain = np.where(contrast > 0, contrast * model_z + rise * rise_z, -np.inf).max()
            if gain > best[0]:
                best = float(gain), rabi, t2star
    return float(best[1]), float(best[2])


def _of_oscillation(fit: WeightedFit, angle: float) -> tuple[dict[str, FitValue], list[str]]:
    inverts = angle > 1.0
    length = pi_time if inverts else saturation_time
    rabi, t2star = fit["rabi_rad_s"], fit["t2star_s"]
    share = _inverted(rabi, t2star, length)
    notes = []
    if not inverts:
        notes.append(
            f"Nearly overdamped (rabi x T2* = {angle:.2f}): no pi pulse. `pi_time_s` is a pulse"
            " that saturates the line, which serves with half the contrast."
        )

    def fidelity(_contrast: float, rabi: float, t2star: float, _slope: float) -> float:
        return _inverted(rabi, t2star, length)

    turn = 2 * np.pi
    values = {
        "contrast": FitValue(fit["contrast"], fit.error("contrast"), "", "Contrast"),
        "rabi_hz": FitValue(
            fit["rabi_rad_s"] / turn, fit.error("rabi_rad_s") / turn, "Hz", "Rabi frequency"
        ),
        "t2star_s": FitValue(fit["t2star_s"], fit.error("t2star_s"), "s", "T2*"),
        "pi_time_s": FitValue(
            length(rabi, t2star),
            fit.error_of(lambda _, rabi, t2star, __: length(rabi, t2star)),
            "s",
            "Pi pulse" if inverts else "Saturating pulse",
        ),
        "pi_fidelity": FitValue(
            share, fit.error_of(fidelity), "", "Share of the addressed spins inverted"
        ),
        "pi_contrast": FitValue(
            share * fit["contrast"],
            fit.error_of(lambda contrast, *rest: contrast * fidelity(contrast, *rest)),
            "",
            "Contrast of that pulse",
        ),
    }
    return values, notes


def _of_saturation(fit: WeightedFit, t: Floats) -> tuple[dict[str, FitValue], list[str]]:
    rate, error = fit["saturation_rate_per_s"], fit.error("saturation_rate_per_s")
    length = -np.log(SATURATED) / rate
    share = 0.5 * (1 - SATURATED)
    contrast = FitValue(fit["contrast"], fit.error("contrast"), "", "Contrast")
    values = {
        "contrast": contrast,
        "saturation_rate_per_s": FitValue(rate, error, "1/s", "Rate of saturation"),
        "pi_time_s": FitValue(length, length * error / rate, "s", "Saturating pulse"),
        "pi_fidelity": FitValue(share, 0.0, "", "Share of the addressed spins inverted"),
        "pi_contrast": FitValue(
            share * contrast.value, share * contrast.error, "", "Contrast of that pulse"
        ),
    }
    notes = [
        "Overdamped: no oscillation, so no pi pulse. `pi_time_s` is a pulse that saturates the"
        f" line to {1 - SATURATED:.0%}, which serves with half the contrast; more power or a"
        " longer T2* would give a pi pulse."
    ]
    if length > t[-1]:
        notes.append("The longest pulse does not saturate the line: measure longer pulses.")
    elif length < t[0] * 3:
        notes.append("The shortest pulse nearly saturates the line: measure shorter pulses.")
    return values, notes


def _inverted(rabi: float, t2star: float, length: Callable[[float, float], float]) -> float:
    """Share that a pulse inverts."""
    return 0.5 * (1 - float(inversion(length(rabi, t2star), rabi, t2star)))


def _in_hertz(fit: WeightedFit) -> Floats:
    scale = np.array([1.0, 1 / (2 * np.pi), 1.0])
    return fit.covariance[:3, :3] * np.outer(scale, scale)


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
