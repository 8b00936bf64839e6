"""The angle during fast sweeps of the microwave: where it is, how fast it moves, and the noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import correlate1d

from labctl.errors import ParameterError

Floats = NDArray[np.float64]

BINS = 12
"""Groups of frequency steps per direction; each must outlast a libration period."""
MHZ = 1e6
REACH, DEGREE = 3, 4


def _smoothing() -> tuple[Floats, Floats]:
    """Weights of seven samples for the rate in the middle of the fourth, and for its slope.

    Least squares of a quartic (Savitzky & Golay, Anal. Chem. 36 (1964) 1627), here to the
    averages over the samples: each sample rounds off what happens within it.
    """
    edges = np.arange(-REACH, REACH + 2)[:, None] - 0.5
    power = np.arange(1, DEGREE + 2)
    value, slope, *_ = np.linalg.pinv(np.diff(edges**power, axis=0) / power)
    return value, slope


VALUE, SLOPE = _smoothing()


@dataclass(frozen=True)
class SweptAngle:
    """All sweeps of one direction.

    Attributes:
        frequency_mhz: of the steps, rising, (n,).
        rate: counts/s of every sample, corrected for the dead time, (sweeps, n, samples).
        path: the rate in the middle of every sample, smoothed, same shape.
        variance: of the photon noise in `path`, same shape.
        speed: change of the rate per sample, same shape.
        speed_variance: of the photon noise in `speed`, same shape.
    """

    frequency_mhz: Floats
    rate: Floats
    path: Floats
    variance: Floats
    speed: Floats
    speed_variance: Floats

    @property
    def sweeps(self) -> int:
        return len(self.rate)

    @classmethod
    def of(
        cls, f: Floats, counts: ArrayLike, sample_s: float, dead_time_s: float, *, rising: bool
    ) -> SweptAngle:
        """Sweeps from the counts of an APD.

        Args:
            f: frequency of the steps, rising, (n,), Hz.
            counts: per sample, (sweeps, n, samples), steps in the order of `f`, the samples of a
                step in the order of time.
            sample_s: length of a sample.
            dead_time_s: of the counter.
            rising: whether time went on with rising frequency.

        Raises:
            ParameterError: shapes that do not fit, fewer than two sweeps, or too few steps.
        """
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
        noise = n / (1 - lost) ** 2 / sample_s**2

        def in_time(values: Floats, weights: Floats) -> Floats:
            order = np.s_[:, :: 1 if rising else -1]
            line = values[order].reshape(len(values), -1)
            smooth = correlate1d(line, weights, axis=1, mode="nearest")
            return smooth.reshape(values.shape)[order]

        return cls(
            frequency_mhz=f / MHZ,
            rate=rate,
            path=in_time(rate, VALUE),
            variance=in_time(noise, VALUE**2),
            speed=in_time(rate, SLOPE),
            speed_variance=in_time(noise, SLOPE**2),
        )

    def thinned(self) -> SweptAngle:
        """A few samples per step, to start from."""
        few = np.s_[..., :: max(self.rate.shape[2] // 4, 1)]
        arrays = (self.rate, self.path, self.variance, self.speed, self.speed_variance)
        return SweptAngle(self.frequency_mhz, *(values[few] for values in arrays))

    def groups(self, values: Floats) -> Floats:
        """Means over the groups of steps, (..., n, samples) -> (..., BINS)."""
        edges = np.linspace(0, self.frequency_mhz.size, BINS + 1).astype(int)[:-1]
        size = np.diff([*edges, self.frequency_mhz.size])
        return np.add.reduceat(values.mean(axis=-1), edges, axis=-1) / size
