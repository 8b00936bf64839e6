"""Ramsey fringes: T2* and the detuning, with what the pulses themselves do."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.alternating import sum_sweeps
from labctl.analysis.bloch import rabi_of_pi_time, ramsey_inversion
from labctl.analysis.weighted_fit import fit_weighted
from labctl.data import FitCurve, FitResult, FitValue

Floats = NDArray[np.float64]

MINIMUM_TIMES = 8
CLEARLY = 25.0
"""Chi-square by which fringes must beat a constant."""
TURN = 2 * np.pi


def ramsey_contrast(
    gap_s: ArrayLike, contrast: float, t2star_s: float, detuning_rad_s: float, pi_time_s: float
) -> Floats:
    """Loss of light after two half pi pulses, `contrast` (1 - w)/2."""
    left = ramsey_inversion(
        gap_s,
        rabi_rad_s=rabi_of_pi_time(pi_time_s, t2star_s),
        t2star_s=t2star_s,
        detuning_rad_s=detuning_rad_s,
        pulse_s=pi_time_s / 2,
    )
    return contrast * 0.5 * (1.0 - left)


def fit_ramsey(
    gap_s: ArrayLike,
    driven_counts: ArrayLike,
    reference_counts: ArrayLike,
    *,
    pi_time_s: float,
    frequency_hz: float,
) -> FitResult | None:
    """Fit two half pi pulses, a time apart, against shots without pulses.

    A constant beside the fringes is what strong pulses do to other lines. The fringes are even
    in the detuning, so its sign is not known: `line_hz` takes the microwave to be above the line.

    Args:
        gap_s: time between the pulses of each point, shape (points,).
        driven_counts: counts after the pulses, same shape.
        reference_counts: counts without.
        pi_time_s: length of a pi pulse on resonance.
        frequency_hz: of the microwave.

    Returns:
        `values`: contrast, t2star_s, detuning_hz, line_hz; none where there are no fringes.
        None with too few different times.

    Raises:
        ParameterError: NaN, shapes that do not match.
    """
    if np.unique(np.asarray(gap_s)).size < MINIMUM_TIMES:
        return None
    summed = sum_sweeps(gap_s, driven_counts, reference_counts)
    t = summed.time_s
    y, error = summed.loss(1, 0)

    def shape(contrast: float, t2star: float, detuning: float, floor: float) -> Floats:
        return floor + ramsey_contrast(t, contrast, t2star, detuning, pi_time_s)

    start = (*_rough(t, y, error, pi_time_s), 1e-3 * float(np.ptp(y)))
    names = ("contrast", "t2star_s", "detuning_rad_s", "floor")
    fit = fit_weighted(
        shape, dict(zip(names, start, strict=True)), y, error,
        positive=("t2star_s", "detuning_rad_s"),
    )  # fmt: skip
    constant = np.average(y, weights=error**-2)
    gain = float(np.sum(((y - constant) / error) ** 2)) - fit.chi_square
    notes = []
    values: dict[str, FitValue] = {}
    covariance = np.empty((0, 0))
    model = fit.model
    if gain < CLEARLY or fit["contrast"] < 0 or not np.all(np.isfinite(fit.covariance)):
        notes.append(
            "No fringes: T2* is shorter than the pulses or the shortest gap, the pulses do not"
            " reach the line, or too few counts."
        )
        model = np.full(t.size, constant)
    else:
        scale = np.array([1.0, 1.0, 1 / TURN])
        covariance = fit.covariance[:3, :3] * np.outer(scale, scale)
        detuning, error_hz = fit["detuning_rad_s"] / TURN, fit.error("detuning_rad_s") / TURN
        values = {
            "contrast": FitValue(fit["contrast"], fit.error("contrast"), "", "Contrast"),
            "t2star_s": FitValue(fit["t2star_s"], fit.error("t2star_s"), "s", "T2*"),
            "detuning_hz": FitValue(detuning, error_hz, "Hz", "Detuning (size)"),
            "line_hz": FitValue(frequency_hz - detuning, error_hz, "Hz", "Line below the tone"),
        }
        if fit["detuning_rad_s"] * fit["t2star_s"] < 1:
            notes.append(
                "Less than a radian of fringe within T2*: detuning and T2* hang together; detune"
                " the microwave further."
            )
        if fit.reduced > 1 + 5 * np.sqrt(2 / fit.freedom):
            notes.append(
                f"Reduced chi-square is {fit.reduced:.2f}: another line takes part, or the decay is"
                " no exponential."
            )
    return FitResult(
        model="Ramsey fringes with exponential decay" if values else "a constant",
        values=values,
        covariance=covariance,
        reduced_chi_square=fit.reduced,
        notes=tuple(notes),
        curve=FitCurve(
            x=t,
            y=y,
            y_error=error,
            model=model,
            x_name="gap_s",
            x_unit="s",
            x_label="Time between the pulses",
            y_name="contrast",
            y_unit="",
            y_label="Loss of APD2 counts by the pulses",
        ),
    )


def _rough(t: Floats, y: Floats, error: Floats, pi_time_s: float) -> tuple[float, float, float]:
    best = np.inf, 1e-3, t[-1] / 4, 1.0
    fastest = np.pi / np.min(np.diff(t))
    for t2star in np.geomspace(t[-1] / 100, t[-1], 12):
        for detuning in np.geomspace(0.3 / t[-1], min(fastest, 300 / t[-1]), 80):
            model = ramsey_contrast(t, 1.0, t2star, detuning, pi_time_s)
            weight = model / error**2
            contrast = max(float(weight @ y) / float(weight @ model), 1e-9)
            left = float(np.sum(((y - contrast * model) / error) ** 2))
            if left < best[0]:
                best = left, contrast, t2star, detuning
    return float(best[1]), float(best[2]), float(best[3])
