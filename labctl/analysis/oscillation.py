"""Is a narrow-band signal noise or an oscillation? Its energy and its histogram say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ParameterError

Floats = NDArray[np.float64]

BLOCKS = 12
SINE_KURTOSIS = -1.5
_SHARES = np.linspace(0.02, 0.98, 25)
"""Shares of the variance that are noise, tried beside the sine."""
_GRID = np.linspace(-6, 6, 601)
_PHASES = (np.arange(400) + 0.5) * np.pi / 400


@dataclass(frozen=True)
class Motion:
    """What a record says about the motion in a band.

    Attributes:
        energy: variance in the band, in the unit of the signal squared.
        energy_error: standard error, from the width of the spectrum.
        kurtosis: excess kurtosis, 0 for thermal motion and -1.5 for a sine.
        kurtosis_error: by the jackknife over blocks, not below that of independent samples.
        log_ratio: ln of the likelihood of a sine with noise over that of a Gaussian, at the
            number of independent samples, less half its logarithm for the one more parameter.
        independent: that number.
    """

    energy: float
    energy_error: float
    kurtosis: float
    kurtosis_error: float
    log_ratio: float
    independent: float

    @property
    def oscillates(self) -> bool:
        """Whether the sine is the likelier model."""
        return self.log_ratio > 0


def band_pass(rate: ArrayLike, sample_rate_hz: float, band_hz: tuple[float, float]) -> Floats:
    """The part of a record in a band, by Fourier transform; shape (n,)."""
    y = np.asarray(rate, dtype=float)
    if y.ndim != 1 or y.size < 100 or not np.all(np.isfinite(y)):
        raise ParameterError("A record must be finite, of shape (n,), with 100 samples or more.")
    spectrum = np.fft.rfft(y - y.mean())
    f = np.fft.rfftfreq(y.size, 1 / sample_rate_hz)
    outside = (f < band_hz[0]) | (f > band_hz[1])
    if np.all(outside):
        raise ParameterError(f"No frequency of the record is in the band {band_hz} Hz.")
    spectrum[outside] = 0
    return np.fft.irfft(spectrum, y.size)


def describe_motion(rate: ArrayLike, sample_rate_hz: float, band_hz: tuple[float, float]) -> Motion:
    """Energy and histogram of the motion in a band.

    Args:
        rate: one record of the signal, shape (n,).
        sample_rate_hz: of the record.
        band_hz: around the libration, without its harmonics.
    """
    z = band_pass(rate, sample_rate_hz, band_hz)
    energy = float(np.mean(z**2))
    if energy == 0:
        return Motion(0.0, 0.0, 0.0, np.inf, -np.inf, 0.0)
    # For a Gaussian process var(mean square) = (1/T) int S^2 df; a periodogram doubles S^2.
    power = 2 * np.abs(np.fft.rfft(z)) ** 2 / z.size**2  # variance per bin
    relative = max(float(np.sum(power**2)) / 2 / energy**2, 1 / z.size)
    independent = 2 / relative
    # Sums over blocks of the second and fourth powers; without a block for the jackknife.
    blocks = np.array([
        (part.size, part @ part, (part * part) @ (part * part))
        for part in np.array_split(z, BLOCKS)
    ])  # fmt: skip
    kurtosis = float(_excess(*blocks.sum(axis=0)))
    parts = _excess(*(blocks.sum(axis=0) - blocks).T)
    scatter = np.sqrt((BLOCKS - 1) * np.mean((parts - parts.mean()) ** 2))
    # A Gaussian's figure, smaller for a sine, whose fourth moment hardly varies.
    floor = np.sqrt(24 / independent) * max(1 + kurtosis / -SINE_KURTOSIS, 0.05)
    return Motion(
        energy=energy,
        energy_error=float(energy * np.sqrt(relative)),
        kurtosis=kurtosis,
        kurtosis_error=float(max(scatter, floor)),
        log_ratio=_sine_over_gauss(z / np.sqrt(energy), independent),
        independent=independent,
    )


def sine_density(share: float) -> Floats:
    """Density on `_GRID` of a sine with Gaussian noise, unit variance, noise share given."""
    x = np.sqrt(2 * (1 - share)) * np.cos(_PHASES)
    sigma = np.sqrt(share)
    return np.mean(np.exp(-0.5 * ((_GRID[:, None] - x) / sigma) ** 2), axis=1) / (
        sigma * np.sqrt(2 * np.pi)
    )


_LOG_SINES = np.array([np.log(np.maximum(sine_density(share), 1e-30)) for share in _SHARES])


def _sine_over_gauss(z: Floats, independent: float) -> float:
    counts, _ = np.histogram(np.clip(z, -6, 6), np.append(_GRID, _GRID[-1] + 0.02) - 0.01)
    weights = counts / counts.sum()
    gauss = float(weights @ (-0.5 * _GRID**2 - 0.5 * np.log(2 * np.pi)))
    sine = float(np.max(_LOG_SINES @ weights))
    return independent * (sine - gauss) - 0.5 * np.log(max(independent, 2.0))


def _excess(n: Floats, second: Floats, fourth: Floats) -> Floats:
    """Excess kurtosis from the number of samples and their sums of powers."""
    return n * fourth / second**2 - 3
