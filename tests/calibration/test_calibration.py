"""A few draws of every fit; docs/coverage.md keeps the table of 500."""

import numpy as np
import pytest

from labctl.data import FitValue
from tests.calibration.simulation import Calibration, Draw, calibrate
from tests.calibration.table import TABLE, calibrations, section, sections


@pytest.mark.slow
@pytest.mark.parametrize("calibration", calibrations(), ids=lambda one: one.name)
def test_errors_are_right_over_the_prior(calibration: Calibration) -> None:
    for row in calibrate(calibration, calibration.quick_draws, seed=1):
        assert row.claimed > row.asked / 2, f"{row.name}: {row.claimed} of {row.asked} claimed"
        assert row.believable(), f"{row.name}: {row.within(1):.2f} within one error"


def test_the_table_has_every_fit_and_a_reason_for_every_row_that_is_not_honest() -> None:
    kept = sections(TABLE.read_text())
    assert set(kept) == {one.name for one in calibrations()}
    for one in calibrations():
        rows = [line for line in kept[one.name].splitlines() if line.startswith("| ")][1:]
        for line in rows:
            name, *_, verdict = (cell.strip() for cell in line.strip("|").split("|"))
            assert verdict == "honest" or name in one.remarks, line


@pytest.mark.parametrize(
    ("scale", "shift", "verdict"),
    [
        (1.0, 0.0, "honest"),
        (0.7, 0.0, "errors too small"),
        (1.4, 0.0, "errors too large"),
        (1.0, 0.2, "ranks not uniform"),
    ],
)
def test_errors_of_a_wrong_size_and_a_bias_are_seen(
    scale: float, shift: float, verdict: str
) -> None:
    def one(rng: np.random.Generator) -> Draw:
        true = rng.uniform(-5, 5)
        return {"x": true}, {"x": FitValue(true + shift + rng.standard_normal(), scale, "")}

    toy = Calibration("toy", "A number from -5 to 5 with unit noise.", one)
    (row,) = calibrate(toy, 500)
    assert row.verdict == verdict
    assert verdict in section(toy, [row])
