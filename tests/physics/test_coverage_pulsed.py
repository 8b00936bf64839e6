"""Errors of the fits of pulsed measurements are honest: many simulated labs each."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import labctl
from labctl.analysis.bloch import inversion, pi_time
from labctl.core import find_sequence, load_rig_file
from labctl.data import FitResult
from sim_backends.apparatus import Apparatus
from sim_backends.physics import nv
from sim_backends.physics.spin import exact_levels, mixing, static_rates
from tests.physics import quick_runs
from tests.physics.quick_runs import check_pulls

SEEDS = 50
PI_TIME_S = 63e-9
BRIGHT = {"pl_rate": 2e9}
"""So much light that a few shots suffice; what is counted stays Poisson."""

pytestmark = pytest.mark.slow


def apparatus(**world: Any) -> Apparatus:
    arguments = {**load_rig_file("sim_t1").shared["world"].arguments, **BRIGHT, **world}
    arguments.pop("seed", None)
    return Apparatus(**arguments)


def measure(
    sequence: str, seed: int, world: Mapping[str, Any] | None = None, **options: Any
) -> FitResult:
    rig_file = load_rig_file("sim_t1").with_shared_arguments("world", **{**BRIGHT, **(world or {})})
    return quick_runs.measure(find_sequence(sequence), rig_file, seed, **options)


def honest(one: Callable[[int], FitResult], truth: Mapping[str, float]) -> None:
    fits = [one(seed) for seed in range(SEEDS)]
    for name, true in truth.items():
        found = [fit.values[name] for fit in fits if name in fit.values]
        assert len(found) > 0.9 * len(fits), name
        check_pulls([(value.value - true) / value.error for value in found], name)


def test_rabi() -> None:
    """Detuned as the prior of docs/coverage.md has it: its square is not below zero.

    On the line exactly the errors, which allow for a detuning, hold the truth in 77 % of 300 seeds;
    beside it, in fewer.
    """
    a = apparatus()
    line = line_hz()
    rabi = a.rabi_rad_s(10.0)
    length = pi_time(rabi, a.t2star_s)
    truth = {
        "rabi_hz": rabi / (2 * np.pi),
        "t2star_s": a.t2star_s,
        "pi_time_s": length,
        "pi_fidelity": 0.5 * (1 - float(inversion(length, rabi, a.t2star_s))),
    }

    def one(seed: int) -> FitResult:
        frequency_hz = line + np.random.default_rng(seed).normal(0, 3e6)
        return measure(
            "rabi", seed, points=40, stop_s=600e-9, sweeps=2, repeats=10,
            frequency_hz=frequency_hz,
        )  # fmt: skip

    honest(one, truth)


def test_saturation_where_the_oscillation_is_overdamped() -> None:
    a = apparatus(t2star_s=50e-9)
    rate = a.rabi_rad_s(-20.0) ** 2 * a.t2star_s

    def one(seed: int) -> FitResult:
        return measure(
            "rabi", seed, {"t2star_s": a.t2star_s}, power_dbm=-20.0, points=30, sweeps=2,
            start_s=100e-9, repeats=4,
        )  # fmt: skip

    honest(one, {"saturation_rate_per_s": rate, "pi_time_s": -np.log(0.05) / rate})


def test_ramsey() -> None:
    a = apparatus(t2star_s=70e-9)
    frequency_hz = line_hz()

    def one(seed: int) -> FitResult:
        return measure(
            "ramsey", seed, {"t2star_s": a.t2star_s}, pi_time_s=PI_TIME_S, points=40, sweeps=2,
            repeats=25, frequency_hz=frequency_hz,
        )  # fmt: skip

    honest(one, {"t2star_s": a.t2star_s, "detuning_hz": 6e6})


def line_hz() -> float:
    with labctl.open_rig("sim_t1") as rig:
        assert rig.simulation is not None
        return float(np.sort(rig.simulation.truth()["resonance_frequency_hz"][0])[1])


def pump_rate(a: Apparatus, power_w: float, addressed: int = 3) -> float:
    """Polarisation rate in the levels that the field mixes: what light adds to the decay of p_0."""
    b = np.array(a.bias_field_t) * a.gyromagnetic_hz_per_t / a.zero_field_splitting_hz
    along, square = float(b @ nv.AXES[addressed]), float(b @ b)
    ground, lower = exact_levels(square, along**2)
    weights, rates = np.empty((3, 3)), np.empty((3, 3))
    mixing(np.array([ground, lower, 2 - ground - lower]), along, square, weights)
    static_rates(weights, a.pump_rate_per_w * power_w, 0.0, 0.0, rates)
    into, out = 0.5 * (rates[1, 0] + rates[2, 0]), rates[0, 1] + rates[0, 2]
    return float(into + out)


@pytest.mark.parametrize(("t1_s", "stretched"), [(1.61e-3, True), (220e-6, True), (1.61e-3, False)])
def test_t1(t1_s: float, stretched: bool) -> None:
    a = apparatus()
    world = {"t1_s": t1_s, "t1_stretched": stretched}
    name = "t1_stretched_s" if stretched else "t1_simple_s"
    truth = {name: t1_s}

    def one(seed: int) -> FitResult:
        return measure(
            "t1", seed, world, pi_time_s=PI_TIME_S, points=12, sweeps=2, repeats=16,
            start_s=0.005 * t1_s, stop_s=3 * t1_s,
        )  # fmt: skip

    if t1_s > 1e-3:
        truth["polarization_rate_per_s"] = pump_rate(a, 330e-6)
    honest(one, truth)


def test_polarization_rates() -> None:
    a = apparatus()
    truth = {
        "polarization_rate_per_s": pump_rate(a, 100e-6),
        "microwave_rate_per_s": a.rabi_rad_s(-35.0) ** 2 * a.t2star_s,
    }

    def one(seed: int) -> FitResult:
        return measure(
            "polarization_rates", seed, saturate_s=PI_TIME_S, power_dbm=-35.0, points=8, sweeps=2,
            repeats=10,
        )  # fmt: skip

    honest(one, truth)
