"""Coherent pulses in the simulated lab, against QuTiP and the rate equations they turn into."""

import numpy as np
import pytest
import qutip

from sim_backends.physics.coherence import SPAN_T2, drive_coherently, settled_coherence
from sim_backends.physics.spin_libration import SpinLibration
from sim_backends.world import World

T2STAR_S = 80e-9
MEGAHERTZ = 2e6 * np.pi


def driven(
    rabi_mhz: float, detunings_mhz: tuple[float, float], pulses_s: list[tuple[float, bool]]
) -> np.ndarray:
    """(lower, upper) after pulses of (duration, microwave on) from the ground level."""
    populations, coherence = np.zeros((1, 2)), np.zeros((1, 2), dtype=complex)
    detunings = (detunings_mhz[0] * MEGAHERTZ, detunings_mhz[1] * MEGAHERTZ)
    for duration_s, on in pulses_s:
        rabi = rabi_mhz * MEGAHERTZ if on else 0.0
        drive_coherently(populations, coherence, detunings, rabi, T2STAR_S, duration_s)
    return populations[0]


def master_equation(
    rabi_mhz: float, detuning_mhz: float, pulses_s: list[tuple[float, bool]]
) -> float:
    """Population of the upper of two levels by QuTiP, with pure dephasing at 1/T2*."""
    rho = qutip.ket2dm(qutip.basis(2, 0))
    dephasing = np.sqrt(1 / (2 * T2STAR_S)) * qutip.sigmaz()
    for duration_s, on in pulses_s:
        h = 0.5 * rabi_mhz * MEGAHERTZ * on * qutip.sigmax()
        h = h + 0.5 * detuning_mhz * MEGAHERTZ * qutip.sigmaz()
        options = {"atol": 1e-10, "rtol": 1e-8, "nsteps": 100_000}
        rho = qutip.mesolve(h, rho, [0, duration_s], [dephasing], options=options).states[-1]
    return float(rho[1, 1].real)


@pytest.mark.parametrize("detuning_mhz", [0.0, 3.0, -8.0])
@pytest.mark.parametrize("rabi_mhz", [0.1, 2.0, 10.0])
def test_a_pulse_follows_the_master_equation(rabi_mhz: float, detuning_mhz: float) -> None:
    for duration_s in (20e-9, 50e-9, 200e-9, SPAN_T2 * T2STAR_S):
        pulses = [(duration_s, True)]
        expected = master_equation(rabi_mhz, detuning_mhz, pulses)
        lower, upper = driven(rabi_mhz, (detuning_mhz, -3000.0), pulses)
        assert lower == pytest.approx(expected, abs=2e-3)
        assert upper < 2e-3
        assert driven(rabi_mhz, (3000.0, detuning_mhz), pulses)[1] == pytest.approx(
            expected, abs=2e-3
        )


@pytest.mark.parametrize("gap_s", [10e-9, 45e-9, 160e-9])
def test_two_pulses_interfere_as_in_a_ramsey_sequence(gap_s: float) -> None:
    pulses = [(25e-9, True), (gap_s, False), (25e-9, True)]
    expected = master_equation(10.0, 5.0, pulses)
    assert driven(10.0, (5.0, -50_000.0), pulses)[0] == pytest.approx(expected, abs=2e-3)


def test_strang_converges_to_second_order() -> None:
    """Halving the steps by halving the pulses: the error falls fourfold."""
    exact = master_equation(6.0, 2.0, [(400e-9, True)])
    errors = []
    for pieces in (2, 4, 8):
        # Each call takes one step when it is short enough.
        lower = driven(6.0, (2.0, -50_000.0), [(400e-9 / 40 / pieces, True)] * 40 * pieces)[0]
        errors.append(abs(lower - exact))
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.2)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.3)


@pytest.mark.parametrize("detuning_mhz", [0.0, 2.0])
def test_a_weak_drive_becomes_the_rate_of_the_paper(detuning_mhz: float) -> None:
    """dp/dt = W (p0 - p) with W = (O^2 T2*/2)/(1 + (D T2*)^2) (`000`, SM)."""
    rabi, detuning = 0.02 * MEGAHERTZ, detuning_mhz * MEGAHERTZ
    rate = 0.5 * rabi**2 * T2STAR_S / (1 + (detuning * T2STAR_S) ** 2)
    populations, coherence = np.zeros((1, 2)), np.zeros((1, 2), dtype=complex)
    away = (detuning, -50_000 * MEGAHERTZ)
    drive_coherently(populations, coherence, away, rabi, T2STAR_S, SPAN_T2 * T2STAR_S)
    difference = 1 - 2 * populations[0, 0]
    followed = settled_coherence(difference, detuning, rabi, T2STAR_S)
    assert coherence[0, 0] == pytest.approx(followed, rel=2e-3)
    start = populations[0, 0]
    drive_coherently(populations, coherence, away, rabi, T2STAR_S, 1e-6)
    assert (populations[0, 0] - start) / 1e-6 == pytest.approx(rate, rel=5e-3)


def world(**arguments: object) -> World:
    """A still diamond polarised by light, the light off, the microwave on its first line."""
    one = World(
        seed=1, temperature_k=0.0, spins_per_class=0.0, t2star_s=T2STAR_S,
        rabi_hz_at_reference=10e6, drift_rad_per_s=0.0, drift_rad_per_sqrt_s=0.0, **arguments,
    )  # fmt: skip
    line_hz = one.truth()["resonance_frequency_hz"][0][0]
    one.set(laser_gate=True, laser_w=1e-3)
    one.sleep_s(5e-3)
    one.set(laser_gate=False, microwave_hz=line_hz, microwave_dbm=-5.0)
    return one


def excited(one: World) -> float:
    """Largest population of a lower level over the classes."""
    return float(one.diamond.state.populations[:, 0, 0].max())


def test_a_pulse_of_the_world_inverts_one_class() -> None:
    one = world()
    before = excited(one)
    ground = 1 - one.diamond.state.populations[:, 0].sum(axis=1).max()
    one.set(microwave_on=True)
    one.sleep_s(50e-9)
    one.set(microwave_on=False)
    one.sleep_s(1e-6)
    expected = before + (ground - before) * master_equation(10.0, 0.0, [(50e-9, True)])
    assert excited(one) == pytest.approx(expected, abs=0.02)
    assert np.all(one.diamond.state.coherence == 0)


def test_cutting_a_pulse_into_pieces_changes_nothing() -> None:
    whole, pieces = world(), world()
    for one, cuts in ((whole, 1), (pieces, 7)):
        one.set(microwave_on=True)
        for _ in range(cuts):
            one.sleep_s(350e-9 / cuts)
    assert excited(pieces) == pytest.approx(excited(whole), abs=2e-3)


def test_the_darkness_between_two_pulses_turns_at_the_present_detuning() -> None:
    """Whatever frequency the generator had in an earlier darkness."""
    one = world()
    before = excited(one)
    ground = 1 - one.diamond.state.populations[:, 0].sum(axis=1).max()
    parts = [(25e-9, True), (40e-9, False), (25e-9, True)]
    for duration_s, shining in parts:
        one.set(microwave_on=shining)
        one.sleep_s(duration_s)
    expected = before + (ground - before) * master_equation(10.0, 0.0, parts)
    assert excited(one) == pytest.approx(expected, abs=0.02)


def test_a_long_weak_drive_is_what_the_rate_equations_say() -> None:
    """Against the eliminated Bloch equations, for COOL's figures."""
    p = SpinLibration.paper_set("COOL")
    one = world()
    one.diamond.state.populations[:] = 0.0
    one.set(microwave_on=True, microwave_dbm=-5.0 + 20 * np.log10(30e3 / 10e6))
    one.sleep_s(2e-3)
    rate = p.peak_rate * T2STAR_S / p.t2star_s
    k = 1 / one.apparatus.t1_s
    # Without light: s0, s-, s+ under W on one transition and k on the single-quantum ones.
    rates = np.array([[-rate - 2 * k, rate + k, k], [rate + k, -rate - k, 0], [k, 0, -k]])
    values, vectors = np.linalg.eig(rates)
    start = np.linalg.solve(vectors, [1.0, 0.0, 0.0])
    expected = (vectors @ (start * np.exp(values * 2e-3)))[1]
    assert excited(one) == pytest.approx(float(expected.real), abs=0.01)


def test_a_gaussian_line_keeps_to_its_rates() -> None:
    one = world(lineshape="gaussian")
    one.set(microwave_on=True)
    one.sleep_s(50e-9)
    assert np.all(one.diamond.state.coherence == 0)


@pytest.mark.parametrize("power_dbm", [-26.0, -20.0, -17.0, -10.0])
def test_a_drive_that_saturates_within_a_step_does_not_overshoot(power_dbm: float) -> None:
    """(1 - exp(-2 W t))/2 in one step of 15 us, whatever 2 W t is."""
    one = world()
    before = one.diamond.state.populations[:, 0].copy()
    rabi = one.apparatus.rabi_rad_s(power_dbm)
    one.set(microwave_on=True, microwave_dbm=power_dbm)
    one.sleep_s(15e-6)
    addressed = int(np.argmax(one.diamond.state.populations[:, 0, 0]))
    difference = 1 - before[addressed].sum() - before[addressed, 0]
    gained = one.diamond.state.populations[addressed, 0, 0] - before[addressed, 0]
    share = -0.5 * np.expm1(-(rabi**2) * T2STAR_S * 15e-6)
    assert gained == pytest.approx(share * difference, abs=0.01)
