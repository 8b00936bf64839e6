"""Figures 1b and 2a of the spin-cooling paper: motion, ODMR and MDMR."""

import numpy as np

from labctl.paper import Comparison, PaperFigure, ReproductionLab, comparison
from sim_backends.apparatus import Apparatus
from sim_backends.physics.oscillator import gas_damping_s
from sim_backends.reproductions.panels import (
    fitted,
    lines,
    nearest_row,
    notes_of,
    panel,
    table_of,
)

HZ, MHZ = "Frequency (Hz)", "Microwave frequency (MHz)"
FIELD_30_G = (2.35e-3, 1.72e-3, 0.72e-3)


def figure_1b(lab: ReproductionLab) -> PaperFigure:
    """Fig. 1b: Brownian motion at 1 mbar, and ODMR at 30 G."""
    motion = lab.run("sim_vacuum", "psd", averages=60 if lab.quick else 600)
    optical = lab.run(
        "sim", "odmr", world={"bias_field_t": list(FIELD_30_G)}, start_hz=2.76e9, stop_hz=2.98e9,
        points=111 if lab.quick else 221, sweeps=10 if lab.quick else 120, laser_power_w=1e-3,
        power_dbm=5.0, repeats=10,
    )  # fmt: skip
    a = Apparatus(**lab.world("sim_vacuum"))
    damping_hz = gas_damping_s(
        a.pressure_pa,
        damping_per_mbar_s=a.damping_hz_per_mbar,
        viscous_damping_s=a.viscous_damping_hz,
    )
    rows = []
    modes = table_of(motion, "modes")
    for i, true_hz in enumerate(a.libration_hz, start=1):
        n = nearest_row(modes, "frequency_hz", true_hz, 30.0)
        for name, theory, reported, paper in (
            ("frequency", true_hz, "200 to 1000 Hz", (200.0, 1000.0)),
            ("damping", damping_hz, "about 15 Hz", (12.0, 18.0)),
        ):
            rows.append(
                Comparison(
                    f"mode {i}: {name}", "Hz", reported, theory,
                    None if n is None else float(modes[f"{name}_hz"][n]),
                    None if n is None else float(modes[f"{name}_error_hz"][n]), paper=paper,
                )
            )  # fmt: skip
    rows.append(
        comparison("field", "G", optical, "field_magnitude_t", scale=1e4, reported="≈ 30 G",
                   theory=1e4 * float(np.linalg.norm(FIELD_30_G)), paper=(25.0, 35.0))
    )  # fmt: skip
    return PaperFigure(
        "1b", "Brownian motion at 1 mbar, and ODMR at 30 G",
        [
            panel("Spectrum of the motion", HZ, "PSD (counts²/s²/Hz)", fitted(motion), log_y=True),
            panel("ODMR at 30 G", MHZ, "APD2 (Mcounts/s)",
                  fitted(optical, x_scale=1e-6, y_scale=1e-6)),
        ],
        rows, notes_of(motion, optical),
    )  # fmt: skip


def figure_2a(lab: ReproductionLab) -> PaperFigure:
    """Fig. 2a: spin torque on every line (MDMR), beside ODMR, at 95 G."""
    mechanical = lab.run("sim", "mdmr", sweeps=60 if lab.quick else 400)
    optical = lab.run(
        "sim", "odmr", sweeps=20 if lab.quick else 200, laser_power_w=1e-3, power_dbm=5.0
    )
    amplitude = table_of(mechanical, "resonances").get("amplitude", np.array([]))
    signs = f"{int(np.sum(amplitude > 0))} up, {int(np.sum(amplitude < 0))} down"
    return PaperFigure(
        "2a", "Mechanically and optically detected resonances at 95 G",
        [
            panel("MDMR", MHZ, "APD1 (Mcounts/s)",
                  fitted(mechanical, x_scale=1e-6, y_scale=1e-6)),
            panel("ODMR", MHZ, "APD2 (Mcounts/s)", fitted(optical, x_scale=1e-6, y_scale=1e-6)),
        ],
        [*lines(mechanical, "MDMR"), *lines(optical, "ODMR")],
        (f"Lines of the angle: {signs}; the two branches of a class turn opposite ways, and the "
         "paper sees the same anti-correlation.", *notes_of(mechanical, optical)),
    )  # fmt: skip
