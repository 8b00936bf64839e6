"""Errors of the non-linear measurements against the truth of the simulated lab, over many seeds."""

from dataclasses import replace

import numpy as np
import pytest

import labctl
from labctl.analysis.lasing_threshold import Scan, fit_lasing
from labctl.analysis.spectra import Averaging, welch_psd
from labctl.core import load_rig_file
from labctl.hal import ANGLE
from sequences.angle_jumps import AngleJumps
from sim_backends.physics.libration import SpinLibration, lasing_threshold_hz, simulate
from sim_backends.physics.residence import ResidenceTimes, residence_times
from tests.physics.quick_runs import check_coverage, measure

SEEDS = range(50)


def long_residence(
    frequency_hz: float, levels: tuple[float, float], *, duration_s: float
) -> ResidenceTimes:
    """Stays in a record without photon noise and dead time, `levels` in counts/s with both."""
    light, dead_s, rate_hz = 1e12, 24e-9, 3e3
    rig = load_rig_file("sim_bistable").with_shared_arguments(
        "world", angle_rate=light, dead_time_s=0.0, drift_rad_per_s=0.0, drift_rad_per_sqrt_s=0.0
    )
    with labctl.open_rig(rig, seed=1000) as lab:
        lab.laser.power_w, lab.laser.gate = 330e-6, True
        lab.microwave.power_dbm, lab.microwave.frequency_hz = -6.58, frequency_hz
        lab.microwave.output = True
        lab.clock.sleep_s(0.5)
        counts = lab.counter.stream(rate_hz, round(duration_s * rate_hz))[ANGLE]
    low, high = (light / 2e6 * level / (1 - level * dead_s) for level in levels)
    return residence_times(counts * rate_hz, rate_hz, levels_rad=(low, high))


@pytest.mark.slow
def test_the_jumps_between_two_wells() -> None:
    """Two detunings at either side of the balance; a long record without photons is the truth."""
    dead_s = 5e-3
    for frequency_hz in (2.7119e9, 2.7120e9):
        options = {"points": 1, "start_hz": frequency_hz, "repeats": 3, "record_s": 2.0}
        fits = [measure(AngleJumps, "sim_bistable", seed, **options).values for seed in SEEDS]
        found = {
            name: np.array([(fit[name].value, fit[name].error) for fit in fits])
            for name in ("level_a", "level_b", "residence_a_s", "residence_b_s", "population_b")
        }
        levels = float(found["level_a"][:, 0].mean()), float(found["level_b"][:, 0].mean())
        truth = long_residence(frequency_hz, levels, duration_s=1200.0)
        for name, well in (("residence_a_s", truth.a), ("residence_b_s", truth.b)):
            beyond = well.stays_s[well.stays_s > dead_s] - dead_s
            check_coverage(found[name][:, 0], found[name][:, 1], float(beyond.mean()), name=name)
        share = found["population_b"]
        check_coverage(share[:, 0], share[:, 1], truth.fraction_b, name="population_b")


@pytest.mark.slow
def test_the_threshold_of_lasing() -> None:
    """One mode and one class, whose threshold is known in closed form; photons on top."""
    p, rate_hz, record_s, light = SpinLibration.paper_set("LASE"), 4e3, 8.0, 2e6
    powers_dbm = np.repeat(np.linspace(-18.0, -8.0, 9), 2)
    rng = np.random.default_rng(0)
    counts = np.empty((len(SEEDS), powers_dbm.size, round(record_s * rate_hz)))
    for k, power_dbm in enumerate(powers_dbm):
        driven = replace(p, rabi_hz=60e3 * 10 ** ((power_dbm + 5) / 20))
        motion = simulate(
            driven, record_s + 0.3, sample_rate_hz=rate_hz, trajectories=len(SEEDS), seed=k
        )
        angle = motion.angle_rad[:, -counts.shape[2] :]
        counts[:, k] = rng.poisson(light * (1 + 12 * angle) / rate_hz)
    fits = []
    for rate in counts * rate_hz:
        spectra = [welch_psd(trace, rate_hz, 4000) for trace in rate]
        scan = Scan(
            powers_dbm, np.ones(powers_dbm.size, int), rate, spectra[0][0],
            np.array([psd for _, psd in spectra]), Averaging(15),
        )  # fmt: skip
        fits.append(fit_lasing(scan, rate_hz, (380.0, 620.0)).values)
    # Without a threshold, which the data may leave open, a note says so instead.
    found = [fit for fit in fits if "threshold_dbm" in fit]
    assert len(found) >= 47
    truth = {
        "threshold_dbm": -5 + 20 * np.log10(lasing_threshold_hz(p) / 60e3),
        "damping_hz": p.damping_hz,
        "frequency_hz": p.libration_hz,
    }
    for name, true in truth.items():
        values = np.array([(fit[name].value, fit[name].error) for fit in found])
        check_coverage(values[:, 0], values[:, 1], true, name=name)
