"""The line and the folds from many sweeps, whose small errors show what a delay leaves undone."""

import numpy as np

from labctl.analysis.hysteresis import fit_hysteresis
from sim_backends.physics.libration import SpinLibration, fold_detunings_hz
from tests.calibration.bistable import (
    DWELL_S,
    RESONANCE_HZ,
    SAMPLES,
    STEPS,
    Sweeps,
    pulled_line,
)

SYSTEM = SpinLibration.paper_set("BISTW")


def test_many_sweeps_find_the_line_and_its_folds() -> None:
    """150 sweeps in either direction; the angle oscillates by itself above resonance."""
    sweeps = Sweeps(SYSTEM, 2e6, 12.0, np.linspace(-16e6, 4e6, STEPS))
    up, down = sweeps.counts(np.random.default_rng(4), 150)
    fit = fit_hysteresis(sweeps.frequency_hz, up, down, DWELL_S / SAMPLES)
    pull, width = pulled_line(SYSTEM)
    lower, upper = fold_detunings_hz(SYSTEM)
    for name, true, largest_error in (
        ("resonance_hz", RESONANCE_HZ, 60e3),
        ("pull_hz", pull, 60e3),
        ("half_width_hz", width, 40e3),
        ("lower_fold_hz", RESONANCE_HZ + lower, 60e3),
        ("upper_fold_hz", RESONANCE_HZ + upper, 15e3),
        ("lower_fold_detuning_hz", lower, 60e3),
        ("upper_fold_detuning_hz", upper, 60e3),
    ):
        found = fit.values[name]
        assert abs(found.value - true) < 3 * found.error, name
        assert found.error < largest_error, name
