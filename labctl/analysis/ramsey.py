"""Ramsey fringes: T2* and the detuning, with what the pulses themselves do."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.alternating import sum_sweeps
from labctl.analysis.bloch import ramsey_inversion
from labctl.analysis.detuning import detuning_of
from labctl.analysis.fine_grid import fine_grid
from labctl.analysis.significance import no_claim, silence, sound, stands_out
from labctl.analysis.weighted_fit import WeightedFit, fit_weighted
from labctl.data import FitCurve, FitResult, FitValue

Floats = NDArray[np.float64]

MINIMUM_TIMES = 8
STARTS = 3
RIVAL = 9.0
"""Chi-square above the best within which another detuning is named."""
REACH = 5.0
"""Rabi frequencies of detuning beyond which pulses turn no spins."""
LEAST_BROADENING = 0.5
"""1 + (D T2*)^2 below which a fit has left the spins for two exponentials of opposite sign."""
MOST = 400
"""Detunings that are tried."""
TURN = 2 * np.pi


class Start(NamedTuple):
    """Where a fit begins."""

    contrast: float
    t2star_s: float
    detuning_rad_s: float
    floor: float


def ramsey_contrast(
    gap_s: ArrayLike,
    contrast: float,
    t2star_s: ArrayLike,
    detuning_square: ArrayLike,
    pi_time_s: float,
) -> Floats:
    """Loss of light after two half pi pulses, `contrast` (1 - w)/2.

    Args:
        gap_s: shape (n,).
        contrast: loss by a full inversion.
        t2star_s: shape (m,) or ().
        detuning_square: D^2 in rad^2/s^2, the same.
        pi_time_s: length of a pi pulse on resonance.

    Returns:
        Shape (m, n) or (n,).
    """
    t2star = np.asarray(t2star_s, dtype=np.float64)
    left = ramsey_inversion(
        gap_s,
        rabi_rad_s=np.hypot(np.pi / pi_time_s, 0.5 / t2star),
        t2star_s=t2star,
        detuning_square=detuning_square,
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
    in the detuning: its sign is not known, `line_hz` takes the microwave to be above the line,
    and its square is fitted, which has no edge at resonance.

    Args:
        gap_s: time between the pulses of each point, shape (points,).
        driven_counts: counts after the pulses, same shape.
        reference_counts: counts without.
        pi_time_s: length of a pi pulse on resonance.
        frequency_hz: of the microwave.

    Returns:
        `values`: contrast, t2star_s, detuning_hz (0 with an upper limit as its error where it is
        not told apart from none), line_hz. What the data do not tell is left out, and a note
        says so. None with too few different times.

    Raises:
        ParameterError: NaN, shapes that do not match.
    """
    if np.unique(np.asarray(gap_s)).size < MINIMUM_TIMES:
        return None
    summed = sum_sweeps(gap_s, driven_counts, reference_counts)
    if silent := silence("APD2 (PL)", np.array([driven_counts, reference_counts])):
        return no_claim("a constant", silent)
    t = summed.time_s
    y, error = summed.loss(1, 0)
    fits = _fits(t, y, error, pi_time_s)
    fit = fits[0]
    constant = np.average(y, weights=error**-2)
    gain = float(np.sum(((y - constant) / error) ** 2)) - fit.chi_square
    fine = fine_grid(t)
    if stands_out(gain, 2, places=t.size) and fit["contrast"] > 0:
        values, covariance, notes = _values(fit.widened(), frequency_hz, t)
        notes += _of_rivals(fits)
        model, drawn = fit.model, _shape(fine, pi_time_s, *fit.best)
    else:
        values, covariance = {}, np.empty((0, 0))
        notes = [
            "No fringes: T2* is shorter than the pulses or the shortest gap, the pulses do not"
            " reach the line, or too few counts."
        ]
        model, drawn = np.full(t.size, constant), np.full(fine.size, constant)
    if values and fit.poor:
        notes.append(
            f"Reduced chi-square is {fit.reduced:.2f}: another line takes part, or the decay is"
            " no exponential."
        )
    return sound(
        FitResult(
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
                model_x=fine,
                model_y=drawn,
            ),
        )
    )


def _shape(
    t: Floats, pi_time_s: float, contrast: float, t2star: float, broadening: float, floor: float
) -> Floats:
    """The model; `broadening` is 1 + (D T2*)^2, above zero wherever it does not grow."""
    square = (broadening - 1) / t2star**2
    return floor + ramsey_contrast(t, contrast, t2star, square, pi_time_s)


def _square(_contrast: float, t2star: float, broadening: float, _floor: float) -> float:
    return (broadening - 1) / t2star**2


def _fits(t: Floats, y: Floats, error: Floats, pi_time_s: float) -> list[WeightedFit]:
    """Minima of different detuning, best first."""
    starts = _starts(t, y, error, pi_time_s)
    fits = [_fit(t, y, error, pi_time_s, start) for start in starts]
    lowest = min(fit.chi_square for fit in fits)
    fits = [fit for fit in fits if _possible(fit) and fit.chi_square < lowest + RIVAL]
    if not fits:
        on_line = Start(starts[0].contrast, starts[0].t2star_s, 0.0, starts[0].floor)
        fits = [_fit(t, y, error, pi_time_s, on_line, held=("broadening",))]
    return sorted(fits, key=lambda fit: fit.chi_square)


def _possible(fit: WeightedFit) -> bool:
    """Whether these can be the parameters of spins."""
    return 0 < fit["contrast"] < 1 and fit["broadening"] > LEAST_BROADENING


def _fit(
    t: Floats,
    y: Floats,
    error: Floats,
    pi_time_s: float,
    start: Start,
    *,
    held: tuple[str, ...] = (),
) -> WeightedFit:
    guess = {
        "contrast": start.contrast,
        "t2star_s": start.t2star_s,
        "broadening": 1 + (start.detuning_rad_s * start.t2star_s) ** 2,
        "floor": start.floor or 1e-3 * float(np.ptp(y)),
    }
    return fit_weighted(
        lambda *p: _shape(t, pi_time_s, *p), guess, y, error,
        positive=("t2star_s", "broadening"), held=held,
    )  # fmt: skip


def _starts(t: Floats, y: Floats, error: Floats, pi_time_s: float) -> list[Start]:
    """The best places of a grid, of different detuning, each with its contrast and floor."""
    # Up to the first alias of every detuning that the gaps can tell, so that it can be named.
    highest = min(TURN / np.min(np.diff(t)), REACH * np.pi / pi_time_s)
    number = int(np.clip(1.5 * highest * t[-1], 24, MOST))
    t2star, detuning = (
        axis.ravel()
        for axis in np.meshgrid(
            np.geomspace(t[-1] / 100, 3 * t[-1], 12), np.linspace(0, highest, number)
        )
    )
    model = ramsey_contrast(t, 1.0, t2star, detuning**2, pi_time_s) / error
    z, flat = y / error, 1 / error
    # Normal equations of one model and the floor.
    own, both, level = np.sum(model**2, axis=1), model @ flat, float(flat @ flat)
    model_z, flat_z = model @ z, float(flat @ z)
    scale = own * level - both**2
    scale = np.where(scale > 1e-10 * own * level, scale, np.inf)
    contrast = (model_z * level - flat_z * both) / scale
    floor = (flat_z * own - model_z * both) / scale
    gain = np.where(contrast > 0, contrast * model_z + floor * flat_z, -np.inf)
    starts: list[Start] = []
    while len(starts) < STARTS and (np.isfinite(gain.max()) or not starts):
        n = int(np.argmax(gain))
        values = (max(contrast[n], 1e-4), t2star[n], detuning[n], floor[n])
        starts.append(Start(*(float(value) for value in values)))
        gain[np.abs(detuning - detuning[n]) < 1.5 / min(t2star[n], t[-1])] = -np.inf
    return starts


def _values(
    fit: WeightedFit, frequency_hz: float, t: Floats
) -> tuple[dict[str, FitValue], Floats, list[str]]:
    t2star = fit["t2star_s"]
    detuning = detuning_of(_square(*fit.best), fit.error_of(_square))
    notes = []
    if detuning.resolved:
        if detuning.hz * TURN * t2star < 1:
            notes.append(
                "Less than a radian of fringe within T2*: detuning and T2* hang together; detune"
                " the microwave further."
            )
    elif np.isfinite(detuning.below_hz):
        notes.append(
            f"The detuning is not told apart from none: it is below {detuning.below_hz / 1e6:.2f}"
            " MHz (95 %); T2* is better known with the microwave detuned by a few times 1/T2*."
        )
    values = {}
    kept = []
    if fit.knows("contrast"):
        values["contrast"] = FitValue(fit["contrast"], fit.error("contrast"), "", "Contrast")
        kept.append(0)
    else:
        notes.append("The data do not tell the contrast.")
    if fit.knows("t2star_s"):
        values["t2star_s"] = FitValue(t2star, fit.error("t2star_s"), "s", "T2*")
        kept.append(1)
    else:
        side = (
            "shorter than the gaps: measure shorter ones"
            if t2star < t[0]
            else (
                "too long for the gaps: measure longer ones"
                if t2star > t[-1] / 2
                else "not known from so few counts"
            )
        )
        notes.append(f"The data do not tell T2*; it seems {side}.")
    values["detuning_hz"] = FitValue(detuning.hz, detuning.error_hz, "Hz", "Detuning (size)")
    values["line_hz"] = FitValue(
        frequency_hz - detuning.hz, detuning.error_hz, "Hz", "Line below the tone"
    )
    return values, fit.covariance[np.ix_(kept, kept)], notes


def _of_rivals(fits: list[WeightedFit]) -> list[str]:
    best = detuning_of(_square(*fits[0].best), fits[0].error_of(_square))
    rivals = []
    for fit in fits[1:]:
        other = detuning_of(_square(*fit.best), fit.error_of(_square))
        apart = abs(other.hz - best.hz) > 3 * np.hypot(other.error_hz, best.error_hz)
        if apart and fit.knows("t2star_s", "contrast"):
            rivals.append(f"{other.hz / 1e6:.2f} MHz")
    if not rivals:
        return []
    return [
        f"Ambiguous: a detuning of {' or '.join(rivals)} explains the data nearly as well; choose"
        " gaps closer together."
    ]
