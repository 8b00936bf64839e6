"""Figures 3b and 6 of the spin-cooling paper: phonon lasing."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.constants import Boltzmann
from scipy.integrate import solve_ivp
from scipy.optimize import curve_fit

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
from sim_backends.physics.libration import (
    Microwave,
    SpinLibration,
    equilibria,
    flow,
    lasing_threshold_hz,
    simulate,
)
from sim_backends.reproductions.exact_world import ExactWorld
from sim_backends.reproductions.panels import notes_of, panel, table_of, value_of

Floats = NDArray[np.float64]

MCOUNTS = "APD1 (Mcounts/s)"
BLUE_HZ = 7e6
REPORTED_KHZ = {1000.0: 24.0, 2000.0: 38.0, 3000.0: 59.0}
"""1/T1 in 1/s, and the threshold of Fig. 6c in kHz."""
LASE, LASE_B = SpinLibration.paper_set("LASE"), SpinLibration.paper_set("LASE_B")
TORQUES = (0.7e6, 0.9e6, 1.2e6, 1.5e6)
WHOLE = (
    "theory of the whole diamond with one and the same spin number for all three lifetimes;"
    " one class alone (set LASE) gives {:.1f} kHz"
)


def rabi_khz(power_dbm: float) -> float:
    """Rabi frequency of the rig, 60 kHz at -5 dBm."""
    return 60.0 * 10 ** ((power_dbm + 5.0) / 20.0)


def world_of(lab: ReproductionLab, rate: float) -> ExactWorld:
    """The lasing rig with another spin lifetime, and nothing else changed."""
    return ExactWorld(Apparatus(**{**lab.world("sim_lasing"), "t1_s": 1.0 / rate}), -10.0)


def power_scan(lab: ReproductionLab, rate: float) -> Run:
    """Power up and down around the reported threshold of this spin lifetime."""
    centre_dbm = -5.0 + 20.0 * math.log10(REPORTED_KHZ[rate] / 60.0)
    return lab.run(
        "sim_lasing", "lasing_scan", world={"t1_s": 1.0 / rate},
        start_power_dbm=centre_dbm - 9.0, stop_power_dbm=centre_dbm + 3.0,
        points=25, cycles=1 if lab.quick else 5,
    )  # fmt: skip


def threshold(lab: ReproductionLab, run: Run, words: str, rate: float) -> Comparison:
    """Where the damping vanishes, as a Rabi frequency."""
    world = world_of(lab, rate)
    theory = 1e-3 * world.lasing_rabi_hz(world.line_hz() + BLUE_HZ)
    alone = 1e-3 * lasing_threshold_hz(replace(LASE, relaxation_rate=rate))
    found = value_of(run, "threshold_dbm")
    reported = REPORTED_KHZ[rate]
    measured = rabi_khz(found[0]) if found else None
    return Comparison(
        words, "kHz", f"{reported:g} kHz", theory, measured,
        measured * math.log(10) / 20 * found[1] if found and measured else None,
        note=WHOLE.format(alone), paper=(0.95 * reported, 1.05 * reported),
    )  # fmt: skip


def figure_3b(lab: ReproductionLab) -> PaperFigure:
    """Fig. 3b: from thermal motion to a steady oscillation with growing microwave power."""
    scan = power_scan(lab, 3000.0)
    world = world_of(lab, 3000.0)
    table = table_of(scan, "powers")
    rows = [
        threshold(lab, scan, "threshold", 3000.0),
        _end_of_lasing(scan),
        comparison("histogram without lasing: excess kurtosis", "", scan, "kurtosis_low",
                   reported="Gaussian", theory=0.0),
        comparison("histogram deep in lasing: excess kurtosis", "", scan, "kurtosis_high",
                   reported="coherent oscillation", theory=_kurtosis(scan),
                   note="-1.5 is a pure sine; theory here: one with the noise of this record"),
        Comparison("threshold power", "mW", "6 mW at the amplifier", reproduced=False,
                   note="the conversion to the field at the diamond is not given"),
    ]  # fmt: skip
    energy = [
        Trace(table["power_dbm"][here], table["energy"][here], words, Style.POINTS,
              table["energy_error"][here], series=n)
        for n, (here, words) in enumerate(
            ((table["direction"] == 1, "power rising"), (table["direction"] == -1, "falling"))
        )
    ] + [_thermal_energy(world, np.unique(table["power_dbm"]))]  # fmt: skip
    order = np.argsort(scan["power_dbm"], kind="stable")
    chosen = [order[0], order[len(order) // 2], order[-1]]
    spectra = [
        Trace(scan["frequency_hz"][i][1:1200], scan["psd"][i][1:1200],
              f"{scan['power_dbm'][i]:.0f} dBm", series=n)
        for n, i in enumerate(chosen)
    ]  # fmt: skip
    return PaperFigure(
        "3b", "Phonon lasing against microwave power",
        [
            panel("Spectra", "Frequency (Hz)", "PSD (counts²/s²/Hz)", spectra, log_y=True),
            panel("Energy", "Microwave power (dBm)", "Energy (counts²/s²)", energy, log_y=True),
            panel("Histograms of the angle", MCOUNTS, "Probability density",
                  [*_histogram(scan, chosen[0], 0), *_histogram(scan, chosen[-1], 1)]),
        ],
        rows, notes_of(scan),
    )  # fmt: skip


def _thermal_energy(world: ExactWorld, powers_dbm: Floats) -> Trace:
    """Energy kB T/(I w^2) by the slope of the detector, times damping over effective damping."""
    a = world.apparatus
    light = a.angle_rate
    slope = light * a.linear_slope_per_rad / (1 + light * a.dead_time_s) ** 2
    thermal = slope**2 * Boltzmann * a.temperature_k / a.moment_of_inertia / world.omega[0] ** 2
    place = world.line_hz() + BLUE_HZ
    x, y = [], []
    for power in powers_dbm:
        damping, _ = replace(world, power_dbm=float(power)).mode(place, 480.0)
        if damping < 0.05 * world.gamma_s / (2 * np.pi):
            break
        x.append(power)
        y.append(thermal * world.gamma_s / (2 * np.pi) / damping)
    return Trace(np.array(x), np.array(y), "thermal, T γ/γ_eff", series=4)


def _kurtosis(run: Run) -> float:
    """Excess kurtosis of a sine in Gaussian noise, by the share of the variance it has."""
    i = int(np.argmax(run["power_dbm"]))
    rate = run["angle_counts"][i] * float(run.parameters["sample_rate_hz"])
    f, psd = run["frequency_hz"][i], run["psd"][i]
    p = run.parameters
    band = (f >= float(p["band_from_hz"])) & (f <= float(p["band_to_hz"]))
    energy = float(psd[band].sum() * (f[1] - f[0]))
    return -1.5 * (energy / float(rate.var())) ** 2


def _end_of_lasing(run: Run) -> Comparison:
    """How far below the threshold the oscillation ends as the power falls."""
    words = "oscillation ends, over the threshold"
    threshold_hz = lasing_threshold_hz(LASE)
    silent = replace(LASE, temperature_k=1e-6)

    def lasts(rabi_hz: float) -> bool:
        drive = Microwave([0.0, 1.0], [BLUE_HZ] * 2, [1.25 * threshold_hz, rabi_hz])
        path = simulate(silent, 4.0, sample_rate_hz=2e3, microwave=drive).angle_rad[0]
        return float(np.ptp(path[-1000:])) > 5e-3

    low, high = 0.7 * threshold_hz, threshold_hz
    while high - low > 0.005 * threshold_hz:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if lasts(middle) else (middle, high)
    theory = 0.5 * (low + high) / threshold_hz
    down, at = value_of(run, "down_jump_dbm"), value_of(run, "threshold_dbm")
    if down is None or at is None:
        return Comparison(words, "", theory=theory, note="the fit found none")
    ratio = 10 ** ((down[0] - at[0]) / 20)
    return Comparison(
        words, "", theory=theory, measured=ratio,
        error=ratio * math.log(10) / 20 * math.hypot(down[1], at[1]),
        note="subcritical: the oscillation outlasts the fall; theory without noise",
    )  # fmt: skip


def _histogram(run: Run, i: int, series: int) -> list[Trace]:
    """Density of the rate in one record with the scatter of its tenths, and its law as a line."""
    counts = run["angle_counts"][i]
    step = max(round(float(np.ptp(counts)) / 40), 1)  # whole counts, or the bins beat with them
    edges = np.arange(counts.min() - 0.5, counts.max() + step, step)
    mega = 1e-6 * float(run.parameters["sample_rate_hz"])
    each = np.array(
        [np.histogram(part, bins=edges, density=True)[0] for part in np.array_split(counts, 10)]
    )
    x = mega * (edges[:-1] + edges[1:]) / 2
    density, error = each.mean(axis=0) / mega, each.std(axis=0, ddof=1) / np.sqrt(10) / mega
    label = f"{run['power_dbm'][i]:.0f} dBm"
    traces = [Trace(x, density, label, Style.POINTS, error, series=series)]
    mean, variance = mega * float(counts.mean()), mega**2 * float(counts.var())
    sine = variance * math.sqrt(max(_kurtosis(run) / -1.5, 0.0)) if series else 0.0
    phase = np.linspace(0, np.pi, 400)
    centres = mean + math.sqrt(2 * sine) * np.cos(phase)
    rest = variance - sine
    law = np.exp(-((x[:, None] - centres) ** 2) / (2 * rest)).mean(axis=1)
    traces.append(Trace(x, law / math.sqrt(2 * np.pi * rest), "", series=series))
    return traces


def figure_6(lab: ReproductionLab) -> PaperFigure:
    """Fig. 6: damping against torque, build-up, and thresholds for three spin lifetimes."""
    damping, spring, rows = _damping_against_torque()
    build_up, built = _build_up(lab)
    rows += built
    traces, runs = [], []
    for n, rate in enumerate(REPORTED_KHZ):
        run = power_scan(lab, rate)
        runs.append(run)
        rows.append(threshold(lab, run, f"threshold, 1/T1 = {rate / 1e3:g} kHz", rate))
        table = table_of(run, "powers")
        up = table["direction"] == 1
        energy, error = table["energy"][up], table["energy_error"][up]
        x = np.array([rabi_khz(float(p)) for p in table["power_dbm"][up]])
        label = f"1/T1 = {rate / 1e3:g} kHz"
        traces.append(
            Trace(x, np.sqrt(energy), label, Style.POINTS, error / (2 * np.sqrt(energy)), series=n)
        )
        theory = rows[-1].theory
        if theory is not None:
            line = np.array([np.sqrt(energy.min()), np.sqrt(energy.max())])
            traces.append(Trace(np.full(2, theory), line, series=n))
    return PaperFigure(
        "6", "Phonon lasing: damping, build-up, thresholds",
        [
            panel("Damping, 100 kHz", "Detuning (MHz)", "γ_eff/2π (Hz)", damping),
            panel("Spring", "Detuning (MHz)", "ω_eff/2π (Hz)", spring),
            panel("Build-up after 20 ms", "Time (ms)", "Angle (mrad)", build_up),
            panel("Power rising; lines: thresholds", "Rabi frequency (kHz)",
                  "Amplitude (counts/s)", traces, log_y=True),
        ],
        rows, notes_of(*runs),
    )  # fmt: skip


def _damping_against_torque() -> tuple[list[Trace], list[Trace], list[Comparison]]:
    """Fig. 6a: eigenvalues as lines; points from integrated paths without noise."""
    grid_hz = np.linspace(-20e6, 20e6, 81)
    points_hz = np.array([-12e6, -7e6, 4e6, 7e6, 12e6])
    damping, spring, rows = [], [], []
    for n, torque in enumerate(TORQUES):
        base = replace(LASE, torque_s2=torque)
        theory = [equilibria(replace(base, detuning_hz=float(d)))[0] for d in grid_hz]
        found = np.array([_ring(replace(base, detuning_hz=float(d))) for d in points_hz])
        label = f"Γ = {1e-6 * torque:g} kHz"
        for traces, column, line in (
            (damping, 0, [e.damping_hz for e in theory]),
            (spring, 2, [e.frequency_hz for e in theory]),
        ):
            traces.append(Trace(1e-6 * grid_hz, np.array(line), "", series=n))
            traces.append(
                Trace(1e-6 * points_hz, found[:, column], label, Style.POINTS,
                      found[:, column + 1], series=n)
            )  # fmt: skip
        at = equilibria(replace(base, detuning_hz=BLUE_HZ))[0]
        negative = torque == TORQUES[-1]
        rows.append(
            Comparison(
                f"damping 7 MHz blue, {label}", "Hz", "negative" if negative else "", at.damping_hz,
                float(found[3, 0]), float(found[3, 1]),
                paper=(-np.inf, 0.0) if negative else None,
                note="a simulation in the paper as well: an integrated path",
            )
        )  # fmt: skip
    return damping, spring, rows


def _ring(p: SpinLibration) -> tuple[float, float, float, float]:
    """Damping and frequency of a small ringing around rest, Hz, each with its error."""
    point = equilibria(p)[0]
    start = [point.angle_rad + 2e-5, 0.0, *point.populations[1:]]
    time_s = np.linspace(0.01, 0.05, 400)
    path = solve_ivp(
        lambda _, state: flow(p, state), (0, 0.05), start, "DOP853", time_s, rtol=1e-9, atol=1e-12
    )
    y = 1e5 * (path.y[0] - point.angle_rad)

    def model(t: Floats, gamma: float, f: float, c: float, s: float) -> Floats:
        phase = 2 * np.pi * np.sqrt(f**2 - (gamma / 2) ** 2) * t
        return np.exp(-np.pi * gamma * t) * (c * np.cos(phase) + s * np.sin(phase))

    starts = [point.damping_hz, point.frequency_hz, 1.0, 1.0]
    best, covariance = curve_fit(model, time_s, y, starts)
    error = np.maximum(np.sqrt(np.diag(covariance)), 2e-3)
    return float(best[0]), float(error[0]), float(best[1]), float(error[1])


def _swing(path: Floats, window: int) -> Floats:
    """Amplitude of an oscillation in windows of so many samples, every 20 samples."""
    parts = np.lib.stride_tricks.sliding_window_view(path, window)[::20]
    return np.sqrt(2) * parts.std(axis=1)


def _build_up(lab: ReproductionLab) -> tuple[list[Trace], list[Comparison]]:
    """Fig. 6b: thermal paths and the path from rest, set LASE_B, microwave on at 20 ms."""
    drive = Microwave([0.0, 0.02], [BLUE_HZ] * 2, [0.0, LASE_B.rabi_hz])
    many = 64 if lab.quick else 256
    paths = simulate(LASE_B, 0.4, sample_rate_hz=1e4, trajectories=many, microwave=drive)
    rest = simulate(
        replace(LASE_B, temperature_k=1e-6), 1.0, sample_rate_hz=1e4, microwave=drive,
        from_rest=True,
    )  # fmt: skip
    settled = paths.angle_rad[:, paths.time_s > 0.3]
    amplitude = math.sqrt(2) * settled.std(axis=1)
    silent = math.sqrt(2) * float(rest.angle_rad[0][rest.time_s > 0.8].std())
    window = 80  # samples, some four periods
    swing = np.array([_swing(path, window) for path in paths.angle_rad])
    swing_s = paths.time_s[window // 2 :][::20][: swing.shape[1]]
    reached_s = _swing(rest.angle_rad[0], window) > 0.95 * silent
    reached_s = rest.time_s[window // 2 :][::20][np.argmax(reached_s)] - 0.02
    thermal_s = swing_s[np.argmax(swing > 0.95 * amplitude.mean(), axis=1)].mean() - 0.02
    rows = [
        Comparison(
            "build-up: amplitude", "mrad", "0.05 rad", 1e3 * silent, 1e3 * float(amplitude.mean()),
            1e3 * float(amplitude.std(ddof=1)) / math.sqrt(many), paper=(45.0, 55.0),
            note="theory without noise; thermal kicks round the swing by a few per cent",
        ),
        Comparison(
            "build-up: time to 95 % of it, from rest", "ms", "120 ms", None, 1e3 * float(reached_s),
            0.5e3 / LASE_B.libration_hz, paper=(110.0, 130.0),
            note=f"good to half a period; from thermal motion it takes {1e3 * thermal_s:.0f} ms",
        ),
    ]  # fmt: skip
    shown = paths.time_s < 0.25
    mean = swing.mean(axis=0)
    spread = swing.std(axis=0, ddof=1) / math.sqrt(many)
    early = swing_s < 0.25
    return [
        Trace(1e3 * paths.time_s[shown], 1e3 * paths.angle_rad[0][shown], "one path", series=4),
        Trace(1e3 * swing_s[early], 1e3 * mean[early], "mean swing", Style.POINTS,
              1e3 * spread[early], series=1),
        Trace(np.array([20.0, 250.0]), 1e3 * np.full(2, silent), "without noise",
              series=0),
    ], rows  # fmt: skip
