"""Fixed points, folds and thresholds of the spin-cooled libration against independent truth."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.constants import hbar
from scipy.integrate import solve_ivp

from sim_backends.physics import libration
from sim_backends.physics.libration import Lineshape, SpinLibration, T1Convention
from sim_backends.physics.oscillator import sphere_moment_of_inertia

PERCENT = 1e-2
EVERY_KIND = [
    pytest.param({"lineshape": line, "t1_convention": convention}, id=f"{line}-{convention}")
    for line in Lineshape
    for convention in T1Convention
]
PAPER = SpinLibration.paper_set


def states(p: SpinLibration) -> list[np.ndarray]:
    return [
        np.array([point.angle_rad, 0.0, *point.populations[1:]])
        for point in libration.equilibria(p)
    ]


def rate_matrix(p: SpinLibration, microwave: float) -> np.ndarray:
    """Transitions between |0>, |-1>, |+1> written out, apart from the code under test."""
    single, double = {
        T1Convention.PAIR: (p.relaxation_rate, 0.0),
        T1Convention.ALL: (p.relaxation_rate, p.relaxation_rate),
        T1Convention.MIXING: (p.relaxation_rate / 3, p.relaxation_rate / 3),
    }[p.t1_convention]
    up = np.array([
        [0.0, microwave + single + p.pump_rate, single + p.pump_rate],
        [microwave + single, 0.0, double],
        [single, double, 0.0],
    ])  # fmt: skip
    return up - np.diag(up.sum(axis=0))


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("COOL", "angle_rad", 2.944e-3),
        ("COOL", "damping_hz", 59.997),
        ("COOL", "frequency_hz", 457.24),
        ("LASE_B", "damping_hz", -8.065),
        ("LASE", "damping_hz", -9.370),
    ],
)
def test_calibrated_equilibria(name: str, field: str, value: float) -> None:
    (point,) = libration.equilibria(PAPER(name))
    assert getattr(point, field) == pytest.approx(value, rel=0.5 * PERCENT)
    assert point.stable == (value > 0 or field == "angle_rad")


def test_calibrated_folds() -> None:
    p = PAPER("BISTW")
    folds = libration.fold_detunings_hz(p)
    assert folds == pytest.approx((-10.457e6, -8.971e6), rel=0.01 * PERCENT)
    inside = [
        libration.equilibria(replace(p, detuning_hz=f + d))
        for f, d in zip(folds, (1e-3, -1e-3), strict=True)
    ]
    high = np.mean([point.angle_rad for point in inside[0][1:]])
    low = np.mean([point.angle_rad for point in inside[1][:2]])
    assert (low, high) == pytest.approx((15.9e-3, 36.8e-3), rel=0.5 * PERCENT)
    assert len(libration.equilibria(PAPER("BIST"))) == 3


def test_torque_of_one_newton_and_second_per_spin() -> None:
    inertia = sphere_moment_of_inertia(15e-6)
    assert inertia == pytest.approx(SpinLibration().moment_of_inertia, rel=0.1 * PERCENT)
    per_spin = hbar * SpinLibration().gradient_s / inertia
    assert per_spin == pytest.approx(1.234e-3, rel=0.5 * PERCENT)


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("name", ["COOL", "LASE_B", "LASE", "BISTW", "BIST"])
def test_populations_are_the_null_space_of_the_rate_matrix(name: str, kind: dict) -> None:
    p = replace(PAPER(name), **kind)
    for point in libration.equilibria(p):
        rate, _ = libration.microwave_rate(p, point.angle_rad)
        values, vectors = np.linalg.eig(rate_matrix(p, rate))
        steady = vectors[:, np.argmin(np.abs(values))].real
        assert point.populations == pytest.approx(steady / steady.sum(), rel=1e-9)
        torque = p.torque_s2 * (point.populations[1] - point.populations[2])
        assert point.angle_rad == pytest.approx(torque / p.omega_rad_s**2, rel=1e-9)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_jacobian_is_the_derivative_of_the_flow(kind: dict) -> None:
    p = replace(PAPER("BISTW"), **kind)
    state = np.array([0.024, 30.0, 0.21, 0.07])
    steps = np.array([1e-7, 1e-2, 1e-4, 1e-4])
    columns = [
        (libration.flow(p, state + e) - libration.flow(p, state - e)) / (2 * e.sum())
        for e in np.diag(steps)
    ]
    numerical = np.array(columns).T
    scale = np.abs(numerical) + 1e-3
    assert np.all(np.abs(libration.jacobian(p, state) - numerical) < 1e-6 * scale)


@pytest.mark.parametrize("line", Lineshape)
def test_no_fixed_point_is_missed(line: Lineshape) -> None:
    """Against sign changes on a fine grid, for random systems around their own folds."""
    rng = np.random.default_rng(8)
    bistable = 0
    for _ in range(300):
        p = SpinLibration(
            torque_s2=rng.choice([-1, 1]) * 10 ** rng.uniform(5, 8),
            gradient_hz_per_rad=rng.choice([-1, 1]) * 10 ** rng.uniform(7, 9),
            rabi_hz=10 ** rng.uniform(0, 7), pump_rate=10 ** rng.uniform(1, 5),
            relaxation_rate=10 ** rng.uniform(0, 4), lineshape=line,
            t1_convention=rng.choice(list(T1Convention)),
        )  # fmt: skip
        folds = libration.fold_detunings_hz(p)
        middle = np.mean(folds) if folds else 0.0
        width = np.ptp(folds) if folds else 1e7
        p = replace(p, detuning_hz=middle + width * rng.uniform(-1, 1))
        points = libration.equilibria(p)
        reach = p.torque_s2 / p.omega_rad_s**2 * libration.magnetisation(p, p.peak_rate)
        x0 = p.detuning_s * p.t2star_s
        span = np.sort([0.0, p.gradient_s * p.t2star_s * reach]) + np.array([-1e-6, 1e-6])
        x = np.sinh(np.linspace(*np.arcsinh(x0 + span), 40_001))
        profile = np.exp(-np.minimum(x * x, 700)) if line == "gaussian" else 1 / (1 + x * x)
        torque = libration.magnetisation(p, p.peak_rate * profile)
        left = x - x0 - p.gradient_s * p.t2star_s * p.torque_s2 / p.omega_rad_s**2 * torque
        assert len(points) == np.count_nonzero(np.diff(np.sign(left)))
        assert (len(points) == 3) == bool(folds and folds[0] < p.detuning_hz < folds[1])
        bistable += len(points) == 3
    assert bistable > 20


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("rabi_hz", [0.0, 1e-6, 1e9])
def test_absent_and_overwhelming_drives_leave_the_bare_mode(rabi_hz: float, kind: dict) -> None:
    p = replace(PAPER("BISTW"), rabi_hz=rabi_hz, gradient_hz_per_rad=26e6, **kind)
    (point,) = libration.equilibria(p)
    assert point.damping_hz == pytest.approx(p.damping_hz, rel=1e-3)
    assert point.frequency_hz == pytest.approx(p.libration_hz, rel=1e-3)
    if rabi_hz == 0.0:
        assert point.angle_rad == 0.0


def test_without_a_gradient_the_spins_only_push() -> None:
    p = replace(PAPER("COOL"), gradient_hz_per_rad=0.0)
    (point,) = libration.equilibria(p)
    rate, slope = libration.microwave_rate(p, 0.3)
    assert slope == 0.0
    assert point.damping_hz == pytest.approx(p.damping_hz, rel=1e-9)
    torque = p.torque_s2 * libration.magnetisation(p, rate)
    assert point.angle_rad == pytest.approx(torque / p.omega_rad_s**2, rel=1e-12)
    assert libration.fold_detunings_hz(p) == ()


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_symmetries(kind: dict) -> None:
    p = replace(PAPER("BISTW"), **kind)
    points = libration.equilibria(p)
    mirrored = replace(p, torque_s2=-p.torque_s2, gradient_hz_per_rad=-p.gradient_hz_per_rad)
    for point, image in zip(points, reversed(libration.equilibria(mirrored)), strict=True):
        assert image.angle_rad == pytest.approx(-point.angle_rad, rel=1e-10)
        assert image.damping_hz == pytest.approx(point.damping_hz, rel=1e-7)
    swapped = replace(p, detuning_hz=-p.detuning_hz, gradient_hz_per_rad=-p.gradient_hz_per_rad)
    for point, image in zip(points, libration.equilibria(swapped), strict=True):
        assert image.angle_rad == pytest.approx(point.angle_rad, rel=1e-10)
        assert image.frequency_hz == pytest.approx(point.frequency_hz, rel=1e-7)


def test_t1_conventions_differ_as_their_channels() -> None:
    def angle(convention: str, rate: float) -> float:
        p = replace(PAPER("COOL"), t1_convention=T1Convention(convention), relaxation_rate=rate)
        return libration.equilibria(p)[0].angle_rad

    assert angle("mixing", 1800.0) == pytest.approx(angle("all", 600.0), rel=1e-12)
    assert angle("pair", 0.0) == pytest.approx(angle("all", 0.0), rel=1e-12)
    assert angle("mixing", 600.0) > angle("pair", 600.0) > angle("all", 600.0)


def test_lineshapes_agree_on_resonance_and_the_gaussian_has_no_wings() -> None:
    lorentzian = replace(PAPER("COOL"), gradient_hz_per_rad=1.0, detuning_hz=0.0)
    gaussian = replace(lorentzian, lineshape=Lineshape.GAUSSIAN)
    on = [libration.equilibria(p)[0].angle_rad for p in (lorentzian, gaussian)]
    assert on[0] == pytest.approx(on[1], rel=1e-9)
    far = [
        libration.equilibria(replace(p, detuning_hz=-30e6))[0].angle_rad
        for p in (lorentzian, gaussian)
    ]
    assert far[1] < 1e-30 < far[0]


def test_two_level_limit_obeys_the_cubic_of_the_paper() -> None:
    """`000`, SI Sec. D.1 with the pump of its Eq. 11: kappa and I without the factor 4."""
    p = replace(PAPER("BISTW"), relaxation_rate=0.0, detuning_hz=-12e6)
    sigma, omega = 1 / p.t2star_s, 2 * math.pi * p.rabi_hz
    kappa = sigma**2 + omega**2 / (p.pump_rate * p.t2star_s)
    push = p.torque_s2 / p.omega_rad_s**2 * omega**2 / (2 * p.pump_rate * p.t2star_s)
    g, d = p.gradient_s, p.detuning_s
    # phi (kappa + (Delta + G phi)^2) = I, in units of mrad
    roots = np.roots([g * g * 1e-6, 2 * g * d * 1e-3, kappa + d * d, -push * 1e3]) * 1e-3
    real = np.sort(roots[np.abs(roots.imag) < 1e-12].real)
    found = [point.angle_rad for point in libration.equilibria(p)]
    assert len(found) == 3
    assert found == pytest.approx(list(real), rel=1e-8)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_fixed_points_merge_at_the_folds_by_the_square_root_law(kind: dict) -> None:
    p = replace(PAPER("BISTW"), torque_s2=1e6, **kind)
    low, high = libration.fold_detunings_hz(p)
    for fold, inward, pair in ((low, 1, slice(1, 3)), (high, -1, slice(0, 2))):
        assert len(libration.equilibria(replace(p, detuning_hz=fold - inward * 1e-3))) == 1
        distances = []
        for step in (1e-2, 1.0, 100.0):
            points = libration.equilibria(replace(p, detuning_hz=fold + inward * step))
            assert [point.eigenvalues[0].real > 0 for point in points].count(True) >= 1
            distances.append(np.ptp([point.angle_rad for point in points[pair]]))
        assert distances[1] / distances[0] == pytest.approx(10, rel=1e-2)
        assert distances[2] / distances[1] == pytest.approx(10, rel=1e-2)


@pytest.mark.parametrize("name", ["COOL", "LASE_B"])
def test_small_motion_decays_or_grows_with_the_eigenvalue(name: str) -> None:
    """The envelope goes as exp(-gamma_eff t/2), at the frequency of the pair."""
    p = PAPER(name)
    (point,) = libration.equilibria(p)
    start = states(p)[0] + [1e-7, 0.0, 0.0, 0.0]
    run = solve_ivp(
        lambda _, y: libration.flow(p, y), (0, 0.03), start,
        method="DOP853", rtol=1e-11, atol=1e-16, t_eval=np.linspace(0.005, 0.03, 4001),
    )  # fmt: skip
    motion = run.y[0] - point.angle_rad
    rising = np.flatnonzero((motion[:-1] < 0) & (motion[1:] >= 0))
    times = run.t[rising] - motion[rising] / run.y[1][rising]
    decay = np.polyfit(times, np.log(run.y[1][rising]), 1)[0]
    assert -2 * decay / (2 * math.pi) == pytest.approx(point.damping_hz, rel=0.5 * PERCENT)
    turning = math.sqrt(point.frequency_hz**2 - (point.damping_hz / 2) ** 2)
    assert 1 / np.diff(times).mean() == pytest.approx(turning, rel=1e-4)


@pytest.mark.parametrize("detuning_hz", [-4e6, 4e6])
def test_weak_coupling_formula(detuning_hz: float) -> None:
    """To first order in Gamma, with one spin rate: gamma_eff = g + Gamma c/(w^2 + r^2)."""
    p = replace(
        PAPER("COOL"), t1_convention=T1Convention.ALL, torque_s2=1e2, detuning_hz=detuning_hz
    )
    (point,) = libration.equilibria(p)
    rate, slope = libration.microwave_rate(p, point.angle_rad)
    answer = slope * (point.populations[0] - point.populations[1])
    spin = 2 * rate + p.pump_rate + 3 * p.relaxation_rate
    push = p.torque_s2 * answer / (p.omega_rad_s**2 + spin**2)
    extra = 2 * math.pi * (point.damping_hz - p.damping_hz)
    assert extra == pytest.approx(push, rel=3 * PERCENT)
    spring = (2 * math.pi) ** 2 * (point.frequency_hz**2 - p.libration_hz**2)
    assert spring == pytest.approx(-push * spin, rel=3 * PERCENT)


def test_the_barrier_is_unstable_even_where_its_oscillation_is_damped() -> None:
    """Slow spins: the oscillation sees the bare trap, the angle creeps away slowly."""
    slow = SpinLibration(
        libration_hz=2e3, torque_s2=3e7, pump_rate=300.0, relaxation_rate=50.0, rabi_hz=10e3
    )
    middle = float(np.mean(libration.fold_detunings_hz(slow)))
    low, barrier, high = libration.equilibria(replace(slow, detuning_hz=middle))
    assert barrier.damping_hz > 0
    assert barrier.frequency_hz == pytest.approx(2e3, rel=1e-3)
    assert (low.stable, barrier.stable, high.stable) == (True, False, True)


def test_without_pump_and_relaxation_there_is_no_steady_state() -> None:
    p = SpinLibration(pump_rate=0.0, relaxation_rate=0.0)
    for function in (
        libration.equilibria, libration.fold_detunings_hz, libration.lasing_threshold_hz,
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"pump_rate \+ relaxation_rate must be > 0"):
            function(p)


def test_overdamped_mode_has_no_frequency() -> None:
    p = SpinLibration(damping_hz=1e4, rabi_hz=0.0)
    (point,) = libration.equilibria(p)
    slow = 5e3 - math.sqrt(5e3**2 - 480.0**2)
    assert point.frequency_hz == 0.0
    assert point.damping_hz == pytest.approx(2 * slow, rel=1e-9)
