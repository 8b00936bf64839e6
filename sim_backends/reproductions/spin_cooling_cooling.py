"""Figures 2b, 2c and 4 of the spin-cooling paper: cooling, by spectra and by ring-downs."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from labctl.data import Run
from labctl.paper import Comparison, PaperFigure, ReproductionLab, Style, Trace, comparison
from sim_backends.apparatus import Apparatus
from sim_backends.physics.libration import SpinLibration, equilibria, ring_down, variances
from sim_backends.physics.libration_equilibria import find_root
from sim_backends.reproductions.exact_world import ExactWorld
from sim_backends.reproductions.panels import (
    averaged,
    fitted,
    nearest_row,
    notes_of,
    only,
    panel,
    table_of,
    value_of,
)

Floats = NDArray[np.float64]

HZ, MHZ, MCOUNTS = "Frequency (Hz)", "Microwave frequency (MHz)", "APD1 (Mcounts/s)"
LINE_HZ, EXCITE_HZ = 2.623e9, 2.613e9
COLDEST_HZ = 2.61991e9
COOL = SpinLibration.paper_set("COOL")
WEAK = replace(COOL, rabi_hz=COOL.rabi_hz / np.sqrt(10.0), detuning_hz=0.0)
"""The set COOL at -20 instead of -10 dBm, on resonance."""


FINITE = (
    "theory of small motion; thermal motion and a ring-down sample the line around it, a Monte"
    " Carlo of one class has 57.4 Hz"
)
ONE_CLASS = (
    "theory: Monte Carlo of one class, shifted by the small motion of the whole diamond, which is"
    " good to about 1 Hz"
)


def at_detuning(detuning_hz: float) -> SpinLibration:
    """The set COOL, -10 dBm, this far from the line of the resting diamond."""
    return replace(COOL, detuning_hz=detuning_hz)


def equal_angles(lab: ReproductionLab) -> Run:
    """MDMR at -20 and -10 dBm, and where the second gives the angle of the first on resonance."""
    return lab.run("sim_cooling", "equal_angle_points", sweeps=20 if lab.quick else 200)


def points_of(equal: Run) -> list[tuple[float, float]]:
    """(frequency, error) of the points at -10 dBm, red one first, Hz."""
    found = table_of(equal, "points")
    places = zip(
        found.get("microwave_hz", ()), found.get("microwave_error_hz", ()), strict=True
    )  # fmt: skip
    return sorted((float(place), float(error)) for place, error in places)


def equal_detuning_hz(side: int) -> float:
    """Where the set COOL has the angle of `WEAK`, on the red (-1) or blue (1) side."""
    goal = equilibria(WEAK)[0].angle_rad

    def excess(detuning_hz: float) -> float:
        return equilibria(at_detuning(detuning_hz))[0].angle_rad - goal

    near = -COOL.gradient_hz_per_rad * goal  # the line, as it stands at this angle
    return find_root(excess, *sorted((near, near + side * 30e6)))


def figure_2b(lab: ReproductionLab) -> PaperFigure:
    """Fig. 2b: spectra blue, on and red of resonance at one angle, and the coldest."""
    window: dict[str, Any] = {
        "averages": 100 if lab.quick else 1200, "fit_from_hz": 350.0, "fit_to_hz": 700.0,
    }  # fmt: skip
    free = lab.run("sim_cooling", "psd", **window)
    values = [value_of(free, f"mode_1_{name}") for name in ("damping_hz", "area", "frequency_hz")]
    reference: dict[str, Any] = {}
    if values[0] and values[1] and values[2]:
        reference = {
            "reference_damping_hz": values[0][0], "reference_damping_error_hz": values[0][1],
            "reference_area": values[1][0], "reference_area_error": values[1][1],
            "reference_frequency_hz": values[2][0],
        }  # fmt: skip
    red_hz, blue_hz = (place for place, _ in points_of(equal_angles(lab)))
    drives = (
        ("blue", blue_hz, -10.0, at_detuning(blue_hz - LINE_HZ)),
        ("centre", LINE_HZ, -20.0, WEAK),
        ("red", red_hz, -10.0, at_detuning(red_hz - LINE_HZ)),
        ("coldest", COLDEST_HZ, -10.0, COOL),
    )
    rows, traces, runs = [], fitted(free, "off", lift=0.0, series=4), {}
    for n, (name, frequency_hz, power_dbm, theory) in enumerate(drives):
        run = runs[name] = lab.run(
            "sim_cooling", "psd", seed=2 + n, microwave_hz=frequency_hz, power_dbm=power_dbm,
            **window, **reference,
        )  # fmt: skip
        traces += fitted(run, f"{name}, {1e-6 * frequency_hz:.1f} MHz", series=n)
        rows.append(
            comparison(f"{name}: damping", "Hz", run, "mode_1_damping_hz",
                       theory=equilibria(theory)[0].damping_hz,
                       note=FINITE if name == "coldest" else "")
        )  # fmt: skip
        kelvin = COOL.temperature_k * COOL.damping_hz / equilibria(theory)[0].damping_hz
        coldest = {"reported": "80 K", "paper": (75.0, 85.0)} if name == "coldest" else {}
        rows.append(
            comparison(f"{name}: T γ/γ_eff", "K", run, "temperature_by_damping_k",
                       theory=kelvin, **coldest)
        )  # fmt: skip
    rows += [_area_ratio(runs, name, theory) for name, _, _, theory in (drives[0], drives[2])]
    return PaperFigure(
        "2b", "Spectra with and without spin cooling",
        [
            panel("At one angle", HZ, "PSD (counts²/s²/Hz)",
                  [t for t in traces if t.series in (0, 1, 2)], log_y=True),
            panel("Coldest, and microwave off", HZ, "PSD (counts²/s²/Hz)",
                  [t for t in traces if t.series in (3, 4)], log_y=True),
        ],
        rows,
        ("Blue, centre and red stand at one angle, so that one sensitivity holds for all three; "
         "the paper quotes its 80 K for the red trace. The strongest damping of the set COOL is "
         "at another angle and stands beside.", *notes_of(free, *runs.values())),
    )  # fmt: skip


def _area_ratio(runs: dict[str, Run], name: str, theory: SpinLibration) -> Comparison:
    """Variance of the angle over that on resonance, by the areas of spectra at one angle."""
    words = f"{name}: area over that of the centre"
    expected = variances(theory)[0] / variances(WEAK)[0]
    side, centre = (value_of(runs[which], "mode_1_area") for which in (name, "centre"))
    if side is None or centre is None:
        return Comparison(words, "", theory=expected, note="the fit found no mode")
    ratio = side[0] / centre[0]
    return Comparison(
        words, "", theory=expected, measured=ratio,
        error=ratio * float(np.hypot(side[1] / side[0], centre[1] / centre[0])),
    )  # fmt: skip


def figure_2c(lab: ReproductionLab) -> PaperFigure:
    """Fig. 2c: damping and spin spring against the microwave's detuning."""
    scan = lab.run("sim_cooling", "cooling_scan", blocks=5 if lab.quick else 100)
    found = table_of(scan, "microwave")
    world = ExactWorld(Apparatus(**lab.world("sim_cooling")), -10.0)
    grid_hz = np.linspace(-12e6, 13e6, 51)
    theory = np.array([world.mode(LINE_HZ + d, COOL.libration_hz) for d in grid_hz])
    x_hz = found["microwave_hz"] - LINE_HZ
    grows = [world.mode(LINE_HZ + d, COOL.libration_hz)[0] < 0 for d in x_hz]
    monte_carlo = np.array([
        monte_carlo_mode(float(d), float(window_s), float(scan.parameters["settle_s"]))
        + world.mode(LINE_HZ + d, COOL.libration_hz) - small_motion(float(d))
        for d, window_s, growing in zip(x_hz, found["window_s"], grows, strict=True) if growing
    ])  # fmt: skip
    panels = []
    for i, (name, words) in enumerate(
        (("damping", "Damping γ_eff/2π (Hz)"), ("frequency", "Libration (Hz)"))
    ):
        measured = Trace(
            1e-6 * x_hz, found[f"{name}_hz"], "measured", Style.POINTS, found[f"{name}_error_hz"]
        )
        line = Trace(1e-6 * grid_hz, theory[:, i], "small motion", series=1)
        noisy = Trace(1e-6 * x_hz[grows], monte_carlo[:, i], "Monte Carlo", Style.POINTS, series=2)
        panels.append(panel(name.capitalize(), "Detuning (MHz)", words, [measured, line, noisy]))
    cold = equilibria(COOL)[0]

    def theory_at(n: int) -> tuple[float, float]:
        if grows[n]:
            damping_hz, frequency_hz = monte_carlo[int(np.sum(grows[:n]))]
            return float(damping_hz), float(frequency_hz)
        return world.mode(LINE_HZ + float(x_hz[n]), COOL.libration_hz)

    rows = [
        comparison("damping, no microwave", "Hz", scan, "reference_damping_hz", reported="16 Hz",
                   theory=COOL.damping_hz, paper=(15.5, 16.5)),
    ]  # fmt: skip
    for place_hz, words in (
        (-9e6, "far red"), (COLDEST_HZ - LINE_HZ, "coldest"), (-1e6, "centre, red side"),
        (1e6, "centre, blue side"), (5e6, "blue"), (11e6, "far blue"),
    ):  # fmt: skip
        n = nearest_row(found, "microwave_hz", LINE_HZ + place_hz, 1.1e6)
        if n is None:
            rows.append(Comparison(words, "Hz", note="outside the scan"))
            continue
        expected = theory_at(n)
        for i, name in enumerate(("damping", "libration")):
            column = ("damping", "frequency")[i]
            rows.append(
                Comparison(
                    f"{name}, {words} ({1e-6 * x_hz[n]:+.1f} MHz)", "Hz", theory=expected[i],
                    measured=float(found[f"{column}_hz"][n]),
                    error=float(found[f"{column}_error_hz"][n]),
                    note=ONE_CLASS if grows[n] else FINITE if words == "coldest" else "",
                )
            )  # fmt: skip
    n = nearest_row(found, "microwave_hz", COLDEST_HZ, 1.1e6)
    if n is not None:
        rows.append(
            Comparison(
                "T γ/γ_eff, coldest", "K", "80 K", 300.0 * COOL.damping_hz / cold.damping_hz,
                float(found["temperature_k"][n]), float(found["temperature_error_k"][n]),
                paper=(75.0, 85.0),
            )
        )  # fmt: skip
    return PaperFigure(
        "2c", "Damping and spin spring against detuning", panels, rows,
        ("Where the motion grows, thermal kicks part the phases of repeated decays and a large"
         " motion sweeps the line: as in the paper, theory there is a Monte Carlo of the"
         " equations, averaged and fitted over the same window, and shifted by what the whole"
         " diamond adds to the small motion of one class.", *notes_of(scan)),
    )  # fmt: skip


def small_motion(detuning_hz: float) -> Floats:
    """Damping and libration of the set COOL at rest, Hz."""
    point = equilibria(at_detuning(detuning_hz))[0]
    return np.array([point.damping_hz, point.frequency_hz])


def monte_carlo_mode(detuning_hz: float, window_s: float, settle_s: float) -> Floats:
    """Damping and libration of the mean of many simulated ring-downs, Hz (`000`, SI C.1)."""
    decays = ring_down(
        at_detuning(detuning_hz), settle_s + window_s, sample_rate_hz=4e3, trajectories=1024,
        excitation_detuning_hz=EXCITE_HZ - LINE_HZ,
    )  # fmt: skip
    kept = decays.time_s >= settle_s
    t, y = decays.time_s[kept], decays.angle_rad.mean(axis=0)[kept]
    y = (y - y.mean()) / y.std()

    def model(t: Floats, gamma: float, f: float, c: float, s: float, level: float) -> Floats:
        phase = 2 * np.pi * np.sqrt(f**2 - (gamma / 2) ** 2) * t
        return np.exp(-np.pi * gamma * t) * (c * np.cos(phase) + s * np.sin(phase)) + level

    starts = ([0.0, f, c, s, 0.0] for f in (480.0, 490.0, 500.0) for c, s in ((1, 0), (0, 1)))
    best = min(
        (curve_fit(model, t, y, start, maxfev=20_000)[0] for start in starts),
        key=lambda p: float(np.sum((y - model(t, *p)) ** 2)),
    )
    return np.asarray(best[:2], dtype=np.float64)


def figure_4(lab: ReproductionLab) -> PaperFigure:
    """Fig. 4: a ring-down, the points of equal angle, and ring-downs under the microwave."""
    excite = {"frequency_hz": EXCITE_HZ, "averages": 200 if lab.quick else 2400}
    equal = equal_angles(lab)
    points = points_of(equal)
    blue_hz = points[-1][0]
    free = lab.run("sim_cooling", "ring_down", **excite)
    cooled = lab.run("sim_cooling", "ring_down", seed=2, after_frequency_hz=COLDEST_HZ, **excite)
    heated = lab.run("sim_cooling", "ring_down", seed=3, after_frequency_hz=blue_hz, **excite)
    world = ExactWorld(Apparatus(**lab.world("sim_cooling")), -10.0)
    cold, hot = (world.mode(f, COOL.libration_hz) for f in (COLDEST_HZ, blue_hz))
    rows = [
        comparison("free: damping", "Hz", free, "mode_1_damping_hz", reported="16 Hz",
                   theory=COOL.damping_hz, paper=(15.5, 16.5)),
        comparison("free: libration", "Hz", free, "mode_1_frequency_hz", reported="480 Hz",
                   theory=COOL.libration_hz, paper=(479.0, 481.0)),
        comparison("red: damping", "Hz", cooled, "mode_1_damping_hz", theory=cold[0], note=FINITE),
        comparison("red: libration", "Hz", cooled, "mode_1_frequency_hz",
                   theory=cold[1]),
        comparison("blue: damping", "Hz", heated, "mode_1_damping_hz", theory=hot[0]),
        comparison("blue: libration", "Hz", heated, "mode_1_frequency_hz",
                   theory=hot[1]),
    ]  # fmt: skip
    for (place, error), side, reported in zip(points, (-1, 1), (2617.0, 2634.0), strict=False):
        rows.append(
            Comparison(
                f"equal angle at -10 dBm, {'red' if side < 0 else 'blue'}", "MHz",
                f"{reported:g} MHz", 1e-6 * (LINE_HZ + equal_detuning_hz(side)), 1e-6 * place,
                1e-6 * error, paper=(reported - 0.5, reported + 0.5),
                note="the paper's points, -6 and +11 MHz from its line at 2623 MHz, belong to its "
                     "own spin number and light; a Lorentzian line of the set COOL, which fits "
                     "Fig. 2c, has them at nearly equal distances",
            )
        )  # fmt: skip
    dwell_s = float(equal.parameters["dwell_s"])
    scans = [
        averaged(only(equal, "power_dbm", power), "frequency_hz", "angle_counts", dwell_s,
                 x_scale=1e-6, label=f"{power:g} dBm", series=n)
        for n, power in enumerate(np.unique(equal["power_dbm"]))
    ]  # fmt: skip
    level = value_of(equal, "reference_rate")
    if level is not None:
        ends = np.array([scans[0].x[0], scans[0].x[-1]])
        scans.append(Trace(ends, np.full(2, 1e-6 * level[0]), "angle of 2623 MHz, -20 dBm",
                           series=4))  # fmt: skip
    step = 0.35
    traces = [
        trace
        for n, (run, words) in enumerate(
            ((cooled, "i) red"), (free, "ii) off"), (heated, "iii) blue"))
        )
        for trace in fitted(run, words, x_scale=1e3, y_scale=1e-6, lift=-step * n, series=n)
    ]
    return PaperFigure(
        "4", "Ring-downs and points of equal angle",
        [
            panel("Microwave off", "Time (ms)", MCOUNTS, fitted(free, x_scale=1e3, y_scale=1e-6)),
            panel("Equal angles", MHZ, MCOUNTS, scans),
            panel(f"Under the microwave, each {step:g} lower", "Time (ms)", MCOUNTS, traces),
        ],
        rows, notes_of(free, cooled, heated, equal),
    )  # fmt: skip
