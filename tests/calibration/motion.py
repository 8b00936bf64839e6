"""Priors of the fits of the motion: ring-down, spectrum, cooling."""

import numpy as np
from numpy.random import Generator

from labctl.analysis.lasing_threshold import NOISE_GAIN, SATURATIONS, Scan, fit_lasing
from labctl.analysis.psd_fit import fit_psd
from labctl.analysis.ring_down import decaying_sines, fit_ring_down
from labctl.analysis.spectra import Averaging, mode_psd, welch_psd
from labctl.analysis.spin_cooling import fit_cooling
from tests.calibration.noise import counted, gaussian_record
from tests.calibration.simulation import Calibration, Draw

LIGHT_PER_S = 2e6
"""Mean count rate of APD1."""


def ring_down(rng: Generator) -> Draw:
    f, g = rng.uniform(250, 900), np.exp(rng.uniform(np.log(6), np.log(60)))
    rms, ratio, phase = rng.uniform(1e4, 5e4), rng.uniform(1.5, 8), rng.uniform(-np.pi, np.pi)
    traces, averaged, rate_hz = 24, 20, 10e3
    time_s = np.arange(1200) / rate_hz
    ringing = np.sqrt(f**2 - g**2 / 4)
    c, s = ratio * rms * np.sin(phase), ratio * rms * np.cos(phase)
    clean = decaying_sines(time_s, [ringing, g, c, s, LIGHT_PER_S])
    brownian = gaussian_record(
        rng, lambda at: mode_psd(at, f, g, rms**2), time_s.size, rate_hz, traces
    )
    noise = brownian / np.sqrt(averaged) + clean
    y = counted(rng, noise, rate_hz / averaged)
    truth = {
        "mode_1_frequency_hz": f,
        "mode_1_damping_hz": g,
        "mode_1_amplitude": ratio * rms,
        "offset": LIGHT_PER_S,
    }
    return truth, fit_ring_down(time_s, y).values


def psd(rng: Generator) -> Draw:
    """Two modes apart from each other; Q from a few hundred to one and a half."""
    f = np.sort(rng.uniform([200, 600], [450, 1000]))
    g = np.exp(rng.uniform(np.log(2), np.log(120), 2))
    area = np.exp(rng.uniform(np.log(2e4**2), np.log(6e4**2), 2))
    return _spectrum(rng, f, g, area)


def narrow_psd(rng: Generator) -> Draw:
    """One mode narrower than a bin of the spectrum."""
    return _spectrum(
        rng, rng.uniform(200, 900, 1), np.exp(rng.uniform(np.log(0.2), np.log(1.0), 1)),
        np.exp(rng.uniform(np.log(1e4**2), np.log(5e4**2), 1)), segment_s=1.0, segments=59,
    )  # fmt: skip


def overdamped_psd(rng: Generator) -> Draw:
    """One mode with a Q from 0.3 to one."""
    f = rng.uniform(200, 500, 1)
    return _spectrum(rng, f, f / rng.uniform(0.3, 1.0, 1), rng.uniform(1e4**2, 5e4**2, 1))


def _spectrum(
    rng: Generator, f: np.ndarray, g: np.ndarray, area: np.ndarray, *, segment_s: float = 0.5,
    segments: int = 39,
) -> Draw:  # fmt: skip
    rate_hz = 5e3
    segment = round(segment_s * rate_hz)
    samples = segment * (segments + 1) // 2

    def spectrum(at: np.ndarray) -> np.ndarray:
        return np.sum([mode_psd(at, *mode) for mode in zip(f, g, area, strict=True)], axis=0)

    motion = gaussian_record(rng, spectrum, samples, rate_hz)[0]
    frequency, density = welch_psd(counted(rng, LIGHT_PER_S + motion, rate_hz), rate_hz, segment)
    fit = fit_psd(
        frequency, density, Averaging(segments), range_hz=(60, 2000), sample_rate_hz=rate_hz
    )
    truth = {}
    for i, mode in enumerate(zip(f, g, area, strict=True), start=1):
        for name, value in zip(("frequency_hz", "damping_hz", "area"), mode, strict=True):
            truth[f"mode_{i}_{name}"] = float(value)
    # With a mode missing, or one too many, their numbers do not match.
    return truth, fit.values if len(fit.values) == 3 * f.size + 1 else {}


def cooling(rng: Generator) -> Draw:
    """A reference and one cooled point, with the thermal motion of both."""
    f, g = rng.uniform(300, 700), rng.uniform(8, 25)
    colder, spring = rng.uniform(1.5, 5), rng.uniform(0.93, 1.0)
    rms, ratio = rng.uniform(1e4, 4e4), rng.uniform(4, 10)
    traces, averaged, rate_hz = 16, 20, 10e3
    time_s = np.arange(800) / rate_hz
    taken = []
    for centre, damping in ((f, g), (f * spring, g * colder)):
        clean = decaying_sines(
            time_s, [np.sqrt(centre**2 - damping**2 / 4), damping, 0, ratio * rms, LIGHT_PER_S]
        )
        # The energy of what is cooled falls as the damping rises.
        variance = rms**2 * g / damping
        brownian = gaussian_record(
            rng, lambda at, c=centre, d=damping, v=variance: mode_psd(at, c, d, v),
            time_s.size, rate_hz, traces,
        )  # fmt: skip
        taken.append(counted(rng, clean + brownian / np.sqrt(averaged), rate_hz / averaged))
    fit = fit_cooling(
        np.repeat([1.0, 2.62e9], traces), np.repeat([True, False], traces), time_s,
        np.concatenate(taken), temperature_k=300.0,
    )  # fmt: skip
    truth = {
        "reference_damping_hz": g,
        "coldest_damping_hz": g * colder,
        "coldest_frequency_hz": f * spring,
        "coldest_temperature_k": 300 / colder,
    }
    return truth, fit.values


def lasing(rng: Generator) -> Draw:
    """Thermal records at powers below the threshold; damping and spring saturate.

    By the fit's own law: `test_the_threshold_of_lasing` asks it of the Langevin equations.
    """
    f, g, rms = rng.uniform(420, 580), rng.uniform(8, 20), rng.uniform(2e4, 6e4)
    threshold_dbm, pull_hz = rng.uniform(-6.5, -4.5), rng.uniform(4, 15)
    saturation = rng.uniform(0.2, 0.8)
    ratio = float(np.clip(rng.normal(*SATURATIONS), 1, 2))
    powers_dbm, rate_hz, samples = np.repeat(np.linspace(-16.0, -7.0, 8), 2), 2e3, 16_000
    x = 10 ** ((powers_dbm - threshold_dbm) / 10)
    gain = (1 + saturation) * x / (1 + saturation * x)
    left = 1 - gain * (1 + NOISE_GAIN / np.maximum(1 - gain, 0.1))
    centre = f + pull_hz * x / (1 + saturation / ratio * x)
    rates = np.empty((x.size, samples))
    for k, (at, damping) in enumerate(zip(centre, g * left, strict=True)):
        # The force is the same at every power.
        variance = rms**2 * (g / damping) * (f / at) ** 2
        motion = gaussian_record(
            rng, lambda w, m=(at, damping, variance): mode_psd(w, *m), samples, rate_hz
        )
        rates[k] = counted(rng, LIGHT_PER_S + motion[0], rate_hz)
    spectra = [welch_psd(rate, rate_hz, 2000) for rate in rates]
    scan = Scan(
        powers_dbm, np.ones(x.size, int), rates, spectra[0][0],
        np.array([density for _, density in spectra]), Averaging(15),
    )  # fmt: skip
    fit = fit_lasing(scan, rate_hz, (f - 120, f + 120))
    return {"threshold_dbm": threshold_dbm, "damping_hz": g, "frequency_hz": f}, fit.values


FEW = "60 draws know the share to 6 %"
SKEWED = "frequency and damping hang together, which no symmetric error tells"

CALIBRATIONS = (
    Calibration(
        "ring_down",
        "One mode, 250 to 900 Hz, damping 6 to 60 Hz (log), rung 1.5 to 8 times its thermal"
        " motion; 24 traces of 20 decays with their Brownian motion, photons on top.",
        ring_down,
    ),
    Calibration(
        "psd",
        "Two modes, 200 to 450 and 600 to 1000 Hz, dampings 2 to 120 Hz (log), variances"
        " (20 to 60 kcounts/s)^2 (log) in light of 2 Mcounts/s; 39 half-overlapping segments of"
        " 0.5 s.",
        psd,
        quick_draws=10,
        remarks={
            f"mode_{i}_{name}": FEW
            for i in (1, 2)
            for name in ("frequency_hz", "damping_hz", "area")
        },
    ),
    Calibration(
        "psd of a narrow line",
        "One mode, 200 to 900 Hz, damping 0.2 to 1 Hz (log) under bins of 1 Hz; 59 segments of"
        " 1 s.",
        narrow_psd,
        quick_draws=10,
    ),
    Calibration(
        "psd of an overdamped mode",
        "One mode, 200 to 500 Hz, Q from 0.3 to 1; 39 segments of 0.5 s.",
        overdamped_psd,
        quick_draws=10,
        remarks={f"mode_1_{name}": SKEWED for name in ("frequency_hz", "damping_hz", "area")},
    ),
    Calibration(
        "lasing threshold",
        "A mode of 420 to 580 Hz and 8 to 20 Hz damping, threshold 0.5 to 2.5 dB above the highest"
        " of eight powers, two records of 8 s each, damping and spring saturating by 20 to 80 % of"
        " the threshold; the law of damping and spring is the fit's own.",
        lasing,
        quick_draws=6,
        remarks=dict.fromkeys(
            ("threshold_dbm", "damping_hz", "frequency_hz"),
            "the data leave the saturation open, whose bounds a linear error does not know",
        ),
    ),
    Calibration(
        "spin_cooling",
        "A reference of 300 to 700 Hz, damping 8 to 25 Hz, and one point damped 1.5 to 5 times as"
        " much; 16 traces of 20 decays each with their Brownian motion, photons on top.",
        cooling,
        quick_draws=30,
    ),
)
