"""Fit of an averaged power spectral density: how many modes, where, how damped, how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lmfit
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import fftconvolve

from labctl.analysis.significance import (
    claims_only_what_is_there,
    no_claim,
    stands_out,
)
from labctl.analysis.spectra import UNIT, Averaging, Bins, mode_psd, mode_table, windowed_psd
from labctl.data import FitCurve, FitResult, FitValue
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

MAX_MODES = 8
MINIMUM_BINS = 20
ITERATIONS = 4
PLACES_PER_BIN = 2.0
"""Independent centres and widths, per bin, at which noise may make a peak."""
FINEST = 64
"""Finest steps per bin on which the noise of a line is summed."""


@claims_only_what_is_there("thermal modes over a white floor")
def fit_psd(
    frequency_hz: ArrayLike,
    psd: ArrayLike,
    averaging: Averaging,
    *,
    max_modes: int = MAX_MODES,
    range_hz: tuple[float, float] | None = None,
    sample_rate_hz: float | None = None,
) -> FitResult:
    """Fit as many modes as there are and a white floor to an averaged PSD.

    The model is the expectation of what the Hann window shows of modes, exact for lines narrower
    than a bin and for overdamped ones. A bin scatters in proportion to its expectation, so
    weights follow the model, iterated (Whittle). A mode is claimed where the Whittle deviance
    stands out (see `significance`) among all centres and widths, neighbouring bins sharing their
    noise. The errors count the noise as it is: a line that is narrow lives long, and all bins
    and segments that show it fluctuate together. For weights a on the bins, with K the window's
    response, var(sum a P) = 1/T int (sum_k a_k K(f_k - f))^2 S(f)^2 df.

    Args:
        frequency_hz: shape (n,), equally spaced, rising.
        psd: shape (n,), positive, (counts/s)^2/Hz.
        averaging: how much was averaged.
        max_modes: no more than these.
        range_hz: what to fit; by default all but the three lowest bins and the last.
        sample_rate_hz: of counts, which integrate over each sample and so show a mode weaker by
            sinc^2(f/sample_rate); None for samples of an instant.

    Returns:
        `values`: mode_i_frequency_hz (natural), mode_i_damping_hz (gamma/2 pi), mode_i_area
        (variance in counts^2/s^2) for i = 1.. in order of frequency, then floor. Table "modes".
        A spectrum of nothing at all has no values.

    Raises:
        ParameterError: NaN, unequal lengths, too few bins, a negative PSD.
    """
    f, y, step = _checked(frequency_hz, psd, range_hz)
    if not np.all(y > 0):
        return no_claim(
            "thermal modes over a white floor",
            "The spectrum is exactly zero in part or all of the range: the detector counts nothing,"
            " or is saturated. Light has noise at every frequency.",
        )
    bins = Bins(f, step, 1 / sample_rate_hz if sample_rate_hz else 0.0)
    if max_modes < 1:
        raise ParameterError(f"Argument `max_modes` must be 1 or more, not {max_modes}.")
    inflation = averaging.smooth_inflation
    best = _Fit.of(bins, y, np.array([np.log(np.median(y))]), averaging.bin_variance)
    trial = best
    while len(trial.modes) < max_modes and len(trial.modes) - len(best.modes) < 2:
        if trial.p.size + 3 >= f.size:
            break
        trial = _Fit.of(bins, y, _with_another(trial, bins, y), averaging.bin_variance)
        more = len(trial.modes) - len(best.modes)
        gain = (best.deviance - trial.deviance) / inflation
        if stands_out(gain, more, places=(PLACES_PER_BIN * f.size) ** more):
            best = trial
    modes = best.modes
    order = np.argsort(modes[:, 0])
    index = np.append((3 * order[:, None] + np.arange(3)).ravel(), best.p.size - 1).astype(int)
    p = best.p[index]
    covariance = _spread(best, bins, averaging)[np.ix_(index, index)]
    freedom = f.size - p.size
    reduced = float(np.sum(best.residual**2)) / freedom
    covariance = covariance * max(reduced, 1.0)
    factor = np.exp(p)
    names, units, labels = [], [], []
    for i in range(1, len(modes) + 1):
        names += [f"mode_{i}_frequency_hz", f"mode_{i}_damping_hz", f"mode_{i}_area"]
        units += ["Hz", "Hz", UNIT]
        labels += [f"Frequency {i}", f"Damping {i}", f"Area {i}"]
    names.append("floor")
    units.append(f"{UNIT}/Hz")
    labels.append("White floor")
    covariance = covariance * np.outer(factor, factor)
    errors = np.sqrt(np.diag(covariance))
    values = {
        name: FitValue(float(v), float(e), unit, label)
        for name, v, e, unit, label in zip(names, factor, errors, units, labels, strict=True)
    }
    return FitResult(
        model=f"{len(modes)} thermal {'mode' if len(modes) == 1 else 'modes'} over a white floor",
        values=values,
        covariance=covariance,
        reduced_chi_square=reduced,
        notes=tuple(_notes(factor[:-1].reshape(-1, 3), f, step, reduced, averaging)),
        tables={"modes": mode_table(values, len(modes), {"area": UNIT})},
        curve=FitCurve(
            x=f,
            y=y,
            y_error=best.model * np.sqrt(averaging.bin_variance),
            model=best.model,
            x_name="frequency_hz",
            x_unit="Hz",
            x_label="Frequency",
            y_name="psd",
            y_unit=f"{UNIT}/Hz",
            y_label="PSD of the APD1 count rate",
        ),
    )


@dataclass(frozen=True)
class _Fit:
    """A fit in logarithms: ln(frequency, damping, area) per mode, then ln(floor)."""

    p: Floats
    slopes: Floats
    """Of the model by the parameters, over the errors of the bins, (bins, parameters)."""
    model: Floats
    residual: Floats
    deviance: float
    rough: Floats
    """The same parameters from the fit of logarithms, from where one mode more is sought."""

    @property
    def modes(self) -> Floats:
        return np.exp(self.p[:-1]).reshape(-1, 3)

    @classmethod
    def of(cls, bins: Bins, y: Floats, start: Floats, variance: float) -> _Fit:
        f, step = bins.frequency_hz, bins.step_hz
        parameters = lmfit.Parameters()
        for i, value in enumerate(start):
            parameters.add(f"p{i}", value=float(value))
        for i in range(0, start.size - 1, 3):
            parameters[f"p{i}"].set(min=np.log(f[0] / 2), max=np.log(f[-1] * 2))
            parameters[f"p{i + 1}"].set(min=np.log(step / 50), max=np.log(20 * f[-1]))

        def log_residual(current: Any) -> Floats:
            return np.log(y / windowed_psd(bins, _array(current))) / np.sqrt(variance)

        # Logarithms first: they bear a bad start, where weights by the model would run away.
        options: Any = {"method": "least_squares", "scale_covar": False, "max_nfev": 60}
        outcome: Any = lmfit.minimize(log_residual, parameters, calc_covar=False, **options)
        parameters = outcome.params
        rough = _array(parameters)
        weight = np.sqrt(variance) * windowed_psd(bins, rough)
        for _ in range(ITERATIONS):

            def residual(current: Any, sigma: Floats = weight) -> Floats:
                return (y - windowed_psd(bins, _array(current))) / sigma

            outcome = lmfit.minimize(residual, parameters, calc_covar=False, **options)
            parameters = outcome.params
            weight = np.sqrt(variance) * windowed_psd(bins, _array(parameters))
        p = _array(parameters)
        model = windowed_psd(bins, p)
        slopes = np.empty((f.size, p.size))
        for i in range(p.size):
            shift = np.zeros(p.size)
            shift[i] = 1e-5
            slopes[:, i] = (
                (windowed_psd(bins, p + shift) - windowed_psd(bins, p - shift)) / 2e-5 / weight
            )
        return cls(
            p=p,
            slopes=slopes,
            model=model,
            residual=(y - model) / weight,
            deviance=2 / variance * float(np.sum(np.log(model) + y / model)),
            rough=rough,
        )


def _spread(fit: _Fit, bins: Bins, averaging: Averaging) -> Floats:
    """Covariance of the parameters, with the noise that bins and segments share."""
    step, variance = bins.step_hz, averaging.bin_variance
    gain = np.linalg.pinv(fit.slopes) / (np.sqrt(variance) * fit.model)  # (parameters, bins)
    narrowest = min([*fit.modes[:, 1], step])
    fine = int(np.clip(np.ceil(4 * step / narrowest), 4, FINEST))
    x = np.arange(-3 * fine, 3 * fine + 1) / fine
    response = (np.sinc(x) + 0.5 * np.sinc(x - 1) + 0.5 * np.sinc(x + 1)) ** 2
    response /= response.sum() / fine
    place = bins.frequency_hz[0] + step / fine * np.arange(
        -3 * fine, (bins.frequency_hz.size - 1 + 3) * fine + 1
    )
    spaced = np.zeros((len(gain), (bins.frequency_hz.size - 1) * fine + 1))
    spaced[:, ::fine] = gain
    seen = fftconvolve(spaced, response[None], axes=1)
    density = np.full(place.size, np.exp(fit.p[-1]))
    for centre, damping, area in fit.modes:
        # A block resolves no line better than its own length.
        blurred = max(damping, step / (averaging.segments + 1))
        density += mode_psd(place, centre, blurred, area) * np.sinc(place * bins.exposure_s) ** 2
    weighted = seen * density
    length = 1 / (variance * averaging.smooth_inflation * step)
    return weighted @ weighted.T * (step / fine) / step**2 / length


def _array(parameters: Any) -> Floats:
    return np.array([p.value for p in parameters.values()])


def _with_another(best: _Fit, bins: Bins, y: Floats) -> Floats:
    """Start of one mode more, where the data exceed the model most."""
    f, step = bins.frequency_hz, bins.step_hz
    model = windowed_psd(bins, best.rough)
    widths = [w for w in (5, 15, 45) if 3 * w < f.size]
    score, at = -np.inf, 0
    for width in widths or [1]:
        excess = np.convolve(y / model - 1, np.ones(width) / np.sqrt(width), mode="same")
        if excess.max() > score:
            score, at = float(excess.max()), int(np.argmax(excess))
    surplus = np.maximum(y - model, 0)
    half = surplus[at - 2 if at > 1 else 0 : at + 3].mean() / 2
    low = at
    while low > 0 and surplus[max(low - 2, 0) : low + 3].mean() > half:
        low -= 1
    high = at
    while high < f.size - 1 and surplus[max(high - 2, 0) : high + 3].mean() > half:
        high += 1
    damping = max((high - low) * step, step)
    area = max(2 * half * np.pi / 2 * damping, 1e-9 * float(y.sum()) * step)
    return np.concatenate([best.rough[:-1], np.log([f[at], damping, area]), best.rough[-1:]])


def _checked(
    frequency_hz: ArrayLike, psd: ArrayLike, range_hz: tuple[float, float] | None
) -> tuple[Floats, Floats, float]:
    f, y = (np.asarray(values, dtype=np.float64) for values in (frequency_hz, psd))
    if f.ndim != 1 or f.shape != y.shape:
        raise ParameterError(
            f"Arguments `frequency_hz` and `psd` must have one shape (n,),"
            f" not {f.shape} and {y.shape}."
        )
    if not (np.all(np.isfinite(f)) and np.all(np.isfinite(y))):
        raise ParameterError("A spectrum must be finite, but it holds NaN or inf.")
    if f.size < 2 or not np.allclose(np.diff(f), f[1] - f[0], rtol=1e-6) or f[1] <= f[0]:
        raise ParameterError("Argument `frequency_hz` must rise in equal steps.")
    step = float(f[1] - f[0])
    low, high = range_hz or (f[0] + 3 * step, f[-1] - step / 2)
    inside = (f >= max(low, 3 * step)) & (f <= high)
    if inside.sum() < MINIMUM_BINS:
        raise ParameterError(
            f"A spectrum needs at least {MINIMUM_BINS} bins between {low:g} and {high:g} Hz,"
            f" but has {inside.sum()}; take longer segments or a wider range."
        )
    if abs(f[0] / step - round(f[0] / step)) > 0.01:
        raise ParameterError("Argument `frequency_hz` must hold multiples of its step.")
    if np.any(y[inside] < 0):
        raise ParameterError("Argument `psd` must not be negative.")
    return f[inside], y[inside], step


def _notes(
    modes: Floats, f: Floats, step: float, reduced: float, averaging: Averaging
) -> list[str]:
    if not len(modes):
        return ["No peak stands out from the white floor."]
    notes: list[str] = []
    for i, (centre, damping, _) in enumerate(modes):
        at = f"{centre:.1f} Hz"
        if damping < 1.5 * step:
            notes.append(
                f"The mode at {at} is narrower than the resolution ({step:g} Hz): take longer"
                " segments."
            )
        if damping > centre:
            notes.append(f"The mode at {at} is overdamped: frequency and damping hang together.")
        if not f[0] + damping / 2 < centre < f[-1] - damping / 2:
            notes.append(f"The mode at {at} is cut by the edge of the range.")
        if i and centre - modes[i - 1, 0] < (damping + modes[i - 1, 1]) / 2:
            notes.append(f"The modes at {modes[i - 1, 0]:.1f} Hz and {at} overlap: merged.")
        notes += [
            f"The mode at {at} may be in part the second harmonic of {lower:.1f} Hz."
            for lower in modes[:i, 0]
            if abs(centre - 2 * lower) < damping
        ]
    if reduced > 1 + 5 * np.sqrt(2 * averaging.smooth_inflation / f.size):
        notes.append(f"Reduced chi-square is {reduced:.2f}: the model misses part of the spectrum.")
    if averaging.segments * averaging.blocks < 10:
        notes.append("Fewer than ten averages: bins are far from Gaussian, errors are rough.")
    return notes
