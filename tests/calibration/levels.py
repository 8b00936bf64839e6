"""Priors of fits of count rates against time, frequency and current: drift, angle, field, wells."""

import numpy as np
from numpy.random import Generator

from labctl.analysis.angle_calibration import (
    PulledLine,
    Transition,
    calibrate_angle,
    frequency_at_angle,
)
from labctl.analysis.drift_rate import fit_drift
from labctl.analysis.equal_angle import find_equal_angles
from labctl.analysis.field_features import Scan, fit_field_features
from labctl.analysis.sweeps import AveragedSweeps
from labctl.analysis.well_jumps import analyze_jumps
from labctl.data import FitValue
from tests.calibration.simulation import Calibration, Draw


def drift(rng: Generator) -> Draw:
    n, dwell_s = int(rng.integers(12, 121)), 0.1
    slope, white = rng.uniform(-2e3, 2e3), np.sqrt(1e6 / dwell_s)
    step = white * np.exp(rng.uniform(np.log(0.1), np.log(10)))
    time_s = np.arange(n) + 0.5
    rate = 1e6 + slope * time_s + np.cumsum(step * rng.standard_normal(n))
    counts = rng.poisson(np.maximum(rate, 0) * dwell_s)
    found = fit_drift(time_s, counts, dwell_s)
    return {"drift_per_s2": slope}, {
        "drift_per_s2": FitValue(found.drift_per_s2, found.error_per_s2, "counts/s^2")
    }


def equal_angle(rng: Generator) -> Draw:
    """One line at two powers; the reference is a point on the blue slope of the weaker one."""
    f = np.linspace(2.70e9, 2.74e9, 81)
    centre, width = rng.uniform(2.717e9, 2.723e9), rng.uniform(3e6, 5e6)
    height, more, error = rng.uniform(2e5, 4e5), rng.uniform(1.5, 2.5), rng.uniform(2e3, 6e3)
    away = rng.uniform(0.6, 1.2)
    spectra = {
        power: AveragedSweeps(
            f,
            1e6
            + h / (1 + ((f - centre) / width) ** 2)
            + error * rng.standard_normal(f.size),
            np.full(f.size, error),
            np.full(f.size, 20),
        )
        for power, h in ((0.0, height), (5.0, more * height))
    }  # fmt: skip
    reference = centre + away * width
    fit = find_equal_angles(spectra, reference_dbm=0.0, reference_hz=reference)
    wide = width * np.sqrt(more * (1 + away**2) - 1)
    truth = {
        "point_1_hz": centre - away * width,
        "point_2_hz": centre - wide,
        "point_3_hz": centre + wide,
    }
    return truth, fit.values if "point_4_hz" not in fit.values else {}


def angle_calibration(rng: Generator) -> Draw:
    field_t, start = 9.5e-3, rng.uniform(0.6, 1.1)
    resolution = rng.choice([-1, 1]) * rng.uniform(1e-8, 4e-8)
    lines = []
    for power, strength in ((-8.0, 0.2), (0.0, 0.6), (8.0, 1.0)):
        signal = strength * rng.uniform(2e5, 5e5)
        top = float(frequency_at_angle(start + resolution * signal, field_t, Transition.LOWER))
        spread = np.array([[2e4**2, 0.4 * 2e4 * 2e3], [0.4 * 2e4 * 2e3, 2e3**2]])
        off = rng.multivariate_normal([0, 0], spread)
        lines.append(PulledLine(power, top + off[0], signal + off[1], spread))
    fit = calibrate_angle(lines, (4e6, 1e4), field_t=field_t, transition=Transition.LOWER)
    return {"resolution_rad_s": float(resolution), "undriven_angle_rad": start}, fit.values


def field_features(rng: Generator) -> Draw:
    current = np.linspace(0, 8, 81)
    place, fwhm = rng.uniform(2, 6), rng.uniform(0.4, 1.5)
    height, error = rng.choice([-1, 1]) * rng.uniform(1e4, 4e4), rng.uniform(1e3, 2e3)
    shape = height * np.exp(-4 * np.log(2) * ((current - place) / fwhm) ** 2)
    rate = 1e6 + shape + error * rng.standard_normal(current.size)
    fit = fit_field_features(Scan(current, rate, np.full(current.size, error)))
    truth = {"position_1_a": place, "fwhm_1_a": fwhm, "amplitude_1": float(height)}
    return truth, fit.values if "position_2_a" not in fit.values else {}


def well_jumps(rng: Generator) -> Draw:
    """Memoryless jumps at one frequency, with photons on two levels."""
    sample_s, records, samples, dead_s = 1e-3, 6, 4000, 5e-3
    means = np.exp(rng.uniform(np.log(0.04), np.log(0.2), 2))
    levels = 1.5e6 * np.array([1, 1 + rng.uniform(0.3, 0.8)])
    state = rng.integers(0, 2, records)
    switch = rng.random((samples, records))
    rate = np.empty((samples, records))
    leave = -np.expm1(-sample_s / means)
    for i in range(samples):
        state = np.where(switch[i] < leave[state], 1 - state, state)
        rate[i] = levels[state]
    counts = rng.poisson(rate.T * sample_s)
    fit = analyze_jumps(np.full(records, 2.7e9), counts, sample_s, dead_time_s=dead_s)
    truth = {
        "level_a": levels[0],
        "level_b": levels[1],
        "residence_a_s": means[0],
        "residence_b_s": means[1],
        "population_b": means[1] / means.sum(),
    }
    return truth, fit.values


CALIBRATIONS = (
    Calibration(
        "drift_rate",
        "12 to 120 points, one a second, drift -2000 to 2000 counts/s^2 in 1 Mcounts/s, random walk"
        " 0.1 to 10 times the counting noise a step (log).",
        drift,
        quick_draws=60,
        remarks={"drift_per_s2": "wide without a walk, never too small with one"},
    ),
    Calibration(
        "equal_angle",
        "One line of 3 to 5 MHz half width at two powers, the second 1.5 to 2.5 times as high; the"
        " reference 0.6 to 1.2 half widths from its top.",
        equal_angle,
        quick_draws=60,
    ),
    Calibration(
        "angle_calibration",
        "Three pulled lines in 95 G, NV at 0.6 to 1.1 rad, 10 to 40 mrad per Mcount/s of either"
        " sign.",
        angle_calibration,
        quick_draws=60,
    ),
    Calibration(
        "field_features",
        "One Gaussian of either sign, 0.4 to 1.5 A wide at 2 to 6 A of 8 A, 5 to 40 errors high.",
        field_features,
        quick_draws=60,
    ),
    Calibration(
        "well_jumps",
        "Six records of 4 s, memoryless stays of 40 to 200 ms (log) in either well, levels 30 to 80"
        " % apart, photons on top.",
        well_jumps,
        quick_draws=40,
        remarks={
            "population_b": "twenty memoryless stays weigh in, too many for these",
        },
    ),
)
