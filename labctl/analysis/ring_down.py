"""Ring-downs: frequency and damping of modes from the decay after an excitation."""

from __future__ import annotations

from typing import Any

import lmfit
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student_t

from labctl.analysis.fine_grid import fine_grid
from labctl.analysis.significance import (
    ONE_SIGMA,
    claims_only_what_is_there,
    no_claim,
    silence,
    stands_out,
)
from labctl.analysis.spectra import mode_table
from labctl.data import FitCurve, FitResult, FitValue
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

MAX_MODES = 2
MINIMUM_SAMPLES = 40
MINIMUM_TRACES = 10
MAX_GROWTH = 5.0
"""Growth in one record, -damping x length: amplitudes grow by less than exp(5 pi)."""
MODERATION = 10
"""So many degrees of freedom the scatter of all samples together adds to that of each."""
DAMPINGS = 4.0
"""Independent dampings at each frequency, among which noise may choose as well."""
NEARBY = 8.0
"""Fourier frequencies on either side of a mode that tell the noise in a single trace."""
_PADDING = 8
_PER_MODE = 4
"""Ringing frequency (Hz), damping (Hz), cosine and sine amplitude."""


def decaying_sines(time_s: ArrayLike, p: ArrayLike) -> Floats:
    """A0 + sum (C cos 2 pi f t + S sin 2 pi f t) exp(-pi g t) (`000`, Eq. 3).

    Args:
        time_s: shape (n,).
        p: f (Hz), g = gamma / 2 pi (Hz), C, S of each mode, then A0; shape (4 m + 1,).
    """
    t, p = np.asarray(time_s, dtype=np.float64), np.asarray(p, dtype=np.float64)
    total = np.full(t.shape, p[-1])
    for f, g, c, s in p[:-1].reshape(-1, _PER_MODE):
        angle = 2 * np.pi * f * t
        total += np.exp(-np.pi * g * t) * (c * np.cos(angle) + s * np.sin(angle))
    return total


@claims_only_what_is_there("damped sines")
def fit_ring_down(
    time_s: ArrayLike, traces: ArrayLike, *, max_modes: int = MAX_MODES, growing: bool = False
) -> FitResult:
    """Fit one or two damped sines to the mean of repeated decays.

    What disturbs a ring-down is above all the Brownian motion of the same modes, which an average
    leaves as a *coherent* noise; errors from independent samples would be several times too
    small. So the scatter of the traces gives the covariance: least squares is linear near its
    minimum, and each trace alone moves the parameters by (J^T J)^-1 J^T (trace - mean).

    A mode is claimed where it stands out (see `significance`): by chance its squared amplitude
    over the noise is F distributed with two parameters, at as many places as there are
    frequencies and dampings. The noise is that of the residuals about the mode's frequency, or
    the scatter of its amplitude over the traces where that is larger.

    Args:
        time_s: shape (n,), equally spaced, rising; phases refer to its zero.
        traces: shape (m, n), each the average of equally many decays; errors need m of ten or
            more, with one trace they come from the residuals, and a note says so.
        max_modes: 1 or 2.
        growing: let the damping be negative, as under a microwave that heats.

    Returns:
        `values`: mode_i_frequency_hz (natural: the ringing is at sqrt(f^2 - g^2/4)),
        mode_i_damping_hz (gamma/2 pi, the envelope is exp(-gamma t/2)), mode_i_amplitude and
        mode_i_phase_rad of a sine, the strongest mode first, then offset. Table "modes". Where
        nothing rings there are no values, and a note.

    Raises:
        ParameterError: NaN, shapes that do not match, too few samples, unequal steps.
    """
    t, y = _checked(time_s, traces)
    if not 1 <= max_modes <= MAX_MODES:
        raise ParameterError(f"Argument `max_modes` must be 1 or {MAX_MODES}, not {max_modes}.")
    mean = y.mean(axis=0)
    best, covariance = np.array([mean.mean()]), np.empty((0, 0))
    dumb = silence("The detector", y)
    for _ in range(0 if dumb else max_modes):
        trial, wider = _fit(t, y, _with_another(t, mean, best, growing), growing)
        if not (_rings(t, y, trial) and _apart(trial)):
            break
        best, covariance = trial, wider
    model = decaying_sines(t, best)
    error = _error_of_mean(y, mean - model)
    fine = fine_grid(t)
    curve = FitCurve(
        x=t,
        y=mean,
        y_error=error,
        model=model,
        x_name="time_s",
        x_unit="s",
        x_label="Time after the excitation",
        y_name="trace",
        y_unit="counts/s",
        y_label="APD1 count rate (angle)",
        model_x=fine,
        model_y=decaying_sines(fine, best),
    )
    if best.size == 1:
        return no_claim(
            "damped sines", dumb or "No ringing stands out from the noise.", curve=curve
        )
    best, covariance = _strongest_first(best, covariance)
    reduced = float(np.sum(((mean - model) / error) ** 2)) / (t.size - best.size)
    values, covariance = _physical(best, covariance)
    modes = best.size // _PER_MODE
    return FitResult(
        model="a damped sine" if modes == 1 else "two damped sines",
        values=values,
        covariance=covariance,
        reduced_chi_square=reduced if len(y) > 1 else float("nan"),
        notes=tuple(_notes(values, modes, t, len(y))),
        tables={"modes": mode_table(values, modes, {"amplitude": "counts/s"})},
        curve=curve,
    )


def _checked(time_s: ArrayLike, traces: ArrayLike) -> tuple[Floats, Floats]:
    t, y = (np.asarray(values, dtype=np.float64) for values in (time_s, traces))
    if t.ndim != 1 or y.ndim != 2 or y.shape[1] != t.size or not len(y):
        raise ParameterError(
            f"Argument `traces` must have shape (m, n) for `time_s` of shape (n,), not {y.shape}"
            f" for {t.shape}."
        )
    if not (np.all(np.isfinite(t)) and np.all(np.isfinite(y))):
        raise ParameterError("A ring-down must be finite, but it holds NaN or inf.")
    if t.size < MINIMUM_SAMPLES:
        raise ParameterError(
            f"A ring-down needs at least {MINIMUM_SAMPLES} samples, but got {t.size}."
        )
    if not (np.diff(t).min() > 0 and np.allclose(np.diff(t), t[1] - t[0], rtol=1e-6, atol=0)):
        raise ParameterError("Argument `time_s` must rise in equal steps.")
    return t, y


def _with_another(t: Floats, mean: Floats, p: Floats, growing: bool) -> Floats:
    """Start of one mode more: the top of the residual's spectrum, the best of some dampings."""
    rest = mean - decaying_sines(t, p)
    rest = rest - rest.mean()
    size = _PADDING * t.size
    frequency = np.fft.rfftfreq(size, t[1] - t[0])
    power = np.abs(np.fft.rfft(rest, size))
    power[frequency < 2 / (t[-1] - t[0])] = 0.0
    f = max(float(frequency[np.argmax(power)]), 2 / (t[-1] - t[0]))
    best: tuple[float, Floats] = (np.inf, p)
    dampings = np.geomspace(0.1, 100, 25)
    if growing:
        dampings = np.append(-dampings[dampings < MAX_GROWTH], dampings)
    for g in dampings / (t[-1] - t[0]):
        angle = 2 * np.pi * f * t
        envelope = np.exp(-np.pi * g * t)
        basis = np.stack([envelope * np.cos(angle), envelope * np.sin(angle)], axis=1)
        c, s = np.linalg.lstsq(basis, rest, rcond=None)[0]
        left = float(np.sum((rest - basis @ np.array([c, s])) ** 2))
        if left < best[0]:
            best = left, np.concatenate([p[:-1], [f, g, c, s], p[-1:]])
    return best[1]


def _fit(t: Floats, y: Floats, start: Floats, growing: bool) -> tuple[Floats, Floats]:
    mean, span = y.mean(axis=0), t[-1] - t[0]
    scale = float(np.std(mean)) or 1.0
    parameters = lmfit.Parameters()
    unit = np.ones(start.size)
    for i, value in enumerate(start):
        kind = i % _PER_MODE if i < start.size - 1 else _PER_MODE
        unit[i] = 1.0 if kind < 2 else scale
        parameters.add(f"p{i}", value=float(value / unit[i]))
        if kind == 0:
            parameters[f"p{i}"].set(min=0.5 / span, max=0.5 / (t[1] - t[0]))
        elif kind == 1:
            least = -MAX_GROWTH if growing else 1e-3
            parameters[f"p{i}"].set(min=least / span, max=0.5 / (t[1] - t[0]))

    def array(current: Any) -> Floats:
        return np.array([p.value for p in current.values()]) * unit

    # lmfit takes roots of a covariance that nobody asked for, and that may not be positive.
    with np.errstate(invalid="ignore"):
        outcome: Any = lmfit.minimize(
            lambda current: (decaying_sines(t, array(current)) - mean) / scale,
            parameters, method="least_squares", scale_covar=False, max_nfev=200,
        )  # fmt: skip
    p = array(outcome.params)
    slopes = _slopes(t, p)
    gain = np.linalg.pinv(slopes)
    if len(y) > 1:
        moves = (y - mean) @ gain.T
        # A scatter known from m traces makes pulls t-distributed: one error holds 68 % of that.
        student = float(student_t.ppf(ONE_SIGMA, len(y) - 1))
        return p, moves.T @ moves * student**2 / (len(y) * (len(y) - 1))
    variance = float(np.sum((mean - decaying_sines(t, p)) ** 2)) / (t.size - p.size)
    return p, variance * gain @ gain.T


def _slopes(t: Floats, p: Floats) -> Floats:
    columns: list[Floats] = []
    for f, g, c, s in p[:-1].reshape(-1, _PER_MODE):
        envelope, angle = np.exp(-np.pi * g * t), 2 * np.pi * f * t
        cosine, sine = envelope * np.cos(angle), envelope * np.sin(angle)
        columns += [2 * np.pi * t * (s * cosine - c * sine), -np.pi * t * (c * cosine + s * sine)]
        columns += [cosine, sine]
    return np.stack([*columns, np.ones(t.size)], axis=1)


def _rings(t: Floats, y: Floats, p: Floats) -> bool:
    """Whether the last mode of `p` stands out, with frequencies and dampings as they are."""
    basis = _slopes(t, p)
    linear = [i for i in range(p.size) if i == p.size - 1 or i % _PER_MODE > 1]
    gain = np.linalg.pinv(basis[:, linear])[-3:-1]
    places = DAMPINGS * t.size / 2
    amplitude = gain @ y.mean(axis=0)
    size = np.sum(gain**2, axis=1)  # of either quadrature, in white noise of unit variance
    rest = y - (y.mean(axis=0) if len(y) > 1 else decaying_sines(t, p))
    variance, freedom = _noise_nearby(t, rest, p)
    if len(y) > 1:
        moves = rest @ gain.T
        scatter = float(np.sum(moves**2 / size)) / (2 * (len(y) - 1))
        variance = max(variance, scatter) / len(y)
    if variance == 0:
        return bool(np.any(amplitude))
    won = float(np.sum(amplitude**2 / size)) / variance
    return stands_out(won, 2, places=places, freedom=freedom)


def _noise_nearby(t: Floats, rest: Floats, p: Floats) -> tuple[float, float]:
    """Variance per sample of the noise about the last mode's frequency, and its freedom.

    From the residuals of the traces, in which the Brownian motion of the mode stays.
    """
    f, g = p[-_PER_MODE - 1], abs(p[-_PER_MODE])
    frequency = np.fft.rfftfreq(t.size, t[1] - t[0])[1:]
    near = np.abs(frequency - f) <= max(g, NEARBY / (t[-1] - t[0]))
    power = np.sum(np.abs(np.fft.rfft(rest, axis=1)[:, 1:][:, near]) ** 2) / t.size
    bins = float(near.sum())
    # One trace gave the mode; of several the mean is taken away.
    effective = bins - _PER_MODE / 2 if len(rest) == 1 else bins * (len(rest) - 1)
    return float(power) / max(effective, 0.5), max(2 * effective, 1.0)


def _error_of_mean(y: Floats, rest: Floats) -> Floats:
    """Of every sample; a few traces borrow from all samples, one trace from its residuals."""
    traces = len(y)
    if traces == 1:
        return np.full(rest.size, np.std(rest) or 1.0)
    variance = y.var(axis=0, ddof=1)
    own = (traces - 1) / (traces - 1 + MODERATION)
    moderated = own * variance + (1 - own) * variance.mean()
    return np.sqrt(moderated / traces) if np.any(moderated) else np.ones(rest.size)


def _apart(p: Floats) -> bool:
    """Whether two modes are two, not one line described twice."""
    modes = p[:-1].reshape(-1, _PER_MODE)
    if len(modes) < 2:
        return True
    (f1, g1, *_), (f2, g2, *_) = modes
    return bool(abs(f1 - f2) > max(min(g1, g2) / 2, 1e-9))


def _strongest_first(p: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    modes = p[:-1].reshape(-1, _PER_MODE)
    order = np.argsort(-np.hypot(modes[:, 2], modes[:, 3]))
    index = np.append((_PER_MODE * order[:, None] + np.arange(_PER_MODE)).ravel(), p.size - 1)
    return p[index], covariance[np.ix_(index, index)]


def _physical(p: Floats, covariance: Floats) -> tuple[dict[str, FitValue], Floats]:
    """Natural frequency, damping, amplitude and phase, with their covariance."""
    slopes = np.eye(p.size)
    out = p.copy()
    named: list[tuple[str, str, str]] = []
    for i in range(0, p.size - 1, _PER_MODE):
        f, g, c, s = p[i : i + _PER_MODE]
        natural, amplitude = np.hypot(f, g / 2), max(float(np.hypot(c, s)), 1e-30)
        out[i : i + _PER_MODE] = natural, g, amplitude, np.arctan2(c, s)
        slopes[i, i : i + 2] = f / natural, g / 4 / natural
        slopes[i + 2, i + 2 : i + 4] = c / amplitude, s / amplitude
        slopes[i + 3, i + 2 : i + 4] = s / amplitude**2, -c / amplitude**2
        mode = i // _PER_MODE + 1
        named += [
            (f"mode_{mode}_frequency_hz", "Hz", f"Frequency {mode}"),
            (f"mode_{mode}_damping_hz", "Hz", f"Damping {mode}"),
            (f"mode_{mode}_amplitude", "counts/s", f"Amplitude {mode}"),
            (f"mode_{mode}_phase_rad", "rad", f"Phase {mode}"),
        ]
    named.append(("offset", "counts/s", "Offset"))
    covariance = slopes @ covariance @ slopes.T
    errors = np.sqrt(np.diag(covariance))
    values = {
        name: FitValue(float(value), float(error), unit, label)
        for (name, unit, label), value, error in zip(named, out, errors, strict=True)
    }
    return values, covariance


def _notes(values: dict[str, FitValue], modes: int, t: Floats, traces: int) -> list[str]:
    notes: list[str] = []
    span = t[-1] - t[0]
    for i in range(1, modes + 1):
        f, g = values[f"mode_{i}_frequency_hz"], values[f"mode_{i}_damping_hz"]
        amplitude, at = values[f"mode_{i}_amplitude"], f"{f.value:.1f} Hz"
        if amplitude.value < 5 * amplitude.error:
            notes.append(f"The ringing at {at} hardly stands out from the noise.")
        if g.value < 0:
            notes.append(f"The ringing at {at} grows.")
            continue
        if np.pi * g.value * span < 1:
            notes.append(f"The record is too short for the damping at {at}: it decays by less"
                         " than 1/e.")  # fmt: skip
        if g.value > f.value / 2:
            notes.append(f"The mode at {at} is damped within a period or two: it hardly rings.")
        if 1 / g.value < 4 * (t[1] - t[0]):
            notes.append(f"The decay at {at} is as short as the sampling.")
    if traces < MINIMUM_TRACES:
        notes.append(
            f"Errors from {traces} trace{'s' * (traces > 1)} mean little: the Brownian motion"
            f" shows only in the scatter of {MINIMUM_TRACES} or more."
        )
    return notes
