"""Spectra of the motion: the averaged power spectral density and the modes in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

from labctl.data import FitValue, Table
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

_FINE = 4
"""Samples of the window's response per frequency bin."""
_REACH = 3
"""Bins on either side beyond which the Hann window's response (f^-6) is nothing."""
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
        frequency_hz: shape (n,), equally spaced.
        step_hz: their spacing, which is the window's inverse length.
        exposure_s: how long every sample integrates; a mode shows weaker by sinc^2(f exposure).
    """

    frequency_hz: Floats
    step_hz: float
    exposure_s: float = 0.0


def windowed_psd(bins: Bins, p: Floats) -> Floats:
    """Modes and floor as a Hann window shows them: averaged over the window's response.

    Args:
        bins: where, n of them.
        p: ln(frequency, damping, area) of each mode, then ln(floor), shape (3 m + 1,).
    """
    f, step = bins.frequency_hz, bins.step_hz
    x = np.arange(-_REACH * _FINE, _REACH * _FINE + 1) / _FINE
    response = (np.sinc(x) + 0.5 * np.sinc(x - 1) + 0.5 * np.sinc(x + 1)) ** 2
    response /= response.sum()
    fine = f[0] + step / _FINE * np.arange(-_REACH * _FINE, (f.size - 1 + _REACH) * _FINE + 1)
    total = np.zeros(fine.size)
    for centre, damping, area in np.exp(np.clip(p[:-1], -100, 100)).reshape(-1, 3):
        total += mode_psd(fine, centre, damping, area)
    total *= np.sinc(fine * bins.exposure_s) ** 2
    return np.convolve(total, response, mode="valid")[::_FINE] + np.exp(p[-1])


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
