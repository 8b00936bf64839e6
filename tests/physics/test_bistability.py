"""The double well against its definition, exact passage times and traces with known jumps."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.constants import Boltzmann
from scipy.integrate import cumulative_trapezoid, quad

from sim_backends.physics import bistability, libration
from sim_backends.physics.libration import Lineshape, SpinLibration, T1Convention

PAPER = SpinLibration.paper_set
EVERY_KIND = [
    pytest.param({"lineshape": line, "t1_convention": convention}, id=f"{line}-{convention}")
    for line in Lineshape
    for convention in T1Convention
]


def middle(p: SpinLibration) -> SpinLibration:
    """The same system half-way between its folds."""
    return replace(p, detuning_hz=float(np.mean(libration.fold_detunings_hz(p))))


def acceleration(p: SpinLibration, angle: float) -> float:
    """Static acceleration at an angle, from the steady populations."""
    rate, _ = libration.microwave_rate(p, angle)
    return p.torque_s2 * libration.magnetisation(p, rate) - p.omega_rad_s**2 * angle


def exact_passage_s(p: SpinLibration, start: float, end: float) -> float:
    """Mean time to first reach `end` from `start` under strong friction (Smoluchowski).

    (g I/kB T) int_start^end dy exp(U(y)/kB T) int_-inf^y dz exp(-U(z)/kB T), for a rise; a fall
    by reflection.
    """
    heat = Boltzmann * p.temperature_k
    sign = 1.0 if end > start else -1.0
    far = start - sign * 8 * math.sqrt(heat / p.moment_of_inertia) / p.omega_rad_s
    x = np.linspace(far, end, 40_001)
    u = bistability.potential_j(p, x) / heat
    inner = cumulative_trapezoid(np.exp(u.min() - u), sign * x, initial=0.0)
    outer = np.exp(u - u.min()) * inner
    outer[sign * (x - start) < 0] = 0.0
    diffusion = heat / (p.moment_of_inertia * p.gamma_s)
    return float(np.trapezoid(outer, sign * x)) / diffusion


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("gradient_hz_per_rad", [260e6, -40e6, 0.0])
def test_potential_is_the_integral_of_the_static_torque(
    gradient_hz_per_rad: float, kind: dict
) -> None:
    p = replace(PAPER("BIST"), gradient_hz_per_rad=gradient_hz_per_rad, **kind)
    for angle in (-0.02, 0.01, 0.07):
        work, _ = quad(lambda phi: acceleration(p, phi), 0.0, angle, epsabs=0, epsrel=1e-11)
        expected = -p.moment_of_inertia * work
        assert bistability.potential_j(p, angle) == pytest.approx(expected, rel=1e-9, abs=0)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_wells_and_barrier(kind: dict) -> None:
    p = middle(replace(PAPER("BISTW"), torque_s2=1e6, **kind))
    well = bistability.double_well(p)
    low, top, high = libration.equilibria(p)
    assert (well.angle_a_rad, well.angle_c_rad, well.angle_b_rad) == (
        low.angle_rad, top.angle_rad, high.angle_rad,
    )  # fmt: skip
    assert well.barrier_a_j > 0 < well.barrier_b_j
    step = 1e-6
    for angle, frequency, sign in (
        (well.angle_a_rad, well.frequency_a_hz, 1),
        (well.angle_c_rad, well.frequency_c_hz, -1),
        (well.angle_b_rad, well.frequency_b_hz, 1),
    ):
        slope = (acceleration(p, angle + step) - acceleration(p, angle - step)) / (2 * step)
        assert sign * frequency == pytest.approx(
            -math.copysign(math.sqrt(abs(slope)), slope) / (2 * math.pi), rel=1e-5
        )


def test_wells_of_fast_spins_are_those_of_the_linear_response() -> None:
    """Where the spins do follow at once, the frequencies are those of the eigenvalues."""
    slow = PAPER("BIST")
    fast = replace(slow, pump_rate=1e7, relaxation_rate=6e5, rabi_hz=slow.rabi_hz * math.sqrt(1e3))
    well = bistability.double_well(fast)
    a, _, b = libration.equilibria(fast)
    assert well.frequency_a_hz == pytest.approx(a.frequency_hz, rel=1e-3)
    assert well.frequency_b_hz == pytest.approx(b.frequency_hz, rel=1e-3)


def test_kramers_rates_approach_the_exact_passage_times_in_the_cold() -> None:
    """Eq. 16 at strong friction: its error falls with kB T, as the theory has it."""
    p = replace(PAPER("BISTW"), damping_hz=2e4, detuning_hz=-9.58e6)
    errors = []
    for temperature in (100.0, 50.0, 25.0):
        cold = replace(p, temperature_k=temperature)
        well, rates = bistability.double_well(cold), bistability.kramers_rates(cold)
        for start, end, rate in (
            (well.angle_a_rad, well.angle_b_rad, rates.rate_ab_s),
            (well.angle_b_rad, well.angle_a_rad, rates.rate_ba_s),
        ):
            errors.append(rate * exact_passage_s(cold, start, end) - 1)
    errors = np.abs(np.array(errors).reshape(3, 2))
    assert np.all(errors[-1] < 0.02)
    assert np.all(errors[1:] < 0.65 * errors[:-1])


def test_kramers_prefactors() -> None:
    """The limits of Eq. 16: transition-state theory without friction, w_C^2/g with much."""
    p = PAPER("BISTW")
    well = bistability.double_well(p)
    escape = math.exp(-well.barrier_a_j / (Boltzmann * p.temperature_k))
    free = bistability.kramers_rates(replace(p, damping_hz=0.0))
    assert free.rate_ab_s == pytest.approx(well.frequency_a_hz * escape, rel=1e-12)
    thick = bistability.kramers_rates(replace(p, damping_hz=1e6))
    slowed = well.frequency_a_hz * well.frequency_c_hz / 1e6 * escape
    assert thick.rate_ab_s == pytest.approx(slowed, rel=1e-6)


def test_populations_balance_the_rates() -> None:
    p = PAPER("BISTW")
    well, rates = bistability.double_well(p), bistability.kramers_rates(p)
    assert (1 - rates.fraction_b) * rates.rate_ab_s == pytest.approx(
        rates.fraction_b * rates.rate_ba_s, rel=1e-12
    )
    # Eq. 17 is the ratio of the populations up to that of the frequencies.
    ratio = (1 - rates.fraction_b) / rates.fraction_b
    expected = rates.ratio * well.frequency_b_hz / well.frequency_a_hz
    assert ratio == pytest.approx(expected, rel=1e-12)
    hot = bistability.kramers_rates(p, temperature_k=1e9)
    assert hot.ratio == pytest.approx(1.0, abs=1e-6)


def test_the_upper_well_fills_towards_resonance() -> None:
    fractions = [
        bistability.kramers_rates(replace(PAPER("BIST"), detuning_hz=d)).fraction_b
        for d in np.linspace(-8.33e6, -7.83e6, 12)
    ]
    assert np.all(np.diff(fractions) > 0)
    assert fractions[0] < 0.2 < 0.5 < fractions[-1]


def telegraph(rng: np.random.Generator, mean_a: float, mean_b: float, samples: int) -> np.ndarray:
    """States 0 and 1 with memoryless stays of the given means, in samples."""
    state, signal = 0, np.empty(0, int)
    pieces = []
    length = 0
    while length < samples:
        stay = rng.geometric(1 / (mean_a, mean_b)[state])
        pieces.append(np.full(stay, state))
        length += stay
        state = 1 - state
    signal = np.concatenate(pieces)
    return signal[:samples]


def test_known_jumps_are_timed_exactly() -> None:
    trace = np.array([0.5, 0, 0, 0.6, 0, 1, 1, 0.4, 1, 1, 0, 0, 1, 1])
    found = bistability.residence_times(trace, 10.0, levels_rad=(0.0, 1.0))
    assert found.a.exits == 2
    assert found.b.exits == 1
    assert list(found.b.stays_s) == [0.5]
    assert list(found.a.stays_s) == [0.2]
    assert found.a.total_s == pytest.approx(0.6)
    assert found.b.total_s == pytest.approx(0.7)
    assert found.fraction_b == pytest.approx(7 / 13)
    assert found.a.mean_s == pytest.approx(0.3)
    assert found.b.mean_s == pytest.approx(0.7)


def test_means_and_errors_hold_over_many_records() -> None:
    """Noise, and an oscillation that crosses the middle, make no jump; 200 records on average."""
    rng = np.random.default_rng(5)
    deviations = []
    for _ in range(200):
        states = telegraph(rng, 400.0, 150.0, 40_000)
        ringing = 0.6 * np.sin(0.05 * np.arange(states.size))
        trace = 2.0 * states - 1.0 + ringing + rng.normal(scale=0.1, size=states.size)
        found = bistability.residence_times(trace, 1e3, levels_rad=(-0.6, 0.6))
        assert abs(found.a.exits - np.count_nonzero(np.diff(states) == 1)) <= 8
        deviations.append([
            (found.a.mean_s - 0.4) / found.a.error_s, (found.b.mean_s - 0.15) / found.b.error_s,
            found.fraction_b - 150 / 550,
        ])  # fmt: skip
    mean, spread = np.mean(deviations, axis=0), np.std(deviations, axis=0)
    assert np.all(np.abs(mean[:2]) < 0.5)
    assert np.all(np.abs(spread[:2] - 1) < 0.2)
    assert abs(mean[2]) < 5e-3


def test_a_short_record_is_not_biased_towards_short_stays() -> None:
    rng = np.random.default_rng(6)
    traces = np.array([telegraph(rng, 300.0, 300.0, 600) for _ in range(3000)])
    found = bistability.residence_times(traces, 1.0, levels_rad=(0.0, 1.0))
    assert found.a.mean_s == pytest.approx(300, rel=0.06)
    assert found.b.mean_s == pytest.approx(300, rel=0.06)
    assert found.b.stays_s.mean() < 200  # which the mean of the whole stays alone would be


def test_wells_are_found_where_none_are_given() -> None:
    rng = np.random.default_rng(7)
    states = telegraph(rng, 300.0, 200.0, 50_000)
    trace = 9e-3 + 21e-3 * states + rng.normal(scale=2e-3, size=states.size)
    found = bistability.residence_times(trace, 1e3)
    assert found.levels_rad == pytest.approx((9e-3, 30e-3), abs=1e-4)
    assert found.fraction_b == pytest.approx(states.mean(), abs=0.01)


def test_bursts_widen_the_error() -> None:
    """Stays of two kinds, 10 and 1000 samples: their spread, not their number, is the error."""
    rng = np.random.default_rng(8)
    stays = np.where(rng.random(400) < 0.8, 10, 1000)
    trace = np.concatenate([np.r_[np.zeros(n), np.ones(50)] for n in stays])
    found = bistability.residence_times(trace, 1.0, levels_rad=(0.0, 1.0))
    assert found.a.error_s == pytest.approx(stays.std() / 20, rel=0.02)


def test_a_trace_of_one_well_has_no_mean() -> None:
    found = bistability.residence_times(np.zeros(10), 1.0, levels_rad=(0.0, 1.0))
    assert math.isnan(found.a.mean_s)
    assert math.isnan(found.a.error_s)
    assert found.fraction_b == 0.0


def test_theory_beside_an_overdamped_trace() -> None:
    """Brownian motion in the double well: the stays are the exact passage times."""
    p = replace(PAPER("BISTW"), damping_hz=1e3, detuning_hz=-9.58e6)
    well = bistability.double_well(p)
    grid = np.linspace(-0.03, 0.08, 4001)
    force = np.gradient(-bistability.potential_j(p, grid), grid) / p.moment_of_inertia
    rng = np.random.default_rng(9)
    step, keep, walkers = 2e-5, 10, 400
    kick = math.sqrt(2 * p.kt_over_i / p.gamma_s * step)
    angle = np.where(np.arange(walkers) % 2, well.angle_a_rad, well.angle_b_rad)
    trace = np.empty((walkers, 4000))
    for i in range(trace.shape[1]):
        for _ in range(keep):
            drift = np.interp(angle, grid, force) * (step / p.gamma_s)
            angle = angle + drift + kick * rng.standard_normal(walkers)
        trace[:, i] = angle
    both = bistability.compare(p, trace, 1 / (step * keep))
    for residence, start, end in (
        (both.observed.a, well.angle_a_rad, well.angle_b_rad),
        (both.observed.b, well.angle_b_rad, well.angle_a_rad),
    ):
        exact = exact_passage_s(p, start, end)
        assert residence.exits > 500
        assert residence.mean_s == pytest.approx(exact, rel=0.04, abs=3 * residence.error_s)
    # Barriers of 2 kB T: Eq. 16 is right to within a half, the populations are better.
    assert 0.67 < both.theory.rate_ab_s / both.observed_rate_ab_s < 1.5
    assert 0.67 < both.theory.rate_ba_s / both.observed_rate_ba_s < 1.5
    odds = (1 - both.theory.fraction_b) / both.theory.fraction_b
    assert 0.75 < odds / both.observed_ratio < 1.33


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"detuning_hz must lie between the folds \(none"):
        bistability.double_well(PAPER("COOL"))
    with pytest.raises(ValueError, match=r"between the folds \(-1\.0457.*e\+07, -8\.97"):
        bistability.kramers_rates(replace(PAPER("BISTW"), detuning_hz=-11e6))
    with pytest.raises(ValueError, match="temperature_k must be finite and > 0"):
        bistability.kramers_rates(PAPER("BIST"), temperature_k=0.0)
    with pytest.raises(ValueError, match="angle_rad must be finite"):
        bistability.potential_j(PAPER("BIST"), math.nan)
    for trace in ([0.0], [0.0, math.nan], np.zeros((2, 2, 2))):
        with pytest.raises(ValueError, match="angle_rad must be finite and of shape"):
            bistability.residence_times(trace, 1.0)
    with pytest.raises(ValueError, match="sample_rate_hz must be finite and > 0"):
        bistability.residence_times([0.0, 1.0], 0.0)
    with pytest.raises(ValueError, match="levels_rad must be"):
        bistability.residence_times([0.0, 1.0], 1.0, levels_rad=(1.0, 1.0))
    with pytest.raises(ValueError, match="angle_rad must vary"):
        bistability.residence_times([1.0, 1.0], 1.0)
    with pytest.raises(ValueError, match="angle_rad must reach one of the levels"):
        bistability.residence_times([0.4, 0.6], 1.0, levels_rad=(0.0, 1.0))
