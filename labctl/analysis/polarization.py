"""Polarisation rates of light and microwave from two pairs of pulse programs (`000`, Fig. 8)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.alternating import sum_sweeps
from labctl.analysis.fine_grid import fine_grid
from labctl.analysis.significance import no_claim, silence, stands_out
from labctl.analysis.weighted_fit import WeightedFit, fit_weighted
from labctl.data import FitCurve, FitResult, FitValue, Table

Floats = NDArray[np.float64]

MINIMUM_TIMES = 5


def fit_polarization(
    time_s: ArrayLike,
    reference_counts: ArrayLike,
    light_counts: ArrayLike,
    microwave_reference_counts: ArrayLike,
    microwave_counts: ArrayLike,
) -> FitResult | None:
    """Fit what light takes away and what a microwave brings, each against its reference.

    With all programs equally long, relaxation scales both differences alike at every time:

        reference - light         = A exp(-P t)
        reference - microwave     = B (1 - exp(-G t)),   G = Omega^2 T2*

    Args:
        time_s: length of the light or microwave pulse of each point, shape (points,).
        reference_counts: light of this length, without microwave before it.
        light_counts: the same after the microwave has emptied the ground level.
        microwave_reference_counts: polarised spins.
        microwave_counts: polarised spins after a microwave pulse of this length.

    Returns:
        `values`: polarization_rate_per_s, light_amplitude, microwave_rate_per_s and
        microwave_amplitude (counts per point); what is not seen is left out.
        Table "pulses": both differences against time. The curve is that of the light.
        None with too few different times.

    Raises:
        ParameterError: NaN, shapes that do not match.
    """
    if np.unique(np.asarray(time_s)).size < MINIMUM_TIMES:
        return None
    summed = sum_sweeps(
        time_s, reference_counts, light_counts, microwave_reference_counts, microwave_counts
    )
    t = summed.time_s
    light, light_error = summed.difference(0, 1)
    driven, driven_error = summed.difference(2, 3)
    counts = (reference_counts, light_counts, microwave_reference_counts, microwave_counts)
    if silent := silence("APD2 (PL)", np.array(counts)):
        return no_claim("exponential approach to polarisation and to saturation", silent)
    by_light = _fit(lambda rate: np.exp(-rate * t), t, light, light_error)
    by_drive = _fit(lambda rate: -np.expm1(-rate * t), t, driven, driven_error)
    values: dict[str, FitValue] = {}
    blocks: list[Floats] = []
    notes: list[str] = []
    for fit, nothing, name, amplitude, label in (
        (by_light, light / light_error, "polarization_rate_per_s", "light_amplitude", "light"),
        (
            by_drive, driven / driven_error,
            "microwave_rate_per_s", "microwave_amplitude", "microwave",
        ),
    ):  # fmt: skip
        gain = float(nothing @ nothing) - fit.chi_square
        if not stands_out(gain, 1, places=t.size) or fit["amplitude"] <= 0:
            notes.append(
                f"The {label} shows no effect: is the microwave on a line, and were there enough"
                " counts?"
            )
            continue
        if not fit.knows("rate", "amplitude"):
            notes.append(
                f"The {label} shows an effect, but the data do not tell how fast it comes."
            )
            continue
        values[name] = FitValue(
            fit["rate"], fit.error("rate"), "1/s", f"Polarisation by the {label}"
        )
        values[amplitude] = FitValue(
            fit["amplitude"], fit.error("amplitude"), "counts", f"Amplitude, {label}"
        )
        blocks.append(fit.covariance)
        if fit["rate"] * t[-1] < 1:
            notes.append(f"The pulses are too short for the {label}: its rate is a guess.")
        if fit["rate"] * t[0] > 1:
            notes.append(f"The shortest pulse is too long for the {label}: its rate is a guess.")
    fits = (by_light, by_drive)
    fine = fine_grid(t)
    reduced = sum(fit.chi_square for fit in fits) / max(sum(fit.freedom for fit in fits), 1)
    covariance = np.zeros((2 * len(blocks), 2 * len(blocks)))
    for n, block in enumerate(blocks):
        covariance[2 * n : 2 * n + 2, 2 * n : 2 * n + 2] = block
    return FitResult(
        model="exponential approach to polarisation and to saturation",
        values=values,
        covariance=covariance,
        reduced_chi_square=reduced,
        notes=tuple(notes),
        tables={"pulses": _table(t, by_light, by_drive, light, driven, light_error, driven_error)},
        curve=FitCurve(
            x=t,
            y=light,
            y_error=light_error,
            model=by_light.model,
            x_name="pulse_s",
            x_unit="s",
            x_label="Length of the pulse",
            y_name="light_difference_counts",
            y_unit="counts",
            y_label="APD2 counts the microwave has taken",
            model_x=fine,
            model_y=by_light["amplitude"] * np.exp(-by_light["rate"] * fine),
        ),
    )


def _fit(shape: Callable[[float], Floats], t: Floats, y: Floats, error: Floats) -> WeightedFit:
    best = np.inf, 1 / t[-1], 1.0
    for rate in np.geomspace(0.1 / t[-1], 3 / t[0], 40):
        model = shape(rate) / error
        factor = float(model @ (y / error)) / float(model @ model)
        left = float(np.sum((y / error - factor * model) ** 2))
        if factor > 0 and left < best[0]:
            best = left, float(rate), factor
    return fit_weighted(
        lambda rate, amplitude: amplitude * shape(rate),
        {"rate": best[1], "amplitude": best[2]}, y, error, positive=("rate",),
    ).widened()  # fmt: skip


def _table(t: Floats, light: WeightedFit, drive: WeightedFit, *data: Floats) -> Table:
    names = ("light_counts", "microwave_counts", "light_error", "microwave_error")
    columns = {"pulse_s": t, **dict(zip(names, data, strict=True))}
    columns |= {"light_model": light.model, "microwave_model": drive.model}
    return Table(columns, {name: "s" if name == "pulse_s" else "counts" for name in columns})
