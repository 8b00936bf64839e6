"""Simulated jumps between the two wells (`000`, Fig. 3 a iii and extended data Fig. 9)."""

from dataclasses import replace

import numpy as np

from sim_backends.physics import bistability
from sim_backends.physics.libration import SpinLibration, effective_temperatures, equilibria
from sim_backends.physics.trajectories import simulate


def test_the_upper_well_of_bist_fills_towards_resonance() -> None:
    """At 300 K the angle jumps between two wells; both theory and simulation rise."""
    observed, theory = [], []
    for detuning_hz in (-8.3e6, -8.2e6, -8.1e6, -8.0e6, -7.9e6):
        p = replace(SpinLibration.paper_set("BIST"), detuning_hz=detuning_hz)
        run = simulate(p, 2.0, sample_rate_hz=5e3, trajectories=64, seed=1)
        both = bistability.compare(p, run.angle_rad[:, 500:], 5e3)
        assert both.observed.a.exits > 100
        observed.append(both.observed.fraction_b)
        theory.append(both.theory.fraction_b)
    assert np.all(np.diff(observed) > 0)
    assert np.all(np.diff(theory) > 0)
    assert observed[0] < 0.1 < 0.5 < observed[-1]


def test_spins_that_heat_the_upper_well_empty_it() -> None:
    """Where no temperature is common to both wells, Eq. 17 overrates the hotter one."""
    p = SpinLibration.paper_set("BISTW")
    a, _, b = equilibria(p)
    cold, hot = effective_temperatures(p, around=a), effective_temperatures(p, around=b)
    assert cold.variance < p.temperature_k < hot.variance
    run = simulate(p, 4.0, sample_rate_hz=5e3, trajectories=64, seed=2)
    both = bistability.compare(p, run.angle_rad[:, 500:], 5e3)
    assert both.observed.fraction_b < 0.3 * both.theory.fraction_b
