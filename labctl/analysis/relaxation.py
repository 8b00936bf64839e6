"""Longitudinal relaxation: simple and stretched decay of optically pumped spins.

An ensemble whose spins relax at rates g of a Levy law decays as exp(-sqrt(t/T1)) (`002`, SM Sec.
II A). Light that pumps at the rate P for a time L polarises a spin only to
P/(P + g) (1 - exp(-(P + g) L)); the fast ones stay behind, and a fit that ignores it finds T1 too
long. Averaged over the Levy law, with F the answer for endless light,

    f(t) = P int_0^L exp(-P s) exp(-sqrt((t + s)/T1)) ds = F(t) - exp(-P L) F(t + L)
    F(t) = exp(-sqrt(t/T1)) [1 - sqrt(pi) c erfcx(sqrt(P t) + c)],   c = 1/(2 sqrt(P T1))

While it is read the polarisation still decays, at P + g: after a time u of light the signal is
exp(-P u) f(t + u), which also tells P. The same integral, by quadrature, holds for any exponent in
place of the square root: fitted, it tells whether either law is the right one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcx

from labctl.analysis.alternating import SummedSweeps, sum_sweeps
from labctl.analysis.fine_grid import fine_grid
from labctl.analysis.significance import no_claim, silence, sound, stands_out
from labctl.analysis.weighted_fit import WeightedFit, fit_weighted
from labctl.data import FitCurve, FitResult, FitValue, Table

Floats = NDArray[np.float64]

MINIMUM_TIMES = 6
UNDECIDED = 4.0
"""Difference of Akaike's criterion below which either model may be the true one."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)
_LIGHT_NODES, _LIGHT_WEIGHTS = np.polynomial.legendre.leggauss(48)
FORGOTTEN = 40.0
"""Light times P after which nothing before it counts."""
_PLAIN, _FLIPPED, _PLAIN_LATE, _FLIPPED_LATE = range(4)


@dataclass(frozen=True, kw_only=True)
class Readout:
    """The light of one shot.

    Attributes:
        light_s: all light from one dark time to the next, s.
        windows_s: (start, end) of the two counting windows, from the end of the dark time, s.
        pump_per_s: P where it is known, else None.
    """

    light_s: float
    windows_s: tuple[tuple[float, float], tuple[float, float]]
    pump_per_s: float | None = None


def polarization(
    time_s: ArrayLike,
    t1_s: float,
    pump_per_s: float,
    *,
    stretched: bool,
    light_s: float = np.inf,
    exponent: float | None = None,
) -> Floats:
    """Polarisation after a dark time: f(t) of the module, or of spins with one rate 1/T1.

    Args:
        time_s: t >= 0, any shape.
        t1_s: T1.
        pump_per_s: P > 0; infinite for spins that are all polarised.
        stretched: whether the rates obey the Levy law.
        light_s: L.
        exponent: b of exp(-(t/T1)^b) in place of both laws, > 0.
    """
    t = np.asarray(time_s, dtype=np.float64)
    if exponent is not None:
        return _of_exponent(t, t1_s, pump_per_s, exponent, light_s)
    if not stretched:
        start = 1.0
        if np.isfinite(pump_per_s):
            both = pump_per_s + 1 / t1_s
            start = -pump_per_s / both * np.expm1(-both * light_s)
        return start * np.exp(-t / t1_s)
    whole = _endless(t, t1_s, pump_per_s)
    left = np.exp(-pump_per_s * light_s)
    return whole - left * _endless(t + light_s, t1_s, pump_per_s) if left > 1e-12 else whole


def _of_exponent(t: Floats, t1_s: float, pump: float, exponent: float, light_s: float) -> Floats:
    """P int_0^L exp(-P s) exp(-((t + s)/T1)^b) ds, with the nodes close where it is steep."""
    if not np.isfinite(pump):
        return np.exp(-((t / t1_s) ** exponent))
    end = min(light_s, FORGOTTEN / pump)
    x = 0.5 * (_LIGHT_NODES + 1)
    s = end * x**2
    weight = 0.5 * _LIGHT_WEIGHTS * 2 * end * x * pump * np.exp(-pump * s)
    return np.exp(-(((t[..., None] + s) / t1_s) ** exponent)) @ weight


def _endless(t: Floats, t1_s: float, pump_per_s: float) -> Floats:
    decay = np.exp(-np.sqrt(t / t1_s))
    if not np.isfinite(pump_per_s):
        return decay
    c = 0.5 / np.sqrt(pump_per_s * t1_s)
    return decay * (1.0 - np.sqrt(np.pi) * c * erfcx(np.sqrt(pump_per_s * t) + c))


def window_signal(
    dark_s: ArrayLike,
    t1_s: float,
    pump_per_s: float,
    readout: Readout,
    window: int,
    *,
    stretched: bool,
    exponent: float | None = None,
) -> Floats:
    """Integral of exp(-P u) f(dark + u) over one window, in units of the first one's length."""
    start, stop = readout.windows_s[window]
    first = readout.windows_s[0]
    u = start + (stop - start) * 0.5 * (_NODES + 1)
    times = np.asarray(dark_s, dtype=np.float64)[..., None] + u
    f = polarization(
        times, t1_s, pump_per_s,
        stretched=stretched, light_s=readout.light_s, exponent=exponent,
    )  # fmt: skip
    share = (stop - start) / (first[1] - first[0])
    return f @ (0.5 * share * _WEIGHTS * np.exp(-pump_per_s * u))


def fit_relaxation(
    dark_s: ArrayLike,
    counts: Mapping[str, ArrayLike],
    readout: Readout,
) -> FitResult | None:
    """Fit both laws to the difference of two alternating programs, and name the better one.

    A third fit leaves the exponent free. Where that fits clearly better neither law holds, and T1
    is that of the free exponent.

    Args:
        dark_s: dark time of each point, shape (points,), in any order and repeated.
        counts: "plain", "flipped", "plain_late" and "flipped_late": counts of the two programs
            in the two windows, shape (points,) each.
        readout: the light.

    Returns:
        `values` of the preferred law: t1_s, polarization_rate_per_s where it was fitted, amplitude
        (counts per point); then t1_simple_s, t1_stretched_s, stretch_exponent where the data
        tell it, and t1_unsubtracted_s, the estimate from the plain program alone. Table "models":
        the laws with R^2 and AIC.
        No values where nothing is seen; None with too few different times.

    Raises:
        ParameterError: NaN, shapes that do not match.
    """
    if np.unique(np.asarray(dark_s)).size < MINIMUM_TIMES:
        return None
    columns = (counts[name] for name in ("plain", "flipped", "plain_late", "flipped_late"))
    summed = sum_sweeps(dark_s, *columns)
    if silent := silence("APD2 (PL)", np.array([counts["plain"], counts["flipped"]])):
        return no_claim("a decay", silent)
    first, late = summed.difference(_PLAIN, _FLIPPED), summed.difference(_PLAIN_LATE, _FLIPPED_LATE)
    y, error = np.stack([first[0], late[0]]), np.stack([first[1], late[1]])
    fits = [_fit(summed.time_s, y, error, readout, stretched=s) for s in (False, True)]
    stretched = fits[1].aic < fits[0].aic
    fit = fits[stretched]
    free = _fit_exponent(summed.time_s, y, error, readout, fit, 0.5 if stretched else 1.0)
    exponent = None
    if free.knows("t1_s", "exponent"):
        fits.append(free)
        if stands_out(fit.chi_square - free.chi_square, 1):
            fit, exponent = free, free["exponent"]
    fits = [one.widened() for one in fits]
    fit = fit.widened()
    pump = fit["polarization_rate_per_s"] if readout.pump_per_s is None else readout.pump_per_s
    values = {
        "t1_s": FitValue(fit["t1_s"], fit.error("t1_s"), "s", "T1"),
        **_pump_value(fit),
        "amplitude": FitValue(fit["amplitude"], fit.error("amplitude"), "counts", "Amplitude"),
        "t1_simple_s": FitValue(fits[0]["t1_s"], fits[0].error("t1_s"), "s", "T1, simple"),
        "t1_stretched_s": FitValue(fits[1]["t1_s"], fits[1].error("t1_s"), "s", "T1, stretched"),
    }
    if len(fits) == 3:
        values["stretch_exponent"] = FitValue(
            free["exponent"], fits[2].error("exponent"), "", "Stretch exponent"
        )
    alone = _unsubtracted(
        summed, replace(readout, pump_per_s=pump), fit["t1_s"], stretched, exponent
    )
    if alone is not None:
        values["t1_unsubtracted_s"] = alone
    notes = _notes(fits, fit, readout, summed.time_s)
    if exponent is not None:
        law = f"exp(-(t/T1)^{exponent:.2f})"
        notes.append(
            f"Neither law: the exponent is {exponent:.2f} +- {fit.error('exponent'):.2f}, and T1 is"
            f" that of {law}."
        )
    else:
        law = "stretched exponential exp(-sqrt(t/T1))" if stretched else "simple exponential"
    gain = float(np.sum((y / error) ** 2)) - fit.chi_square
    if not stands_out(gain, 1, places=summed.time_s.size) or fit["amplitude"] <= 0:
        values = {}
        notes = [
            "No difference between the programs: is the microwave on a line, and the pi pulse"
            " long enough?"
        ]
    fine = fine_grid(summed.time_s)
    signal = window_signal(
        fine, fit["t1_s"], pump, readout, 0, stretched=bool(stretched), exponent=exponent
    )
    return sound(
        FitResult(
            model=law,
            values=values,
            covariance=fit.covariance if values else np.empty((0, 0)),
            reduced_chi_square=fit.reduced,
            notes=tuple(notes),
            tables={"models": _model_table(fits, y[0], error[0])},
            curve=FitCurve(
                x=summed.time_s,
                y=y[0],
                y_error=error[0],
                model=fit.model[0],
                x_name="dark_s",
                x_unit="s",
                x_label="Dark time",
                y_name="difference_counts",
                y_unit="counts",
                y_label="APD2 counts without less with the pi pulse",
                model_x=fine,
                model_y=fit["amplitude"] * signal,
            ),
        )
    )


def _fit(t: Floats, y: Floats, error: Floats, readout: Readout, *, stretched: bool) -> WeightedFit:
    def shape(t1: float, pump: float) -> Floats:
        rows = [window_signal(t, t1, pump, readout, n, stretched=stretched) for n in (0, 1)]
        return np.stack(rows)

    known = readout.pump_per_s
    guesses = np.geomspace(0.3, 30, 9) / readout.windows_s[1][1] if known is None else [known]
    best: tuple[float, ...] = (np.inf, t[-1] / 5, guesses[0], 1.0)
    for t1 in np.geomspace(t[0], 5 * t[-1], 24):
        for pump in guesses:
            model = shape(t1, pump) / error
            factor = float(np.sum(model * y / error) / np.sum(model**2))
            left = float(np.sum((y / error - factor * model) ** 2))
            if factor > 0 and left < best[0]:
                best = left, float(t1), float(pump), factor
    _, t1, pump, factor = best
    if known is not None:
        return fit_weighted(
            lambda t1, amplitude: amplitude * shape(t1, known),
            {"t1_s": t1, "amplitude": factor}, y, error, positive=("t1_s",),
        )  # fmt: skip
    return fit_weighted(
        lambda t1, pump, amplitude: amplitude * shape(t1, pump),
        {"t1_s": t1, "polarization_rate_per_s": pump, "amplitude": factor}, y, error,
        positive=("t1_s", "polarization_rate_per_s"),
    )  # fmt: skip


def _fit_exponent(
    t: Floats, y: Floats, error: Floats, readout: Readout, start: WeightedFit, exponent: float
) -> WeightedFit:
    """The law with its exponent free, from the better of the two laws."""
    known = readout.pump_per_s

    def shape(t1: float, pump: float, exponent: float) -> Floats:
        rows = [
            window_signal(t, t1, pump, readout, n, stretched=True, exponent=exponent)
            for n in (0, 1)
        ]
        return np.stack(rows)

    guess = dict(zip(start.names, start.best.tolist(), strict=True)) | {"exponent": exponent}
    positive = ("t1_s", "polarization_rate_per_s", "exponent")
    if known is not None:
        return fit_weighted(
            lambda t1, amplitude, b: amplitude * shape(t1, known, b),
            guess, y, error, positive=positive,
        )  # fmt: skip
    return fit_weighted(
        lambda t1, pump, amplitude, b: amplitude * shape(t1, pump, b),
        guess, y, error, positive=positive,
    )  # fmt: skip


def _pump_value(fit: WeightedFit) -> dict[str, FitValue]:
    name = "polarization_rate_per_s"
    if name not in fit.names:
        return {}
    return {name: FitValue(fit[name], fit.error(name), "1/s", "Polarisation by the light")}


def _unsubtracted(
    summed: SummedSweeps, readout: Readout, t1_s: float, stretched: bool, exponent: float | None
) -> FitValue | None:
    """T1 from the plain program alone: what recharging does to it is not told apart."""
    t, points, pump = summed.time_s, summed.points, readout.pump_per_s
    y = summed.sums[_PLAIN] / points
    error = np.sqrt(np.maximum(summed.sums[_PLAIN], 1.0)) / points
    if pump is None or not np.isfinite(pump):
        return None

    def shape(t1: float, amplitude: float, floor: float) -> Floats:
        signal = window_signal(t, t1, pump, readout, 0, stretched=stretched, exponent=exponent)
        return floor + amplitude * signal

    start = {"t1_s": t1_s, "amplitude": float(y[0] - y[-1]) or 1.0, "floor": float(y[-1])}
    fit = fit_weighted(shape, start, y, error, positive=("t1_s",))
    if not np.isfinite(fit.error("t1_s")):
        return None
    return FitValue(fit["t1_s"], fit.error("t1_s"), "s", "T1 without the subtraction")


def _model_table(fits: list[WeightedFit], y: Floats, error: Floats) -> Table:
    spread = float(np.sum(((y - np.average(y, weights=error**-2)) / error) ** 2)) or np.nan
    columns = {
        "exponent": np.array([1.0, 0.5, *(fit["exponent"] for fit in fits[2:])]),
        "t1_s": np.array([fit["t1_s"] for fit in fits]),
        "t1_error_s": np.array([fit.error("t1_s") for fit in fits]),
        "r_squared": np.array([
            1 - float(np.sum(((y - fit.model[0]) / error) ** 2)) / spread for fit in fits
        ]),
        "aic": np.array([fit.aic for fit in fits]),
        "reduced_chi_square": np.array([fit.reduced for fit in fits]),
    }  # fmt: skip
    units = {name: "s" if name.endswith("_s") else "" for name in columns}
    return Table(columns, units)


def _notes(fits: list[WeightedFit], fit: WeightedFit, readout: Readout, t: Floats) -> list[str]:
    notes = []
    stretched = fits[1].aic < fits[0].aic
    advantage = abs(fits[0].aic - fits[1].aic)
    better, worse = ("stretched", "simple") if stretched else ("simple", "stretched")
    if advantage < UNDECIDED:
        notes.append(
            f"Simple and stretched exponential fit alike (AIC differs by {advantage:.1f}): the"
            f" {better} one is a guess."
        )
    else:
        notes.append(
            f"The {better} exponential is preferred: its AIC is {advantage:.1f} below that of the"
            f" {worse} one."
        )
    if not t[0] < fit["t1_s"] < t[-1]:
        notes.append("T1 is outside the dark times that were measured: choose other times.")
    pump = readout.pump_per_s
    if pump is None:
        pump = fit["polarization_rate_per_s"]
        if not fit.error("polarization_rate_per_s") < 0.5 * pump:
            notes.append(
                "The recovery does not tell the polarisation rate: give `polarization_rate_per_s`,"
                " or T1 may be wrong."
            )
    if pump * readout.light_s < 2:
        notes.append("The light is too short to polarise: most of the signal is lost.")
    if fit.reduced > 1 + 5 * np.sqrt(2 / max(fit.freedom, 1)):
        notes.append(f"Reduced chi-square is {fit.reduced:.2f}: neither law fits the decay.")
    return notes
