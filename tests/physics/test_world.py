"""The one world: its statistics, its causes and effects, its clock and its determinism."""

import time

import numpy as np
import pytest
from scipy.constants import Planck
from scipy.linalg import null_space

from labctl.errors import RigError
from labctl.hal import PL, Pulse, PulseChannel, count_gates
from labctl.session import build
from sim_backends.physics import nv
from sim_backends.physics.oscillator import thermal_rate_s2
from sim_backends.world import World

STILL = {"drift_rad_per_s": 0.0, "drift_rad_per_sqrt_s": 0.0}
LINEAR = {"detection": "linear", **STILL}
RESONANCE = "resonance_frequency_hz"


def lit(**arguments: object) -> World:
    world = World(**{"seed": 5, **arguments})
    world.set(laser_gate=True, laser_w=330e-6)
    return world


def test_same_seed_same_bytes_other_seed_other_noise() -> None:
    def record(seed: int) -> np.ndarray:
        world = lit(seed=seed)
        world.set(microwave_on=True, microwave_hz=2.72e9, microwave_dbm=0.0)
        world.ramp_current(1.0, 50.0)
        return np.concatenate([world.stream(1e-5, 2000), [world.count(0.01)] * 1], axis=None)

    assert np.array_equal(record(1), record(1))
    assert not np.array_equal(record(1), record(2))


def test_each_mode_has_its_share_of_thermal_energy() -> None:
    """Equipartition, <q^2> = kB T/(I w^2), with the spins' torque absent."""
    world = World(seed=11, spins_per_class=0.0, pressure_pa=1e4)
    omega = world.apparatus.omega_rad_s(2000.0, 4e3)
    expected = thermal_rate_s2(300.0, world.apparatus.moment_of_inertia) / omega**2
    samples = []
    for _ in range(150_000):
        world.sleep_s(1e-3)
        samples.append(world.diamond.state.angle.copy())
    ratio = np.mean(np.square(samples), axis=0) / expected
    assert ratio == pytest.approx(np.ones(3), abs=0.01)


def steady_populations(world: World, frequency_hz: float, power_dbm: float) -> np.ndarray:
    """Populations (4, 3) from a null space: an independent route to the same equations."""
    a = world.apparatus
    basis = nv.hamiltonian_hz(a.field_t(0.0))
    levels, states = np.linalg.eigh(basis)
    omega = 2 * np.pi * 57e3 * 10 ** ((power_dbm + 5) / 20)
    lines = levels[:, 1:] - levels[:, :1]
    result = []
    for c in range(4):
        weight = states[c] ** 2
        rates = np.zeros((3, 3))
        near = np.exp(-0.5 * ((lines[:, 0] - lines[c, 0]) / 6e6) ** 2).sum() - 1
        single = 1 / a.t1_s + near / a.t1_dipolar_s
        pump = a.pump_rate_per_w * 330e-6
        jumps = [(1, 0, pump), (1, 2, pump)]
        jumps += [(x, y, single) for x, y in ((1, 0), (0, 1), (1, 2), (2, 1))]
        for to, origin, rate in jumps:
            rates += rate * np.outer(weight[to], weight[origin])
        for level in (1, 2):
            x = 2 * np.pi * (frequency_hz - lines[c, level - 1]) * a.t2star_s
            drive = 0.5 * omega**2 * a.t2star_s / (1 + x**2)
            rates[level, 0] += drive
            rates[0, level] += drive
        np.fill_diagonal(rates, 0.0)
        vector = null_space(rates - np.diag(rates.sum(axis=0)))[:, 0]
        result.append(vector / vector.sum())
    return np.array(result)


def test_a_resonant_microwave_turns_the_diamond_by_the_spin_torque() -> None:
    """Static angle = torque/(I w^2) with populations from an independent steady state."""
    world = lit(spins_per_class=2e6, temperature_k=0.0, **STILL)
    line_hz = world.truth()[RESONANCE][0][1]
    world.set(microwave_on=True, microwave_hz=line_hz, microwave_dbm=0.0)
    world.sleep_s(0.2)
    populations = steady_populations(world, line_hz, 0.0)
    (excited,) = np.swapaxes(world.diamond.state.populations, 0, 1)
    measured = np.column_stack([1 - excited.sum(axis=1), excited])
    assert measured == pytest.approx(populations, abs=2e-4)

    field = world.apparatus.field_t(0.0)
    step, modes = 1e-6, world.diamond.spins.mode_axes
    torque = []
    for axis in modes:
        high, low = (
            np.linalg.eigvalsh(nv.hamiltonian_hz(nv.rotate_field(field, s * step * axis)))
            for s in (1, -1)
        )
        slopes = (high - low) / (2 * step)
        torque.append(-Planck * 2e6 * np.sum(populations * slopes))
    omega = world.apparatus.omega_rad_s(2000.0, 4e3)
    expected = np.array(torque) / (world.apparatus.moment_of_inertia * omega**2)
    assert world.diamond.state.angle == pytest.approx(expected, rel=2e-3, abs=1e-9)


def test_microwave_off_resonance_leaves_the_diamond_at_rest() -> None:
    world = lit(temperature_k=0.0, **STILL)
    world.sleep_s(0.2)
    rest = world.diamond.state.angle.copy()
    world.set(microwave_on=True, microwave_hz=2.0e9, microwave_dbm=0.0)
    world.sleep_s(0.2)
    assert world.diamond.state.angle == pytest.approx(rest, abs=2e-6)
    line_hz = world.truth()[RESONANCE][0][0]
    world.set(microwave_hz=line_hz)
    world.sleep_s(0.2)
    assert np.abs(world.diamond.state.angle - rest).max() > 5e-4


def test_one_client_sets_the_microwave_another_sees_the_photons() -> None:
    world = lit(**LINEAR)
    line_hz = world.truth()[RESONANCE][0][1]

    def rates(frequency_hz: float) -> np.ndarray:
        world.set(microwave_on=True, microwave_hz=frequency_hz, microwave_dbm=0.0)
        world.sleep_s(0.05)
        return np.array([world.count(0.1) for _ in range(30)]) / 0.1

    off, on = rates(2.0e9), rates(line_hz)
    error = np.sqrt((on.var(axis=0) + off.var(axis=0)) / 30)
    assert np.all(np.abs(on.mean(axis=0) - off.mean(axis=0)) > 10 * error)
    assert on[:, 1].mean() < off[:, 1].mean()  # magnetised spins are dark


def test_the_two_branches_of_a_class_turn_it_opposite_ways() -> None:
    world = lit(temperature_k=0.0, **STILL)
    lines = nv.transition_frequencies_hz(world.apparatus.field_t(0.0))
    world.sleep_s(0.2)
    rest = world.diamond.state.angle.copy()
    for lower_hz, upper_hz in lines:
        turns = []
        for line_hz in (lower_hz, upper_hz):
            world.set(microwave_on=True, microwave_hz=line_hz, microwave_dbm=-10.0)
            world.sleep_s(0.2)
            turns.append(world.diamond.state.angle - rest)
            world.set(microwave_on=False)
            world.sleep_s(0.2)
        cosine = turns[0] @ turns[1] / np.linalg.norm(turns[0]) / np.linalg.norm(turns[1])
        assert cosine < -0.95


def test_magnetised_spins_pull_their_own_line_down() -> None:
    """The lower line of a driven class falls as the diamond aligns: G_B phi of `000`, SI."""
    world = lit(temperature_k=0.0, **STILL)
    lines = nv.transition_frequencies_hz(world.apparatus.field_t(0.0))
    world.set(microwave_on=True, microwave_hz=lines[0, 0], microwave_dbm=0.0)
    world.sleep_s(0.2)
    turned = nv.rotate_field(
        world.apparatus.field_t(0.0), world.diamond.state.angle @ world.diamond.spins.mode_axes
    )
    assert nv.transition_frequencies_hz(turned)[0, 0] < lines[0, 0] - 0.1e6


def test_laser_off_leaves_dark_counts_only() -> None:
    world = World(seed=2)
    angle, pl = world.count(10.0)
    assert angle == pytest.approx(5000, abs=300)
    assert pl == pytest.approx(5000, abs=300)


def test_losing_the_trap_loses_the_particle_for_good() -> None:
    world = lit()
    world.set(trap_on=False)
    world.sleep_s(1e-3)
    world.set(trap_on=True)
    world.sleep_s(0.01)
    assert not world.diamond.lost
    world.set(trap_on=False)
    world.sleep_s(0.1)
    world.set(trap_on=True)
    assert world.diamond.lost
    assert world.count(0.1)[1] < 200


def test_a_stiffer_trap_turns_less() -> None:
    def angle_at(volts: float) -> float:
        world = lit(temperature_k=0.0, spins_per_class=1e7, **STILL)
        world.set(trap_v=volts, microwave_on=True, microwave_dbm=-10.0)
        world.set(microwave_hz=nv.transition_frequencies_hz(world.apparatus.field_t(0.0))[0, 0])
        world.sleep_s(0.3)
        return float(np.linalg.norm(world.diamond.state.angle))

    assert angle_at(1000.0) / angle_at(2000.0) == pytest.approx(4.0, rel=0.05)


def test_cutting_time_into_pieces_changes_no_physics() -> None:
    whole = lit(temperature_k=0.0, **STILL)
    whole.set(microwave_on=True, microwave_hz=2.7203e9, microwave_dbm=0.0)
    pieces = lit(temperature_k=0.0, **STILL)
    pieces.set(microwave_on=True, microwave_hz=2.7203e9, microwave_dbm=0.0)
    whole.sleep_s(0.01)
    for _ in range(1000):
        pieces.sleep_s(1e-5)
    assert pieces.now_s() == pytest.approx(whole.now_s(), abs=1e-9)
    assert pieces.diamond.state.angle == pytest.approx(whole.diamond.state.angle, abs=2e-6)
    assert pieces.diamond.state.populations == pytest.approx(
        whole.diamond.state.populations, abs=2e-4
    )


@pytest.mark.parametrize("bin_s", [1e-6, 7e-6, 20e-6, 30e-6, 1e-3])
def test_streams_see_the_same_rates_in_any_binning(bin_s: float) -> None:
    world = lit(temperature_k=0.0, spins_per_class=0.0, dead_time_s=0.0, **STILL)
    world.sleep_s(0.05)
    bins = round(0.2 / bin_s)
    counts = world.stream(bin_s, bins)
    start = world.now_s()
    assert counts.shape == (2, bins)
    mean = np.array([2.0e6, 4.0e6]) * bins * bin_s
    assert counts[0].sum() == pytest.approx(mean[0] + 500 * 0.2, abs=5 * np.sqrt(mean[0]))
    world.stream(bin_s, bins)
    assert world.now_s() - start == pytest.approx(bins * bin_s, rel=1e-9)


def test_libration_shows_in_the_spectrum_of_the_stream() -> None:
    world = lit(pressure_pa=100.0, detection_direction=(1, 1, 2), **STILL)
    world.sleep_s(0.5)
    trace = world.stream(1e-4, 200_000)[0]
    spectrum = np.abs(np.fft.rfft((trace - trace.mean()).reshape(20, -1))) ** 2
    power, frequency = spectrum.mean(axis=0), np.fft.rfftfreq(10_000, 1e-4)
    floor = np.median(power)
    for expected_hz in (480.0, 590.0, 970.0):
        near = np.abs(frequency - expected_hz) < 25
        assert power[near].max() > 5 * floor
        assert frequency[near][power[near].argmax()] == pytest.approx(expected_hz, abs=15)


def test_a_held_clock_keeps_to_the_wall() -> None:
    world = lit()
    world.count(1e-3)
    world.hold_to_wall_clock(10.0)
    wall_s, lab_s = time.monotonic(), world.now_s()
    for _ in range(20):
        world.count(0.1)
    assert world.now_s() - lab_s >= 2.0
    assert time.monotonic() - wall_s >= 0.199
    time.sleep(0.05)
    assert world.now_s() - lab_s >= 10 * (time.monotonic() - wall_s) - 0.5


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_impossible_clock_speeds_are_refused(speed: float) -> None:
    with pytest.raises(RigError, match="speed"):
        World().hold_to_wall_clock(speed)


def test_unknown_or_impossible_apparatus_is_refused() -> None:
    with pytest.raises(RigError, match="mass"):
        World(mass=3.0)
    with pytest.raises(RigError, match="t1_s"):
        World(t1_s=-1.0)
    with pytest.raises(RigError, match="orthogonal"):
        World(mode_axes=((1, 0, 0), (1, 1, 0), (0, 0, 1)))


def test_a_program_in_one_go_counts_as_event_by_event() -> None:
    """The compiled pulse train against the same program cut up by an idle second timeline."""

    def gates(busy: bool) -> tuple[np.ndarray, float]:
        rig = build("sim", seed=3)
        for _, device in rig:
            device.open()
        rig.laser.power_w, rig.laser.gate = 330e-6, True
        rig.microwave.frequency_hz = float(rig.simulation.truth()[RESONANCE][0][1])
        rig.microwave.power_dbm, rig.microwave.output = 0.0, True
        light, drive, count = PulseChannel.LASER, PulseChannel.MICROWAVE, PulseChannel.COUNT
        program = [
            Pulse.of(0.3e-3, light),
            Pulse.of(0.5e-3, drive),
            Pulse.of(30e-6, light, count),
            Pulse.of(25e-6, light, drive, count),
            Pulse.of(0.2e-3, count),
        ]
        start_s = rig.clock.now_s()
        rig.sequencer.load(program, repeats=3000)
        rig.counter.arm_gates(count_gates(program, 3000))
        if busy:
            rig.simulation.play("other", iter([(1e9, lambda: None)]))
        rig.sequencer.start()
        counts = rig.counter.read_gates()[PL]
        return counts, rig.clock.now_s() - start_s

    (quick, quick_s), (slow, slow_s) = gates(busy=False), gates(busy=True)
    assert quick.shape == slow.shape == (3000,)
    assert quick_s == pytest.approx(slow_s, rel=1e-9)
    error = np.sqrt((quick.var() + slow.var()) / 3000)
    assert quick.mean() == pytest.approx(slow.mean(), abs=4 * error)
    assert quick.var() == pytest.approx(slow.var(), rel=0.15)
