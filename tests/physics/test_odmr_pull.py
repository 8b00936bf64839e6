"""ODMR lines are pulled by the torque while they are counted; the fit takes it back."""

from typing import Any, cast

import numpy as np
import pytest

import labctl
from labctl.core import find_sequence, load_rig_file
from labctl.data import FitResult, Run
from tests.physics.quick_runs import QuickRun

pytestmark = pytest.mark.slow
BRIGHT = {"pl_rate": 1e9, "dead_time_s": 0.0}
SCAN: dict[str, Any] = {"points": 201, "sweeps": 6}


def measured(seed: int, **world: Any) -> tuple[FitResult, np.ndarray]:
    rig_file = load_rig_file("sim").with_shared_arguments("world", **{**BRIGHT, **world})
    cls = find_sequence("odmr")
    parameters = cls.Parameters(**SCAN)
    measurement = cls(parameters)
    with labctl.open_rig(rig_file, seed=seed) as rig:
        points = list(measurement.run(rig))
        assert rig.simulation is not None
        true = np.sort(rig.simulation.truth()["resonance_frequency_hz"][0])
    fit = measurement.analyze(cast("Run", QuickRun(points, parameters.model_dump())))
    assert fit is not None
    return fit, true


def deviations(fits: list[tuple[FitResult, np.ndarray]], table: str) -> tuple[float, float, float]:
    """Weighted mean deviation from the truth, its error, and the spread of all in sigmas."""
    found, errors = [], []
    for fit, true in fits:
        columns = fit.tables[table].columns
        assert columns["frequency_hz"].size == 8
        found.append(np.sort(columns["frequency_hz"]) - true)
        errors.append(columns["frequency_error_hz"])
    deviation, error = np.array(found), np.array(errors)
    weight = error**-2.0
    mean = float(np.sum(weight * deviation) / weight.sum())
    return mean, float(weight.sum() ** -0.5), float(np.std(deviation / error))


def test_the_torque_pulls_the_lines_and_the_fit_takes_it_back() -> None:
    fits = [measured(seed) for seed in range(4)]
    driven, error, _ = deviations(fits, "resonances")
    assert driven < -5 * error
    rest, error, spread = deviations(fits, "pulled_resonances")
    assert abs(rest) < 3 * error
    assert 0.7 < spread < 1.4
    assert pull_sigmas(fits) > 3
    assert any("pulls the lines down by" in note for fit, _ in fits for note in fit.notes)


def test_a_diamond_without_spins_to_turn_it_is_not_pulled() -> None:
    fits = [measured(seed, spins_per_class=0.0) for seed in range(4)]
    for table in ("resonances", "pulled_resonances"):
        mean, error, _ = deviations(fits, table)
        assert abs(mean) < 3 * error
    assert abs(pull_sigmas(fits)) < 3


def pull_sigmas(fits: list[tuple[FitResult, np.ndarray]]) -> float:
    """How far all spectra together put the pull from zero."""
    pulls = [fit.values["pull_hz"] for fit, _ in fits]
    return float(sum(p.value / p.error for p in pulls) / np.sqrt(len(pulls)))
