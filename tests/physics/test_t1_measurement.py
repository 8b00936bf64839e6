"""`t1` on simulated diamonds: the lifetimes of `002`, Fig. 2c, judged by the apparatus."""

from typing import Any, cast

import numpy as np
import pytest

import labctl
from labctl.core import find_sequence, load_rig_file
from labctl.data import FitResult, Run
from tests.physics.quick_runs import QuickRun
from tests.physics.test_coverage_pulsed import PI_TIME_S

pytestmark = pytest.mark.slow


def t1(t1_s: float, *, world: dict[str, Any] | None = None, **options: Any) -> FitResult:
    arguments = {"t1_s": t1_s, "pl_rate": 1e9, **(world or {})}
    rig_file = load_rig_file("sim_t1").with_shared_arguments("world", **arguments)
    cls = find_sequence("t1")
    parameters = cls.Parameters(
        **{
            "pi_time_s": PI_TIME_S, "start_s": 0.005 * t1_s, "stop_s": 4 * t1_s, "sweeps": 10,
            "repeats": 60, **options,
        }
    )  # fmt: skip
    measurement = cls(parameters)
    with labctl.open_rig(rig_file, seed=1) as rig:
        points = list(measurement.run(rig))
    fit = measurement.analyze(cast("Run", QuickRun(points, parameters.model_dump())))
    assert fit is not None
    return fit


def pull(fit: FitResult, name: str, truth: float) -> float:
    return (fit.values[name].value - truth) / fit.values[name].error


@pytest.mark.parametrize("t1_s", [1.61e-3, 490e-6, 220e-6])
def test_the_lifetimes_of_the_paper(t1_s: float) -> None:
    """Dark recharging is on: it biases the plain program, not the difference."""
    fit = t1(t1_s)
    assert "stretched" in fit.model
    assert abs(pull(fit, "t1_s", t1_s)) < 2
    assert fit.values["t1_s"].error < 0.06 * t1_s
    assert abs(pull(fit, "t1_unsubtracted_s", t1_s)) > 4
    table = fit.tables["models"].columns
    assert table["r_squared"][1] > table["r_squared"][0]


def test_without_charge_the_plain_program_tells_the_same() -> None:
    fit = t1(490e-6, world={"charge_background": 0.0})
    assert abs(pull(fit, "t1_s", 490e-6)) < 2
    assert abs(pull(fit, "t1_unsubtracted_s", 490e-6)) < 3


def test_spins_of_one_rate_prefer_the_simple_exponential() -> None:
    fit = t1(1.61e-3, world={"t1_stretched": False})
    assert fit.model == "simple exponential"
    assert abs(pull(fit, "t1_s", 1.61e-3)) < 2


def test_a_saturating_pulse_serves_with_half_the_contrast() -> None:
    whole = t1(1.61e-3)
    half = t1(1.61e-3, power_dbm=-20.0, pi_time_s=15e-6)
    ratio = half.values["amplitude"].value / whole.values["amplitude"].value
    assert 0.45 < ratio < 0.65
    assert abs(pull(half, "t1_s", 1.61e-3)) < 2.5


@pytest.mark.parametrize(("classes", "direction"), [(2, (0.8, 0.6, 0.0)), (4, (1.0, 0.0, 0.0))])
def test_degenerate_classes_relax_faster(classes: int, direction: tuple[float, ...]) -> None:
    """Rates add (`002`, SM Sec. VI): 490 us for two classes, 205 us for four."""
    expected = 1 / (1 / 1.61e-3 + (classes - 1) / 0.704e-3)
    world = {"bias_field_t": tuple(8e-3 * np.array(direction)), "t1_s": 1.61e-3, "pl_rate": 1e9}
    rig_file = load_rig_file("sim_t1").with_shared_arguments("world", **world)
    with labctl.open_rig(rig_file) as rig:
        assert rig.simulation is not None
        lines_hz = np.sort(rig.simulation.truth()["resonance_frequency_hz"][0])
    world.pop("t1_s")
    fit = t1(
        1.61e-3, world=world, frequency_hz=float(lines_hz[0]), start_s=2e-6, stop_s=2e-3, repeats=40
    )
    assert abs(pull(fit, "t1_s", expected)) < 3
