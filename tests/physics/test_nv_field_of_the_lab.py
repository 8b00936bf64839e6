"""The field vector from ODMR on the simulated lab, at fields drawn at random."""

from pathlib import Path

import numpy as np
import pytest

import labctl
from labctl.core import load_rig_file

SEEDS = 10
CHI_SQUARE_95 = 7.815  # three degrees of freedom


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_random_fields_are_recovered_within_their_uncertainty(tmp_path: Path) -> None:
    """30 to 150 G in any direction: 95 % region in >= 8 of 10, magnitude within 0.2 G."""
    generator = np.random.default_rng(20)
    within, misses_t = 0, []
    for seed in range(SEEDS):
        direction = generator.normal(size=3)
        field = generator.uniform(3e-3, 15e-3) * direction / np.linalg.norm(direction)
        rig_file = load_rig_file("sim").with_shared_arguments(
            "world", bias_field_t=field.tolist(), seed=seed
        )
        with labctl.open_rig(rig_file) as rig:
            run = labctl.run(
                "odmr", rig, out=tmp_path, start_hz="2.44 GHz", stop_hz="3.36 GHz", points=461,
                sweeps=40, repeats=10, laser_power_w="1 mW", power_dbm=5,
            )  # fmt: skip
        assert run.fit is not None
        fit = list(run.fit.values)
        names = ("field_x_t", "field_y_t", "field_z_t")
        rows = [fit.index(name) for name in names]
        true = np.sort(np.abs(run.info.truth["field_t"][0]))[::-1]
        miss = np.array([run.fit.values[name].value for name in names]) - true
        within += miss @ np.linalg.solve(run.fit.covariance[np.ix_(rows, rows)], miss) < (
            CHI_SQUARE_95
        )
        magnitude = run.fit.values["field_magnitude_t"].value
        misses_t.append(abs(magnitude - np.linalg.norm(true)))
    assert within >= 8
    assert max(misses_t) < 0.2e-4
