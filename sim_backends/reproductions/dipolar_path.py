"""Figure 7 of the dipolar-torque paper: one scan across three planes of degeneracy."""

from typing import Any

import numpy as np

from labctl.paper import Comparison, PaperFigure, ReproductionLab, Style, Trace
from sim_backends.apparatus import Apparatus
from sim_backends.reproductions.dipolar_crossings import SHARE, scale_row, traces_of
from sim_backends.reproductions.dipolar_theory import CURRENT, transitions_panel
from sim_backends.reproductions.panels import (
    GAUSSIAN_FWHM,
    averaged,
    least_squares_curve,
    lines,
    notes_of,
    panel,
    table_of,
)

CROSSINGS_A = (13.0, 44.0, 76.0)
"""{110}, {100}, {110}: where two, twice two and two classes are resonant."""
PER_A = 1e-4 / np.hypot(1.0, 1.0 / 63.0)
PATH: dict[str, Any] = {
    "bias_field_t": [8.4e-3, (31.0 - 13.0 / 63.0) * PER_A, 44.0 * PER_A],
    "electromagnet_t_per_a": [0.0, PER_A / 63.0, -PER_A],
    "libration_hz": [48e3, 59e3, 97e3],
    "spins_per_class": 0.0,
    "t1_s": 1.03e-3,
    "t1_dipolar_s": 0.38e-3,
}
"""A diamond at rest, 100 G of bias and one gauss per ampere: y + z vanishes at 13 A, z at 44 A,
y - z at 76 A, and no other two classes meet from 0 to 80 A."""


def figure_7(lab: ReproductionLab) -> PaperFigure:
    """Fig. 7: transitions, photoluminescence and ODMR over the whole range of the magnet."""
    a = Apparatus(**{**lab.world("sim_dipolar"), **PATH})
    scan = lab.run(
        "sim_dipolar", "field_scan", world=PATH, start_a=0.0, stop_a=80.0, points=161,
        sweeps=12 if lab.quick else 120, dwell_s=20e-3, tesla_per_ampere=1e-4,
    )  # fmt: skip
    measured, theory, drawn = traces_of(scan, a, "pl_counts", "pl")
    rows, found, spectra = _dips(measured, theory), [], []
    for n, current_a in enumerate((0.0, *CROSSINGS_A)):
        run = lab.run(
            "sim_dipolar", "odmr", world=PATH, start_hz=2.5e9, stop_hz=3.35e9, points=171,
            current_a=current_a, sweeps=12 if lab.quick else 80, laser_power_w=1e-3, power_dbm=5.0,
        )  # fmt: skip
        table = table_of(run, "resonances")
        lower = table["frequency_hz"] < 2.87e9
        found.append(
            Trace(np.full(int(lower.sum()), current_a), 1e-6 * table["frequency_hz"][lower], "",
                  Style.POINTS, 1e-6 * table["frequency_error_hz"][lower], series=4)
        )  # fmt: skip
        if current_a:
            rows += [
                row for row in lines(run, f"{current_a:g} G:") if row.theory and row.theory < 2870
            ]
            counted_s = float(run.parameters["repeats"]) * float(run.parameters["on_s"])
            spectra.append(
                averaged(run, "frequency_hz", "pl_counts", counted_s, x_scale=1e-6,
                         label=f"{current_a:g} G", lift=0.5 * (n - 1), series=n - 1)
            )  # fmt: skip
    return PaperFigure(
        "7", "Scan of the electromagnet: transitions, PL, ODMR",
        [
            transitions_panel(a, np.linspace(0.0, 80.0, 161), found),
            panel("Photoluminescence", CURRENT, "APD2 (Mcounts/s)", drawn),
            panel("ODMR, each 0.5 higher", "Microwave frequency (MHz)", "APD2 (Mcounts/s)",
                  spectra),
        ],
        rows,
        ("The path is one with dips at the paper's fields; its own diamond is unknown.",
         *notes_of(scan)),
    )  # fmt: skip


def _three(x: np.ndarray, *p: float) -> np.ndarray:
    """Three Gaussians over a parabola: (height, place, sigma) each, then the parabola."""
    t = (x - 40.0) / 40.0
    curve = np.polyval(p[9:], t)
    for height, place, sigma in zip(p[0:9:3], p[1:9:3], p[2:9:3], strict=True):
        curve = curve + height * np.exp(-((x - place) ** 2) / (2 * sigma**2))
    return curve


def _dips(measured: Trace, theory: Trace) -> list[Comparison]:
    """The three dips beside the same fit to the calculated curve, and the depth as a whole."""
    start = [v for place in CROSSINGS_A for v in (-0.03 * theory.y.mean(), place, 1.5)]
    expected, _ = least_squares_curve(
        _three, Trace(theory.x, theory.y), [*start, 0.0, 0.0, theory.y.mean()]
    )
    found, error = least_squares_curve(_three, measured, expected.tolist())
    rows = []
    for n, place in enumerate(CROSSINGS_A):
        k = 3 * n
        rows += [
            Comparison(f"dip at {place:g} G: position", "G", f"{place:g} G", float(expected[k + 1]),
                       float(found[k + 1]), float(error[k + 1]), paper=(place - 0.5, place + 0.5)),
            Comparison(f"dip at {place:g} G: FWHM", "G",
                       theory=GAUSSIAN_FWHM * abs(float(expected[k + 2])),
                       measured=GAUSSIAN_FWHM * abs(float(found[k + 2])),
                       error=GAUSSIAN_FWHM * float(error[k + 2]), note=SHARE),
        ]  # fmt: skip
    return [*rows, scale_row(measured, theory, "PL over theory")]
