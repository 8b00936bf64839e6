"""Fold positions of a bistable angle from fast sweeps up and down across the resonance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import OptimizeResult, least_squares

from labctl.analysis.pulled_line import (
    CRITICAL_PULL,
    fold_detunings_hz,
    fold_slopes,
    line_bend_per_hz,
    noisy_line,
)
from labctl.analysis.significance import (
    claims_only_what_is_there,
    no_claim,
    silence,
    stands_out,
)
from labctl.data import FitCurve, FitResult, FitValue
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

BINS = 12
"""Groups of frequency steps per direction; each must outlast a libration period."""
LEAST_SWEEPS = 8
"""Per direction, for a scatter between sweeps that means something."""
GROUPS = 10
AS_GOOD = 4.0
"""Half chi-square by which a solution with a stronger pull must be better."""
LAG = 0.015
"""Systematic error of the dark resonance in units of the pull: spins that relax faster where the
microwave is stronger lag the less, which shifts the mean torque of a large oscillation. The size
is that seen on the simulated lab in the strong-torque regime, not derived."""
MHZ = 1e6
MODEL = "line pulled by its own torque, averaged over the motion"


@claims_only_what_is_there("line pulled by its own torque")
def fit_hysteresis(
    frequency_hz: ArrayLike, up: ArrayLike, down: ArrayLike, sample_s: float, *,
    dead_time_s: float = 0.0, field_t: float | None = None,
) -> FitResult:  # fmt: skip
    """Find where the curve of rest positions folds back.

    In noise the angle leaves a well before the well ends, and in a fast sweep it leaves late:
    where the averaged curves jump depends on temperature and speed. What holds however it moves
    is the equation of motion averaged over time: the mean angle is what the mean torque makes,

        <y> - y0 = C <L(f - f0 + (P/C)(y - y0))>

    with y the count rate, linear in the angle, and L the line of `pulled_line`. The average over
    the true path, thermal motion, oscillation and jumps included, needs no model of switching.
    One such equation per group of steps and direction gives f0, P, w, C and y0; photon noise in
    y is allowed for inside L. Errors are from the scatter between sweeps, whatever its cause.
    It takes spins faster than the libration, and samples of a tenth of a period at most. The
    folds stand where the data are; the resonance is an extrapolation and bears the error `LAG`.
    What the lag does to the folds themselves, about 0.5 % of the pull at the lower and 0.15 % at
    the upper one in the simulated lab, is not in their errors: sixty sweeps begin to see it.

    Args:
        frequency_hz: microwave frequency of the steps, rising, shape (n,).
        up: APD1 counts per sample of the sweeps up, shape (sweeps, n, samples per step).
        down: the same of the sweeps down, reversed into the order of `frequency_hz`.
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
    sides = [_Side.of(f, counts, sample_s, dead_time_s) for counts in (up, down)]
    if dumb := silence("APD1 (angle)", np.concatenate([np.ravel(up), np.ravel(down)])):
        return no_claim(MODEL, dumb)
    notes: list[str] = []
    fit = _Fit.of(sides, 0.0)
    if not stands_out(fit.gain, 2, places=2 * BINS):
        notes.append("No line stands out: the angle does not answer the microwave.")
        return no_claim(MODEL, *notes, curve=_curve(f, sides, fit))
    if field_t is not None:
        bend = line_bend_per_hz(fit.p[0] * MHZ, field_t)
        if bend is None:
            notes.append(f"No angle in {field_t:g} T gives this resonance: the line is straight.")
        else:
            fit = _Fit.of(sides, bend * MHZ, fit)
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


def _curve(f: Floats, sides: list[_Side], fit: _Fit) -> FitCurve:
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


@dataclass(frozen=True)
class _Side:
    """All sweeps of one direction: rates and the variances of their photon noise."""

    frequency_mhz: Floats
    rate: Floats
    variance: Floats

    @property
    def sweeps(self) -> int:
        return len(self.rate)

    @classmethod
    def of(cls, f: Floats, counts: ArrayLike, sample_s: float, dead_time_s: float) -> _Side:
        n = np.asarray(counts, dtype=float)
        if n.ndim != 3 or n.shape[1] != f.size or n.shape[0] < 2:
            raise ParameterError(
                "Sweeps must have the shape (sweeps, steps, samples) with two sweeps or more in"
                f" either direction and {f.size} steps, not {n.shape}."
            )
        if f.size <= BINS or np.any(np.diff(f) <= 0):
            raise ParameterError(f"Argument `frequency_hz` must rise over more than {BINS} steps.")
        lost = np.minimum(n * dead_time_s / sample_s, 0.9)
        rate = n / (1 - lost) / sample_s
        # Variance of a renewal process, then of the correction.
        variance = n / (1 - lost) ** 2 / sample_s**2
        return cls(f / MHZ, rate, variance)

    def thinned(self) -> _Side:
        """A few samples per step, to start from."""
        every = max(self.rate.shape[2] // 4, 1)
        return _Side(self.frequency_mhz, self.rate[..., ::every], self.variance[..., ::every])

    def groups(self, values: Floats) -> Floats:
        """Means over the groups of steps, (..., n, samples) -> (..., BINS)."""
        edges = np.linspace(0, self.frequency_mhz.size, BINS + 1).astype(int)[:-1]
        size = np.diff([*edges, self.frequency_mhz.size])
        return np.add.reduceat(values.mean(axis=-1), edges, axis=-1) / size


@dataclass(frozen=True)
class _Fit:
    """Parameters: f0, P, w in MHz, C and y0 in units of `scale`; the line's bend in 1/MHz."""

    p: Floats
    covariance: Floats
    reduced: float
    scale: float
    bend: float
    gain: float
    """By how much the line lowers chi-square of the averages against a constant."""

    @classmethod
    def of(cls, sides: list[_Side], bend: float, near: _Fit | None = None) -> _Fit:
        averages = np.concatenate([side.groups(side.rate.mean(axis=0)) for side in sides])
        scale = max(float(np.ptp(averages)), 1e-9 * float(np.abs(averages).max()), 1e-300)
        error = _scatter([side.groups(side.rate) / scale for side in sides])
        few = [side.thinned() for side in sides]
        flat = float(
            np.sum(((averages - np.average(averages, weights=error**-2)) / (scale * error)) ** 2)
        )
        starts = _starts(sides, averages, scale) if near is None else [near.p]
        tried = [_solve(few, start, scale, error, bend) for start in starts]
        good = min(outcome.cost for outcome in tried) + AS_GOOD
        # Where data are poor a strong pull fits as well as a weak one: bistability is not free.
        best = min((o for o in tried if o.cost <= good), key=lambda outcome: outcome.x[1])
        for _ in range(2):
            error = _scatter([_imbalance(side, best.x, scale, bend)[0] for side in sides])
            best = _solve(sides, best.x, scale, error, bend)
        return cls._with_errors(sides, best, scale, error, bend, flat)

    @classmethod
    def _with_errors(
        cls,
        sides: list[_Side],
        best: OptimizeResult,
        scale: float,
        error: Floats,
        bend: float,
        flat: float,
    ) -> _Fit:
        """Covariance from the scatter of the sweeps' scores: groups of a sweep hang together."""
        p: Floats = best.x
        halves, meat = [], np.zeros((p.size, p.size))
        for i, side in enumerate(sides):
            parts, slopes = _imbalance(side, p, scale, bend)
            weighted = slopes / error[i * BINS : (i + 1) * BINS, None]
            halves.append(weighted)
            score = (parts - parts.mean(axis=0)) / error[i * BINS : (i + 1) * BINS] @ weighted
            meat += score.T @ score / (side.sweeps * (side.sweeps - 1))
        slopes = np.concatenate(halves)
        bread = np.linalg.pinv(slopes.T @ slopes)
        sweeps = sum(side.sweeps for side in sides)
        meat *= sweeps / max(sweeps - p.size, 1)
        freedom = 2 * BINS - p.size
        chi_square = 2 * float(best.cost)
        return cls(p, bread @ meat @ bread, chi_square / freedom, scale, bend, flat - chi_square)

    def torque_curve(self, side: _Side) -> Floats:
        """What the mean torque makes of the angle at each step, counts/s."""
        _, torque, _, _, _ = _torque(side, self.p, self.scale, self.bend)
        return self.scale * (self.p[4] + self.p[3] * torque.mean(axis=(0, 2)))


def _scatter(parts: list[Floats]) -> Floats:
    """Standard errors of the means over sweeps, (2 BINS,); a few sweeps borrow from all groups."""
    errors = []
    for part in parts:
        variance = part.var(axis=0, ddof=1)
        own = len(part) / (len(part) + 10)
        errors.append(np.sqrt((own * variance + (1 - own) * variance.mean()) / len(part)))
    return np.concatenate(errors)


def _torque(
    side: _Side, p: Floats, scale: float, bend: float
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Relative angle eta and torque of each sample, the torque's derivatives by u, w and eta."""
    f0, pull, width, height, base = p
    eta = (side.rate / scale - base) / height
    flat = 1 - bend * pull * eta
    u = side.frequency_mhz[:, None] - f0 + pull * (eta - 0.5 * bend * pull * eta**2)
    noise = side.variance * (pull / (height * scale) * flat) ** 2
    line, by_u, by_w = noisy_line(u, width, noise)
    by_u, by_w = flat * by_u, flat * by_w
    return eta, flat * line, by_u, by_w, pull * flat * by_u - bend * pull * line


def _imbalance(side: _Side, p: Floats, scale: float, bend: float) -> tuple[Floats, Floats]:
    """Mean angle minus mean torque, (sweeps, BINS), and the derivatives of its mean (BINS, 5)."""
    pull, height = p[1], p[3]
    eta, torque, by_u, by_w, by_eta = _torque(side, p, scale, bend)
    mean = side.groups
    by_pull = by_u * (eta - bend * pull * eta**2)
    slopes = [
        height * by_u.mean(axis=0),
        -height * by_pull.mean(axis=0),
        -height * by_w.mean(axis=0),
        (by_eta * eta - torque).mean(axis=0),
        by_eta.mean(axis=0) - 1.0,
    ]
    return height * mean(eta - torque), np.stack([mean(slope) for slope in slopes], axis=1)


def _solve(
    sides: list[_Side], start: Floats, scale: float, error: Floats, bend: float
) -> OptimizeResult:
    def residual(p: Floats) -> Floats:
        parts = [_imbalance(side, p, scale, bend)[0].mean(axis=0) for side in sides]
        return np.concatenate(parts) / error

    def jacobian(p: Floats) -> Floats:
        return np.concatenate([_imbalance(s, p, scale, bend)[1] for s in sides]) / error[:, None]

    f = sides[0].frequency_mhz
    span, least = float(np.ptp(f)), float(np.ptp(f)) / f.size / 3
    height = (-30.0, -1e-3) if start[3] < 0 else (1e-3, 30.0)
    low = [f[0] - span, least / 100, least, height[0], -np.inf]
    high = [f[-1] + span, 3 * span, 2 * span, height[1], np.inf]
    by_p: Any = jacobian  # the stub of SciPy knows only names of schemes
    return least_squares(
        residual, np.clip(start, low, high), by_p, bounds=(low, high),
        x_scale=[span / 20, span / 10, span / 20, 1.0, 0.3], max_nfev=60,
    )  # fmt: skip


def _starts(sides: list[_Side], averages: Floats, scale: float) -> list[Floats]:
    f = sides[0].frequency_mhz
    edge = 0.5 * (averages[0] + averages[BINS])
    mean = 0.5 * (averages[:BINS] + averages[BINS:])
    furthest = int(np.argmax(np.abs(mean - edge)))
    height = float(mean[furthest] - edge) or scale
    peak = float(_centre(f, furthest))
    span = float(np.ptp(f))
    return [
        np.array([peak + pull * span, pull * span, 0.15 * span, 1.1 * height / scale, edge / scale])
        for pull in (0.02, 0.2, 0.5)
    ]


def _centre(f: Floats, group: int) -> float:
    """Middle of a group of steps."""
    return float(np.interp((group + 0.5) / BINS, np.linspace(0, 1, f.size), f))


def _values(fit: _Fit, notes: list[str]) -> tuple[dict[str, FitValue], Floats]:
    f0, pull, width, height, base = fit.p
    unit = np.array([MHZ, MHZ, MHZ, fit.scale, fit.scale])
    rows = np.diag(unit)
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
        low = np.array([1, *slopes[0], 0, 0]) * MHZ
        high = np.array([1, *slopes[1], 0, 0]) * MHZ
        only = np.array([0, 1, 1, 1, 1])
        rows = np.vstack([rows, low, high, high - low, low * only, high * only])
        found += [
            ("lower_fold_hz", (f0 + folds[0]) * MHZ, "Hz", "Fold met by a sweep down"),
            ("upper_fold_hz", (f0 + folds[1]) * MHZ, "Hz", "Fold met by a sweep up"),
            ("fold_distance_hz", (folds[1] - folds[0]) * MHZ, "Hz", "Width of the bistability"),
            ("lower_fold_detuning_hz", folds[0] * MHZ, "Hz", "Lower fold from resonance"),
            ("upper_fold_detuning_hz", folds[1] * MHZ, "Hz", "Upper fold from resonance"),
        ]
    covariance = rows @ fit.covariance @ rows.T
    moved = [(name == "resonance_hz") - 1.0 * ("detuning" in name) for name, *_ in found]
    covariance += (LAG * pull * MHZ) ** 2 * np.outer(moved, moved)
    errors = np.sqrt(np.maximum(np.diag(covariance), 0))
    values = {
        name: FitValue(float(value), float(error), unit_, label)
        for (name, value, unit_, label), error in zip(found, errors, strict=True)
    }
    return values, covariance


def _switches(f: Floats, sides: list[_Side], fit: _Fit, notes: list[str]) -> dict[str, FitValue]:
    """Where the averaged curves pass half height on the red side, errors by the jackknife."""
    level = fit.scale * (fit.p[4] + 0.5 * fit.p[3])
    sign = np.sign(fit.p[3])
    values: dict[str, FitValue] = {}
    for name, side in zip(("switch_up_hz", "switch_down_hz"), sides, strict=True):
        traces = sign * (side.rate.mean(axis=2) - level)
        whole = _first_rise(f, traces.mean(axis=0))
        groups = min(GROUPS, side.sweeps)
        parts = [
            _first_rise(f, np.delete(traces, np.s_[g::groups], axis=0).mean(axis=0))
            for g in range(groups)
        ]
        if whole is None or any(part is None for part in parts):
            return {}
        spread = np.array(parts, dtype=float)
        error = float(np.sqrt((groups - 1) * np.mean((spread - spread.mean()) ** 2)))
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


def _first_rise(f: Floats, trace: Floats) -> float | None:
    """Where a trace, averaged over a group of steps, first becomes positive, interpolated."""
    width = max(f.size // (2 * BINS), 1)
    kernel = np.ones(width) / width
    smooth, at = np.convolve(trace, kernel, "valid"), np.convolve(f, kernel, "valid")
    rises = np.flatnonzero((smooth[:-1] <= 0) & (smooth[1:] > 0))
    if not rises.size:
        return None
    i = int(rises[0])
    return float(at[i] + (at[i + 1] - at[i]) * -smooth[i] / (smooth[i + 1] - smooth[i]))
