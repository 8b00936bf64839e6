"""What a sequence finds through the drivers of real instruments is what it finds without them.

Every command is written, parsed and answered as on the wire, in this process; the pulse sequencer
is the simulated one, whose vendors' packages are tested elsewhere.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import labctl
from labctl.data import FitResult

SEED = 3


class Case(NamedTuple):
    """One measurement.

    Attributes:
        rig: the simulated lab whose instruments are exchanged.
        parameters: short, but enough for `telling` to be worth comparing.
        telling: fitted values that must be known to better than a quarter.
    """

    rig: str
    parameters: dict[str, object]
    telling: tuple[str, ...]


CASES = {
    "odmr": Case(
        "sim",
        {"points": 201, "sweeps": 8},
        ("field_z_t", "field_magnitude_t"),
    ),
    "field_scan": Case(
        "sim",
        {"start_a": 0.0, "stop_a": 4.0, "points": 21, "sweeps": 1},
        ("pl_position_1_a", "pl_position_2_a"),
    ),
    "psd": Case(
        "sim_vacuum",
        {"averages": 20},
        ("mode_1_frequency_hz", "mode_1_damping_hz", "mode_1_area", "mode_2_frequency_hz"),
    ),
    "ring_down": Case("sim_vacuum", {"averages": 60}, ("mode_1_frequency_hz", "mode_1_damping_hz")),
    "rabi": Case("sim", {}, ("contrast", "saturation_rate_per_s")),
    "t1": Case(
        "sim_t1",
        {"sweeps": 6, "points": 10, "pi_time_s": 15e-6},
        ("t1_s", "polarization_rate_per_s", "amplitude"),
    ),
}


def measured(sequence: str, rig: str | Path, folder: Path) -> FitResult:
    with labctl.open_rig(rig, seed=SEED) as opened:
        run = labctl.run(sequence, opened, out=folder, **CASES[sequence].parameters)
    assert run.fit is not None
    return run.fit


@pytest.mark.parametrize("sequence", CASES)
def test_real_drivers_find_the_same(sequence: str, repository: Path, tmp_path: Path) -> None:
    plain_rig, _, telling = CASES[sequence]
    text = (repository / "configs" / "sim_visa.toml").read_text(encoding="utf-8")
    assert 'extends = "sim"' in text
    wire_rig = tmp_path / "wire.toml"
    wire_rig.write_text(text.replace('extends = "sim"', f'extends = "{plain_rig}"'), "utf-8")
    plain = measured(sequence, plain_rig, tmp_path / "plain")
    wire = measured(sequence, wire_rig, tmp_path / "wire")
    for name in telling:
        one, other = plain.values[name], wire.values[name]
        assert 0 < one.error < 0.25 * abs(one.value), name
        # Same seed, and nearly the same photons: the AOM's calibration is read off a table.
        assert abs(other.value - one.value) < np.hypot(one.error, other.error), name
