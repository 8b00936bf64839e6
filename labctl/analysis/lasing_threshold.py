"""Threshold of a lasing libration: from thermal spectra below it, and from the jumps seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, least_squares

from labctl.analysis.oscillation import Motion, describe_motion
from labctl.analysis.significance import (
    claims_only_what_is_there,
    no_claim,
    silence,
    stands_out,
)
from labctl.analysis.spectra import Averaging
from labctl.data import FitCurve, FitResult, FitValue, Table
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

GUARD_DB = 1.0
"""Records within this of the first oscillating one are not taken as linear."""
STRONG = 10.0
"""Energy over that of the lowest powers above which a record counts as oscillating."""
LINEAR = 0.3
"""Share of the damping that must be left: closer to threshold the motion is no longer small."""
SATURATIONS = (1.45, 0.25)
"""Saturation of the damping over that of the spring, and how well that is known. One relaxation
rate leaves 1 to 2; the centre is that of the rate equations at the figures of `000`, Fig. 3b."""
NOISE_GAIN = 0.01
"""Thermal motion samples a steeper part of the line: with its rms shift s, half width w and
detuning y w the gain is 1 + 6 (s/w)^2 (y^2 - 1)/(y^2 + 1)^2 times that at rest, growing with the
energy; here for 15 um, 300 K, 480 Hz and 7 MHz. `NOISE_GAIN_DB` is what that leaves uncertain."""
NOISE_GAIN_DB = 0.1
LEAST_POWERS = 5
ROUNDS = 3
_FINE, _REACH = 4, 3


@dataclass(frozen=True)
class Scan:
    """Records at stepped powers.

    Attributes:
        power_dbm: of each record, shape (n,).
        direction: 1 where the power had been raised, -1 where lowered, shape (n,).
        rate: APD1 counts/s, shape (n, samples).
        frequency_hz: of the spectra, shape (bins,).
        psd: (n, bins), (counts/s)^2/Hz.
        averaging: of each spectrum.
    """

    power_dbm: Floats
    direction: NDArray[np.int64]
    rate: Floats
    frequency_hz: Floats
    psd: Floats
    averaging: Averaging


@claims_only_what_is_there("thermal mode against power")
def fit_lasing(scan: Scan, sample_rate_hz: float, band_hz: tuple[float, float]) -> FitResult:
    """Find the power at which the damping of the libration vanishes.

    Below threshold the motion is thermal and its damping falls with the microwave power P as the
    spins saturate, gamma(P) = gamma_0 (1 - a P/(1 + b P)), while force noise F and floor stay:

        S(f) = F/[(f_P^2 - f^2)^2 + gamma(P)^2 f^2] + floor,   f_P = f_0 + c P/(1 + b_f P).

    The spin spring c stiffens the mode by the same reaction of the spins and saturates too, and
    the frequency shows how fast: for spins of one relaxation rate r that grows with P, damping
    going as 1/(w^2 + r^2) and spring as r/(w^2 + r^2), b/b_f is between 1 and 2. So b = rho b_f
    with rho = `SATURATIONS`, whose spread is in the errors.

    All thermal spectra are fitted at once (Whittle), so that width and energy, which grows as
    1/gamma, both tell the threshold P = 1/(a - b). The bifurcation is subcritical: noise starts
    the oscillation before the threshold, and it lasts below it when the power is lowered; where
    that happened is told beside it, and records near it are left out of the fit.

    Args:
        scan: the records.
        sample_rate_hz: of `scan.rate`.
        band_hz: around the libration.

    Returns:
        `values`: threshold_dbm, damping_hz (gamma_0/2 pi without microwave), frequency_hz,
        saturation (b in units of the threshold), with their covariance; then up_jump_dbm and
        down_jump_dbm, midway between two records, with the half step as error, and the kurtosis
        of the histogram at the lowest and highest power. Table "powers".

    Raises:
        ParameterError: fewer than two records.
    """
    if len(scan.power_dbm) < 2:
        raise ParameterError("A threshold needs records at two powers or more.")
    if dumb := silence("APD1 (angle)", scan.rate):
        return no_claim("thermal mode whose damping falls with the microwave power", dumb)
    motions = [describe_motion(rate, sample_rate_hz, band_hz) for rate in scan.rate]
    energy = np.array([motion.energy for motion in motions])
    low = energy[np.argsort(scan.power_dbm, kind="stable")[: max(len(energy) // 6, 1)]].mean()
    records = len(motions)
    sines = [stands_out(2 * motion.log_ratio, 1, places=records) for motion in motions]
    oscillating = np.array(sines) | (energy > STRONG * low)
    jumps = _jumps(scan, oscillating)
    notes: list[str] = []
    values: dict[str, FitValue] = {}
    covariance, reduced = np.empty((0, 0)), float("nan")
    top = scan.power_dbm[oscillating].min() - GUARD_DB if oscillating.any() else np.inf
    linear = ~oscillating & (scan.power_dbm <= top)
    if len(np.unique(scan.power_dbm[linear])) < LEAST_POWERS:
        notes.append(f"Fewer than {LEAST_POWERS} powers are thermal: no threshold is fitted.")
    else:
        values, covariance, reduced = _linear_fit(scan, linear, band_hz, notes)
    if not (values or oscillating.any()):
        notes.append("No libration stands out in the band, and none oscillates.")
        return no_claim(
            "thermal mode whose damping falls with the microwave power",
            *notes,
            curve=_curve(scan, motions, values, low),
        )
    values |= jumps
    values |= _shapes(scan, motions)
    if not oscillating.any():
        notes.append("No record oscillates: raise the power for the histogram of lasing.")
    elif len(jumps) == 2 and jumps["down_jump_dbm"].value < jumps["up_jump_dbm"].value:
        notes.append("The oscillation lasts below where it started: a subcritical bifurcation.")
    return FitResult(
        model="thermal mode whose damping falls with the microwave power",
        values=values,
        covariance=covariance,
        reduced_chi_square=reduced,
        notes=tuple(notes),
        tables={"powers": _table(scan, motions, oscillating)},
        curve=_curve(scan, motions, values, low),
    )


def _linear_fit(
    scan: Scan, linear: NDArray[np.bool_], band_hz: tuple[float, float], notes: list[str]
) -> tuple[dict[str, FitValue], Floats, float]:
    """Fit the thermal spectra, then once more without those too close to threshold."""
    fit = _fit_thermal(scan, linear, band_hz)
    keep = linear & np.isin(scan.power_dbm, fit.powers_dbm[fit.left >= LINEAR])
    if keep.sum() < linear.sum() and len(np.unique(scan.power_dbm[keep])) >= LEAST_POWERS:
        fit = _fit_thermal(scan, keep, band_hz)
    if not stands_out(fit.gain, 1, places=2 * fit.bins):
        return {}, np.empty((0, 0)), fit.reduced
    return _threshold(fit, notes)


@dataclass(frozen=True)
class _Fit:
    """The thermal fit.

    `q`: ln damping; a and b_f per highest power; ln area; ln floor; f_0; c; rho.
    """

    q: Floats
    covariance: Floats
    reduced: float
    powers_dbm: Floats
    step: float
    gain: float
    """By how much the mode lowers the deviance against white noise alone."""
    bins: int

    @property
    def unit_mw(self) -> float:
        return float(10 ** (self.powers_dbm.max() / 10))

    @property
    def left(self) -> Floats:
        """Damping at each power over that without microwave."""
        x = 10 ** (self.powers_dbm / 10) / self.unit_mw
        return _left(x, self.q)


def _fit_thermal(scan: Scan, linear: NDArray[np.bool_], band_hz: tuple[float, float]) -> _Fit:
    inside = (scan.frequency_hz >= band_hz[0]) & (scan.frequency_hz <= band_hz[1])
    f = scan.frequency_hz[inside]
    powers = np.unique(scan.power_dbm[linear])
    power = 10 ** (powers / 10)
    unit = float(power.max())
    x = power / unit
    same = [linear & (scan.power_dbm == at) for at in powers]
    blocks = np.array([chosen.sum() for chosen in same])
    y = np.array([scan.psd[chosen][:, inside].mean(axis=0) for chosen in same])
    scale = float(y.mean())
    y /= scale
    sigma = np.sqrt(scan.averaging.bin_variance / blocks)[:, None]
    step = float(f[1] - f[0])
    peak = float(f[np.argmax(y.mean(axis=0))])
    floor = float(np.quantile(y, 0.1))
    area = max(float(y[0].sum() * step - floor * np.ptp(f)), 1e-3 * float(y[0].sum()) * step)
    width = max(area / max(float(y[0].max()), 1e-9) * 2 / np.pi, 2 * step)
    start = np.array(
        [np.log(width), 0.5, 0.1, np.log(area), np.log(floor), peak, 0.0, SATURATIONS[0]]
    )
    low = [np.log(step / 5), -5.0, 0.0, -50, -50, f[0], -np.ptp(f), 1.0]
    high = [np.log(np.ptp(f)), 4.0, 3.0, 50, 50, f[-1], np.ptp(f), 2.0]
    inflation = scan.averaging.smooth_inflation

    def solve(residual: Callable[[Floats], Floats], near: Floats) -> OptimizeResult:
        def whole(q: Floats) -> Floats:
            prior = (q[7] - SATURATIONS[0]) / SATURATIONS[1] * np.sqrt(inflation)
            return np.append(residual(q).ravel(), prior)

        return least_squares(
            whole, np.clip(near, low, high), bounds=(low, high),
            x_scale=[0.3, 0.3, 0.3, 0.3, 0.3, 1, 1, 0.3], max_nfev=80,
        )  # fmt: skip

    # Logarithms first, then weights by the model, as in `psd_fit`.
    outcome = solve(lambda q: np.log(y / _model(f, step, x, q)) / sigma, start)
    for _ in range(ROUNDS):
        weight = _model(f, step, x, outcome.x) * sigma
        outcome = solve(lambda q, w=weight: (y - _model(f, step, x, q)) / w, outcome.x)
    q = outcome.x
    reduced = 2 * float(outcome.cost) / (y.size - q.size)
    covariance = np.linalg.pinv(outcome.jac.T @ outcome.jac) * inflation
    covariance *= max(reduced, 1.0)
    flat, model = y.mean(), _model(f, step, x, q)
    gain = 2 * np.sum((np.log(flat / model) + y / flat - y / model) / sigma**2) / inflation
    return _Fit(q, covariance, reduced, powers, step, float(gain), f.size)


def _threshold(fit: _Fit, notes: list[str]) -> tuple[dict[str, FitValue], Floats, float]:
    q, covariance = fit.q, fit.covariance
    slope, saturation = float(q[1]), float(q[2] * q[7])
    values, rows = {}, []
    damping = float(np.exp(q[0]))
    difference = slope - saturation
    by_q = np.zeros(q.size)
    by_q[[1, 2, 7]] = 1.0, -q[7], -q[2]
    if difference > 2 * np.sqrt(by_q @ covariance @ by_q):
        at = 1 / difference
        threshold = 10 * np.log10(at * fit.unit_mw)
        rows.append(-10 / np.log(10) / difference * by_q)
        values["threshold_dbm"] = (float(threshold), "dBm", "Power where the damping vanishes")
        if at > 2.5:
            notes.append(
                "The threshold is an extrapolation to more than 2.5 times the fitted powers."
            )
    else:
        notes.append("The damping does not fall towards zero: no threshold within reach.")
    rows += [damping * np.eye(q.size)[0], np.eye(q.size)[5], np.eye(q.size)[1] - by_q]
    values["damping_hz"] = (damping, "Hz", "Damping without microwave")
    values["frequency_hz"] = (float(q[5]), "Hz", "Libration without microwave")
    values["saturation"] = (saturation, "", "Saturation at the highest power fitted")
    if fit.reduced > 1.5:
        notes.append(
            f"Reduced chi-square is {fit.reduced:.2f}: the spectra are not one thermal mode."
        )
    if damping * fit.left.min() < 1.5 * fit.step:
        notes.append("The narrowest spectra are hardly resolved: take longer segments.")
    matrix = np.array(rows)
    out = matrix @ covariance @ matrix.T
    if "threshold_dbm" in values:
        out[0, 0] += NOISE_GAIN_DB**2
    errors = np.sqrt(np.maximum(np.diag(out), 0))
    fitted = {
        name: FitValue(value, float(error), unit_, label)
        for (name, (value, unit_, label)), error in zip(values.items(), errors, strict=True)
    }
    return fitted, out, fit.reduced


def _left(x: Floats, q: Floats) -> Floats:
    """Damping at relative powers x over that without microwave, thermal motion included."""
    gain = q[1] * x / (1 + q[2] * q[7] * x)
    return np.maximum(1 - gain * (1 + NOISE_GAIN / np.maximum(1 - gain, 0.1)), 1e-3)


def _model(f: Floats, step: float, x: Floats, q: Floats) -> Floats:
    """Spectra at relative powers x through a Hann window, (powers, bins)."""
    damping = np.exp(q[0]) * _left(x, q)
    centre = q[5] + q[6] * x / (1 + q[2] * x)
    offsets = np.arange(-_REACH * _FINE, _REACH * _FINE + 1) / _FINE
    response = (np.sinc(offsets) + 0.5 * np.sinc(offsets - 1) + 0.5 * np.sinc(offsets + 1)) ** 2
    response /= response.sum()
    steps = np.arange(-_REACH * _FINE, (f.size - 1 + _REACH) * _FINE + 1)
    fine = f[0] + step / _FINE * steps
    force = np.exp(q[3] + q[0]) * q[5] ** 2 * 2 / np.pi
    mode = force / ((centre[:, None] ** 2 - fine**2) ** 2 + (damping[:, None] * fine) ** 2)
    windows = np.lib.stride_tricks.sliding_window_view(mode, response.size, axis=1)
    return windows[:, ::_FINE] @ response + np.exp(q[4])


def _jumps(scan: Scan, oscillating: NDArray[np.bool_]) -> dict[str, FitValue]:
    """Where the oscillation began as the power rose and where it ended as it fell."""
    values = {}
    for name, sign, label in (
        ("up_jump_dbm", 1, "Oscillation begins, power rising"),
        ("down_jump_dbm", -1, "Oscillation ends, power falling"),
    ):
        chosen = scan.direction == sign
        power, on = scan.power_dbm[chosen], oscillating[chosen]
        if not on.any() or on.all():
            continue
        above = float(power[on].min())
        below = power[~on & (power < above)]
        if below.size:
            edge = float(below.max())
            values[name] = FitValue(0.5 * (above + edge), 0.5 * (above - edge), "dBm", label)
    return values


def _shapes(scan: Scan, motions: list[Motion]) -> dict[str, FitValue]:
    order = np.argsort(scan.power_dbm, kind="stable")
    return {
        f"kurtosis_{name}": FitValue(
            motions[i].kurtosis, motions[i].kurtosis_error, "", f"Excess kurtosis at {label} power"
        )
        for name, label, i in (("low", "the lowest", order[0]), ("high", "the highest", order[-1]))
    }


def _table(scan: Scan, motions: list[Motion], oscillating: NDArray[np.bool_]) -> Table:
    columns = {
        "power_dbm": scan.power_dbm,
        "direction": scan.direction,
        "oscillates": oscillating.astype(np.int64),
    }
    for name in ("energy", "energy_error", "kurtosis", "kurtosis_error", "log_ratio"):
        columns[name] = np.array([getattr(motion, name) for motion in motions])
    units = dict.fromkeys(columns, "")
    units |= {"power_dbm": "dBm", "energy": "counts^2/s^2", "energy_error": "counts^2/s^2"}
    return Table(columns, units)


def _curve(scan: Scan, motions: list[Motion], values: dict[str, FitValue], low: float) -> FitCurve:
    energy = np.array([motion.energy for motion in motions])
    model = np.full(energy.size, np.nan)
    if "threshold_dbm" in values:
        x = 10 ** ((scan.power_dbm - values["threshold_dbm"].value) / 10)
        rest = 1 - x
        model = np.where(rest > 0.02, low / np.maximum(rest, 0.02), np.nan)
    return FitCurve(
        x=scan.power_dbm, y=energy,
        y_error=np.array([motion.energy_error for motion in motions]), model=model,
        x_name="power_dbm", x_unit="dBm", x_label="Microwave power",
        y_name="energy", y_unit="counts^2/s^2", y_label="Energy of the oscillator",
    )  # fmt: skip
