"""Figures 3a and 9 of the spin-cooling paper: hysteresis, and jumps between two wells."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from labctl.data import Run
from labctl.paper import (
    Comparison,
    Panel,
    PaperFigure,
    ReproductionLab,
    Style,
    Trace,
    comparison,
)
from sim_backends.apparatus import Apparatus
from sim_backends.physics.bistability import kramers_rates
from sim_backends.physics.libration import SpinLibration, fold_detunings_hz, simulate
from sim_backends.physics.residence import residence_times
from sim_backends.reproductions.exact_world import ExactWorld
from sim_backends.reproductions.panels import notes_of, panel, table_of, value_of

Floats = NDArray[np.float64]

MCOUNTS, DETUNING = "APD1 (Mcounts/s)", "Detuning (MHz)"
JUMPS_DBM = -6.58


def angle_rate(a: Apparatus, angle_rad: Floats) -> Floats:
    """Counts/s of APD1 at angles of the first mode, detected linearly, 330 uW."""
    light = a.angle_rate * (1 + a.slope_sign * a.linear_slope_per_rad * angle_rad) + a.dark_rate
    return light / (1 + light * a.dead_time_s)


def jumps_of(lab: ReproductionLab) -> Run:
    """Long records of the angle at five frequencies within the bistability."""
    return lab.run("sim_bistable", "angle_jumps", repeats=10 if lab.quick else 80)


def figure_3a(lab: ReproductionLab) -> PaperFigure:
    """Fig. 3a: hysteresis of the angle, and its jumps between two wells."""
    loop = lab.run("sim_bistable", "hysteresis", sweeps=40 if lab.quick else 300)
    jumps = jumps_of(lab)
    world = ExactWorld(Apparatus(**lab.world("sim_bistable")), -5.0)
    line_hz = world.line_hz()
    rows = [
        comparison(f"{name} fold, from the line", "MHz", loop, f"{name}_fold_detuning_hz",
                   scale=1e-6, theory=1e-6 * fold_hz, note=FOLDS)
        for name, fold_hz in zip(("lower", "upper"), world.folds_hz(), strict=True)
    ]  # fmt: skip
    width = value_of(loop, "hysteresis_hz")
    rows += [
        Comparison(
            "hysteresis: sweeps up and down apart by", "MHz", "hysteresis is seen",
            measured=1e-6 * width[0] if width else None, error=1e-6 * width[1] if width else None,
            paper=(0.0, np.inf),
        ),
    ]  # fmt: skip
    return PaperFigure(
        "3a", "Bistability: hysteresis of the angle, and its jumps",
        [
            panel("Sweeps up and down", DETUNING, MCOUNTS, [*_loop(loop, line_hz),
                                                             _rest_positions(world, line_hz)]),
            panel("At a fixed microwave", "Time (s)", MCOUNTS, _record(jumps)),
        ],
        rows,
        ("Thermal motion, and on the blue side self-oscillation, hold the mean angle off the rest"
         " positions.", *notes_of(loop, jumps)),
    )  # fmt: skip


KRAMERS = (
    "The paper's Eqs. 16 and 17 take the damping and the temperature of the gas; the delayed torque"
    " of the spins damps and cools each well by its own measure, which the Monte Carlo of the"
    " equations contains."
)
ONE_CLASS = (
    "theory: Monte Carlo of one class on a straight line, its folds laid on those of the whole"
    " diamond, which is good to a few hundredths"
)
FOLDS = (
    "theory of the whole diamond, whose line bends; one class on a straight line (set BISTW) has"
    " -10.46 and -8.97 MHz"
)


def _rest_positions(world: ExactWorld, line_hz: float) -> Trace:
    """The S-curve in counts/s: every rest position, by detuning."""
    angles, (red, blue) = world.characteristic(200)
    rate = 1e-6 * angle_rate(world.apparatus, angles)
    detuning = 1e-6 * (np.concatenate([red, blue[::-1]]) - line_hz)
    shown = detuning < 4.5
    both = np.concatenate([rate, rate[::-1]])
    return Trace(detuning[shown], both[shown], "rest positions", series=4)


def _loop(run: Run, line_hz: float) -> list[Trace]:
    """Mean rate of the sweeps in either direction, with its scatter."""
    p = run.parameters
    shape = (-1, int(p["points"]), int(p["samples_per_dwell"]))
    traces = []
    for series, (sign, label) in enumerate(((1, "up"), (-1, "down"))):
        here = run["direction"] == sign
        rate = run["angle_counts"][here].reshape(shape).mean(axis=2)
        rate = rate * shape[2] / float(p["dwell_s"])
        x = run["frequency_hz"][here][0].reshape(shape[1:])[:, 0]
        error = rate.std(axis=0, ddof=1) / np.sqrt(len(rate))
        traces.append(
            Trace(1e-6 * (x - line_hz), 1e-6 * rate.mean(axis=0), label, Style.POINTS,
                  1e-6 * error, series=series)
        )  # fmt: skip
    return traces


def _record(run: Run) -> list[Trace]:
    """The record with the most even share of both wells, and the levels of the wells."""
    counts = run["angle_counts"].astype(float)
    rate_hz = float(run.parameters["sample_rate_hz"])
    step = max(round(rate_hz / 500.0), 1)
    whole = counts[:, : counts.shape[1] // step * step]
    smooth = 1e-6 * rate_hz * whole.reshape(len(counts), -1, step).mean(axis=2)
    best = int(np.argmax(smooth.std(axis=1)))
    time_s = (np.arange(smooth.shape[1]) + 0.5) * step / rate_hz
    shown = time_s <= 1.0
    error = np.sqrt(smooth[best] / (1e6 * step / rate_hz))
    traces = [
        Trace(time_s[shown], smooth[best][shown], "angle", Style.POINTS, error[shown], series=0)
    ]
    for name, series in (("level_a", 1), ("level_b", 2)):
        level = value_of(run, name)
        if level is not None:
            label = f"well {name[-1].upper()}"
            traces.append(Trace(np.array([0.0, 1.0]), np.full(2, 1e-6 * level[0]), label,
                                series=series))  # fmt: skip
    return traces


def kramers_share(detuning_mhz: Floats) -> Trace:
    """Share of the upper well by the paper's Eqs. 16 and 17, set BIST, between its folds."""
    base = SpinLibration.paper_set("BIST")
    low, high = (1e-6 * fold for fold in fold_detunings_hz(base))
    grid = np.linspace(max(low, detuning_mhz.min()), min(high, detuning_mhz.max()), 42)[1:-1]
    rates = [kramers_rates(replace(base, detuning_hz=1e6 * float(d))) for d in grid]
    return Trace(grid, np.array([r.fraction_b for r in rates]), "Kramers, Eq. 17", series=1)


@dataclass(frozen=True)
class Jumps:
    """A Monte Carlo of the set BIST at one detuning, its stays counted as those of a run are."""

    share: float
    stay_a_s: float
    stay_b_s: float

    @classmethod
    def simulate(
        cls,
        world: ExactWorld,
        detuning_hz: float,
        levels_rad: tuple[float, float],
        dead_s: float,
        trajectories: int,
    ) -> "Jumps":
        """The set BIST where it stands between its folds as the whole diamond does between its."""
        base = SpinLibration.paper_set("BIST")
        own, whole = fold_detunings_hz(base), world.folds_hz()
        stretch = (own[1] - own[0]) / (whole[1] - whole[0])
        place_hz = own[0] + stretch * (detuning_hz - whole[0])
        angle = simulate(
            replace(base, detuning_hz=place_hz),
            4.0,
            sample_rate_hz=3e3,
            trajectories=trajectories,
            seed=1,
        ).angle_rad[:, 300:]
        smooth = uniform_filter1d(angle, 3, axis=1)  # 1 ms, as the fit of a run does
        found = residence_times(smooth, 3e3, levels_rad=levels_rad)
        stays = [well.stays_s[well.stays_s > dead_s] - dead_s for well in (found.a, found.b)]
        return cls(found.fraction_b, float(stays[0].mean()), float(stays[1].mean()))


def monte_carlo(lab: ReproductionLab, run: Run) -> list[Jumps]:
    """Theory of the jumps, at every frequency of a run."""
    world = ExactWorld(Apparatus(**lab.world("sim_bistable")), JUMPS_DBM)
    line_hz, dark = world.line_hz(), float(world.rest()[0])
    levels = [value_of(run, name) for name in ("level_a", "level_b")]
    if levels[0] is None or levels[1] is None:
        return []
    grid = np.linspace(-0.05, 0.1, 601)
    rate = angle_rate(world.apparatus, grid)
    low, high = (float(np.interp(level[0], rate, grid)) - dark for level in levels if level)
    dead_s = float(run.parameters["stay_dead_time_s"])
    return [
        Jumps.simulate(world, float(f) - line_hz, (low, high), dead_s, 64 if lab.quick else 256)
        for f in table_of(run, "wells")["frequency_hz"]
    ]


def _populations(run: Run, theory: list[Jumps], line_hz: float) -> Panel:
    wells = table_of(run, "wells")
    x = 1e-6 * (wells["frequency_hz"] - line_hz)
    traces = [
        Trace(x, wells["population_upper"], "measured", Style.POINTS, wells["population_error"]),
        Trace(x, np.array([jump.share for jump in theory]), "Monte Carlo", series=0),
        kramers_share(x),
    ]
    return panel("Upper well", DETUNING, "Share of time", traces)


def figure_9(lab: ReproductionLab) -> PaperFigure:
    """Fig. 9: histograms of the angle at several detunings, and the time in each well."""
    run = jumps_of(lab)
    world = ExactWorld(Apparatus(**lab.world("sim_bistable")), JUMPS_DBM)
    line_hz = world.line_hz()
    wells = table_of(run, "wells")
    levels = [value_of(run, name) for name in ("level_a", "level_b", "sigma_a", "sigma_b")]
    theory = monte_carlo(lab, run)
    panels, rows = [], []
    for n, frequency_hz in enumerate(wells["frequency_hz"]):
        share = float(wells["population_upper"][n])
        rows.append(
            Comparison(
                f"share of the upper well at {1e-6 * (frequency_hz - line_hz):.2f} MHz", "",
                "rises toward resonance", theory[n].share, share,
                float(wells["population_error"][n]), note=ONE_CLASS,
            )
        )  # fmt: skip
        if n % 2:
            continue
        data = _histogram(run, float(frequency_hz), rows[-1].quantity)
        grid = np.linspace(data.x[0], data.x[-1], 200)
        curve = np.zeros_like(grid)
        for k, weight in ((0, 1 - share), (1, share)):
            level, sigma = levels[k], levels[k + 2]
            if level is not None and sigma is not None:
                mean, width = 1e-6 * level[0], 1e-6 * sigma[0]
                curve += weight * np.exp(-((grid - mean) ** 2) / (2 * width**2)) / width
        curve /= np.sqrt(2 * np.pi)
        panels.append(
            panel(f"{1e-6 * (frequency_hz - line_hz):.2f} MHz", MCOUNTS, "Probability density",
                  [replace(data, label="measured"), Trace(grid, curve, "two Gaussians")])
        )  # fmt: skip
    x = 1e-6 * (wells["frequency_hz"] - line_hz)
    stays = [
        Trace(x, 1e3 * wells[f"residence_{name}_s"], f"in {name.upper()}", Style.POINTS,
              1e3 * wells[f"residence_{name}_error_s"], series=n)
        for n, name in enumerate(("a", "b"))
    ]  # fmt: skip
    stays += [
        Trace(x, np.array([1e3 * jump.stay_a_s for jump in theory]), "Monte Carlo", series=0),
        Trace(x, np.array([1e3 * jump.stay_b_s for jump in theory]), "Monte Carlo", series=1),
    ]
    panels.append(_populations(run, theory, line_hz))
    panels.append(panel("Residence times", DETUNING, "Time (ms)", stays, log_y=True))
    rows.append(
        comparison("share of the upper well: rise", "1/MHz", run, "rise_per_mhz",
                   reported="rises toward resonance", paper=(0.0, np.inf))
    )  # fmt: skip
    return PaperFigure(
        "9", "Histograms of the angle in two wells", panels, rows, (KRAMERS, *notes_of(run))
    )


def _histogram(run: Run, frequency_hz: float, label: str) -> Trace:
    """Density of the rate at one frequency, averaged over the records, with their scatter."""
    rate = run["angle_counts"][np.isclose(run["frequency_hz"], frequency_hz)]
    mega = 1e-6 * float(run.parameters["sample_rate_hz"])
    step = max(round(float(np.ptp(run["angle_counts"])) / 45), 1)  # whole counts
    edges = np.arange(rate.min() - 0.5, rate.max() + step, step)
    each = np.array([np.histogram(record, bins=edges, density=True)[0] for record in rate]) / mega
    error = each.std(axis=0, ddof=1) / np.sqrt(len(each))
    return Trace(mega * (edges[:-1] + edges[1:]) / 2, each.mean(axis=0), label, Style.POINTS, error)
