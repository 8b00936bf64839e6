"""Priors of the fits of the spins: Rabi, Ramsey, T1, polarisation; light from `expm` and sums."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.linalg import expm

from labctl.analysis.polarization import fit_polarization
from labctl.analysis.rabi import fit_rabi
from labctl.analysis.ramsey import fit_ramsey
from labctl.analysis.relaxation import Readout, fit_relaxation
from labctl.analysis.resonances import fit_resonances
from labctl.data import FitResult
from tests.calibration.simulation import Calibration, Draw

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
TURN = 2 * np.pi
READOUT = Readout(light_s=1.01e-3, windows_s=((0.0, 10e-6), (11e-6, 111e-6)))


def log_uniform(rng: Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def bloch(rabi: float, t2star: float, detuning: float) -> Floats:
    """d/dt of (u, v, w), angular frequencies."""
    decay = 1 / t2star
    return np.array([[-decay, detuning, 0], [-detuning, -decay, rabi], [0, -rabi, 0]])


def against_reference(rng: Generator, loss: Floats, counts: float) -> tuple[Counts, Counts]:
    return rng.poisson(counts * (1 - loss)), rng.poisson(counts, loss.size)


def values(truth: dict[str, float], fit: FitResult | None) -> Draw:
    return truth, fit.values if fit is not None else {}


def rabi(rng: Generator) -> Draw:
    t2star, contrast = log_uniform(rng, 60e-9, 300e-9), rng.uniform(0.03, 0.12)
    rabi_hz, detuning_hz = rng.uniform(4e6, 12e6), abs(rng.normal(0, 3e6))
    time_s = np.geomspace(10e-9, 20e-6, 60)
    turn = bloch(TURN * rabi_hz, t2star, TURN * detuning_hz)
    w = expm(turn * time_s[:, None, None])[:, 2, 2]
    loss = contrast * (1 - w) / 2 - 0.01 * np.expm1(-time_s / 50e-6)
    truth = {
        "contrast": contrast, "rabi_hz": rabi_hz, "t2star_s": t2star, "detuning_hz": detuning_hz,
    }  # fmt: skip
    return values(truth, fit_rabi(time_s, *against_reference(rng, loss, 3e6)))


def saturation(rng: Generator) -> Draw:
    """Far overdamped: the rate alone."""
    rate, contrast = log_uniform(rng, 3e4, 1e6), rng.uniform(0.03, 0.12)
    time_s = np.geomspace(100e-9, 100e-6, 40)
    loss = -0.5 * contrast * np.expm1(-rate * time_s)
    truth = {"contrast": contrast, "saturation_rate_per_s": rate}
    return values(truth, fit_rabi(time_s, *against_reference(rng, loss, 1e6)))


def ramsey(rng: Generator) -> Draw:
    t2star, contrast = log_uniform(rng, 40e-9, 300e-9), rng.uniform(0.03, 0.12)
    detuning_hz, pi_time_s = rng.uniform(0, 9e6), 63e-9
    gap_s = np.linspace(10e-9, 600e-9, 60)
    o = np.hypot(np.pi / pi_time_s, 0.5 / t2star)
    pulse = expm(bloch(o, t2star, TURN * detuning_hz) * pi_time_s / 2)
    free = expm(bloch(0.0, t2star, TURN * detuning_hz) * gap_s[:, None, None])
    w = (pulse @ free @ pulse)[:, 2, 2]
    data = against_reference(rng, 0.01 + contrast * (1 - w) / 2, 3e6)
    truth = {"contrast": contrast, "t2star_s": t2star, "detuning_hz": detuning_hz}
    return values(truth, fit_ramsey(gap_s, *data, pi_time_s=pi_time_s, frequency_hz=2.7e9))


def relaxation(rng: Generator) -> Draw:
    """Either law, half of the draws each; the pump's integral by a sum."""
    exponent = rng.choice([0.5, 1.0])
    t1_s, pump = log_uniform(rng, 2e-4, 2e-3), log_uniform(rng, 5e3, 2e4)
    dark = np.tile(np.geomspace(5e-6, 8e-3, 16), 4)
    s = (np.linspace(0, np.sqrt(READOUT.light_s), 202)[1:] - np.sqrt(READOUT.light_s) / 402) ** 2
    weight = 2 * np.sqrt(s) * np.sqrt(READOUT.light_s) / 201 * pump * np.exp(-pump * s)
    columns = {}
    for (start, stop), tail in zip(READOUT.windows_s, ("", "_late"), strict=True):
        u = start + (stop - start) * (np.arange(8) + 0.5) / 8
        t = dark[:, None, None] + u[:, None] + s
        f = np.exp(-((t / t1_s) ** exponent)) @ weight
        signal = (f * np.exp(-pump * u)).mean(axis=1) * (stop - start) / 10e-6
        floor = 4e5 * (stop - start) / 10e-6
        columns[f"plain{tail}"] = rng.poisson(np.full(dark.size, floor))
        columns[f"flipped{tail}"] = rng.poisson(floor - 2e4 * signal)
    name = "t1_stretched_s" if exponent < 1 else "t1_simple_s"
    truth = {name: t1_s, "polarization_rate_per_s": pump, "stretch_exponent": exponent}
    return values(truth, fit_relaxation(dark, columns, READOUT))


def polarization(rng: Generator) -> Draw:
    light, microwave = log_uniform(rng, 2e3, 2e4), log_uniform(rng, 3e3, 5e4)
    pulse_s = np.tile(np.linspace(20e-6, 500e-6, 12), 8)
    depth = rng.uniform(2e3, 1e4, 2)
    reference = np.full(pulse_s.size, 2e5)
    after = reference - depth[0] * np.exp(-light * pulse_s)
    driven = reference + depth[1] * np.expm1(-microwave * pulse_s)
    counts = [rng.poisson(rate) for rate in (reference, after, reference, driven)]
    truth = {"polarization_rate_per_s": light, "microwave_rate_per_s": microwave}
    return values(truth, fit_polarization(pulse_s, *counts))


def odmr(rng: Generator) -> Draw:
    """Two lines of one scan as `odmr` counts them, 60 sweeps of 2 ms."""
    frequency_hz = np.linspace(2.75e9, 2.99e9, 161)
    at = rng.uniform([2.79e9, 2.90e9], [2.84e9, 2.95e9])
    fwhm, depth = rng.uniform(5e6, 12e6, 2), rng.uniform(0.005, 0.03, 2)
    dips = depth / (1 + ((frequency_hz[:, None] - at) / (fwhm / 2)) ** 2)
    rate, exposure_s = 4e6, 0.12
    counts = rng.poisson(rate * exposure_s * (1 - dips.sum(axis=1)))
    fit = fit_resonances(
        frequency_hz, counts / exposure_s, np.sqrt(counts) / exposure_s, sign="negative"
    )
    truth = {f"frequency_{n + 1}_hz": float(at[n]) for n in range(2)}
    truth |= {f"fwhm_{n + 1}_hz": float(fwhm[n]) for n in range(2)}
    if fit.tables["resonances"].columns["frequency_hz"].size != 2:
        return truth, {}
    return truth, fit.values


CALIBRATIONS = (
    Calibration(
        "ramsey",
        "Detunings of 0 to 9 MHz, T2* 40 to 300 ns, contrast 3 to 12 %, 3 million counts at each of"
        " 60 gaps.",
        ramsey,
        quick_draws=20,
    ),
    Calibration(
        "t1",
        "T1 of 0.2 to 2 ms, simple or stretched, polarisation rates of 5e3 to 2e4 per second, 16"
        " dark times from 5 us to 8 ms.",
        relaxation,
        quick_draws=20,
    ),
    Calibration(
        "polarization_rates",
        "Rates of light of 2e3 to 2e4 and of the microwave of 3e3 to 5e4 per second, 12 pulses of"
        " 20 to 500 us.",
        polarization,
        quick_draws=40,
    ),
    Calibration(
        "odmr lines",
        "Two lines 60 MHz or more apart, 5 to 12 MHz wide, 0.5 to 3 % deep, 161 points of 0.12 s at"
        " 4 million counts per second.",
        odmr,
        quick_draws=20,
    ),
    Calibration(
        "rabi",
        "Rabi frequencies of 4 to 12 MHz, half-normally detuned by 3 MHz, T2* 60 to 300 ns,"
        " contrast 3 to 12 %, a slow rise of other lines, 3 million counts at each of 60"
        " pulse lengths.",
        rabi,
        quick_draws=20,
        remarks={"detuning_hz": "no detuning is below zero, which a symmetric error cannot tell"},
    ),
    Calibration(
        "rabi, overdamped",
        "Rates of saturation of 3e4 to 1e6 per second, contrast 3 to 12 %, a million counts at each"
        " of 40 pulse lengths.",
        saturation,
        quick_draws=15,
    ),
)
