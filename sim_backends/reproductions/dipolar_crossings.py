"""Figures 4 and 12 of the dipolar-torque paper: crossing a {110} and a {100} plane."""

import numpy as np
from numpy.typing import NDArray

from labctl.data import Run
from labctl.paper import (
    Comparison,
    PaperFigure,
    ReproductionLab,
    Style,
    Trace,
)
from sim_backends.apparatus import Apparatus
from sim_backends.reproductions.dipolar_maps import measured_path, path_rows
from sim_backends.reproductions.dipolar_theory import (
    CURRENT,
    ScanTheory,
    fields_t,
    planes_panel,
    polar_degrees,
    transitions_panel,
)
from sim_backends.reproductions.panels import (
    GAUSSIAN_FWHM,
    averaged,
    least_squares_curve,
    lines,
    lines_repeated,
    notes_of,
    panel,
    table_of,
)

Floats = NDArray[np.float64]

GAUSS = 1e-4
SPLITTING_HZ_PER_G = 4.29e6
MDMR = {"sim_dipolar": (2.87e9, 161, 40, 200), "sim_100": (2.90e9, 141, 20, 120)}
"""Rig -> last frequency, points, and sweeps of a quick and of a full run."""
SHARE = "theory by the same Gaussian through the calculated curve"


def scan_of(lab: ReproductionLab, rig: str, start_a: float, stop_a: float) -> Run:
    """Light and angle across a degeneracy, 0.5 G apart."""
    return lab.run(
        rig, "field_scan", start_a=start_a, stop_a=stop_a, points=round(2 * (stop_a - start_a)) + 1,
        sweeps=80 if lab.quick else 700, tesla_per_ampere=GAUSS,
    )  # fmt: skip


def mdmr_at(lab: ReproductionLab, rig: str, current_a: float, *, seed: int = 1) -> Run:
    """MDMR of the lower lines at a current."""
    stop_hz, points, quick, full = MDMR[rig]
    return lab.run(
        rig, "mdmr", seed=seed, start_hz=2.55e9, stop_hz=stop_hz, points=points,
        sweeps=quick if lab.quick else full, current_a=current_a,
    )  # fmt: skip


def gaussian(x: Floats, height: float, place: float, sigma: float, *baseline: float) -> Floats:
    """A Gaussian over a polynomial, x from its first value in units of the range."""
    t = 2 * (x - x[0]) / np.ptp(x) - 1
    return height * np.exp(-((x - place) ** 2) / (2 * sigma**2)) + np.polyval(baseline, t)


def two_gaussians(
    x: Floats, first: float, at: float, second: float, then: float, sigma: float, *baseline: float
) -> Floats:
    """Two Gaussians of one width over a polynomial."""
    return gaussian(x, first, at, sigma, *baseline) + gaussian(x, second, then, sigma)


def scale_row(measured: Trace, theory: Trace, words: str) -> Comparison:
    """By which factor the calculated curve, its mean left free, fits the measured one: 1."""
    weight = 1 / np.asarray(measured.y_error, dtype=float)
    basis = np.stack([theory.y - theory.y.mean(), np.ones_like(theory.y)], axis=1)
    covariance = np.linalg.inv(basis.T @ (basis * weight[:, None] ** 2))
    best = covariance @ basis.T @ (measured.y * weight**2)
    rest = (measured.y - basis @ best) * weight
    spread = max(float(rest @ rest) / (measured.x.size - 2), 1.0)
    return Comparison(words, "", theory=1.0, measured=float(best[0]),
                      error=float(np.sqrt(spread * covariance[0, 0])))  # fmt: skip


def traces_of(
    run: Run, apparatus: Apparatus, signal: str, name: str
) -> tuple[Trace, Trace, list[Trace]]:
    """Measured points, the calculated curve there, and everything that is drawn."""
    dwell_s = float(run.parameters["dwell_s"])
    measured = averaged(run, "current_a", signal, dwell_s, label="measured")
    theory = ScanTheory.of(apparatus, np.asarray(measured.x))
    at_points = Trace(measured.x, getattr(theory, name))
    fine = np.linspace(measured.x[0], measured.x[-1], 161)
    drawn: list[Trace] = [measured]
    # The working point of the speckle has drifted: only changes of the angle can be compared.
    shift = float(measured.y.mean() - at_points.y.mean())
    for cr, label, series in ((True, "with CR", 1), (False, "without CR", 4)):
        curve = getattr(ScanTheory.of(apparatus, fine, cross_relaxation=cr), name)
        drawn.append(Trace(fine, curve + shift, label, series=series))
    return measured, at_points, drawn


def one_dip(
    measured: Trace, theory: Trace, place_a: float, words: str, reported_g: float | None
) -> list[Comparison]:
    """Position and width of one Gaussian, beside the same through the calculated curve."""
    height = float(measured.y[np.argmin(np.abs(measured.x - place_a))] - np.median(measured.y))
    start = [height, place_a, 1.5, 0.0, 0.0, float(np.median(measured.y))]
    expected, _ = least_squares_curve(gaussian, Trace(theory.x, theory.y), start)
    start = [*expected[:3], *start[3:]]
    found, error = least_squares_curve(gaussian, measured, start)
    width = {} if reported_g is None else {
        "reported": f"{reported_g:g} G", "paper": (reported_g - 0.5, reported_g + 0.5),
    }  # fmt: skip
    return [
        Comparison(f"{words}: position", "G", f"{place_a:g} G", float(expected[1]),
                   float(found[1]), float(error[1]), paper=(place_a - 0.5, place_a + 0.5)),
        Comparison(f"{words}: FWHM", "G", theory=GAUSSIAN_FWHM * abs(float(expected[2])),
                   measured=GAUSSIAN_FWHM * abs(float(found[2])),
                   error=GAUSSIAN_FWHM * float(error[2]), note=f"{SHARE}; {WIDTHS}", **width),
    ]  # fmt: skip


WIDTHS = "σ_dd = 6 MHz and 4.29 MHz/G of the model make the light's dip wider than the printed one"


def figure_4(lab: ReproductionLab) -> PaperFigure:
    """Fig. 4: MDMR around a {110} crossing, and PL and angle across it."""
    rows, spectra = [], []
    for n, current_a in enumerate((10.0, 17.0, 25.0)):
        run = mdmr_at(lab, "sim_dipolar", current_a)
        words = f"{current_a:g} G:"
        rows += lines_repeated(
            lines(run, words),
            lambda words=words, at=current_a: lines(mdmr_at(lab, "sim_dipolar", at, seed=2), words),
        )
        spectra.append(
            averaged(run, "frequency_hz", "angle_counts", 10e-3, x_scale=1e-6,
                     label=f"{current_a:g} G", lift=0.15 * n, series=n)
        )  # fmt: skip
    scan = scan_of(lab, "sim_dipolar", 5.0, 29.0)
    a = Apparatus(**lab.world("sim_dipolar"))
    pl, pl_theory, pl_drawn = traces_of(scan, a, "pl_counts", "pl")
    angle, angle_theory, angle_drawn = traces_of(scan, a, "angle_counts", "angle")
    rows += one_dip(pl, pl_theory, 17.0, "PL dip", 2.8)
    rows.append(scale_row(pl, pl_theory, "PL over theory"))
    rows += one_dip(angle, angle_theory, 17.0, "angle bump", 2.1)
    rows.append(scale_row(angle, angle_theory, "angle over theory"))
    return PaperFigure(
        "4", "Crossing a {110} plane: MDMR, PL and angle",
        [
            panel("MDMR, each 0.15 higher", "Microwave frequency (MHz)", "APD1 (Mcounts/s)",
                  spectra),
            panel("Photoluminescence", CURRENT, "APD2 (Mcounts/s)", pl_drawn),
            panel("Angle", CURRENT, "APD1 (Mcounts/s)", angle_drawn),
        ],
        rows,
        ("The torque's own maximum lies 0.15 G below the crossing.", *notes_of(scan)),
    )  # fmt: skip


def figure_12(lab: ReproductionLab) -> PaperFigure:
    """Fig. 12: crossing a {100} plane: path, transitions, PL dip and two bumps in the angle."""
    a = Apparatus(**lab.world("sim_100"))
    currents = (13.0, 18.0, 28.0, 33.0)
    odmr = measured_path(lab, "sim_100", currents[::3])
    rows, marks = path_rows(a, odmr, currents[::3])
    spectra, found = [], []
    for n, current_a in enumerate(currents):
        run = mdmr_at(lab, "sim_100", current_a)
        spectra.append(
            averaged(run, "frequency_hz", "angle_counts", 10e-3, x_scale=1e-6,
                     label=f"{current_a:g} G", lift=0.2 * n, series=n)
        )  # fmt: skip
        words = f"{current_a:g} G:"
        rows += lines_repeated(
            lines(run, words),
            lambda words=words, at=current_a: lines(mdmr_at(lab, "sim_100", at, seed=2), words),
        )
        table = table_of(run, "resonances")
        places = table.get("frequency_hz", np.array([]))
        found.append(
            Trace(np.full(places.size, current_a), 1e-6 * places, "", Style.POINTS,
                  1e-6 * table.get("frequency_error_hz", np.array([])), series=4)
        )  # fmt: skip
    scan = scan_of(lab, "sim_100", 13.0, 33.0)
    pl, pl_theory, pl_drawn = traces_of(scan, a, "pl_counts", "pl")
    angle, angle_theory, angle_drawn = traces_of(scan, a, "angle_counts", "angle")
    rows += one_dip(pl, pl_theory, 23.0, "PL dip", None)
    rows.append(scale_row(pl, pl_theory, "PL over theory"))
    bumps, curve = _two_bumps(angle, angle_theory)
    rows += bumps
    rows.append(scale_row(angle, angle_theory, "angle over theory"))
    theta, phi = polar_degrees(fields_t(a, np.linspace(13.0, 33.0, 21)))
    return PaperFigure(
        "12", "Crossing a {100} plane: path, transitions, PL and angle",
        [
            planes_panel([Trace(phi, theta, "path", series=3), marks]),
            transitions_panel(a, np.linspace(10.0, 36.0, 105), found),
            panel("MDMR, each 0.2 higher", "Microwave frequency (MHz)", "APD1 (Mcounts/s)",
                  spectra),
            panel("Photoluminescence", CURRENT, "APD2 (Mcounts/s)", pl_drawn),
            panel("Angle", CURRENT, "APD1 (Mcounts/s)", [*angle_drawn, curve]),
        ],
        rows,
        ("The curve that the paper prints as a simulation is dispersive, a bump and a dip; the "
         "equations give an even one here, two bumps of one sign, which is what it measured.",
         *notes_of(scan)),
    )  # fmt: skip


def _two_bumps(measured: Trace, theory: Trace) -> tuple[list[Comparison], Trace]:
    """The paper's double Gaussian through both, and its curve."""
    size = float(np.ptp(theory.y))
    sign = 1.0 if np.max(theory.y) - np.median(theory.y) > np.median(theory.y) - np.min(
        theory.y
    ) else -1.0  # fmt: skip
    start = [sign * size, 21.0, sign * size, 25.0, 1.2, 0.0, 0.0, float(np.median(theory.y))]
    expected, _ = least_squares_curve(two_gaussians, Trace(theory.x, theory.y), start)
    shifted = [*expected[:7], float(expected[7] + measured.y.mean() - theory.y.mean())]
    found, error = least_squares_curve(two_gaussians, measured, shifted)
    rows = []
    for which, (k, words) in enumerate(((0, "lower bump"), (2, "upper bump"))):
        rows += [
            Comparison(f"{words}: position", "G", theory=float(expected[k + 1]),
                       measured=float(found[k + 1]), error=float(error[k + 1]), note=SHARE),
            Comparison(f"{words}: height", "kcounts/s",
                       "two bumps of one sign" if which == 0 else "", 1e3 * float(expected[k]),
                       1e3 * float(found[k]), 1e3 * float(error[k]), note=SHARE,
                       paper=(0.0, np.inf) if sign > 0 else (-np.inf, 0.0)),
        ]  # fmt: skip
    fine = np.linspace(measured.x[0], measured.x[-1], 161)
    return rows, Trace(fine, two_gaussians(fine, *found), "two Gaussians", series=0)
