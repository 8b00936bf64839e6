"""Figures 2c and 6 of the dipolar-torque paper: T1 of one, two and four resonant classes."""

from typing import Any

import numpy as np

from labctl.data import Run
from labctl.paper import Comparison, PaperFigure, ReproductionLab, Trace
from sim_backends.apparatus import Apparatus
from sim_backends.physics import nv
from sim_backends.physics.pulse_reach import seen_t1_s
from sim_backends.reproductions.panels import fitted, notes_of, panel, value_of

T1_S, DIPOLAR_S = 1.61e-3, 0.704e-3
FIELDS_T = {
    1: (4.2e-3, 2.4e-3, 0.9e-3),
    2: (4.6e-3, 2.0e-3, 2.0e-3),
    4: (4.0e-3, 0.0, 0.0),
}
"""Fields where so many classes share a line: anywhere, in a {110} plane, along [100]."""
REPORTED_US = {1: 1610.0, 2: 490.0, 4: 220.0}


def conditions(classes: int) -> dict[str, Any]:
    """World and microwave on the lowest line where `classes` classes are degenerate."""
    field_t = np.array(FIELDS_T[classes])
    lines = nv.transition_frequencies_hz(field_t)[:, 0]
    counts = [int(np.sum(np.abs(lines - line) < 1e3)) for line in lines]
    return {
        "world": {
            "bias_field_t": field_t.tolist(), "t1_s": T1_S, "t1_dipolar_s": DIPOLAR_S,
        },
        "frequency_hz": float(lines[counts.index(classes)]),
        "laser_power_w": 1e-3,
    }  # fmt: skip


def decay(lab: ReproductionLab, classes: int) -> Run:
    """T1 of `classes` degenerate classes; the pi pulse is that of a class alone."""
    rabi = lab.run(
        "sim_t1", "rabi", sweeps=1 if lab.quick else 3, stop_s=0.5e-6, **conditions(1)
    )  # fmt: skip
    pi_time = value_of(rabi, "pi_time_s")
    return lab.run(
        "sim_t1", "t1", seed=classes, pi_time_s=pi_time[0] if pi_time else 60e-9,
        sweeps=6 if lab.quick else 60, **conditions(classes),
    )  # fmt: skip


def additive_s(classes: int) -> float:
    """1/T1 = 1/T1_0 + (n - 1)/T1_dd (`002`, SM Sec. VI)."""
    return 1.0 / (1.0 / T1_S + (classes - 1) / DIPOLAR_S)


def theory_s(lab: ReproductionLab, run: Run, classes: int) -> float:
    """What the pulse of the run shows of the additive rates, see `pulse_reach`."""
    a = Apparatus(**{**lab.world("sim_t1"), **conditions(classes)["world"]})
    return seen_t1_s(
        FIELDS_T[classes], float(run.parameters["frequency_hz"]), np.unique(run["dark_s"]),
        t1_s=T1_S, t1_dipolar_s=DIPOLAR_S,
        rabi_hz=a.rabi_rad_s(float(run.parameters["power_dbm"])) / (2 * np.pi),
        t2star_s=a.t2star_s, pi_time_s=float(run.parameters["pi_time_s"]),
    )  # fmt: skip


def row(lab: ReproductionLab, run: Run, classes: int) -> Comparison:
    """T1 of the stretched law."""
    found = value_of(run, "t1_stretched_s")
    reported = REPORTED_US[classes]
    note = (
        f"additive rates give {1e6 * additive_s(classes):.0f} µs; theory: with what an 8 MHz pulse"
        " moves of the other classes"
    )
    if classes == 4:
        note += ". The paper's own 1.61 ms and 490 µs make 205 µs, not 220"
    return Comparison(
        f"T1, {classes} resonant class{'es' if classes > 1 else ''}", "µs", f"{reported:g} µs",
        1e6 * theory_s(lab, run, classes), 1e6 * found[0] if found else None,
        1e6 * found[1] if found else None, paper=(0.97 * reported, 1.03 * reported), note=note,
    )  # fmt: skip


def figure_2c(lab: ReproductionLab) -> PaperFigure:
    """Fig. 2c: the lifetime shortens where classes of spins become resonant."""
    runs = {classes: decay(lab, classes) for classes in (1, 2, 4)}
    traces: list[Trace] = []
    for n, (classes, run) in enumerate(runs.items()):
        curve = run.fit.curve if run.fit else None
        if curve is not None:
            size = float(np.max(curve.model))
            traces += fitted(
                run, f"{classes} resonant", x_scale=1e3, y_scale=1 / size, lift=-0.3 * n, series=n
            )  # fmt: skip
    return PaperFigure(
        "2c", "T1 of one, two and four resonant classes",
        [panel("Polarisation, each 0.3 lower", "Dark time (ms)", "Difference (normalised)", traces,
               log_x=True)],
        [row(lab, run, classes) for classes, run in runs.items()],
        notes_of(*runs.values()),
    )  # fmt: skip


def figure_6(lab: ReproductionLab) -> PaperFigure:
    """Fig. 6: the lifetime with all four classes degenerate, stretched and simple law."""
    run = decay(lab, 4)
    traces = fitted(run, "measured", x_scale=1e3)
    curve = run.fit.curve if run.fit else None
    simple = value_of(run, "t1_simple_s")
    rows = [row(lab, run, 4)]
    if curve is not None and simple is not None:
        t = np.geomspace(float(curve.x.min()), float(curve.x.max()), 200)
        shape = np.exp(-curve.x / simple[0]) / curve.y_error
        size = float(shape @ (curve.y / curve.y_error) / (shape @ shape))
        traces.append(Trace(1e3 * t, size * np.exp(-t / simple[0]), "simple law", series=1))
        rows.append(_gain(curve.y, curve.y_error, size * shape * curve.y_error, curve.model))
    return PaperFigure(
        "6", "T1 with all four classes degenerate",
        [panel("Polarisation against dark time", "Dark time (ms)", "APD2, difference (counts)",
               traces, log_x=True)],
        rows,
        notes_of(run),
    )  # fmt: skip


def _gain(
    y: np.ndarray, error: np.ndarray, simple: np.ndarray, stretched: np.ndarray
) -> Comparison:
    """By how much the simple law leaves more of the variance than the stretched one.

    1 - R^2 of the simple law less that of the stretched one: the paper has 0.058 - 0.019.
    """
    spread = float(np.sum((y - y.mean()) ** 2))
    left = [float(np.sum((y - model) ** 2)) / spread for model in (simple, stretched)]
    noise = 2 * np.sqrt(float(np.sum(((simple - stretched) * error) ** 2))) / spread
    return Comparison(
        "R² of the stretched less that of the simple law", "", "0.981 - 0.942",
        measured=left[0] - left[1], error=noise, paper=(0.01, np.inf),
        note="the size goes with the noise and the dark times; that the stretched law is better "
             "is what is compared",
    )  # fmt: skip
