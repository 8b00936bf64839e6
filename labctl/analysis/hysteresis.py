"""Fold positions of a bistable angle from fast sweeps up and down across the resonance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from labctl.analysis.pulled_line import (
    CRITICAL_PULL,
    fold_detunings_hz,
    fold_slopes,
    line_bend_per_hz,
)
from labctl.analysis.significance import (
    ONE_SIGMA,
    claims_only_what_is_there,
    no_claim,
    silence,
    stands_out,
)
from labctl.analysis.swept_angle import BINS, MHZ, SweptAngle
from labctl.analysis.torque_balance import TorqueBalance
from labctl.data import FitCurve, FitResult, FitValue

Floats = NDArray[np.float64]

LEAST_SWEEPS = 8
"""Per direction, for a scatter between sweeps that means something."""
GROUPS = 10
MODEL = "line pulled by its own torque, averaged over the motion"


@claims_only_what_is_there("line pulled by its own torque")
def fit_hysteresis(
    frequency_hz: ArrayLike, up: ArrayLike, down: ArrayLike, sample_s: float, *,
    dead_time_s: float = 0.0, field_t: float | None = None,
) -> FitResult:  # fmt: skip
    """Find where the curve of rest positions folds back.

    In noise the angle leaves a well before the well ends, and in a fast sweep it leaves late:
    where the averaged curves jump depends on temperature and speed. What holds however it moves
    is the equation of motion averaged over time, thermal motion, oscillation and jumps included:
    the mean angle is what the mean torque of the pulled line makes (`torque_balance`). One such
    equation per group of steps and direction gives the line, the delay of the spins and of the
    damped motion, and the second order of that delay, which a large oscillation makes visible.
    The folds are those of the rest positions, which follow from the line (`pulled_line`).

    Photon noise is allowed for inside the line. Errors are from the scatter between sweeps,
    whatever its cause. It takes spins faster than the libration, and samples of a tenth of a
    period at most.

    Args:
        frequency_hz: microwave frequency of the steps, rising, shape (n,).
        up: APD1 counts per sample of the sweeps up, shape (sweeps, n, samples per step).
        down: the same of the sweeps down, the steps in the order of `frequency_hz`, the samples of
            a step in the order of time.
        sample_s: length of a sample.
        dead_time_s: of the counter, whose losses would bend the angle.
        field_t: size of the magnetic field, T, by which the line bends as the diamond turns
            (see `pulled_line`); None takes it as straight.

    Returns:
        `values`: resonance_hz, pull_hz, half_width_hz, amplitude, baseline (counts/s); if the
        curve folds back then lower_fold_hz, upper_fold_hz, fold_distance_hz and both folds as
        detunings from the resonance; where the averages jump, switch_up_hz, switch_down_hz and
        hysteresis_hz, which are outside the covariance.

    Raises:
        ParameterError: shapes that do not fit, fewer than two sweeps, or not above 25 steps.
    """
    f = np.asarray(frequency_hz, dtype=float)
    sides = [
        SweptAngle.of(f, counts, sample_s, dead_time_s, rising=rising)
        for counts, rising in ((up, True), (down, False))
    ]
    if dumb := silence("APD1 (angle)", np.concatenate([np.ravel(up), np.ravel(down)])):
        return no_claim(MODEL, dumb)
    notes: list[str] = []
    fit = TorqueBalance.of(sides, 0.0)
    if not stands_out(fit.gain, 2, places=2 * BINS):
        notes.append("No line stands out: the angle does not answer the microwave.")
        return no_claim(MODEL, *notes, curve=_curve(f, sides, fit))
    if field_t is not None:
        bend = line_bend_per_hz(fit.p[0] * MHZ, field_t)
        if bend is None:
            notes.append(f"No angle in {field_t:g} T gives this resonance: the line is straight.")
        else:
            fit = TorqueBalance.of(sides, bend * MHZ, fit)
    values, covariance = _values(fit, notes)
    values |= _switches(f, sides, fit, notes)
    if min(side.sweeps for side in sides) < LEAST_SWEEPS:
        notes.append(f"Fewer than {LEAST_SWEEPS} sweeps in a direction: errors are rough.")
    if fit.reduced > 1 + 5 * np.sqrt(2 / (2 * BINS)):
        notes.append(
            f"Reduced chi-square is {fit.reduced:.2f}: torque and angle do not follow one"
            " Lorentzian (a bent detector, another line shape, or slow spins)."
        )
    return FitResult(
        model=MODEL,
        values=values,
        covariance=covariance,
        reduced_chi_square=fit.reduced,
        notes=tuple(notes),
        curve=_curve(f, sides, fit),
    )


def _curve(f: Floats, sides: list[SweptAngle], fit: TorqueBalance) -> FitCurve:
    means = [side.rate.mean(axis=(0, 2)) for side in sides]
    model = [fit.torque_curve(side) for side in sides]
    error = [side.rate.mean(axis=2).std(axis=0) / np.sqrt(side.sweeps) for side in sides]
    return FitCurve(
        x=np.concatenate([f, f[::-1]]),
        y=np.concatenate([means[0], means[1][::-1]]),
        y_error=np.concatenate([error[0], error[1][::-1]]),
        model=np.concatenate([model[0], model[1][::-1]]),
        x_name="frequency_hz",
        x_unit="Hz",
        x_label="Microwave frequency",
        y_name="angle_rate",
        y_unit="counts/s",
        y_label="APD1 count rate (angle)",
    )


def _values(fit: TorqueBalance, notes: list[str]) -> tuple[dict[str, FitValue], Floats]:
    f0, pull, width, height, base, *_ = fit.p
    unit = np.array([MHZ, MHZ, MHZ, fit.scale, fit.scale])
    rows = np.eye(5, 7) * unit[:, None]
    found = [
        ("resonance_hz", f0 * MHZ, "Hz", "Resonance in the dark"),
        ("pull_hz", pull * MHZ, "Hz", "Pull on resonance"),
        ("half_width_hz", width * MHZ, "Hz", "Half width of the line"),
        ("amplitude", height * fit.scale, "counts/s", "Largest change of the rate"),
        ("baseline", base * fit.scale, "counts/s", "Rate without torque"),
    ]
    folds = fold_detunings_hz(pull, width, fit.bend)
    slopes = fold_slopes(pull, width, fit.bend)
    ratio_error = float(
        np.sqrt(
            max(np.array([1, -pull / width]) @ fit.covariance[1:3, 1:3] @ [1, -pull / width], 0)
        )
        / width
    )
    if folds is None or slopes is None:
        notes.append(
            f"The angle is not bistable: the pull is {pull / width:.2f} half widths, and it takes"
            f" {CRITICAL_PULL:.2f}."
        )
    else:
        if pull / width - CRITICAL_PULL < 3 * ratio_error:
            notes.append("The angle is hardly bistable: the folds may not exist.")
        low = np.array([1, *slopes[0], 0, 0, 0, 0]) * MHZ
        high = np.array([1, *slopes[1], 0, 0, 0, 0]) * MHZ
        only = np.array([0, 1, 1, 1, 1, 1, 1])
        rows = np.vstack([rows, low, high, high - low, low * only, high * only])
        found += [
            ("lower_fold_hz", (f0 + folds[0]) * MHZ, "Hz", "Fold met by a sweep down"),
            ("upper_fold_hz", (f0 + folds[1]) * MHZ, "Hz", "Fold met by a sweep up"),
            ("fold_distance_hz", (folds[1] - folds[0]) * MHZ, "Hz", "Width of the bistability"),
            ("lower_fold_detuning_hz", folds[0] * MHZ, "Hz", "Lower fold from resonance"),
            ("upper_fold_detuning_hz", folds[1] * MHZ, "Hz", "Upper fold from resonance"),
        ]
    covariance = rows @ fit.covariance @ rows.T
    errors = np.sqrt(np.maximum(np.diag(covariance), 0))
    values = {
        name: FitValue(float(value), float(error), unit_, label)
        for (name, value, unit_, label), error in zip(found, errors, strict=True)
    }
    return values, covariance


def _switches(
    f: Floats, sides: list[SweptAngle], fit: TorqueBalance, notes: list[str]
) -> dict[str, FitValue]:
    """Where the averaged curves pass half height on the red side, errors by the jackknife."""
    level = fit.scale * (fit.p[4] + 0.5 * fit.p[3])
    sign = np.sign(fit.p[3])
    values: dict[str, FitValue] = {}
    for name, side in zip(("switch_up_hz", "switch_down_hz"), sides, strict=True):
        traces = sign * (side.rate.mean(axis=2) - level)
        whole = averaged_switch_hz(f, traces.mean(axis=0))
        groups = min(GROUPS, side.sweeps)
        parts = [
            averaged_switch_hz(f, np.delete(traces, np.s_[g::groups], axis=0).mean(axis=0))
            for g in range(groups)
        ]
        if whole is None or any(part is None for part in parts):
            return {}
        spread = np.array(parts, dtype=float)
        error = float(np.sqrt((groups - 1) * np.mean((spread - spread.mean()) ** 2)))
        error *= float(stats.t.ppf(ONE_SIGMA, groups - 1))  # few groups know their scatter badly
        values[name] = FitValue(whole, error, "Hz", f"Averaged {name[7:-3]} curve jumps")
    if len(values) == 2:
        up, down = values["switch_up_hz"], values["switch_down_hz"]
        loop = FitValue(
            up.value - down.value, float(np.hypot(up.error, down.error)), "Hz", "Width of the loop"
        )
        values["hysteresis_hz"] = loop
        if loop.value < 3 * loop.error:
            notes.append(
                "Sweeps up and down agree: no hysteresis is seen at this speed and temperature."
            )
    return values


def averaged_switch_hz(f: Floats, trace: Floats) -> float | None:
    """Where a trace, averaged over a group of steps, first becomes positive, interpolated."""
    width = max(f.size // (2 * BINS), 1)
    kernel = np.ones(width) / width
    smooth, at = np.convolve(trace, kernel, "valid"), np.convolve(f, kernel, "valid")
    rises = np.flatnonzero((smooth[:-1] <= 0) & (smooth[1:] > 0))
    if not rises.size:
        return None
    i = int(rises[0])
    return float(at[i] + (at[i + 1] - at[i]) * -smooth[i] / (smooth[i + 1] - smooth[i]))
