"""Spin cooling: damping, frequency and temperature of a libration against the microwave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.ring_down import MINIMUM_SAMPLES, MODERATION, fit_ring_down
from labctl.analysis.significance import claims_only_what_is_there, silence
from labctl.analysis.temperature import damping_temperature
from labctl.data import FitCurve, FitResult, FitValue, Table
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

MISFIT = 1.5
"""Reduced chi-square above which a decay is not exponential over the window that was fitted."""
SAME_MODE = 0.08
"""Two fitted frequencies closer than this part of them are one mode that is not exponential."""


@dataclass(frozen=True)
class DrivenMode:
    """One libration under one microwave, from its averaged decays.

    Attributes:
        damping_hz: gamma_eff/2 pi with its standard error; negative where the motion grows, NaN
            where nothing rings.
        frequency_hz: natural frequency with its standard error.
        window_s: length of the record that was fitted.
        clear: whether the ringing stands out from the noise.
        exponential: whether the model fits within the window.
    """

    damping_hz: tuple[float, float]
    frequency_hz: tuple[float, float]
    window_s: float
    clear: bool
    exponential: bool

    @classmethod
    def silent(cls, window_s: float) -> DrivenMode:
        """Nothing rings."""
        unknown = float("nan"), float("nan")
        return cls(unknown, unknown, window_s, clear=False, exponential=True)

    @property
    def cooled_or_warm(self) -> bool:
        """Whether there is a stationary temperature: damped beyond the errors."""
        return self.clear and self.exponential and self.damping_hz[0] > 2 * self.damping_hz[1]


def fit_driven_mode(time_s: ArrayLike, traces: ArrayLike) -> DrivenMode:
    """Damping of a mode that may grow.

    Growth ends at an amplitude where the line no longer follows, and the phases of repeated
    decays part there: only the first part of such a record is exponential. So the longest of
    1, 1/2, 1/4 ... of it is taken over which the model fits.

    Args:
        time_s: shape (n,), from where the spins have settled.
        traces: shape (m, n), averages of equally many decays.

    Raises:
        ParameterError: as `fit_ring_down`.
    """
    t, y = np.asarray(time_s, dtype=np.float64), np.asarray(traces, dtype=np.float64)
    size = t.size
    # Errors from the scatter of m traces make chi-square F-distributed.
    freedom = len(y) - 1 + MODERATION
    limit = MISFIT * freedom / (freedom - 2) if len(y) > 3 else np.inf
    while True:
        fit = fit_ring_down(t[:size], y[:, :size], growing=True)
        if not fit.values:
            return DrivenMode.silent(float(t[size - 1] - t[0]))
        if _one_mode_twice(fit):
            fit = fit_ring_down(t[:size], y[:, :size], growing=True, max_modes=1)
        exponential = not fit.reduced_chi_square > limit
        shorter = size // 2
        if exponential or shorter < MINIMUM_SAMPLES:
            break
        if (t[shorter] - t[0]) * fit.values["mode_1_frequency_hz"].value < 4:
            break
        size = shorter
    damping, frequency = fit.values["mode_1_damping_hz"], fit.values["mode_1_frequency_hz"]
    return DrivenMode(
        (damping.value, damping.error),
        (frequency.value, frequency.error),
        float(t[size - 1] - t[0]),
        clear=True,
        exponential=exponential,
    )


def _one_mode_twice(fit: FitResult) -> bool:
    if "mode_2_frequency_hz" not in fit.values:
        return False
    first, second = (fit.values[f"mode_{i}_frequency_hz"].value for i in (1, 2))
    return abs(first - second) < SAME_MODE * first


@claims_only_what_is_there("damping by the spins")
def fit_cooling(
    microwave_hz: ArrayLike,
    reference: ArrayLike,
    time_s: ArrayLike,
    traces: ArrayLike,
    *,
    temperature_k: float,
) -> FitResult:
    """Damping and spring against the microwave, and T_eff = T gamma/gamma_eff (`000`, Methods).

    Args:
        microwave_hz: frequency during each decay, shape (p,).
        reference: whether a decay was one without cooling, shape (p,).
        time_s: shape (n,), from where the spins have settled.
        traces: averaged decays, shape (p, n); those of one frequency are put together.
        temperature_k: of the gas, that of the mode in the reference.

    Returns:
        `values`: the reference's damping (gamma/2 pi) and frequency, then those of the coldest
        point with its temperature. It is chosen for being cold: where several are as cold within
        their errors, it is a little colder than it should be. Table "microwave" has all points;
        no temperature is given where the motion grows or hardly rings.

    Raises:
        ParameterError: NaN or shapes that do not match.
    """
    dumb = silence("The detector", traces)
    at, off = np.asarray(microwave_hz, dtype=np.float64), np.asarray(reference, dtype=bool)
    y = np.asarray(traces, dtype=np.float64)
    if at.ndim != 1 or at.shape != off.shape or y.ndim != 2 or len(y) != at.size:
        raise ParameterError(
            "Arguments `microwave_hz`, `reference` and `traces` must have one length, not"
            f" {at.shape}, {off.shape} and {y.shape}."
        )
    rest = fit_driven_mode(time_s, y[off]) if np.any(off) else None
    steps = np.unique(at[~off])
    modes = [fit_driven_mode(time_s, y[~off & (at == step)]) for step in steps]
    temperatures = [_temperature(mode, rest, temperature_k) for mode in modes]
    values, covariance = _values(steps, modes, temperatures, rest)
    return FitResult(
        model="damping by the spins against the microwave",
        values=values,
        covariance=covariance,
        reduced_chi_square=float("nan"),
        notes=(dumb,) if dumb else tuple(_notes(steps, modes, rest, len(y))),
        tables={"microwave": _table(steps, modes, temperatures)} if modes else {},
        curve=_curve(steps, modes, rest),
    )


def _temperature(
    mode: DrivenMode, rest: DrivenMode | None, temperature_k: float
) -> tuple[float, float]:
    if rest is None or not (mode.cooled_or_warm and rest.cooled_or_warm):
        return np.nan, np.nan
    return damping_temperature(mode.damping_hz, rest.damping_hz, temperature_k)


def _values(
    steps: Floats,
    modes: Sequence[DrivenMode],
    temperatures: Sequence[tuple[float, float]],
    rest: DrivenMode | None,
) -> tuple[dict[str, FitValue], Floats]:
    values: dict[str, FitValue] = {}
    if rest is not None and rest.clear:
        values["reference_damping_hz"] = FitValue(*rest.damping_hz, "Hz", "Damping, reference")
        values["reference_frequency_hz"] = FitValue(
            *rest.frequency_hz, "Hz", "Libration, reference"
        )
    known = [i for i, (kelvin, _) in enumerate(temperatures) if np.isfinite(kelvin)]
    if rest is not None and known:
        i = min(known, key=lambda index: temperatures[index][0])
        mode, (kelvin, error) = modes[i], temperatures[i]
        at = f"coldest ({steps[i] / 1e9:.5g} GHz)"
        values["coldest_damping_hz"] = FitValue(*mode.damping_hz, "Hz", f"Damping, {at}")
        values["coldest_frequency_hz"] = FitValue(*mode.frequency_hz, "Hz", f"Libration, {at}")
        values["coldest_temperature_k"] = FitValue(kelvin, error, "K", "T gamma/gamma_eff")
    covariance = np.diag([value.error**2 for value in values.values()])
    if "coldest_temperature_k" in values:
        kelvin = values["coldest_temperature_k"].value
        for row, sign in ((0, 1), (2, -1)):
            damping = list(values.values())[row]
            covariance[row, 4] = covariance[4, row] = (
                sign * kelvin / damping.value * damping.error**2
            )
    return values, covariance


def _table(
    steps: Floats, modes: Sequence[DrivenMode], temperatures: Sequence[tuple[float, float]]
) -> Table:
    pairs = {
        "damping": [mode.damping_hz for mode in modes],
        "frequency": [mode.frequency_hz for mode in modes],
        "temperature": list(temperatures),
    }
    columns: dict[str, Floats] = {"microwave_hz": steps}
    units = {"microwave_hz": "Hz"}
    for name, unit, suffix in (
        ("damping", "Hz", "hz"), ("frequency", "Hz", "hz"), ("temperature", "K", "k"),
    ):  # fmt: skip
        both = np.array(pairs[name], dtype=np.float64)
        columns[f"{name}_{suffix}"], columns[f"{name}_error_{suffix}"] = both[:, 0], both[:, 1]
        units[f"{name}_{suffix}"] = units[f"{name}_error_{suffix}"] = unit
    columns["window_s"] = np.array([mode.window_s for mode in modes])
    units["window_s"] = "s"
    return Table(columns, units)


def _curve(steps: Floats, modes: Sequence[DrivenMode], rest: DrivenMode | None) -> FitCurve | None:
    if len(modes) < 2:
        return None
    damping = np.array([mode.damping_hz for mode in modes])
    level = rest.damping_hz[0] if rest is not None else np.nan
    return FitCurve(
        x=steps,
        y=damping[:, 0],
        y_error=damping[:, 1],
        model=np.full(steps.size, level),
        x_name="microwave_hz",
        x_unit="Hz",
        x_label="Microwave during the decay",
        y_name="damping_hz",
        y_unit="Hz",
        y_label="Damping gamma_eff/2 pi",
    )


def _notes(
    steps: Floats, modes: Sequence[DrivenMode], rest: DrivenMode | None, traces: int
) -> list[str]:
    notes: list[str] = []
    if rest is None:
        notes.append("There is no reference yet, so no temperature.")
    elif not rest.clear:
        notes.append("The reference hardly rings: no temperature; excite more, or average longer.")
    elif not rest.cooled_or_warm:
        notes.append("The reference is no exponential decay, so there is no temperature.")

    def mention(what: str, chosen: Sequence[bool]) -> None:
        if any(chosen):
            listed = ", ".join(f"{f / 1e9:.5g}" for f in steps[np.array(chosen)])
            notes.append(f"{what} at {listed} GHz.")

    grows = [m.clear and m.damping_hz[0] < -2 * m.damping_hz[1] for m in modes]
    mention("Self-oscillation: the motion grows", grows)
    if rest is not None and rest.clear:
        heated = [
            m.clear and not grown and rest.damping_hz[0] - m.damping_hz[0]
            > 3 * np.hypot(rest.damping_hz[1], m.damping_hz[1])
            for m, grown in zip(modes, grows, strict=True)
        ]  # fmt: skip
        mention("Heating: less damping than in the reference", heated)
    mention("The ringing hardly stands out from the noise", [not m.clear for m in modes])
    mention("No exponential decay, even at its start", [not m.exponential for m in modes])
    points = len(modes) + (rest is not None)
    if points and traces < 10 * points:
        notes.append("Errors of fewer than ten averaged traces per microwave mean little.")
    return notes
