"""Figures 3 and 6 of the spin-cooling paper: bistability and phonon lasing."""

import math
from dataclasses import replace

import numpy as np

from labctl.data import Run
from labctl.paper import Comparison, PaperFigure, ReproductionLab, Style, Trace, comparison
from sim_backends.physics.libration import (
    SpinLibration,
    equilibria,
    fold_detunings_hz,
    lasing_threshold_hz,
)
from sim_backends.reproductions.panels import notes_of, panel, table_of, value_of

MCOUNTS, LINE_HZ = "APD1 (Mcounts/s)", 2.72e9
REPORTED_KHZ = {1000.0: "24 kHz", 2000.0: "38 kHz", 3000.0: "59 kHz"}
SPINS = {1000.0: 1.25e9, 2000.0: 1.31e9, 3000.0: 1.39e9}
"""Spins per class that bring the onset in the whole diamond close to that of the set LASE."""
BENT = "the line bends in the whole diamond, see configs/sim_bistable.toml"


def rabi_khz(power_dbm: float) -> float:
    """Rabi frequency of the rigs of the strong torque, 60 kHz at -5 dBm."""
    return 60.0 * 10 ** ((power_dbm + 5.0) / 20.0)


def figure_3a(lab: ReproductionLab) -> PaperFigure:
    """Fig. 3a: hysteresis of the angle, and its jumps between two wells."""
    loop = lab.run("sim_bistable", "hysteresis", sweeps=60 if lab.quick else 300)
    jumps = lab.run("sim_bistable", "angle_jumps", repeats=10 if lab.quick else 60)
    low_hz, high_hz = fold_detunings_hz(SpinLibration.paper_set("BISTW"))
    rows = [
        comparison("lower fold, from resonance", "MHz", loop, "lower_fold_detuning_hz",
                   scale=1e-6, theory=1e-6 * low_hz, note=BENT),
        comparison("upper fold, from resonance", "MHz", loop, "upper_fold_detuning_hz",
                   scale=1e-6, theory=1e-6 * high_hz, note=BENT),
    ]  # fmt: skip
    wells = table_of(jumps, "wells")
    share = wells.get("population_upper", np.array([]))
    if share.size > 1:
        finite = np.isfinite(share)
        slope = (
            np.polyfit(wells["frequency_hz"][finite], share[finite], 1)[0] if finite.any() else 0
        )
        rows.append(
            Comparison("upper well, population per MHz", "1/MHz", "rises toward resonance",
                       measured=1e6 * float(slope))
        )  # fmt: skip
    return PaperFigure(
        "3a", "Bistability: hysteresis, jumps, population of the upper well",
        [
            panel("S-curve of BISTW", "Detuning (MHz)", "Angle (mrad)", [_s_curve()]),
            panel("Sweeps up and down", "Detuning (MHz)", MCOUNTS, _loop(loop)),
            panel("At a fixed microwave", "Time (s)", MCOUNTS, [_record(jumps)]),
            panel("Upper well", "Detuning (MHz)", "Share of time", [
                Trace(1e-6 * (wells.get("frequency_hz", np.array([])) - LINE_HZ), share,
                      "measured", Style.POINTS, wells.get("population_error"))
            ]),
        ],
        rows, notes_of(loop, jumps),
    )  # fmt: skip


def _s_curve() -> Trace:
    """Every rest position of BISTW, by detuning."""
    base = SpinLibration.paper_set("BISTW")
    points = [
        (1e-6 * d, 1e3 * e.angle_rad)
        for d in np.linspace(-16e6, 4e6, 161)
        for e in equilibria(replace(base, detuning_hz=float(d)))
    ]
    x, y = np.array(points).T
    return Trace(x, y, "rest positions", Style.POINTS)


def _loop(run: Run) -> list[Trace]:
    loop = table_of(run, "loop")
    x = 1e-6 * (loop.get("frequency_hz", np.array([])) - LINE_HZ)
    return [
        Trace(x, 1e-6 * loop.get(way, np.array([])), way, Style.LINE) for way in ("up", "down")
    ]  # fmt: skip


def _record(run: Run) -> Trace:
    """The record with the most even share of both wells, at a kilosample per second."""
    counts = run["angle_counts"].astype(float)
    rate_hz = float(run.parameters["sample_rate_hz"])
    step = max(round(rate_hz / 1e3), 1)
    whole = counts[:, : counts.shape[1] // step * step]
    smooth = whole.reshape(len(counts), -1, step).mean(axis=2)
    best = int(np.argmax(smooth.std(axis=1)))
    time_s = (np.arange(smooth.shape[1]) + 0.5) * step / rate_hz
    return Trace(time_s, 1e-6 * rate_hz * smooth[best], "angle")


def figure_3b(lab: ReproductionLab) -> PaperFigure:
    """Fig. 3b: from thermal motion to a steady oscillation with growing microwave power."""
    scan = lab.run("sim_lasing", "lasing_scan", cycles=1 if lab.quick else 5)
    rows = [
        _threshold(scan, "threshold", 3000.0),
        comparison("histogram without lasing: excess kurtosis", "", scan, "kurtosis_low",
                   reported="Gaussian", theory=0.0),
        comparison("histogram deep in lasing: excess kurtosis", "", scan, "kurtosis_high",
                   reported="coherent oscillation", theory=-1.5,
                   note="-1.5 is a pure sine; thermal motion and other modes round it off"),
        Comparison("threshold power", "mW", "6 mW at the amplifier", reproduced=False,
                   note="the conversion to the field at the diamond is not given"),
    ]  # fmt: skip
    for name, words in (("up_jump_dbm", "rising"), ("down_jump_dbm", "falling")):
        found = value_of(scan, name)
        if found is not None:
            rows.append(
                Comparison(f"onset, power {words}", "kHz", measured=rabi_khz(found[0]),
                           error=rabi_khz(found[0]) * math.log(10) / 20 * found[1],
                           note="subcritical: the oscillation outlasts the fall")
            )  # fmt: skip
    table = table_of(scan, "powers")
    energy = []
    for sign, words in ((1, "rising"), (-1, "falling")):
        here = table.get("direction", np.array([])) == sign
        energy.append(
            Trace(table.get("power_dbm", np.array([]))[here],
                  table.get("energy", np.array([]))[here], f"power {words}", Style.POINTS)
        )  # fmt: skip
    order = np.argsort(scan["power_dbm"], kind="stable")
    chosen = [order[0], order[len(order) // 2], order[-1]]
    spectra = [
        Trace(scan["frequency_hz"][i][1:], scan["psd"][i][1:], f"{scan['power_dbm'][i]:g} dBm")
        for i in chosen
    ]
    return PaperFigure(
        "3b", "Phonon lasing against microwave power",
        [
            panel("Spectra", "Frequency (Hz)", "PSD (counts²/s²/Hz)", spectra, log_y=True),
            panel("Energy", "Microwave power (dBm)", "Energy (counts²/s²)", energy, log_y=True),
            panel("Histograms of the angle", MCOUNTS, "Probability density",
                  [_histogram(scan, i) for i in (chosen[0], chosen[-1])]),
        ],
        rows, notes_of(scan),
    )  # fmt: skip


def _histogram(run: Run, i: int) -> Trace:
    counts = run["angle_counts"][i]
    step = max(round(float(np.ptp(counts)) / 50), 1)  # whole counts, or the bins beat with them
    edges = np.arange(counts.min() - 0.5, counts.max() + step, step)
    density, edges = np.histogram(counts, bins=edges, density=True)
    mega = 1e-6 * float(run.parameters["sample_rate_hz"])
    label = f"{run['power_dbm'][i]:g} dBm"
    return Trace(mega * (edges[:-1] + edges[1:]) / 2, density / mega, label, Style.STEPS)


def _threshold(run: Run, words: str, rate: float) -> Comparison:
    base = SpinLibration.paper_set("LASE")
    theory = lasing_threshold_hz(replace(base, relaxation_rate=rate))
    found = value_of(run, "threshold_dbm")
    if found is None:
        return Comparison(words, "kHz", REPORTED_KHZ[rate], 1e-3 * theory, note="not found")
    measured = rabi_khz(found[0])
    return Comparison(
        words, "kHz", REPORTED_KHZ[rate], 1e-3 * theory, measured,
        measured * math.log(10) / 20 * found[1],
        note="the levels of the whole diamond are mixed, see configs/sim_lasing.toml",
    )  # fmt: skip


def figure_6(lab: ReproductionLab) -> PaperFigure:
    """Fig. 6: lasing thresholds for three spin lifetimes."""
    rows, traces, runs = [], [], []
    for rate, spins in SPINS.items():
        base = SpinLibration.paper_set("LASE")
        threshold_hz = lasing_threshold_hz(replace(base, relaxation_rate=rate))
        centre_dbm = -5.0 + 20.0 * math.log10(threshold_hz / 60e3)
        run = lab.run(
            "sim_lasing", "lasing_scan", world={"t1_s": 1.0 / rate, "spins_per_class": spins},
            start_power_dbm=centre_dbm - 9.0, stop_power_dbm=centre_dbm + 3.0,
            points=25, cycles=1 if lab.quick else 4,
        )  # fmt: skip
        runs.append(run)
        rows.append(_threshold(run, f"threshold, 1/T1 = {rate / 1e3:g} kHz", rate))
        table = table_of(run, "powers")
        up = table.get("direction", np.array([])) == 1
        power = table.get("power_dbm", np.array([]))[up]
        traces.append(
            Trace(np.array([rabi_khz(float(p)) for p in power]),
                  np.sqrt(table.get("energy", np.array([]))[up]), f"1/T1 = {rate / 1e3:g} kHz",
                  Style.POINTS)
        )  # fmt: skip
    return PaperFigure(
        "6", "Amplitude of the oscillation against the Rabi frequency, power rising",
        [panel("Amplitude", "Rabi frequency (kHz)", "Amplitude (counts/s)", traces, log_y=True)],
        rows, notes_of(*runs),
    )  # fmt: skip
