"""The stochastic engine against quadrature, closed forms and its own refinement."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp
from scipy.optimize import curve_fit
from scipy.signal import welch
from scipy.stats import kstest

from sim_backends.physics.libration import psd
from sim_backends.physics.normals import LANES, fill_exponentials, fill_normals, seed_lanes
from sim_backends.physics.oscillator import step_propagator
from sim_backends.physics.spin_libration import Lineshape, SpinLibration
from sim_backends.physics.trajectories import Microwave, Trajectories, ring_down, simulate

COOL = SpinLibration()
QUIET_K = 1e-12


def standard_error_of_mean(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1) / np.sqrt(values.size))


def test_normals_are_standard_normal_and_independent() -> None:
    scratch, out = np.empty(3 * LANES, np.float32), np.empty(2 * LANES, np.float32)
    state, rows = seed_lanes(3, 0), []
    for _ in range(4000):
        fill_normals(state, scratch, scratch.view(np.int32), out)
        rows.append(out.astype(float))
    table = np.array(rows)
    flat = table.ravel()
    n = flat.size
    assert flat.mean() == pytest.approx(0.0, abs=4 / np.sqrt(n))
    assert flat.var() == pytest.approx(1.0, abs=4 * np.sqrt(2 / n))
    assert (flat**4).mean() == pytest.approx(3.0, abs=4 * np.sqrt(96 / n))
    assert kstest(flat, "norm").pvalue > 1e-3
    correlation = np.corrcoef(table.T) - np.eye(2 * LANES)
    assert np.abs(correlation).max() < 5.5 / np.sqrt(len(rows))
    echo = [np.mean(table[lag:] * table[:-lag]) for lag in (1, 2, 3)]
    assert np.abs(echo).max() < 5 / np.sqrt(n)


def test_exponentials_are_exponential() -> None:
    scratch, out = np.empty(4 * LANES, np.float32), np.empty(2 * LANES, np.float32)
    state, rows = seed_lanes(5, 0), []
    for _ in range(4000):
        fill_exponentials(state, scratch, scratch.view(np.int32), out)
        rows.append(out.astype(float))
    flat = np.array(rows).ravel()
    assert flat.mean() == pytest.approx(1.0, abs=4 / np.sqrt(flat.size))
    assert flat.min() >= 0.0
    assert kstest(flat, "expon").pvalue > 1e-3


def exact_path(p: SpinLibration, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """The noiseless equations by an adaptive solver of eighth order."""
    k, q = p.relaxation
    polarised = k / (3 * k + p.pump_rate)

    def flow(_: float, y: NDArray[np.float64]) -> list[float]:
        angle, velocity, lower, upper = y
        x = (p.detuning_s + p.gradient_s * angle) * p.t2star_s
        shape = np.exp(-(x**2)) if p.lineshape is Lineshape.GAUSSIAN else 1 / (1 + x**2)
        w, ground = p.peak_rate * shape, 1 - lower - upper
        return [
            velocity,
            -(p.omega_rad_s**2) * angle - p.gamma_s * velocity + p.torque_s2 * (lower - upper),
            w * (ground - lower) - p.pump_rate * lower + k * (ground - lower) + q * (upper - lower),
            -p.pump_rate * upper + k * (ground - upper) + q * (lower - upper),
        ]

    start = [0.0, 0.0, polarised, polarised]
    span = (0.0, time_s[-1])
    answer = solve_ivp(flow, span, start, "DOP853", time_s, rtol=1e-11, atol=1e-14)
    return answer.y


@pytest.mark.parametrize("lineshape", list(Lineshape))
@pytest.mark.parametrize("convention", ["pair", "all", "mixing"])
def test_without_noise_the_path_converges_with_third_order(
    lineshape: Lineshape, convention: str
) -> None:
    p = replace(COOL, temperature_k=QUIET_K, lineshape=lineshape, t1_convention=convention)
    errors = []
    for step_s in (100e-6, 50e-6, 25e-6):
        run = simulate(p, 0.05, sample_rate_hz=5e3, step_s=step_s, from_rest=True)
        exact = exact_path(p, run.time_s)
        errors.append(np.abs(run.angle_rad[0] - exact[0]).max() / np.abs(exact[0]).max())
        assert np.abs(run.lower[0] - exact[2]).max() < 5e-5
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders == pytest.approx(3.0, abs=0.35)
    assert errors[1] < 1e-4


def coarser(
    noise: NDArray[np.float64], p: SpinLibration, fine_s: float, factor: int
) -> NDArray[np.float64]:
    """Standard normals of a step `factor` times longer that carry the same thermal noise."""
    fine = step_propagator(p.omega_rad_s, p.gamma_s, fine_s, p.kt_over_i)
    long = step_propagator(p.omega_rad_s, p.gamma_s, fine_s * factor, p.kt_over_i)
    phi = np.array([[fine.phi_xx, fine.phi_xv], [fine.phi_vx, fine.phi_vv]])
    root = np.array([[fine.noise_xx, 0.0], [fine.noise_vx, fine.noise_vv]])
    long_root = np.array([[long.noise_xx, 0.0], [long.noise_vx, long.noise_vv]])
    kicks = (noise @ root.T).reshape(-1, factor, 2)
    total = np.zeros((kicks.shape[0], 2))
    for n in range(factor):
        total = total @ phi.T + kicks[:, n]
    return np.linalg.solve(long_root, total.T).T


def test_orders_of_convergence_with_noise() -> None:
    """Strong order 2 (rms path / rms angle), weak order 3 (mean energy), from 25 to 50 us."""
    duration_s, sample_rate_hz, finest = 0.02, 1250.0, 256
    fine_s = 1 / (sample_rate_hz * finest)
    steps = round(duration_s / fine_s)
    generator = np.random.default_rng(8)

    def path(noise: NDArray[np.float64], factor: int, seed: int) -> Trajectories:
        given = coarser(noise, COOL, fine_s, factor) if factor > 1 else noise
        step_s = fine_s * factor * (1 + 1e-9)
        return simulate(
            COOL, duration_s, sample_rate_hz=sample_rate_hz, step_s=step_s, seed=seed, noise=given
        )

    def energy(run: Trajectories) -> float:
        squares = run.velocity_rad_s[0] ** 2 + (COOL.omega_rad_s * run.angle_rad[0]) ** 2
        return float(squares[5:].mean())

    gaps, surplus, sizes, energies = [], [], [], []
    for seed in range(1500):
        noise = generator.standard_normal((steps, 2))
        exact = path(noise, 1, seed)
        coarse = [path(noise, factor, seed) for factor in (8, 16)]
        gaps.append([run.angle_rad[0] - exact.angle_rad[0] for run in coarse])
        surplus.append([energy(run) - energy(exact) for run in coarse])
        sizes.append(exact.angle_rad[0])
        energies.append(energy(exact))
    strong = np.sqrt(np.mean(np.square(gaps), axis=(0, 2)) / np.mean(np.square(sizes)))
    weak = np.abs(np.mean(surplus, axis=0)) / np.mean(energies)
    assert np.log2(strong[1] / strong[0]) == pytest.approx(2.0, abs=0.25)
    assert np.log2(weak[1] / weak[0]) == pytest.approx(3.0, abs=0.5)
    assert strong[1] < 5e-5
    assert weak[1] < 1e-5


def test_halving_the_default_step_changes_nothing_visible() -> None:
    common = {"sample_rate_hz": 2e3, "trajectories": 512}
    default = simulate(COOL, 0.5, seed=3, **common)
    halved = simulate(COOL, 0.5, seed=4, step_s=default.step_s / 2, **common)
    for name in ("angle_rad", "lower"):
        one, two = (getattr(run, name)[:, 400:].mean(axis=1) for run in (default, halved))
        error = np.hypot(standard_error_of_mean(one), standard_error_of_mean(two))
        assert abs(one.mean() - two.mean()) < 3 * error


@pytest.mark.parametrize("damping_hz", [16.0, 2000.0])
def test_without_spins_every_mode_has_its_thermal_share(damping_hz: float) -> None:
    p = replace(COOL, rabi_hz=0.0, damping_hz=damping_hz)
    run = simulate(p, 2.0, sample_rate_hz=500, trajectories=2048, seed=5)
    angle_k = (run.angle_rad**2).mean() / p.thermal_angle_rad**2
    speed_k = (run.velocity_rad_s**2).mean() / p.kt_over_i
    assert [angle_k, speed_k] == pytest.approx([1.0, 1.0], abs=0.01)


def test_microwave_off_leaves_no_torque() -> None:
    p = replace(COOL, rabi_hz=0.0)
    run = simulate(p, 1.0, sample_rate_hz=500, trajectories=1024, seed=6)
    means = run.angle_rad.mean(axis=1)
    assert abs(means.mean()) < 3 * standard_error_of_mean(means)
    assert np.abs(run.lower - run.upper).max() < 1e-12


def test_thermal_spectrum_is_the_closed_form() -> None:
    """S = 4 g kB T/I / ((w^2 - W^2)^2 + g^2 W^2), one-sided in Hz (`000`, SI Eq. 5)."""
    p = replace(COOL, rabi_hz=0.0)
    run = simulate(p, 4.0, sample_rate_hz=8e3, trajectories=64, seed=7)
    frequency, power = welch(run.angle_rad, fs=8e3, nperseg=4096, axis=1)
    mean = power.mean(axis=0)
    omega = 2 * np.pi * frequency
    exact = (
        4
        * p.gamma_s
        * p.kt_over_i
        / ((p.omega_rad_s**2 - omega**2) ** 2 + (p.gamma_s * omega) ** 2)
    )
    # The window smears the line, so bands are compared; flanks bin by bin.
    band = (frequency > 300) & (frequency < 660)
    assert mean[band].sum() == pytest.approx(exact[band].sum(), rel=0.02)
    flank = (np.abs(frequency - 480) > 60) & (frequency > 20) & (frequency < 2000)
    averages = 64 * 7
    ratio = mean[flank] / exact[flank]
    assert ratio.mean() == pytest.approx(1.0, abs=0.02)
    assert ratio.std() < 3 / np.sqrt(averages)


def test_cooled_spectrum_is_the_linear_response() -> None:
    """The spins' delayed reaction, against `libration.psd`, in bands and on the flanks."""
    run = simulate(COOL, 4.0, sample_rate_hz=8e3, trajectories=128, seed=8)
    frequency, power = welch(run.angle_rad[:, 1600:], fs=8e3, nperseg=2048, axis=1)
    mean, exact = power.mean(axis=0), psd(COOL, frequency)
    band = (frequency > 200) & (frequency < 800)
    assert mean[band].sum() == pytest.approx(exact[band].sum(), rel=0.03)
    flank = (frequency > 100) & (frequency < 2000) & (np.abs(frequency - 457) > 80)
    averages = 128 * 13
    ratio = mean[flank] / exact[flank]
    assert ratio.mean() == pytest.approx(1.0, abs=0.03)
    assert ratio.std() < 0.02 + 2 / np.sqrt(averages)


def test_cooling_of_the_paper() -> None:
    """PHYSICS set COOL: 2.944 mrad; 88 K by the variance with the shifted frequency."""
    run = simulate(COOL, 1.0, sample_rate_hz=1e3, trajectories=1024, seed=9)
    angle = run.angle_rad[:, 200:]
    variances = angle.var(axis=1)
    temperature = variances * (457.24 * 2 * np.pi) ** 2 / COOL.kt_over_i * 300
    assert temperature.mean() == pytest.approx(88.4, abs=1.0)
    assert angle.mean() == pytest.approx(2.944e-3, rel=0.005)


def test_ring_down_decays_with_the_damping_of_the_jacobian() -> None:
    """PHYSICS set COOL: 59.997 Hz and 457.24 Hz; the envelope decays as exp(-gamma t/2)."""
    run = ring_down(
        COOL, 0.02, sample_rate_hz=10e3, trajectories=8192, seed=2, pulses=2,
        excitation_detuning_hz=-20e6,
    )  # fmt: skip
    late = run.time_s > 4e-3

    def decay(t: ArrayLike, *p: float) -> NDArray[np.float64]:
        offset, amplitude, phase, frequency_hz, damping_hz = p
        ringing = np.cos(2 * np.pi * frequency_hz * np.asarray(t) + phase)
        return offset + amplitude * ringing * np.exp(-np.pi * damping_hz * np.asarray(t))

    start = (2.9e-3, 3e-3, 0.0, 457.0, 50.0)
    best, _ = curve_fit(decay, run.time_s[late], run.angle_rad.mean(axis=0)[late], start)
    natural_hz = np.hypot(best[3], best[4] / 2)
    assert best[4] == pytest.approx(60.0, rel=0.05)
    assert natural_hz == pytest.approx(457.24, rel=0.01)


def test_down_and_up_sweeps_of_the_bistable_set_jump_at_different_folds() -> None:
    p = replace(SpinLibration.paper_set("BISTW"), temperature_k=QUIET_K)

    def jump_hz(start_hz: float, stop_hz: float) -> float:
        """Detuning at which the angle crosses the gap between the two branches."""
        drive = Microwave([0.0, 0.2, 4.2], [start_hz, start_hz, stop_hz], [p.rabi_hz] * 3)
        run = simulate(p, 4.2, sample_rate_hz=2e3, microwave=drive, seed=1)
        settled = run.time_s > 0.2
        side = run.angle_rad[0, settled] > 25e-3
        crossing_s = run.time_s[settled][np.argmax(side != side[0])] - 0.2
        return start_hz + (stop_hz - start_hz) * crossing_s / 4.0

    assert jump_hz(-11e6, -8.5e6) == pytest.approx(-8.971e6, abs=0.05e6)
    assert jump_hz(-9.2e6, -11.5e6) == pytest.approx(-10.457e6, abs=0.05e6)


def test_same_seed_same_bytes_and_blocks_do_not_depend_on_the_number() -> None:
    common = {"duration_s": 0.01, "sample_rate_hz": 2e3, "seed": 4}
    few = simulate(COOL, trajectories=100, **common)
    many = simulate(COOL, trajectories=200, **common)
    assert np.array_equal(few.angle_rad, many.angle_rad[:100])
    assert not np.array_equal(many.angle_rad[0], many.angle_rad[64])
    single = simulate(COOL, trajectories=2, **common)
    assert np.array_equal(single.angle_rad, simulate(COOL, trajectories=2, **common).angle_rad)


def test_switching_the_microwave_off_lets_the_diamond_return() -> None:
    p = replace(COOL, temperature_k=QUIET_K)
    drive = Microwave([0.0, 0.1], [p.detuning_hz] * 2, [p.rabi_hz, 0.0])
    run = simulate(p, 0.3, sample_rate_hz=2e3, microwave=drive)
    on = np.abs(run.time_s - 0.0995).argmin()
    assert run.angle_rad[0, on] == pytest.approx(2.944e-3, rel=0.01)
    assert abs(run.angle_rad[0, -1]) < 1e-6


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"duration_s": 0.0}, "duration_s"),
        ({"duration_s": float("nan")}, "duration_s"),
        ({"sample_rate_hz": -1.0}, "sample_rate_hz"),
        ({"trajectories": 0}, "trajectories"),
        ({"step_s": 1e-2}, "step_s"),
        ({"step_s": 0.0}, "step_s"),
        ({"noise": np.zeros((3, 2))}, "noise"),
        ({"duration_s": 1e-9}, "duration_s"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, object], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        simulate(COOL, **{"duration_s": 0.01, "sample_rate_hz": 1e3, **change})


def test_bad_schedules_are_refused() -> None:
    for arguments in (
        ([0.0], [0.0, 1.0], [0.0]),
        ([1.0, 0.0], [0.0, 0.0], [1.0, 1.0]),
        ([0.0], [0.0], [-1.0]),
        ([0.0], [float("nan")], [1.0]),
    ):
        with pytest.raises(ValueError, match="microwave"):
            Microwave(*arguments)
