"""Field scan and drift monitor on the simulated lab, judged by the model behind it."""

from pathlib import Path

import numpy as np
import pytest

import labctl
from labctl.analysis.field_features import Scan, fit_field_features
from labctl.core import load_rig_file
from labctl.data import Run, RunStatus
from labctl.errors import ParameterError
from sim_backends.apparatus import Apparatus
from sim_backends.physics.cross_relaxation import steady_state

LASER_W = 330e-6


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Over the {110} plane at 17 A, long enough for the weak angle signal."""
    with labctl.open_rig("sim_dipolar", seed=1) as rig:
        return labctl.run(
            "field_scan", rig, out=tmp_path_factory.mktemp("field"), start_a=10, stop_a=24,
            points=29, dwell_s=0.2, sweeps=170, tesla_per_ampere="1e-4 T/A",
        )  # fmt: skip


def model_dip() -> dict[str, float]:
    """The dip of |0>'s population that the steady state of the rig's spins gives, in A."""
    arguments = dict(load_rig_file("sim_dipolar").shared["world"].arguments)
    arguments.pop("seed")
    apparatus = Apparatus(**arguments)
    single_quantum, _ = apparatus.relaxation
    current_a = np.linspace(10, 24, 29)
    bright = steady_state(
        [apparatus.field_t(current) for current in current_a],
        pump_rate=apparatus.pump_rate_per_w * LASER_W,
        t1_s=1 / single_quantum,
        t1_dd_s=apparatus.t1_dipolar_s,
        width_hz=apparatus.cross_relaxation_width_hz,
        zero_field_splitting_hz=apparatus.zero_field_splitting_hz,
        gyromagnetic_hz_per_t=apparatus.gyromagnetic_hz_per_t,
    ).bright_share
    fit = fit_field_features(Scan(current_a, bright, np.full(29, 0.01 * np.ptp(bright))))
    return {name: value.value for name, value in fit.values.items()}


@pytest.mark.parametrize("signal", ["pl", "angle"])
def test_the_17_gauss_degeneracy_is_found(crossing: Run, signal: str) -> None:
    """`002`, Fig. 4b; one gauss per ampere."""
    assert crossing.fit is not None
    features = crossing.fit.tables[f"{signal}_features"].columns
    assert features["position_a"] == pytest.approx([17.0], abs=0.2)
    assert features["position_error_a"][0] < 0.1
    assert features["position_t"] == pytest.approx([17.0e-4], abs=0.2e-4)


def test_width_and_depth_are_those_of_cross_relaxation(crossing: Run) -> None:
    """sigma_dd of 6 MHz at 4.29 MHz per gauss is 1.40 G; saturation adds a tenth."""
    assert crossing.fit is not None
    model, values = model_dip(), crossing.fit.values
    assert 1.40 < model["sigma_1_a"] < 1.40 * 1.2
    width = values["pl_sigma_1_a"]
    assert abs(width.value - model["sigma_1_a"]) < 3 * width.error < 0.1
    angle = values["angle_sigma_1_a"]
    assert abs(angle.value - model["sigma_1_a"]) < 3 * angle.error < 0.4
    assert values["pl_amplitude_1"].value < 0


def test_columns_and_directions(tmp_path: Path) -> None:
    with labctl.open_rig("sim") as rig:
        run = labctl.run(
            "field_scan", rig, out=tmp_path, points=9, sweeps=2, start_a=1, stop_a=5,
            ramp_rate_a_per_s=20, dwell_s=2e-3,
        )  # fmt: skip
        assert rig.electromagnet.ramp_rate_a_per_s == 5.0
        assert rig.electromagnet.current_a == 0.0
    up = np.linspace(1, 5, 9)
    assert np.array_equal(run["current_a"], np.concatenate([up, up[::-1]]))
    assert run["current_readback_a"] == pytest.approx(run["current_a"])
    assert np.array_equal(run["sweep"], np.repeat([0, 1], 9))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start_a": 3, "stop_a": 3}, "must be below `stop_a`"),
        ({"start_a": float("nan")}, "finite"),
        ({"stop_a": 9}, "outside the device's limits"),
        ({"tesla_per_ampere": 0}, "must not be zero"),
        ({"ramp_rate_a_per_s": 0}, "outside the device's limits"),
    ],
)
def test_impossible_field_scans_are_refused(
    tmp_path: Path, change: dict[str, float], words: str
) -> None:
    with labctl.open_rig("sim") as rig, pytest.raises(ParameterError, match=words):
        labctl.run("field_scan", rig, out=tmp_path, **change)
    assert not list(tmp_path.iterdir())


def test_defaults_fit_both_rigs(tmp_path: Path) -> None:
    with labctl.open_rig("sim") as rig:
        run = labctl.run("field_scan", rig, out=tmp_path)
    assert run.status is RunStatus.FINISHED
    assert run.fit is not None
    assert np.all(run.fit.tables["pl_features"].columns["amplitude"] < 0)
    with labctl.open_rig("sim_dipolar") as rig:
        run = labctl.run("field_scan", rig, out=tmp_path, stop_a=35, sweeps=10)
    assert run.fit is not None
    assert run.fit.tables["pl_features"].columns["position_a"] == pytest.approx([17.0], abs=0.2)
