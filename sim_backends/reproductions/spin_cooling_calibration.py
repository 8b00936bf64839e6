"""Figures 7 and 8 of the spin-cooling paper, and numbers of its text: what a signal means."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.constants import Boltzmann

from labctl.data import Run
from labctl.paper import (
    Comparison,
    PaperFigure,
    ReproductionLab,
    Style,
    Trace,
    comparison,
)
from sim_backends.apparatus import Apparatus
from sim_backends.physics import nv
from sim_backends.physics.detection import look_up, speckle_table
from sim_backends.reproductions.panels import (
    averaged,
    fitted,
    notes_of,
    only,
    panel,
    table_of,
    value_of,
)

MHZ, MCOUNTS = "Microwave frequency (MHz)", "APD1 (Mcounts/s)"
FIELD_144_G = [11.293e-3, 8.246e-3, 3.456e-3]
STIFFEST = [0.1, 0.15, 0.98]
"""Detection aligned to the mode of highest frequency."""
FLOOR = (
    "the paper takes its number from the standard deviation of the Brownian trace, which holds"
    " centre-of-mass motion and technical noise; here it is the noise above the modes, photons"
    " and speckle alone"
)


def figure_7(lab: ReproductionLab) -> PaperFigure:
    """Fig. 7: the angle signal in milliradians, and its sensitivity, at 144 G."""
    world: dict[str, Any] = {"bias_field_t": FIELD_144_G, "spins_per_class": 5e8}
    field_t = float(np.linalg.norm(FIELD_144_G))
    run = lab.run(
        "sim", "angle_calibration", world=world, field_t=field_t, start_hz=2.62e9,
        stop_hz=2.70e9, sweeps=100 if lab.quick else 800,
    )  # fmt: skip
    watch: dict[str, Any] = {"averages": 40 if lab.quick else 400, "store_counts": True}
    every = lab.run("sim_vacuum", "psd", world={"bias_field_t": FIELD_144_G}, **watch)
    one = lab.run(
        "sim_vacuum", "psd", seed=2,
        world={"bias_field_t": FIELD_144_G, "detection_direction": STIFFEST}, **watch,
    )  # fmt: skip
    a = Apparatus(**{**lab.world("sim"), **world})
    light = a.angle_rate + a.dark_rate
    seen = light / (1 + light * a.dead_time_s)
    shot = math.sqrt(
        2 * light / (1 + light * a.dead_time_s) ** 3
    )  # one-sided, of a renewal process
    resolution = _resolution(a)
    rows = [
        comparison("resolution (upper bound)", "mrad/(Mcounts/s)", run, "resolution",
                   reported="43 here, 10 at best", theory=resolution, paper=(10.0, 43.0)),
        comparison("sensitivity: noise floor", "mrad/√Hz", run, "sensitivity", reported="0.3",
                   theory=1e-6 * resolution * shot, paper=(0.25, 0.35), note=FLOOR),
        _brownian(every, Apparatus(**lab.world("sim_vacuum"))),
    ]  # fmt: skip
    return PaperFigure(
        "7", "Calibration of the angle signal",
        [
            panel("MDMR at three powers", MHZ, MCOUNTS, _powers(run)),
            panel("NV angle against transition, 144 G", MHZ, "Angle NV to field (mrad)",
                  _angles(run, field_t)),
            panel("Pull of the line", "Change of the signal (Mcounts/s)",
                  "Angle NV to field (mrad)", fitted(run, x_scale=1e-6, y_scale=1e3)),
            panel("Brownian motion at 1 mbar", "Time (ms)", MCOUNTS, _trace(every)),
            panel("Both alignments", "Frequency (Hz)", "PSD (counts²/s²/Hz)",
                  [*fitted(every, "all modes", series=1), *fitted(one, "stiffest mode")],
                  log_y=True),
        ],
        rows,
        (f"The mean rate is {1e-6 * seen:.2f} Mcounts/s.", *notes_of(run, every, one)),
    )  # fmt: skip


def _powers(run: Run) -> list[Trace]:
    dwell_s = float(run.parameters["dwell_s"])
    return [
        averaged(only(run, "power_dbm", float(power)), "frequency_hz", "angle_counts", dwell_s,
                 x_scale=1e-6, label=f"{power:g} dBm", series=n)
        for n, power in enumerate(np.unique(run["power_dbm"]))
    ]  # fmt: skip


def _angles(run: Run, field_t: float) -> list[Trace]:
    """The transition against the angle by diagonalisation, and the tops of the three lines."""
    angle = np.linspace(0.0, np.pi / 2, 400)
    along, across = np.cos(angle), np.sin(angle)
    axis = nv.AXES[0]
    side = np.cross(axis, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    field = field_t * (along[:, None] * axis + across[:, None] * side)
    lower = 1e-6 * nv.transition_frequencies_hz(field)[:, 0, 0]
    found = table_of(run, "powers")
    top = 1e-6 * found["top_hz"]
    near = (lower > top.min() - 4) & (lower < top.max() + 4)
    slope = np.gradient(1e3 * angle, lower)
    error = np.abs(np.interp(top, lower, slope)) * 1e-6 * found["top_error_hz"]
    return [
        Trace(top, 1e3 * found["angle_rad"], "tops of the lines", Style.POINTS, error, series=1),
        Trace(lower[near], 1e3 * angle[near], "diagonalisation", series=0),
    ]


def _trace(run: Run) -> list[Trace]:
    """Thirty milliseconds of the signal in steps of 0.2 ms, with photon noise as error."""
    rate_hz = float(run.parameters["sample_rate_hz"])
    step = max(round(2e-4 * rate_hz), 1)
    counts = run["counts"][0][: round(0.03 * rate_hz) // step * step].reshape(-1, step).sum(axis=1)
    time_ms = 1e3 * (np.arange(counts.size) + 0.5) * step / rate_hz
    mega = 1e-6 * rate_hz / step
    return [Trace(time_ms, mega * counts, "", Style.POINTS, mega * np.sqrt(counts))]


def _brownian(run: Run, a: Apparatus) -> Comparison:
    """Standard deviation of the angle seen, photon noise taken off, beside equipartition."""
    rate_hz = float(run.parameters["sample_rate_hz"])
    step = max(round(2e-4 * rate_hz), 1)
    blocks = run["counts"]
    rate = blocks[:, : blocks.shape[1] // step * step].reshape(len(blocks), -1, step).sum(axis=2)
    rate = rate * rate_hz / step
    live = 1 + a.angle_rate * a.dead_time_s
    photons = rate.mean() * rate_hz / step / live**2
    slope = a.angle_rate * _speckle_slope(a) / live**2
    each = 1e3 * np.sqrt(np.maximum(rate.var(axis=1) - photons, 0.0)) / abs(slope)
    sight = np.array(a.detection_direction) / np.linalg.norm(a.detection_direction)
    omega = 2 * np.pi * np.array(a.libration_hz)
    # A box of 0.2 ms takes a little of each mode.
    box = np.sinc(np.array(a.libration_hz) * step / rate_hz)
    thermal = Boltzmann * a.temperature_k / a.moment_of_inertia
    theory = 1e3 * math.sqrt(thermal * float(np.sum((sight * box / omega) ** 2)))
    return Comparison(
        "Brownian motion: rms of the angle seen", "mrad", theory=theory,
        measured=float(np.sqrt(np.mean(each**2))),
        error=float(each.std(ddof=1) / math.sqrt(len(each))),
        note="theory: equipartition at 300 K of the three modes, as the detector sees them",
    )  # fmt: skip


def _speckle_slope(a: Apparatus) -> float:
    """Relative change of the light per radian at the working point."""
    table = speckle_table(
        grain_rad=a.speckle_grain_rad, half_range_rad=0.5, slope_sign=a.slope_sign,
        seed=a.speckle_seed,
    )  # fmt: skip
    return (look_up(table, 0.5, 1e-3) - look_up(table, 0.5, -1e-3)) / 2e-3


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
    live = (1 + a.angle_rate * a.dead_time_s) ** 2  # the counter's own slope, d(counted)/d(light)
    return 1e9 * live / abs(a.angle_rate * _speckle_slope(a) * seen)


def figure_8(lab: ReproductionLab) -> PaperFigure:
    """Fig. 8: rates of polarisation by the laser and by the microwave."""
    run = lab.run(
        "sim", "polarization_rates", world={"t2star_s": 70e-9}, sweeps=20 if lab.quick else 160
    )
    a = Apparatus(**{**lab.world("sim"), "t2star_s": 70e-9})
    rows = [
        comparison("by the laser, 100 µW", "kHz", run, "polarization_rate_per_s", scale=1e-3,
                   reported="3.3 kHz", theory=1e-3 * a.pump_rate_per_w * 100e-6,
                   paper=(3.25, 3.35)),
        comparison("by the microwave, -5 dBm", "kHz", run, "microwave_rate_per_s", scale=1e-3,
                   reported="8 kHz", theory=1e-3 * a.rabi_rad_s(-5.0) ** 2 * a.t2star_s,
                   paper=(7.5, 10.0),
                   note="the paper's Ω/2π = 60 kHz and T2* = 70 ns make 9.9 kHz, not 8"),
    ]  # fmt: skip
    found = table_of(run, "pulses")
    panels = []
    for name, title in (("light", "After light"), ("microwave", "After a microwave")):
        x, rate = 1e6 * found["pulse_s"], value_of(run, _RATES[name])
        size = value_of(run, f"{name}_amplitude")
        traces = [
            Trace(x, found[f"{name}_counts"], "measured", Style.POINTS, found[f"{name}_error"])
        ]
        if rate and size:
            t = np.linspace(0.0, float(found["pulse_s"].max()), 200)
            decay = np.exp(-rate[0] * t)
            traces.append(
                Trace(1e6 * t, size[0] * (decay if name == "light" else 1 - decay), "fit")
            )
        panels.append(panel(title, "Length of the pulse (µs)", "APD2, difference", traces))
    return PaperFigure("8", "Polarisation by laser and microwave", panels, rows, notes_of(run))


_RATES = {"light": "polarization_rate_per_s", "microwave": "microwave_rate_per_s"}


def numbers_of_the_text(_: ReproductionLab) -> PaperFigure:
    """Numbers of the text that the paper's own figures do not give."""
    rows = [
        Comparison("torque of 1e8 spins", "N m", "1e-19", theory=1.7e-17, reproduced=False,
                   note="N ħ γ_e B at 100 G is a hundred times what the paper states"),
        Comparison("displacement by it", "mrad", "5 mrad", theory=13.5, reproduced=False,
                   note="torque over I ω² with the paper's own figures"),
        Comparison("displacement by one spin, 500 nm", "mrad", "0.5 mrad", theory=3.3,
                   reproduced=False, note="torque over I ω² with the paper's own figures"),
    ]  # fmt: skip
    return PaperFigure("Text", "torque and displacement", (), rows)
