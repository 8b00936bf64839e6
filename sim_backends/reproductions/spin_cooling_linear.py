"""Figures 1b, 2, 4, 7 and 8 of the spin-cooling paper: lines, cooling, calibrations."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.data import Run
from labctl.paper import Comparison, PaperFigure, ReproductionLab, Style, Trace, comparison
from sim_backends.apparatus import Apparatus
from sim_backends.physics import nv
from sim_backends.physics.detection import look_up, speckle_table
from sim_backends.physics.libration import SpinLibration, effective_temperatures, equilibria
from sim_backends.physics.oscillator import gas_damping_s
from sim_backends.reproductions.panels import (
    averaged,
    fitted,
    notes_of,
    panel,
    spectrum,
    table_of,
    value_of,
)

HZ, MHZ, MCOUNTS = "Frequency (Hz)", "Microwave frequency (MHz)", "APD1 (Mcounts/s)"
FIELD_30_G = (2.35e-3, 1.72e-3, 0.72e-3)
FIELD_144_G = [11.293e-3, 8.246e-3, 3.456e-3]
COOL_LINE_HZ = 2.623e9
COLDEST_HZ = 2.61991e9


def figure_1b(lab: ReproductionLab) -> PaperFigure:
    """Fig. 1b: Brownian motion at 1 mbar, and ODMR at 30 G."""
    motion = lab.run("sim_vacuum", "psd", averages=80 if lab.quick else 400)
    lines = lab.run(
        "sim", "odmr", world={"bias_field_t": list(FIELD_30_G)}, start_hz=2.76e9, stop_hz=2.98e9,
        points=221, sweeps=20 if lab.quick else 100, laser_power_w=1e-3, power_dbm=5.0, repeats=10,
    )  # fmt: skip
    a = Apparatus(**lab.world("sim_vacuum"))
    damping_hz = gas_damping_s(
        a.pressure_pa, damping_per_mbar_s=a.damping_hz_per_mbar,
        viscous_damping_s=a.viscous_damping_hz,
    )  # fmt: skip
    rows = []
    modes = table_of(motion, "modes")
    for i, true_hz in enumerate(a.libration_hz):
        near = [
            n for n, f in enumerate(modes.get("frequency_hz", ())) if abs(f - true_hz) < 30.0
        ]  # fmt: skip
        if not near:
            rows.append(Comparison(f"mode {i + 1}", "Hz", theory=true_hz, note="not resolved"))
            continue
        n = near[0]
        rows += [
            Comparison(
                f"frequency {i + 1}", "Hz", "200 to 1000 Hz", true_hz,
                float(modes["frequency_hz"][n]), float(modes["frequency_error_hz"][n]),
            ),
            Comparison(
                f"damping {i + 1}", "Hz", "about 15 Hz", damping_hz,
                float(modes["damping_hz"][n]), float(modes["damping_error_hz"][n]),
            ),
        ]  # fmt: skip
    rows += field_rows(lines, float(np.linalg.norm(FIELD_30_G)), "≈ 30 G")
    return PaperFigure(
        "1b", "Brownian motion at 1 mbar, and ODMR at 30 G",
        [
            panel("Spectrum of the motion", HZ, "PSD (counts²/s²/Hz)", [spectrum(motion)],
                  log_x=True, log_y=True),
            panel("ODMR at 30 G", MHZ, "APD2 (Mcounts/s)", fitted(lines, x_scale=1e-6,
                                                                  y_scale=1e-6)),
        ],
        rows, notes_of(motion, lines),
    )  # fmt: skip


def field_rows(run: Run, field_t: float, reported: str) -> list[Comparison]:
    """The field's magnitude from a spectrum."""
    return [
        comparison("field", "G", run, "field_magnitude_t", scale=1e4, reported=reported,
                   theory=1e4 * field_t)
    ]  # fmt: skip


def figure_2a(lab: ReproductionLab) -> PaperFigure:
    """Fig. 2a: spin torque on every line (MDMR), beside ODMR, at 95 G."""
    mechanical = lab.run("sim", "mdmr", sweeps=60 if lab.quick else 300)
    optical = lab.run(
        "sim", "odmr", sweeps=30 if lab.quick else 150, laser_power_w=1e-3, power_dbm=5.0
    )
    lines = mechanical.info.truth["resonance_frequency_hz"][0]
    rows = []
    for name, run in (("MDMR", mechanical), ("ODMR", optical)):
        found = table_of(run, "resonances")
        for place, error in zip(
            found.get("frequency_hz", ()), found.get("frequency_error_hz", ()), strict=True
        ):
            true_hz = lines[int(np.argmin(np.abs(lines - place)))]
            rows.append(
                Comparison(f"{name} line", "MHz", "", 1e-6 * true_hz, 1e-6 * place, 1e-6 * error)
            )
    amplitude = table_of(mechanical, "resonances").get("amplitude", np.array([]))
    signs = f"{int(np.sum(amplitude > 0))} up, {int(np.sum(amplitude < 0))} down"
    return PaperFigure(
        "2a", "Mechanically and optically detected resonances at 95 G",
        [
            panel("MDMR", MHZ, MCOUNTS, fitted(mechanical, x_scale=1e-6, y_scale=1e-6)),
            panel("ODMR", MHZ, "APD2 (Mcounts/s)", fitted(optical, x_scale=1e-6, y_scale=1e-6)),
        ],
        rows,
        (f"Lines of the angle: {signs}; the two branches of a class turn opposite ways, and the "
         "paper sees the same anti-correlation.", *notes_of(mechanical, optical)),
    )  # fmt: skip


def figure_2b(lab: ReproductionLab) -> PaperFigure:
    """Fig. 2b: spectra of the cooled and the free motion, and the temperature by both routes."""
    averages = 200 if lab.quick else 1000
    window: dict[str, Any] = {"averages": averages, "fit_from_hz": 350.0, "fit_to_hz": 700.0}
    free = lab.run("sim_cooling", "psd", **window)
    damping, area, frequency = (
        value_of(free, f"mode_1_{name}") for name in ("damping_hz", "area", "frequency_hz")
    )
    reference: dict[str, Any] = {}
    if damping and area and frequency:
        reference = {
            "reference_damping_hz": damping[0], "reference_damping_error_hz": damping[1],
            "reference_area": area[0], "reference_area_error": area[1],
            "reference_frequency_hz": frequency[0],
        }  # fmt: skip
    cold = lab.run(
        "sim_cooling", "psd", seed=2, microwave_hz=COLDEST_HZ, power_dbm=-10.0, **window,
        **reference,
    )  # fmt: skip
    theory = effective_temperatures(SpinLibration.paper_set("COOL"))
    rows = [
        comparison("T by damping ratio", "K", cold, "temperature_by_damping_k",
                   reported="80 K", theory=theory.damping_ratio),
        comparison("T by area", "K", cold, "temperature_by_area_k", theory=theory.variance,
                   note="the speckle's slope at the two angles differs by a little"),
        comparison("damping, cooled", "Hz", cold, "mode_1_damping_hz",
                   theory=equilibria(SpinLibration.paper_set("COOL"))[0].damping_hz),
    ]  # fmt: skip
    return PaperFigure(
        "2b", "Spectrum with and without spin cooling",
        [panel("Spectra", HZ, "PSD (counts²/s²/Hz)",
               [spectrum(free, "microwave off"), spectrum(cold, "red of resonance")],
               log_y=True)],
        rows, notes_of(free, cold),
    )  # fmt: skip


def figure_2c(lab: ReproductionLab) -> PaperFigure:
    """Fig. 2c: damping and spin spring against the microwave's detuning."""
    scan = lab.run("sim_cooling", "cooling_scan", blocks=20 if lab.quick else 100)
    found = table_of(scan, "microwave")
    detuning_hz = np.linspace(-12e6, 13e6, 101)
    base = SpinLibration.paper_set("COOL")
    theory = [equilibria(replace(base, detuning_hz=float(d)))[0] for d in detuning_hz]
    x = 1e-6 * (found.get("microwave_hz", np.array([])) - COOL_LINE_HZ)
    panels = []
    for name, words, value in (
        ("damping", "Damping γ_eff/2π (Hz)", [e.damping_hz for e in theory]),
        ("frequency", "Libration (Hz)", [e.frequency_hz for e in theory]),
    ):
        measured = Trace(
            x, found.get(f"{name}_hz", np.array([])), "measured", Style.POINTS,
            found.get(f"{name}_error_hz"),
        )  # fmt: skip
        line = Trace(1e-6 * detuning_hz, np.array(value), "theory, set COOL")
        panels.append(panel(name.capitalize(), "Detuning (MHz)", words, [measured, line]))
    cold = equilibria(base)[0]
    rows = [
        comparison("damping, no microwave", "Hz", scan, "reference_damping_hz", reported="16 Hz",
                   theory=base.damping_hz),
        comparison("damping, coldest", "Hz", scan, "coldest_damping_hz", theory=cold.damping_hz,
                   note="of several points as cold, the coldest is a little too cold"),
        comparison("libration, coldest", "Hz", scan, "coldest_frequency_hz",
                   theory=cold.frequency_hz),
        comparison("T = T γ/γ_eff", "K", scan, "coldest_temperature_k", reported="80 K",
                   theory=base.temperature_k * base.damping_hz / cold.damping_hz),
    ]  # fmt: skip
    return PaperFigure(
        "2c", "Damping and spin spring against detuning", panels, rows, notes_of(scan)
    )


def figure_4(lab: ReproductionLab) -> PaperFigure:
    """Fig. 4: a ring-down, the points of equal angle, and ring-downs under the microwave."""
    excite = {"frequency_hz": 2.613e9, "averages": 400 if lab.quick else 2000}
    free = lab.run("sim_cooling", "ring_down", **excite)
    cooled = lab.run("sim_cooling", "ring_down", seed=2, after_frequency_hz=COLDEST_HZ, **excite)
    equal = lab.run("sim_cooling", "equal_angle_points", sweeps=40 if lab.quick else 200)
    base = SpinLibration.paper_set("COOL")
    cold = equilibria(base)[0]
    points = table_of(equal, "points")
    rows = [
        comparison("ring-down: damping, free", "Hz", free, "mode_1_damping_hz", reported="16 Hz",
                   theory=base.damping_hz),
        comparison("ring-down: libration, free", "Hz", free, "mode_1_frequency_hz",
                   reported="480 Hz", theory=base.libration_hz),
        comparison("ring-down: damping, cooled", "Hz", cooled, "mode_1_damping_hz",
                   theory=cold.damping_hz),
        *(
            Comparison(
                f"equal angle at {power:g} dBm", "MHz",
                "2617, 2623, 2634 MHz" if i == 0 else "",
                measured=1e-6 * float(place), error=1e-6 * float(error),
            )
            for i, (power, place, error) in enumerate(
                zip(points.get("power_dbm", ()), points.get("microwave_hz", ()),
                    points.get("microwave_error_hz", ()), strict=True)
            )
        ),
    ]  # fmt: skip
    powers = np.unique(equal["power_dbm"])
    scans = [
        averaged(_only(equal, "power_dbm", power), "frequency_hz", "angle_counts",
                 float(equal.parameters["dwell_s"]), x_scale=1e-6, label=f"{power:g} dBm")
        for power in powers
    ]  # fmt: skip
    return PaperFigure(
        "4", "Ring-downs and points of equal angle",
        [
            panel("Microwave off", "Time (s)", "APD1 (counts/s)", fitted(free)),
            panel("Red of resonance", "Time (s)", "APD1 (counts/s)", fitted(cooled)),
            panel("Equal angles", MHZ, MCOUNTS, scans),
        ],
        rows, notes_of(free, cooled, equal),
    )  # fmt: skip


def _only(run: Run, column: str, value: float) -> Run:
    """The points of a run at one value of a column."""
    here = run[column] == value
    return replace(run, columns={name: data[here] for name, data in run.columns.items()})


def figure_7(lab: ReproductionLab) -> PaperFigure:
    """Fig. 7: the angle signal in milliradians, and its sensitivity, at 144 G."""
    world = {"bias_field_t": FIELD_144_G, "spins_per_class": 5e8}
    field_t = float(np.linalg.norm(FIELD_144_G))
    run = lab.run(
        "sim", "angle_calibration", world=world, field_t=field_t, start_hz=2.62e9,
        stop_hz=2.70e9, sweeps=200 if lab.quick else 1000,
    )  # fmt: skip
    a = Apparatus(**{**lab.world("sim"), **world})
    rows = [
        comparison("resolution (upper bound)", "mrad/(Mcounts/s)", run, "resolution",
                   reported="43, about 10 at best", theory=_resolution(a)),
        comparison("sensitivity (upper bound)", "mrad/√Hz", run, "sensitivity", reported="0.3",
                   note="shot noise and speckle of the simulated detector alone"),
        Comparison("torque", "N m", "1e-19", theory=1.7e-17, reproduced=False,
                   note="1e8 spins at 100 G make a hundred times the torque that the paper states"),
        Comparison("displacement", "mrad", "5 mrad", theory=13.5, reproduced=False,
                   note="from the paper's own figures; so does 0.5 mrad for one spin (3.3)"),
    ]  # fmt: skip
    return PaperFigure(
        "7", "Calibration of the angle signal",
        [panel("Pull of the line", "Change of the signal (Mcounts/s)", "Angle NV to field (mrad)",
               fitted(run, x_scale=1e-6, y_scale=1e3))],
        rows, notes_of(run),
    )  # fmt: skip


def _resolution(a: Apparatus) -> float:
    """NV angle per signal, mrad/(Mcounts/s): a torque t_k on mode k turns it by t_k/(I w_k^2).

    The torque is along the gradient of the angle t between axis and field, so t moves by
    sum (dt/dphi_k)^2/w_k^2 and the detector sees sum s_k (dt/dphi_k)/w_k^2.
    """
    field, step = a.field_t(0.0), 1e-6
    lines = nv.transition_frequencies_hz(field)[:, 0]
    axis = nv.AXES[int(np.argmin(np.abs(lines - 2.66e9)))]

    def angle(turn: NDArray[np.float64]) -> float:
        turned = nv.rotate_field(field, turn)
        return float(np.arccos(abs(axis @ turned) / np.linalg.norm(turned)))

    modes = np.array(a.mode_axes)
    gradient = np.array([(angle(step * m) - angle(-step * m)) / (2 * step) for m in modes])
    sight = np.array(a.detection_direction) / np.linalg.norm(a.detection_direction)
    soft = 1.0 / np.array(a.libration_hz) ** 2
    seen = float(sight @ (gradient * soft)) / float(gradient @ (gradient * soft))
    table = speckle_table(
        grain_rad=a.speckle_grain_rad, half_range_rad=0.5, slope_sign=a.slope_sign,
        seed=a.speckle_seed,
    )  # fmt: skip
    slope = (look_up(table, 0.5, 1e-3) - look_up(table, 0.5, -1e-3)) / 2e-3
    live = (1 + a.angle_rate * a.dead_time_s) ** 2  # the counter's own slope, d(counted)/d(light)
    return 1e9 * live / abs(a.angle_rate * slope * seen)


def figure_8(lab: ReproductionLab) -> PaperFigure:
    """Fig. 8: rates of polarisation by the laser and by the microwave."""
    run = lab.run(
        "sim", "polarization_rates", world={"t2star_s": 70e-9}, sweeps=50 if lab.quick else 400
    )
    a = Apparatus(**{**lab.world("sim"), "t2star_s": 70e-9})
    rows = [
        comparison("by the laser, 100 µW", "kHz", run, "polarization_rate_per_s", scale=1e-3,
                   reported="3.3 kHz", theory=1e-3 * a.pump_rate_per_w * 100e-6),
        comparison("by the microwave, -5 dBm", "kHz", run, "microwave_rate_per_s", scale=1e-3,
                   reported="8 kHz, i.e. Ω/2π = 60 kHz",
                   theory=1e-3 * a.rabi_rad_s(-5.0) ** 2 * a.t2star_s),
    ]  # fmt: skip
    return PaperFigure(
        "8", "Polarisation by laser and microwave",
        [panel("Polarisation", "Length of the pulse (s)", "Signal", fitted(run))],
        rows, notes_of(run),
    )  # fmt: skip
