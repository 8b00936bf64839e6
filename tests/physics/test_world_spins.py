"""Relaxation and charge of the world's spins, against closed forms."""

import numpy as np
import pytest

from sim_backends.physics.levy_ensemble import ensemble_decay
from sim_backends.physics.t1_protocol import Recharging
from sim_backends.world import World

WEAK_FIELD_T = (6e-4, -5e-4, 3e-4)
"""A few gauss: the levels are those of the NV frame to 1e-4, the classes far apart."""


def dark(**arguments: object) -> World:
    still = {"temperature_k": 0.0, "drift_rad_per_s": 0.0, "drift_rad_per_sqrt_s": 0.0}
    figures = {"bias_field_t": WEAK_FIELD_T, "cross_relaxation_width_hz": 1e4, **arguments}
    return World(seed=1, spins_per_class=0.0, t1_convention="mixing", **still, **figures)


def polarisation(world: World) -> float:
    """Mean of p_0 over the spins, from 1 in |0> to 0 in thermal equilibrium."""
    excited = world.diamond.state.populations.sum(axis=2) @ world.diamond.spins.relaxation_weights
    return float(1.5 * (1 - excited.mean()) - 0.5)


@pytest.mark.parametrize("stretched", [False, True])
def test_the_dark_decay_is_the_one_of_the_ensemble(stretched: bool) -> None:
    t1_s = 1.61e-3
    world = dark(t1_s=t1_s, t1_stretched=stretched)
    world.diamond.state.populations[:] = 0.0
    elapsed_s = 0.0
    for step_s in (2e-5, 1e-4, 4e-4, 1e-3, 3e-3):
        world.sleep_s(step_s)
        elapsed_s += step_s
        simple = np.exp(-elapsed_s / t1_s)
        expected = ensemble_decay(elapsed_s, t1_s) if stretched else simple
        assert polarisation(world) == pytest.approx(float(expected), abs=4e-3)


@pytest.mark.parametrize("classes", [2, 4])
def test_degenerate_classes_relax_with_the_sum_of_the_rates(classes: int) -> None:
    """1/T1 = 1/T1_0 + (classes - 1)/T1_dd (`002`, SM Sec. VI), under the convention `mixing`."""
    direction = {2: (0.8, 0.6, 0.0), 4: (1.0, 0.0, 0.0)}[classes]
    field_t = tuple(1e-3 * np.array(direction))
    base_s, dipolar_s = 1.61e-3, 0.704e-3
    world = dark(t1_s=base_s, t1_dipolar_s=dipolar_s, bias_field_t=field_t)
    world.diamond.state.populations[:] = 0.0
    world.sleep_s(3e-4)
    rate = 1 / base_s + (classes - 1) / dipolar_s
    assert polarisation(world) == pytest.approx(np.exp(-3e-4 * rate), abs=4e-3)


def test_no_field_at_all_is_the_limit_of_a_small_one() -> None:
    """Two levels meet there, and what divides by their gap must not."""
    found = []
    for field_t in (0.0, 1e-6):
        world = dark(bias_field_t=(field_t, 0.0, 0.0))
        world.set(laser_gate=True, laser_w=world.apparatus.laser_reference_w)
        world.set(microwave_on=True, microwave_hz=2.87e9, microwave_dbm=-20.0)
        world.sleep_s(5e-3)
        found.append(world.diamond.state.populations.copy())
    assert found[0] == pytest.approx(found[1], abs=1e-4)


def test_charge_adds_light_alike_for_every_spin() -> None:
    """Against the exchange of `t1_protocol`, whose periodic state is in closed form."""
    background = 0.2
    world = dark(charge_background=background)
    a = world.apparatus
    exchange = Recharging(
        background_rate=background * a.pl_rate,
        dark_ionisation_rate=a.dark_ionisation_rate,
        # The world's darkness is always there; light comes on top.
        light_ionisation_rate=a.dark_ionisation_rate + a.light_ionisation_rate,
        light_recombination_rate=a.dark_recombination_rate + a.light_recombination_rate,
    )
    polarise_s, dark_s, read_s = 1e-3, 2e-3, 1e-5
    for _ in range(20):
        world.set(laser_gate=True, laser_w=a.laser_reference_w)
        world.sleep_s(polarise_s)
        world.set(laser_gate=False)
        world.sleep_s(dark_s)
        world.set(laser_gate=True)
        share = float(world.diamond.state.negative[0])
        world.sleep_s(read_s)
    expected = float(exchange.background(np.array([dark_s]), polarise_s, read_s)[0])
    mean = background * a.pl_rate * share * read_s
    assert mean == pytest.approx(expected, rel=0.02)  # the share falls by 1 % while it is read
    assert share < 0.6


def test_the_charge_shows_on_the_photoluminescence_alone() -> None:
    counts = {}
    for background in (0.0, 0.3):
        world = dark(charge_background=background, dead_time_s=0.0)
        world.set(laser_gate=True, laser_w=world.apparatus.laser_reference_w)
        world.sleep_s(0.02)
        counts[background] = np.array(world.count(1.0))
    _, share = world.apparatus.charge_exchange(world.apparatus.laser_reference_w)
    added = 0.3 * share * world.apparatus.pl_rate
    angle, pl = counts[0.3] - counts[0.0]
    assert abs(angle) < 5 * np.sqrt(2 * counts[0.0][0])
    assert pl == pytest.approx(added, abs=5 * np.sqrt(2 * counts[0.3][1]))
