"""Draw the figures of docs/theory.md: python docs/make_theory_figures.py [FOLDER]."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.signal import welch

from sim_backends.physics import bistability, libration
from sim_backends.physics.libration import SpinLibration
from sim_backends.physics.trajectories import Microwave, simulate

BLUE, RED, GREEN, GREY = "#1f5fa8", "#c0392b", "#2e7d4f", "#777777"


def s_curve() -> Figure:
    """Angle against detuning for BISTW, with its folds and the way of a slow sweep."""
    p = SpinLibration.paper_set("BISTW")
    low, high = libration.fold_detunings_hz(p)
    detunings = np.unique(
        np.concatenate([np.linspace(-13e6, -5e6, 900), low + np.geomspace(1, 1e5, 60),
                        high - np.geomspace(1, 1e5, 60)])
    )  # fmt: skip
    rest, saddle, oscillating = [], [], []
    for detuning in detunings:
        points = libration.equilibria(replace(p, detuning_hz=detuning))
        for i, point in enumerate(points):
            middle = len(points) == 3 and i == 1
            kind = saddle if middle else rest if point.stable else oscillating
            kind.append((detuning / 1e6, point.angle_rad * 1e3))
    figure, axes = plt.subplots(figsize=(6.4, 4.0))
    for points, colour, label in (
        (rest, BLUE, "stable"),
        (oscillating, RED, "oscillates: the delay amplifies"),
        (saddle, GREY, "barrier"),
    ):
        axes.plot(*np.array(points).T, ".", color=colour, markersize=2.5, label=label)
    for fold, inward, text in (
        (low, 1.0, f"{low / 1e6:.3f} MHz\nfrom the blue"),
        (high, -1.0, f"{high / 1e6:.3f} MHz\nfrom the red"),
    ):
        angles = [
            point.angle_rad * 1e3
            for point in libration.equilibria(replace(p, detuning_hz=fold + inward))
        ]
        begin, end = (angles[2], angles[0]) if inward > 0 else (angles[0], angles[2])
        axes.annotate(
            "", (fold / 1e6, end), (fold / 1e6, begin),
            arrowprops={"arrowstyle": "->", "color": GREEN, "linewidth": 1.5},
        )  # fmt: skip
        side = "right" if inward > 0 else "left"
        axes.text(fold / 1e6 - 0.12 * inward, 24, text, color=GREEN, fontsize=9, ha=side)
    axes.set(xlabel="detuning Δ/2π (MHz)", ylabel="angle φ (mrad)", title="Bistability, set BISTW")
    axes.legend(markerscale=5, frameon=False, loc="lower right")
    return figure


def damping_and_spring() -> Figure:
    """Effective damping and frequency of COOL against the detuning."""
    p = SpinLibration.paper_set("COOL")
    detunings = np.linspace(-15e6, 15e6, 601)
    figure, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(6.4, 5.2))
    for rabi_hz, colour in ((10e3, GREY), (30e3, BLUE)):
        points = [
            libration.equilibria(replace(p, detuning_hz=d, rabi_hz=rabi_hz))[0] for d in detunings
        ]
        label = f"Ω/2π = {rabi_hz / 1e3:.0f} kHz"
        top.plot(detunings / 1e6, [e.damping_hz for e in points], color=colour, label=label)
        bottom.plot(detunings / 1e6, [e.frequency_hz for e in points], color=colour)
    (calibrated,) = libration.equilibria(p)
    top.plot(p.detuning_hz / 1e6, calibrated.damping_hz, "o", color=RED, label="COOL")
    bottom.plot(p.detuning_hz / 1e6, calibrated.frequency_hz, "o", color=RED)
    top.axhline(p.damping_hz, color="k", linewidth=0.6, linestyle=":")
    top.axhspan(top.get_ylim()[0], 0.0, color=RED, alpha=0.08, linewidth=0)
    top.text(-14.5, -6, "oscillation grows", color=RED, fontsize=9, va="top")
    bottom.axhline(p.libration_hz, color="k", linewidth=0.6, linestyle=":")
    top.set(ylabel="γ_eff/2π (Hz)", title="Cooling, heating and the spin spring, set COOL")
    bottom.set(ylabel="ω_eff/2π (Hz)", xlabel="detuning Δ/2π (MHz)")
    top.legend(frameon=False)
    return figure


def spectra() -> Figure:
    """Spectrum at three detunings, theory over simulated trajectories."""
    p = replace(SpinLibration.paper_set("COOL"), rabi_hz=10e3)
    frequency = np.linspace(300.0, 650.0, 1500)
    figure, axes = plt.subplots(figsize=(6.4, 4.0))
    for detuning, colour, name in ((-3e6, RED, "red"), (0.0, GREEN, "centre"), (3e6, BLUE, "blue")):
        q = replace(p, detuning_hz=detuning)
        run = simulate(q, 3.2, sample_rate_hz=8000.0, trajectories=64, seed=3)
        settled = run.angle_rad[:, 1600:]
        f, power = welch(settled, fs=8000.0, nperseg=4096, axis=1)
        near = (f > 300) & (f < 650)
        axes.semilogy(f[near], power.mean(axis=0)[near] * 1e6, ".", color=colour, markersize=4)
        label = f"{name}, Δ/2π = {detuning / 1e6:.0f} MHz"
        axes.semilogy(frequency, libration.psd(q, frequency) * 1e6, color=colour, label=label)
    bare = replace(p, rabi_hz=0.0)
    axes.semilogy(
        frequency, libration.psd(bare, frequency) * 1e6, "k--", linewidth=0.8, label="no microwave"
    )
    axes.set(
        xlabel="frequency (Hz)", ylabel="S_φ (mrad²/Hz, one-sided)",
        title="COOL at Ω/2π = 10 kHz: psd (lines), simulate (dots)",
    )  # fmt: skip
    axes.legend(frameon=False)
    return figure


def lasing() -> Figure:
    """Growth from rest for LASE_B, and the hysteresis of LASE against the drive."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8))
    p = replace(SpinLibration.paper_set("LASE_B"), temperature_k=1e-6)
    run = simulate(p, 0.3, sample_rate_hz=20e3, from_rest=True)
    left.plot(run.time_s * 1e3, run.angle_rad[0] * 1e3, color=BLUE, linewidth=0.4)
    left.axvline(118, color=RED, linewidth=0.8, linestyle="--")
    left.text(121, -62, "95 % at 118 ms", color=RED, fontsize=9)
    left.set(xlabel="time (ms)", ylabel="φ (mrad)", ylim=(-66, 66), title="LASE_B from rest")

    p = replace(SpinLibration.paper_set("LASE"), temperature_k=1e-3)
    threshold = libration.lasing_threshold_hz(p)
    drives = threshold * np.linspace(0.76, 1.2, 45)
    stairs = np.concatenate([drives, drives[::-1]])
    each_s = 4.0
    microwave = Microwave(
        time_s=each_s * np.arange(stairs.size),
        detuning_hz=np.full(stairs.size, p.detuning_hz),
        rabi_hz=stairs,
    )
    run = simulate(p, each_s * stairs.size, sample_rate_hz=10e3, microwave=microwave)
    ends = run.angle_rad[0].reshape(stairs.size, -1)[:, -1000:]
    up, down = np.split(0.5e3 * np.ptp(ends, axis=1), 2)
    style = {"markersize": 3.5, "fillstyle": "none"}
    right.plot(drives / 1e3, up, "o", color=BLUE, label="drive raised", **style)
    right.plot(drives[::-1] / 1e3, down, "s", color=RED, label="drive lowered", **style)
    right.axvline(threshold / 1e3, color=GREY, linewidth=0.8, linestyle="--")
    right.text(threshold / 1e3 + 0.4, 8.0, f"threshold\n{threshold / 1e3:.1f} kHz", fontsize=9)
    right.set(xlabel="Ω/2π (kHz)", ylabel="amplitude (mrad)", title="LASE: subcritical")
    right.legend(frameon=False, loc="center left")
    return figure


def jumps() -> Figure:
    """A trace of BIST at 300 K, and the occupation of well B against the detuning."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8))
    p = SpinLibration.paper_set("BIST")
    detunings = np.linspace(-8.32e6, -7.82e6, 9)
    theory, observed = [], []
    for detuning in detunings:
        q = replace(p, detuning_hz=float(detuning))
        run = simulate(q, 2.0, sample_rate_hz=5000.0, trajectories=128, seed=1)
        both = bistability.compare(q, run.angle_rad[:, 500:], 5000.0)
        theory.append(both.theory.fraction_b)
        observed.append(both.observed.fraction_b)
    run = simulate(p, 1.2, sample_rate_hz=5000.0, trajectories=8, seed=2)
    well = bistability.double_well(p)
    left.plot(np.arange(3000) / 5.0, run.angle_rad[4, 3000:6000] * 1e3, color=BLUE, linewidth=0.6)
    for angle, name in ((well.angle_a_rad, "A"), (well.angle_c_rad, "C"), (well.angle_b_rad, "B")):
        left.axhline(angle * 1e3, color=RED, linewidth=0.7, linestyle="--")
        left.text(602, angle * 1e3, name, color=RED, va="center", clip_on=False)
    left.set(xlabel="time (ms)", ylabel="φ (mrad)", xlim=(0, 600), title="BIST at 300 K")
    right.plot(detunings / 1e6, theory, color=GREY, label="Kramers, 300 K in both wells")
    right.plot(detunings / 1e6, observed, "o", color=BLUE, label="simulated, delayed spins")
    right.set(xlabel="detuning Δ/2π (MHz)", ylabel="time in B", ylim=(0, 1))
    right.set_title("BIST: occupation of the upper well")
    right.legend(frameon=False)
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "bistability": s_curve,
    "damping_and_spring": damping_and_spring,
    "spectra": spectra,
    "lasing": lasing,
    "jumps": jumps,
}


def main() -> None:
    """Draw every figure into a folder, docs/figures by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent / "figures")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    plt.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    for name, draw in FIGURES.items():
        figure = draw()
        figure.tight_layout()
        figure.savefig(folder / f"{name}.png", dpi=120, metadata={"Software": None})
        plt.close(figure)


if __name__ == "__main__":
    main()
