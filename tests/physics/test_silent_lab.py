"""Nothing there must be said, not fitted: every sequence on detectors that tell nothing."""

from typing import Any, cast

import numpy as np
import pytest

from labctl.core.catalog import sequence_names
from labctl.data import Run
from tests.physics.quick_runs import QuickRun
from tests.physics.silent_lab import Counts, dark, dead, photons, saturated, silent_fit, silent_run

SHORT: dict[str, dict[str, Any]] = {
    "alignment": {"cycles": 12},
    "angle_calibration": {"sweeps": 8, "points": 41},
    "angle_jumps": {"repeats": 4, "points": 3, "record_s": 1.0},
    "cooling_scan": {"points": 2, "blocks": 6, "references": 1, "decay_s": 0.05},
    "drift": {"points": 20},
    "equal_angle_points": {"sweeps": 10},
    "field_calibration": {"sweeps": 6, "points": 101},
    "field_scan": {"sweeps": 6},
    "hysteresis": {"sweeps": 10, "points": 60, "samples_per_dwell": 10},
    "lasing_scan": {"points": 6, "record_s": 1.0, "segment_s": 0.2},
    "mdmr": {"sweeps": 6},
    "mdmr_map": {"currents": 2, "sweeps": 6},
    "odmr": {"sweeps": 6},
    "polarization_rates": {},
    "psd": {"averages": 24, "segment_s": 0.2},
    "rabi": {},
    "ramsey": {"pi_time_s": 50e-9},
    "ring_down": {"averages": 60, "repeats_per_point": 5},
    "t1": {"pi_time_s": 50e-9},
}
LEVELS = {"alignment", "drift", "equal_angle_points"}
"""Sequences that measure a level, which noise has as well; what they claim is that."""
BASELINES = ("baseline", "floor")


def test_every_sequence_is_asked() -> None:
    assert set(SHORT) == set(sequence_names())


@pytest.mark.parametrize("counts", [dead, saturated], ids=lambda f: f.__name__)
@pytest.mark.parametrize("sequence", SHORT)
def test_a_dead_or_stuck_detector_is_told(sequence: str, counts: Counts) -> None:
    fit = silent_fit(sequence, counts, **SHORT[sequence])
    assert fit is not None
    assert not [name for name in fit.values if not name.startswith(BASELINES)]
    assert fit.notes
    assert not any("oscillation" in note for note in fit.notes)


@pytest.mark.parametrize("counts", [photons, dark], ids=lambda f: f.__name__)
@pytest.mark.parametrize("sequence", sorted(set(SHORT) - LEVELS))
def test_noise_is_nothing(sequence: str, counts: Counts) -> None:
    """Two seeds; at a false alarm of one in a hundred this fails with none of them."""
    for seed in (1, 2):
        fit = silent_fit(sequence, counts, seed, **SHORT[sequence])
        assert fit is not None
        assert not [name for name in fit.values if BASELINES[0] not in name and name != "floor"]
        assert fit.notes


@pytest.mark.parametrize("counts", [dead, photons], ids=lambda f: f.__name__)
@pytest.mark.parametrize("sequence", SHORT)
def test_a_run_of_one_or_two_points_ends_in_words(sequence: str, counts: Counts) -> None:
    measurement, run = silent_run(sequence, counts, **SHORT[sequence])
    for points in (0, 1, 2):
        short = QuickRun([], run.parameters)
        short.update({name: values[:points] for name, values in cast("Any", run).items()})
        short._points = points
        fit = measurement.analyze(cast("Run", short))
        for name, value in fit.values.items() if fit else ():
            assert np.isfinite(value.value), name
            assert value.error > 0, name
