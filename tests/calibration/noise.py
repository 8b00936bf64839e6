"""Records of light that a moving diamond modulates, with the motion's real spectrum."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ALIASES = 3


def gaussian_record(
    rng: Generator, psd: Callable[[Floats], Floats], samples: int, rate_hz: float, count: int = 1
) -> Floats:
    """Gaussian noise of a one-sided spectrum as samples integrate it, shape (count, samples).

    By circulant embedding in twice the length (Dietrich & Newsam, SIAM J. Sci. Comput. 18 (1997)
    1088): exact where correlations die out within the record.
    """
    size = 2 * samples
    f = np.fft.rfftfreq(size, 1 / rate_hz)
    density = np.zeros(f.size)
    for k in range(-ALIASES, ALIASES + 1):
        at = np.abs(f + k * rate_hz)
        density += psd(at) * np.sinc(at / rate_hz) ** 2
    scale = np.sqrt(density * rate_hz * size) / 2
    shape = (count, f.size)
    spectrum = scale * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
    return np.fft.irfft(spectrum, size, axis=1)[:, :samples]


def counted(rng: Generator, rate_per_s: Floats, rate_hz: float) -> Floats:
    """Count rates of Poisson light at these rates, counts/s, the same shape."""
    return rng.poisson(np.maximum(rate_per_s, 0.0) / rate_hz) * rate_hz
