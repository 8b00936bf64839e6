"""Temperature of a mode against a reference of known temperature, by damping and by area."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labctl.data import FitResult, FitValue

DAMPING, AREA = "temperature_by_damping_k", "temperature_by_area_k"


@dataclass(frozen=True)
class Reference:
    """The same mode at a known temperature; errors are one sigma, 0 where they are not known.

    Attributes:
        temperature_k: of the mode.
        damping_hz: gamma/2 pi, or None.
        area: variance in counts^2/s^2, or None; measured at the same angle, since the speckle's
            sensitivity changes with it.
        frequency_hz: natural frequency, needed with `area`.
    """

    temperature_k: float
    damping_hz: float | None = None
    damping_error_hz: float = 0.0
    area: float | None = None
    area_error: float = 0.0
    frequency_hz: float | None = None


def damping_temperature(
    damping: tuple[float, float], reference: tuple[float, float], temperature_k: float
) -> tuple[float, float]:
    """T gamma/gamma_eff and its error (`000`, Methods); NaN unless both dampings are positive.

    It understates the variance where the spins follow within a period: see `area_temperature`.

    Args:
        damping: gamma_eff and its error.
        reference: gamma and its error, of another measurement.
        temperature_k: of the reference.
    """
    if not (damping[0] > 0 and reference[0] > 0):
        return np.nan, np.nan
    value = temperature_k * reference[0] / damping[0]
    return value, value * float(np.hypot(damping[1] / damping[0], reference[1] / reference[0]))


def with_temperatures(fit: FitResult, reference: Reference, *, mode: int = 1) -> FitResult:
    """Add the temperatures that a reference allows to a fit of a spectrum.

    By damping: T gamma/gamma_eff. By area: I w^2 <phi^2> = kB T (equipartition), so
    T (area w_eff^2)/(area w^2 of the reference).
    """
    stem = f"mode_{mode}"
    if f"{stem}_area" not in fit.values:
        return fit
    names = list(fit.values)[: len(fit.covariance)]
    area, frequency, damping = (
        fit.values[f"{stem}_{name}"] for name in ("area", "frequency_hz", "damping_hz")
    )
    kelvin = reference.temperature_k
    found: dict[str, FitValue] = {}
    slopes: list[dict[str, float]] = []
    apart: list[float] = []
    notes = list(fit.notes)
    if reference.damping_hz is not None:
        value = kelvin * reference.damping_hz / damping.value
        slopes.append({f"{stem}_damping_hz": -value / damping.value})
        apart.append(value * reference.damping_error_hz / reference.damping_hz)
        found[DAMPING] = FitValue(value, 0.0, "K", "Temperature by damping")
    if reference.area is not None and reference.frequency_hz is not None:
        value = kelvin * area.value / reference.area
        value *= (frequency.value / reference.frequency_hz) ** 2
        slopes.append(
            {
                f"{stem}_area": value / area.value,
                f"{stem}_frequency_hz": 2 * value / frequency.value,
            }
        )
        apart.append(value * reference.area_error / reference.area)
        found[AREA] = FitValue(value, 0.0, "K", "Temperature by area")
    if not found:
        return fit
    jacobian = np.array([[slope.get(name, 0.0) for name in names] for slope in slopes])
    covariance = _extended(fit.covariance, jacobian, np.square(apart))
    errors = np.sqrt(np.diag(covariance))[len(names) :]
    added = {
        name: replace(value, error=float(error))
        for (name, value), error in zip(found.items(), errors, strict=True)
    }
    if any(error == 0 for error in apart):
        notes.append("An error of the reference is not given: that of the temperature lacks it.")
    return replace(
        fit, values=_inserted(fit.values, names, added), covariance=covariance, notes=tuple(notes)
    )


def _extended(
    covariance: NDArray[np.float64], jacobian: NDArray[np.float64], extra: NDArray[np.float64]
) -> NDArray[np.float64]:
    cross = jacobian @ covariance
    corner = cross @ jacobian.T + np.diag(extra)
    return np.block([[covariance, cross.T], [cross, corner]])


def _inserted(
    values: Mapping[str, FitValue], names: list[str], added: Mapping[str, FitValue]
) -> dict[str, FitValue]:
    """`added` right after the values that the covariance covers."""
    first = {name: values[name] for name in names}
    rest = {name: value for name, value in values.items() if name not in first}
    return {**first, **added, **rest}
