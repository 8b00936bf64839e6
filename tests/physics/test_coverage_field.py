"""Whether the errors of field and angle measurements mean what they say: many seeds each."""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest

import labctl
from labctl.core import RigFile, load_rig_file
from labctl.data import FitResult, Run
from labctl.hal import Instruments
from sequences.alignment import Alignment
from sequences.angle_calibration import AngleCalibration
from sequences.drift import Drift
from sequences.field_calibration import FieldCalibration
from sequences.field_scan import FieldScan
from sequences.mdmr import MDMR
from sim_backends.apparatus import Apparatus
from sim_backends.physics import nv
from sim_backends.world import World
from tests.physics.quick_runs import QuickRun, check_pulls

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SEEDS = 50
SLOPE_PER_RAD, ANGLE_RATE = 40.0, 2.0e6
LINEAR = {
    "detection": "linear",
    "linear_slope_per_rad": SLOPE_PER_RAD,
    "angle_rate": ANGLE_RATE,
    "dead_time_s": 0.0,
    "dark_rate": 0.0,
}


def measure(sequence: Any, rig: Instruments, **options: Any) -> FitResult:
    """Run and analysis without files."""
    measurement = sequence(sequence.Parameters(**options))
    rows = list(measurement.run(rig))
    run = QuickRun(rows, measurement.parameters.model_dump())
    fit = measurement.analyze(cast("Run", run))
    assert fit is not None
    return fit


def fits(
    rig_file: RigFile, sequence: Any, *, seeds: int = SEEDS, **options: Any
) -> Iterator[tuple[FitResult, World]]:
    for seed in range(seeds):
        with labctl.open_rig(rig_file, seed=seed) as rig:
            assert isinstance(rig.simulation, World)
            fit = measure(sequence, rig, **options)
            rig.microwave.output = False
            yield fit, rig.simulation


def pull(fit: FitResult, name: str, true: float) -> float:
    value = fit.values[name]
    return (value.value - true) / value.error


def rig_with(name: str = "sim", **world: Any) -> RigFile:
    return load_rig_file(name).with_shared_arguments("world", **world)


def test_mdmr() -> None:
    """The frequency is that of the diamond at rest: the pull is fitted beside it."""
    pulls = []
    for fit, world in fits(rig_with(), MDMR, start_hz=2.68e9, stop_hz=2.76e9, points=41, sweeps=50):
        true = world.truth()["resonance_frequency_hz"][0]
        found = fit.tables["resonances"].columns
        i = int(np.argmax(np.abs(found["amplitude"]))) + 1
        pulls.append(pull(fit, f"frequency_{i}_hz", true[np.argmin(np.abs(true - 2.72e9))]))
    check_pulls(pulls, "frequency")


def test_field_scan() -> None:
    apparatus = dipolar()
    true_a = crossing_a(apparatus, np.array([0.0, 1.0, 1.0]))
    pulls: dict[str, list[float]] = {"position_1_a": [], "fwhm_1_a": []}
    fwhm = model_fwhm_a(apparatus)
    for fit, _ in fits(
        rig_with("sim_dipolar"), FieldScan, start_a=10, stop_a=24, points=29, dwell_s=0.02,
        sweeps=20, settle_s=2e-3,
    ):  # fmt: skip
        pulls["position_1_a"].append(pull(fit, "pl_position_1_a", true_a))
        pulls["fwhm_1_a"].append(pull(fit, "pl_fwhm_1_a", fwhm))
    for name, values in pulls.items():
        check_pulls(values, name)


def test_field_calibration_and_odmr() -> None:
    """Fields of single scans, field per ampere, bias and the predicted crossing."""
    apparatus = dipolar()
    single, rows = [], []
    true = np.sort(np.abs(apparatus.bias_field_t))[::-1]
    slope = float(np.linalg.norm(apparatus.electromagnet_t_per_a))
    for fit, _ in fits(
        rig_with("sim_dipolar"), FieldCalibration, seeds=25, start_a=0, stop_a=12, currents=3,
        sweeps=8, points=181, start_hz=2.53e9, stop_hz=3.25e9,
    ):  # fmt: skip
        found = fit.tables["fields"].columns
        error = found["error_t"][0]
        single += [(found[f"field_{a}_t"][0] - true[i]) / error for i, a in enumerate("xyz")]
        table = fit.tables["degeneracies"].columns
        i = int(np.argmin(np.abs(table["current_a"] - 17)))
        rows.append([
            pull(fit, "tesla_per_ampere", slope),
            pull(fit, "bias_field_t", float(np.linalg.norm(true))),
            (table["current_a"][i] - 17.0) / table["current_error_a"][i],
        ])  # fmt: skip
    check_pulls(single, "fields")
    for name, column in zip(("per ampere", "bias", "crossing"), np.array(rows).T, strict=True):
        check_pulls(column, name)


def test_angle_calibration() -> None:
    """With so many spins that few sweeps show the pull: where it is not seen nothing is claimed."""
    rig_file = rig_with(**LINEAR, pressure_pa=300.0, drift_rad_per_sqrt_s=0.0, spins_per_class=6e8)
    apparatus = Apparatus(**arguments(rig_file))
    resolution, angle = true_resolution(apparatus, frequency_hz=2.7203e9)
    rows = []
    for fit, _ in fits(
        rig_file, AngleCalibration, sweeps=12, points=31, low_dbm=-16.0, middle_dbm=-8.0,
        high_dbm=0.0, field_t=float(np.linalg.norm(apparatus.bias_field_t)),
    ):  # fmt: skip
        rows.append([
            pull(fit, "resolution", resolution),
            pull(fit, "undriven_angle_rad", angle),
            pull(fit, "sensitivity", resolution * np.sqrt(2 * ANGLE_RATE) * 1e-6),
        ])  # fmt: skip
    for name, column in zip(("resolution", "angle", "sensitivity"), np.array(rows).T, strict=True):
        check_pulls(column, name)


def test_alignment() -> None:
    rig_file = rig_with(**LINEAR, drift_rad_per_s=1e-5)
    with labctl.open_rig(
        rig_with(**LINEAR, temperature_k=0.0, drift_rad_per_s=0.0, drift_rad_per_sqrt_s=0.0)
    ) as rig:
        true = measure(Alignment, rig, cycles=100).values["contrast_rate"]
    pulls = []
    for fit, _ in fits(rig_file, Alignment, cycles=12):
        value = fit.values["contrast_rate"]
        assert true.error < 0.2 * value.error
        pulls.append(pull(fit, "contrast_rate", true.value))
    check_pulls(pulls, "contrast_rate")


@pytest.mark.parametrize("walk_rad_per_sqrt_s", [1e-4, 3e-4])
def test_drift(walk_rad_per_sqrt_s: float) -> None:
    """Where a record can tell that it wanders; see `fit_drift` for where it cannot."""
    creep = 5e-6
    rig_file = rig_with(**LINEAR, drift_rad_per_s=creep, drift_rad_per_sqrt_s=walk_rad_per_sqrt_s)
    true = ANGLE_RATE * SLOPE_PER_RAD * creep
    options = {"points": 120, "interval_s": 0.1, "dwell_s": 0.05}
    pulls = [pull(fit, "angle_drift_per_s2", true) for fit, _ in fits(rig_file, Drift, **options)]
    check_pulls(pulls, "drift")


def arguments(rig_file: RigFile) -> dict[str, Any]:
    found = dict(rig_file.shared["world"].arguments)
    found.pop("seed", None)
    return found


def dipolar() -> Apparatus:
    return Apparatus(**arguments(rig_with("sim_dipolar")))


def crossing_a(apparatus: Apparatus, normal: np.ndarray) -> float:
    return -float(normal @ apparatus.bias_field_t) / float(
        normal @ np.array(apparatus.electromagnet_t_per_a)
    )


def model_fwhm_a(apparatus: Apparatus) -> float:
    """Of the Gaussian that fits the steady state of |0> along the same path best."""
    from labctl.analysis.field_features import Scan, fit_field_features
    from sim_backends.physics.cross_relaxation import steady_state

    current = np.linspace(10, 24, 29)
    single_quantum, _ = apparatus.relaxation
    bright = steady_state(
        [apparatus.field_t(value) for value in current],
        pump_rate=apparatus.pump_rate_per_w * 330e-6,
        t1_s=1 / single_quantum,
        t1_dd_s=apparatus.t1_dipolar_s,
        width_hz=apparatus.cross_relaxation_width_hz,
    ).bright_share
    fit = fit_field_features(Scan(current, bright, np.full(29, 0.01 * np.ptp(bright))))
    return fit.values["fwhm_1_a"].value


def true_resolution(apparatus: Apparatus, *, frequency_hz: float) -> tuple[float, float]:
    """mrad of NV angle per Mcount/s, and the NV angle at rest, for the line next to this."""
    field = np.array(apparatus.bias_field_t)
    lower = nv.transition_frequencies_hz(field)[:, 0]
    axis = nv.AXES[int(np.argmin(np.abs(lower - frequency_hz)))]
    axis = axis * np.sign(axis @ field)
    direction = field / np.linalg.norm(field)
    turn = np.cross(axis, direction)
    turn /= np.linalg.norm(turn)
    modes = np.array(apparatus.mode_axes)
    amplitudes = (modes @ turn) / np.array(apparatus.libration_hz) ** 2
    sight = np.array(apparatus.detection_direction)
    seen = sight @ amplitudes / np.linalg.norm(sight)
    nv_angle = (amplitudes @ modes) @ turn
    per_count = abs(nv_angle / seen) / (SLOPE_PER_RAD * ANGLE_RATE)
    return per_count * 1e9, float(np.arccos(axis @ direction))
