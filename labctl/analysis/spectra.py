"""Spectra of the motion: the averaged power spectral density and the modes in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

from labctl.data import FitValue, Table
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

UNIT = "counts^2/s^2"


@dataclass(frozen=True)
class Averaging:
    """How much a Welch average with Hann windows and half overlap has averaged.

    Attributes:
        segments: segments in one block.
        blocks: independent blocks.
    """

    segments: int
    blocks: int = 1

    @property
    def bin_variance(self) -> float:
        """Variance of one bin in units of its expectation squared (Welch 1967)."""
        k = self.segments
        return (1 + 2 * (k - 1) / k / 36) / k / self.blocks

    @property
    def smooth_inflation(self) -> float:
        """Variance of a sum over many bins, over that of independent bins of `bin_variance`.

        Neighbouring bins of a Hann window, and overlapping segments, share their noise. By
        Parseval, u being the sum of the squared windows over a block of L samples with segments
        of N: var = N sum(u^2) / sum(u)^2.
        """
        n = 64
        hann = np.sin(np.pi * np.arange(n) / n) ** 4  # the window squared
        u = np.zeros(n + (self.segments - 1) * n // 2)
        for k in range(self.segments):
            u[k * n // 2 : k * n // 2 + n] += hann
        smooth = n * float(np.sum(u**2)) / float(np.sum(u)) ** 2 / self.blocks
        return smooth / self.bin_variance


def welch_psd(rate: ArrayLike, sample_rate_hz: float, segment: int) -> tuple[Floats, Floats]:
    """One-sided PSD of a signal: Hann window, half overlap, mean removed per segment.

    Args:
        rate: shape (n,), equally spaced, n >= segment.
        sample_rate_hz: of `rate`.
        segment: samples per segment.

    Returns:
        Frequencies (Hz) and PSD (unit of `rate` squared per Hz), both (segment // 2 + 1,);
        the integral over frequency is the variance.

    Raises:
        ParameterError: fewer samples than a segment, or NaN.
    """
    y = np.asarray(rate, dtype=np.float64)
    if y.ndim != 1 or y.size < segment or segment < 8:
        raise ParameterError(
            f"A segment needs 8 or more samples and a record of at least one segment,"
            f" but got {segment} and shape {y.shape}."
        )
    if not np.all(np.isfinite(y)):
        raise ParameterError("Argument `rate` must be finite, but it holds NaN or inf.")
    frequency, psd = signal.welch(
        y, sample_rate_hz, window="hann", nperseg=segment, noverlap=segment // 2,
        detrend="constant",
    )  # fmt: skip
    return frequency, psd


def mode_psd(frequency_hz: ArrayLike, centre_hz: float, damping_hz: float, area: float) -> Floats:
    """One-sided spectrum of a thermally driven mode (`000`, Eq. 1, normalised to its variance).

    S(f) = area (2/pi) g f0^2 / ((f0^2 - f^2)^2 + g^2 f^2), with g = gamma / 2 pi in Hz, f0 the
    natural frequency; the integral over f > 0 is `area`.
    """
    f = np.asarray(frequency_hz, dtype=np.float64)
    top = area * 2 / np.pi * damping_hz * centre_hz**2
    return top / ((centre_hz**2 - f**2) ** 2 + (damping_hz * f) ** 2)


class Bins(NamedTuple):
    """The frequency bins of a spectrum.

    Attributes:
        frequency_hz: shape (n,), equally spaced multiples of the spacing.
        step_hz: their spacing, which is the window's inverse length.
        exposure_s: how long every sample integrates; a mode shows weaker by sinc^2(f exposure).
    """

    frequency_hz: Floats
    step_hz: float
    exposure_s: float = 0.0

    @property
    def first(self) -> int:
        """Index of the first bin, the one at zero frequency being 0."""
        return round(self.frequency_hz[0] / self.step_hz)

    @property
    def lags(self) -> int:
        """Lags of a segment, close enough together for twice the highest frequency."""
        enough = 4 * (self.first + self.frequency_hz.size)
        real = round(1 / (self.exposure_s * self.step_hz)) if self.exposure_s else enough
        return min(enough, max(real, 2 * (self.first + self.frequency_hz.size - 1)))


def mode_covariance(lag_s: Floats, centre_hz: float, damping_hz: float, area: float) -> Floats:
    """Autocovariance of a thermally driven mode, the transform of `mode_psd`.

    area Re[(b exp(a t) - a exp(b t))/(b - a)] with a, b the roots of z^2 + 2 pi g z + (2 pi f0)^2:
    it holds for damped and overdamped modes alike.
    """
    root = np.pi * np.sqrt(complex(damping_hz**2 - 4 * centre_hz**2))
    root = root or 1e-9 * centre_hz
    a, b = -np.pi * damping_hz + root, -np.pi * damping_hz - root
    return area * ((b * np.exp(a * lag_s) - a * np.exp(b * lag_s)) / (b - a)).real


def windowed_psd(bins: Bins, p: Floats) -> Floats:
    """What a Hann window shows of modes over a floor on average, however narrow they are.

    The expectation of a periodogram is the transform of the autocovariance times that of the
    window (Percival & Walden, Spectral Analysis (1993), Sec. 6.3).

    Args:
        bins: where, n of them.
        p: ln(frequency, damping, area) of each mode, then ln(floor), shape (3 m + 1,).
    """
    window = _hann_lags(bins.lags)
    lag_s = np.arange(bins.lags) / (bins.lags * bins.step_hz)
    covariance = np.zeros(bins.lags)
    for centre, damping, area in np.exp(np.clip(p[:-1], -100, 100)).reshape(-1, 3):
        covariance += mode_covariance(lag_s, centre, damping, area)
    covariance *= window
    both = 2 * np.fft.rfft(covariance).real - covariance[0]
    shown = both[bins.first : bins.first + bins.frequency_hz.size] * 2 * lag_s[1]
    # What a finite sampling folds back may cancel a tail to rounding.
    top = float(np.max(shown, initial=0.0))
    shown = np.maximum(shown, 1e-12 * top) * np.sinc(bins.frequency_hz * bins.exposure_s) ** 2
    return shown + np.exp(p[-1])


@lru_cache(maxsize=8)
def _hann_lags(size: int) -> Floats:
    """Autocorrelation of a Hann window of `size` samples, 1 at lag 0."""
    window = np.sin(np.pi * np.arange(size) / size) ** 2
    lags = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * size)) ** 2)[:size]
    return lags / lags[0]


def mode_table(values: dict[str, FitValue], modes: int, more: dict[str, str]) -> Table:
    """One row per mode: frequency, damping and the columns named in `more` (name -> unit)."""
    columns: dict[str, Floats] = {}
    units: dict[str, str] = {}
    for name, unit in {"frequency_hz": "Hz", "damping_hz": "Hz", **more}.items():
        stem, _, suffix = name.rpartition("_")
        error = f"{stem}_error_{suffix}" if stem else f"{name}_error"
        picked = [values[f"mode_{i}_{name}"] for i in range(1, modes + 1)]
        columns[name] = np.array([value.value for value in picked], dtype=np.float64)
        columns[error] = np.array([value.error for value in picked], dtype=np.float64)
        units[name] = units[error] = unit
    return Table(columns, units)
