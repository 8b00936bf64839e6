"""Microwave frequencies and powers at which the diamond stands at one angle (`000`, Fig. 4b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.significance import (
    claims_only_what_is_there,
    no_claim,
    silence,
    stands_out,
)
from labctl.analysis.sweeps import AveragedSweeps
from labctl.data import FitCurve, FitResult, FitValue, Table
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

DECIDED = 2.5
"""Standard errors from which a point lies above or below the reference's rate."""
REACH = 3
"""Points on either side that a local parabola takes."""


@dataclass(frozen=True)
class _Local:
    """A weighted parabola through a few neighbours of a spectrum, about `centre_hz`.

    Its error is inflated where the points scatter clearly more than their errors say.
    """

    centre_hz: float
    scale_hz: float
    coefficients: Floats
    covariance: Floats

    @classmethod
    def of(cls, spectrum: AveragedSweeps, first: int, last: int, centre_hz: float) -> _Local:
        picked = slice(max(first, 0), last + 1)
        f = spectrum.frequency_hz[picked]
        scale = float(max(np.max(np.abs(f - centre_hz)), 1.0))
        x = (f - centre_hz) / scale
        weight = 1 / spectrum.error_per_s[picked]
        basis = np.vander(x, min(3, x.size), increasing=True)
        matrix, y = basis * weight[:, None], spectrum.rate_per_s[picked] * weight
        coefficients = np.linalg.lstsq(matrix, y, rcond=None)[0]
        covariance = np.linalg.pinv(matrix.T @ matrix)
        freedom = x.size - coefficients.size
        chi_square = float(np.sum((y - matrix @ coefficients) ** 2))
        # A few points scatter now less, now more; only what luck does not explain widens errors.
        if freedom > 0 and stands_out(chi_square, freedom):
            covariance = covariance * chi_square / freedom
        return cls(centre_hz, scale, coefficients.astype(np.float64), covariance.astype(np.float64))

    def rate(self, frequency_hz: float) -> tuple[float, float]:
        """Rate and its standard error."""
        row = ((frequency_hz - self.centre_hz) / self.scale_hz) ** np.arange(self.coefficients.size)
        return float(row @ self.coefficients), float(np.sqrt(row @ self.covariance @ row))

    def slope(self, frequency_hz: float) -> float:
        """Change of the rate per Hz."""
        x = (frequency_hz - self.centre_hz) / self.scale_hz
        powers = np.arange(1, self.coefficients.size)
        return float(np.sum(powers * x ** (powers - 1) * self.coefficients[1:]) / self.scale_hz)

    def crossing(self, level: float, low_hz: float, high_hz: float) -> float | None:
        """Where the rate is `level`, between two frequencies."""
        polynomial = self.coefficients.copy()
        polynomial[0] -= level
        roots = np.roots(polynomial[::-1])
        real = np.real(roots[np.abs(np.imag(roots)) < 1e-9]) * self.scale_hz + self.centre_hz
        inside = real[(real >= low_hz) & (real <= high_hz)]
        return float(inside[np.argmin(np.abs(inside - self.centre_hz))]) if inside.size else None


@dataclass(frozen=True)
class _Point:
    power_dbm: float
    frequency_hz: float
    own_error_hz: float
    slope: float


@claims_only_what_is_there("microwaves of one angle")
def find_equal_angles(
    spectra: Mapping[float, AveragedSweeps], *, reference_dbm: float, reference_hz: float
) -> FitResult:
    """Find where each power gives the count rate of the reference point.

    One rate means one angle as long as the detection stays on one slope of a speckle. Points
    between which the rate clearly passes that of the reference are joined by a parabola, whose
    error over its slope, with the error of the reference, is that of the frequency.

    Args:
        spectra: power (dBm) -> angle signal against frequency.
        reference_dbm: power of the reference, one of `spectra`.
        reference_hz: its frequency, within the spectra.

    Returns:
        `values`: reference_rate, then point_i_hz in order of power and frequency. Table "points"
        has the power with each; the reference itself is not among them.

    Raises:
        ParameterError: no such power, or the reference is outside the scan.
    """
    if reference_dbm not in spectra:
        raise ParameterError(f"No spectrum was taken at {reference_dbm:g} dBm.")
    home = spectra[reference_dbm]
    if home.frequency_hz.size < 3 or not (
        home.frequency_hz[0] <= reference_hz <= home.frequency_hz[-1]
    ):
        raise ParameterError(
            "The reference must lie within a scan of three or more frequencies, but"
            f" {reference_hz:g} Hz does not."
        )
    if dumb := silence("APD1 (angle)", np.concatenate([s.rate_per_s for s in spectra.values()])):
        return no_claim("microwaves of one angle", dumb)
    at = int(np.argmin(np.abs(home.frequency_hz - reference_hz)))
    level, error = _Local.of(home, at - REACH, at + REACH, reference_hz).rate(reference_hz)
    points: list[_Point] = []
    for power in sorted(spectra):
        found = _crossings(spectra[power], power, level, error)
        if power == reference_dbm:
            apart = REACH * float(np.median(np.diff(home.frequency_hz)))
            found = [point for point in found if abs(point.frequency_hz - reference_hz) > apart]
        points += found
    values, covariance = _values(level, error, points)
    shown = spectra[max(spectra)]
    return FitResult(
        model="microwaves of one angle",
        values=values,
        covariance=covariance,
        reduced_chi_square=float("nan"),
        notes=tuple(_notes(home, level, error, points)),
        tables={"points": _table(points, values)} if points else {},
        curve=FitCurve(
            x=shown.frequency_hz,
            y=shown.rate_per_s,
            y_error=shown.error_per_s,
            model=np.full(shown.frequency_hz.size, level),
            x_name="frequency_hz",
            x_unit="Hz",
            x_label="Microwave frequency",
            y_name="angle_rate",
            y_unit="counts/s",
            y_label=f"APD1 count rate (angle) at {max(spectra):g} dBm",
        ),
    )


def _crossings(
    spectrum: AveragedSweeps, power_dbm: float, level: float, level_error: float
) -> list[_Point]:
    f = spectrum.frequency_hz
    sigma = np.hypot(spectrum.error_per_s, level_error)
    side = np.where(np.abs(spectrum.rate_per_s - level) > DECIDED * sigma, 1, 0)
    side = side * np.sign(spectrum.rate_per_s - level).astype(int)
    decided = np.flatnonzero(side)
    points: list[_Point] = []
    for low, high in pairwise(decided):
        if side[low] == side[high]:
            continue
        middle = _guess(spectrum, int(low), int(high), level)
        at = int(np.argmin(np.abs(f - middle)))
        local = _Local.of(spectrum, min(at - REACH, int(low)), max(at + REACH, int(high)), middle)
        crossing = local.crossing(level, float(f[low]), float(f[high]))
        if crossing is None:
            continue
        slope = local.slope(crossing)
        points.append(_Point(power_dbm, crossing, abs(local.rate(crossing)[1] / slope), slope))
    return points


def _guess(spectrum: AveragedSweeps, low: int, high: int, level: float) -> float:
    """The crossing of a straight line through the points from `low` to `high`."""
    picked = slice(low, high + 1)
    f, y = spectrum.frequency_hz[picked], spectrum.rate_per_s[picked]
    slope, offset = np.polyfit(f - f[0], y, 1)
    return float(np.clip(f[0] + (level - offset) / slope, f[0], f[-1])) if slope else float(f[0])


def _values(
    level: float, error: float, points: Sequence[_Point]
) -> tuple[dict[str, FitValue], Floats]:
    own = np.array([0.0, *(point.own_error_hz for point in points)])
    # The reference's error moves all points together, each by one over its slope.
    shared = error * np.array([1.0, *(1 / point.slope for point in points)])
    covariance = np.diag(own**2) + np.outer(shared, shared)
    errors = np.sqrt(np.diag(covariance))
    values = {"reference_rate": FitValue(level, float(errors[0]), "counts/s", "Reference rate")}
    for i, point in enumerate(points, start=1):
        values[f"point_{i}_hz"] = FitValue(
            point.frequency_hz, float(errors[i]), "Hz", f"Microwave at {point.power_dbm:g} dBm"
        )
    return values, covariance


def _table(points: Sequence[_Point], values: Mapping[str, FitValue]) -> Table:
    found = [values[f"point_{i}_hz"] for i in range(1, len(points) + 1)]
    return Table(
        {
            "power_dbm": np.array([point.power_dbm for point in points]),
            "microwave_hz": np.array([value.value for value in found]),
            "microwave_error_hz": np.array([value.error for value in found]),
        },
        {"power_dbm": "dBm", "microwave_hz": "Hz", "microwave_error_hz": "Hz"},
    )


def _notes(home: AveragedSweeps, level: float, error: float, points: Sequence[_Point]) -> list[str]:
    notes: list[str] = []
    if abs(level - float(np.median(home.rate_per_s))) < 5 * error:
        notes.append(
            "The reference hardly differs from the rest of its spectrum: take it on a resonance."
        )
    if not points:
        notes.append("No other point has the rate of the reference.")
    return notes
