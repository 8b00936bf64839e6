"""The frequencies of the strongest librations, point by point, and how they drift."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.psd_fit import fit_psd
from labctl.analysis.spectra import Averaging
from labctl.data import FitValue

Floats = NDArray[np.float64]

NOTHING = (float("nan"), float("nan"))
RINGING = 0.5
"""Damping over frequency from which a mode does not ring enough to have a frequency."""
MINIMUM_SEEN = 4


def strongest_modes(
    frequency_hz: ArrayLike,
    psd: ArrayLike,
    averaging: Averaging,
    modes: int,
    *,
    range_hz: tuple[float, float],
) -> list[tuple[float, float]]:
    """Frequency and standard error of the modes of largest area, in order of frequency.

    Args:
        frequency_hz: of the PSD, shape (n,).
        psd: shape (n,).
        averaging: of the PSD.
        modes: how many.
        range_hz: what to fit.

    Returns:
        `modes` pairs in Hz; NaN where a mode is missing or too damped to ring.
    """
    values = fit_psd(frequency_hz, psd, averaging, range_hz=range_hz).values
    found: list[tuple[float, float, float]] = []
    for i in range(1, sum(name.endswith("_area") for name in values) + 1):
        frequency, damping = values[f"mode_{i}_frequency_hz"], values[f"mode_{i}_damping_hz"]
        if damping.value < RINGING * frequency.value and np.isfinite(frequency.error):
            found.append((values[f"mode_{i}_area"].value, frequency.value, frequency.error))
    strong = sorted(found, reverse=True)[:modes]
    pairs = sorted((frequency, error) for _, frequency, error in strong)
    return pairs + [NOTHING] * (modes - len(pairs))


def drift_of_modes(
    time_s: ArrayLike, modes: list[tuple[Floats, Floats]]
) -> tuple[dict[str, FitValue], list[str]]:
    """Weighted straight line through each mode's frequencies; errors scaled by their scatter.

    A frequency that jumps to another mode for a point is left out: more than five times the
    median deviation from the median.

    Args:
        time_s: (n,).
        modes: (frequency, error) of each, (n,), NaN where nothing was seen.

    Returns:
        Values libration_i_hz (at the mean time) and libration_i_drift_hz_per_s, and notes.
    """
    time = np.asarray(time_s, dtype=np.float64)
    values: dict[str, FitValue] = {}
    notes: list[str] = []
    for i, (frequency, error) in enumerate(modes, start=1):
        seen = np.isfinite(frequency) & np.isfinite(error) & (error > 0)
        if seen.sum() >= MINIMUM_SEEN:
            away = np.abs(frequency - np.median(frequency[seen]))
            seen &= away <= 5 * 1.4826 * max(float(np.median(away[seen])), 1e-9)
        if seen.sum() < MINIMUM_SEEN:
            notes.append(f"Libration {i}: seen in {seen.sum()} points only; overdamped or weak.")
            continue
        x = time[seen] - time[seen].mean()
        y, sigma = frequency[seen], error[seen]
        # One weight for all: the errors follow the noise of their own fit.
        sigma = np.full(sigma.size, float(np.median(sigma)))
        slope = float(x @ y / (x @ x))
        rest = y - y.mean() - slope * x
        scale = max(1.0, float(np.sum((rest / sigma) ** 2)) / (y.size - 2))
        error_mean = float(np.sqrt(scale / y.size)) * sigma[0]
        error_slope = float(np.sqrt(scale / (x @ x))) * sigma[0]
        name = f"Libration {i}"
        values[f"libration_{i}_hz"] = FitValue(float(y.mean()), error_mean, "Hz", name)
        values[f"libration_{i}_drift_hz_per_s"] = FitValue(
            slope, error_slope, "Hz/s", f"{name}: drift"
        )
    return values, notes
