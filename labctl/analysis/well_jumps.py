"""Jumps between two wells against the microwave frequency: wells, residence times, balance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from labctl.analysis.significance import (
    claims_only_what_is_there,
    counting_error,
    no_claim,
    silence,
)
from labctl.analysis.two_wells import SEPARATION, Stays, TwoWells, count_stays, fit_two_wells
from labctl.data import FitCurve, FitResult, FitValue, Table
from labctl.errors import ParameterError

Floats = NDArray[np.float64]

FEW_EXITS = 10


@claims_only_what_is_there("two wells")
def analyze_jumps(
    frequency_hz: ArrayLike, counts: ArrayLike, sample_s: float, *, dead_time_s: float
) -> FitResult:
    """Wells, residence times in each, and the share of the upper one against frequency.

    The upper well is the one that gains towards higher frequency, or at a single frequency the
    one of larger signal; a detector of negative slope shows it as the smaller signal.

    Args:
        frequency_hz: of each record, shape (records,).
        counts: APD1 counts, shape (records, samples).
        sample_s: length of a sample.
        dead_time_s: shortest stay that counts, about a libration period.

    Returns:
        `values`, none without two wells: level_a, level_b, sigma_a, sigma_b (counts/s), share_b
        of the histogram; with one frequency residence_a_s, residence_b_s and population_b; with
        three or more balance_hz and rise_per_mhz of a logistic curve through the populations
        (`000`, Eq. 17, with barriers linear in detuning). Table "wells" has a row per frequency.

    Raises:
        ParameterError: shapes that do not fit.
    """
    f, n = np.asarray(frequency_hz, dtype=float), np.asarray(counts, dtype=float)
    if n.ndim != 2 or f.shape != n.shape[:1]:
        raise ParameterError("Records must have the shape (frequencies, samples).")
    if dumb := silence("APD1 (angle)", n):
        return no_claim("two wells", dumb)
    if len(n) == 1:
        n = n.reshape(2, -1) if n.shape[1] % 2 == 0 else n[:, 1:].reshape(2, -1)
        f = np.repeat(f, 2)
    rate = n / sample_s
    # At frequencies far apart the wells mix best where both are seen: one histogram of all.
    rounds = np.array([np.sum(f[:i] == at) for i, at in enumerate(f)])
    wells = fit_two_wells(rate, rounds if rounds.max() > 0 else None)
    notes = _well_notes(wells, float(np.mean(rate)), sample_s)
    if not _two(wells, sample_s):
        return no_claim("one well", *notes, curve=_histogram(rate, wells))
    values, covariance = _well_values(wells)
    distinct = np.unique(f)
    levels = wells.mean_a, wells.mean_b
    rows = [
        count_stays(rate[f == at], sample_s, levels, dead_time_s=dead_time_s) for at in distinct
    ]
    flipped = len(distinct) > 1 and rows[-1].share_b < rows[0].share_b
    if flipped:
        notes.append("The upper well, which fills towards resonance, is the smaller signal.")
    notes += _stay_notes(distinct, rows, dead_time_s)
    if len(distinct) == 1:
        values |= _single(rows[0])
    balance = _balance(distinct, rows, flipped) if len(distinct) >= 3 else None
    if balance is not None:
        fitted, curve, reduced = balance
        if reduced > 3:
            notes.append(
                f"The populations leave the logistic curve (reduced chi-square {reduced:.1f});"
                " its errors are widened."
            )
        values |= fitted
    else:
        curve, reduced = _histogram(rate, wells), float("nan")
    return FitResult(
        model="two Gaussians, exponential stays",
        values=values,
        covariance=covariance,
        reduced_chi_square=reduced,
        notes=tuple(notes),
        tables={"wells": _table(distinct, rows, flipped)},
        curve=curve,
    )


def _well_values(wells: TwoWells) -> tuple[dict[str, FitValue], Floats]:
    errors = np.sqrt(np.diag(wells.covariance))
    rows = (
        ("level_a", wells.mean_a, "counts/s", "Signal in well A"),
        ("level_b", wells.mean_b, "counts/s", "Signal in well B"),
        ("sigma_a", wells.sigma_a, "counts/s", "Spread in well A"),
        ("sigma_b", wells.sigma_b, "counts/s", "Spread in well B"),
        ("share_b", wells.share_b, "", "Share of B in the histogram of all records"),
    )
    values = {
        name: FitValue(value, float(error), unit, label)
        for (name, value, unit, label), error in zip(rows, errors, strict=True)
    }
    return values, wells.covariance


def _two(wells: TwoWells, sample_s: float) -> bool:
    """Whether the histogram has two humps, neither of them one count of a handful."""
    if not wells.bistable:
        return False
    # No well is narrower than the counting noise in it.
    means = np.array([wells.mean_a, wells.mean_b])
    widths = np.maximum([wells.sigma_a, wells.sigma_b], counting_error(means * sample_s, sample_s))
    distance = np.sqrt(2) * float(np.diff(means)[0]) / float(np.sqrt(np.sum(widths**2)))
    return bool(distance > SEPARATION)


def _well_notes(wells: TwoWells, mean_rate: float, sample_s: float) -> list[str]:
    if not _two(wells, sample_s):
        return [
            "The histogram does not show two wells (separation"
            f" {wells.separation:.2f}, share of B {wells.share_b:.3f}): no jumps are counted."
        ]
    notes = []
    photon = float(np.sqrt(mean_rate / sample_s))
    if photon > 0.25 * (wells.mean_b - wells.mean_a):
        notes.append(
            "Photon noise of a sample is above a quarter of the distance of the wells: false"
            " jumps; take a lower sample rate."
        )
    if max(wells.sigma_a, wells.sigma_b) > 2 * min(wells.sigma_a, wells.sigma_b):
        notes.append(
            "One well is more than twice as wide: its motion is heated or oscillates, and no"
            " Gaussian."
        )
    return notes


def _stay_notes(f: Floats, rows: list[Stays], dead_time_s: float) -> list[str]:
    notes = []
    for at, row in zip(f, rows, strict=True):
        where = f"At {at / 1e9:.6f} GHz"
        for name, well in (("A", row.a), ("B", row.b)):
            if well.exits < FEW_EXITS:
                notes.append(f"{where} only {well.exits} exits from {name}: errors are rough.")
            elif well.mean_s < 2 * dead_time_s:
                notes.append(f"{where} stays in {name} hardly outlast the dead time.")
            elif well.exits > 50 and not 0.7 < well.scatter < 1.4:
                notes.append(
                    f"{where} stays in {name} are not exponential: relative scatter"
                    f" {well.scatter:.2f}."
                )
    return notes


def _single(row: Stays) -> dict[str, FitValue]:
    return {
        "residence_a_s": FitValue(row.a.mean_s, row.a.error_s, "s", "Residence time in A"),
        "residence_b_s": FitValue(row.b.mean_s, row.b.error_s, "s", "Residence time in B"),
        "population_b": FitValue(row.share_b, row.share_b_error, "", "Share of time in B"),
    }


def _table(f: Floats, rows: list[Stays], flipped: bool) -> Table:
    columns = {
        "frequency_hz": f,
        "population_upper": np.array([1 - r.share_b if flipped else r.share_b for r in rows]),
        "population_error": np.array([r.share_b_error for r in rows]),
    }
    units = {"frequency_hz": "Hz", "population_upper": "", "population_error": ""}
    for name in ("a", "b"):
        wells = [getattr(row, name) for row in rows]
        columns[f"residence_{name}_s"] = np.array([well.mean_s for well in wells])
        columns[f"residence_{name}_error_s"] = np.array([well.error_s for well in wells])
        columns[f"exits_{name}"] = np.array([well.exits for well in wells])
        units |= {
            f"residence_{name}_s": "s", f"residence_{name}_error_s": "s", f"exits_{name}": "",
        }  # fmt: skip
    return Table(columns, units)


def _balance(
    f: Floats, rows: list[Stays], flipped: bool
) -> tuple[dict[str, FitValue], FitCurve, float] | None:
    """Logistic curve through the populations: where they balance and how fast they tip."""
    share = np.array([1 - row.share_b if flipped else row.share_b for row in rows])
    error = np.array([row.share_b_error for row in rows])
    good = np.isfinite(error) & (error > 0)
    if good.sum() < 3:
        return None
    centre, unit = float(f.mean()), float(np.ptp(f))
    x = (f - centre) / unit
    logit = np.log(share[good] / (1 - share[good]))
    weight = share[good] * (1 - share[good]) / error[good]
    slope, offset = np.polyfit(x[good], logit, 1, w=weight)

    def model(p: Floats) -> Floats:
        return 0.5 * (1 + np.tanh(0.5 * p[1] * (x[good] - p[0])))

    outcome = least_squares(
        lambda p: (model(p) - share[good]) / error[good], [-offset / (slope or 1e-9), slope]
    )
    freedom = int(good.sum()) - 2
    reduced = 2 * float(outcome.cost) / freedom
    covariance = np.linalg.pinv(outcome.jac.T @ outcome.jac) * max(reduced, 1.0)
    errors = np.sqrt(np.diag(covariance))
    values = {
        "balance_hz": FitValue(
            centre + unit * float(outcome.x[0]), unit * float(errors[0]), "Hz", "Equal populations"
        ),
        "rise_per_mhz": FitValue(
            float(outcome.x[1]) / unit * 1e6, float(errors[1]) / unit * 1e6, "1/MHz",
            "Rise of ln(P_upper/P_lower)",
        ),
    }  # fmt: skip
    curve = FitCurve(
        x=f[good], y=share[good], y_error=error[good], model=model(outcome.x),
        x_name="frequency_hz", x_unit="Hz", x_label="Microwave frequency",
        y_name="population_upper", y_unit="", y_label="Population of the upper well",
    )  # fmt: skip
    return values, curve, reduced


def _histogram(rate: Floats, wells: TwoWells) -> FitCurve:
    edges = np.linspace(rate.min(), rate.max(), 81)
    found, _ = np.histogram(rate, edges)
    x, width = 0.5 * (edges[1:] + edges[:-1]), edges[1] - edges[0]
    a, b = (
        share / sigma * np.exp(-0.5 * ((x - mean) / sigma) ** 2)
        for share, mean, sigma in (
            (1 - wells.share_b, wells.mean_a, wells.sigma_a),
            (wells.share_b, wells.mean_b, wells.sigma_b),
        )
    )
    return FitCurve(
        x=x, y=found.astype(float), y_error=np.sqrt(np.maximum(found, 1.0)),
        model=rate.size * width * (a + b) / np.sqrt(2 * np.pi),
        x_name="angle_rate", x_unit="counts/s", x_label="APD1 count rate (angle)",
        y_name="samples", y_unit="", y_label="Samples",
    )  # fmt: skip
