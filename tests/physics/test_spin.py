"""The closed forms of the kernels against diagonalisation and full matrices."""

import numpy as np
import pytest
from scipy.constants import Planck
from scipy.linalg import expm

from sim_backends.physics import nv
from sim_backends.physics.spin import (
    exact_levels,
    fitted_theta,
    follow_level,
    level_slope,
    mixing,
    static_rates,
    step_populations,
)

D = nv.ZERO_FIELD_SPLITTING_HZ
FIELDS = np.random.default_rng(4).normal(scale=6e-3, size=(40, 3))


def levels_and_states(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Levels (4, 3) in units of D and states (4, 3 basis states, 3 levels)."""
    return np.linalg.eigh(nv.hamiltonian_hz(field) / D)


def reduced(field: np.ndarray) -> tuple[np.ndarray, float]:
    b = nv.GYROMAGNETIC_HZ_PER_T * field / D
    return nv.AXES @ b, float(b @ b)


def test_newton_follows_the_levels_as_the_diamond_turns() -> None:
    for field in FIELDS:
        start, _ = levels_and_states(field)
        turned = nv.rotate_field(field, [1e-3, -2e-3, 1.5e-3])
        exact, _ = levels_and_states(turned)
        parallel, square = reduced(turned)
        for c in range(4):
            for level in (0, 1):
                once = follow_level(start[c, level], square, parallel[c] ** 2)
                twice = follow_level(once, square, parallel[c] ** 2)
                assert abs(once - exact[c, level]) * D < 20e3
                assert abs(twice - exact[c, level]) * D < 50.0


def test_exact_levels_are_the_eigenvalues() -> None:
    for field in (*FIELDS, *(1e-3 * FIELDS), 5e-3 * nv.AXES[1]):
        exact, _ = levels_and_states(field)
        parallel, square = reduced(field)
        for c in range(4):
            ours = exact_levels(square, parallel[c] ** 2)
            assert np.abs(np.array(ours) - exact[c, :2]).max() * D < 100.0


def test_no_field_gives_finite_torque_and_mixing() -> None:
    weights = np.empty((3, 3))
    ground, lower = exact_levels(0.0, 0.0)
    mixing(np.array([ground, lower, 2 - ground - lower]), 0.0, 0.0, weights)
    assert np.all(np.isfinite(weights))
    assert weights[0, 0] == pytest.approx(1.0)
    assert np.isfinite(level_slope(lower, 0.0))


def test_mixing_is_the_square_of_the_eigenvectors() -> None:
    weights = np.empty((3, 3))
    for field in FIELDS:
        levels, states = levels_and_states(field)
        parallel, square = reduced(field)
        for c in range(4):
            mixing(levels[c], parallel[c], square, weights)
            plus, zero, minus = states[c] ** 2
            assert weights == pytest.approx(np.array([zero, minus, plus]).T, abs=1e-9)


def test_torque_is_spin_cross_field() -> None:
    """`002`, SM Sec. VI: torque = -hbar gamma <S> x B, against the slopes of the levels."""
    sx = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / np.sqrt(2)
    sz = np.diag([1.0, 0.0, -1.0])
    for field in FIELDS[:10]:
        levels, states = levels_and_states(field)
        b = nv.GYROMAGNETIC_HZ_PER_T * field
        parallel, square = reduced(field)
        for c in range(4):
            across = b - (b @ nv.AXES[c]) * nv.AXES[c]
            x_axis = across / np.linalg.norm(across)
            for level in range(3):
                psi = states[c][:, level]
                spin = (psi @ sx @ psi) * x_axis + (psi @ sz @ psi) * nv.AXES[c]
                torque = -Planck * np.cross(spin, b)
                arm = 2 * parallel[c] * np.cross(b / D, nv.AXES[c])
                ours = Planck * D * arm * level_slope(levels[c, level], square)
                assert ours == pytest.approx(torque, abs=1e-8 * Planck * D)


def test_static_rates_are_the_jump_operators_seen_by_populations() -> None:
    field = FIELDS[0]
    levels, states = levels_and_states(field)
    parallel, square = reduced(field)
    weights, rates = np.empty((3, 3)), np.empty((3, 3))
    mixing(levels[1], parallel[1], square, weights)
    static_rates(weights, 1e4, 700.0, 300.0, rates)
    basis = {+1: 0, 0: 1, -1: 2}
    jumps = [(0, +1, 1e4), (0, -1, 1e4), (+1, -1, 300.0), (-1, +1, 300.0)]
    jumps += [(a, b, 700.0) for a, b in ((0, 1), (0, -1), (1, 0), (-1, 0))]
    for i in range(3):
        for j in range(3):
            if i != j:
                expected = sum(
                    rate * states[1][basis[to], j] ** 2 * states[1][basis[origin], i] ** 2
                    for to, origin, rate in jumps
                )
                assert rates[i, j] == pytest.approx(expected, rel=1e-6)


def rate_matrix(rates: np.ndarray, low: float, up: float) -> np.ndarray:
    """Generator on (p0, p_lower, p_upper) with microwaves on both transitions."""
    matrix = rates.T.copy()
    matrix[1, 0] += low
    matrix[0, 1] += low
    matrix[2, 0] += up
    matrix[0, 2] += up
    return matrix - np.diag(matrix.sum(axis=0))


def populations_after(step_s: float, steps: int, rates: np.ndarray, *, fitted: bool) -> np.ndarray:
    lower, upper = 0.2, 0.05
    theta = fitted_theta(rates, step_s) if fitted else 0.5
    for _ in range(steps):
        lower, upper = step_populations(
            lower, upper, rates, (4000.0, 4000.0), (900.0, 900.0), theta, step_s
        )
    return np.array([lower, upper])


@pytest.mark.parametrize("fitted", [False, True])
def test_populations_converge_to_the_exponential_with_second_order(fitted: bool) -> None:
    rates = np.array([[0, 600, 500], [9000, 0, 200], [8000, 150, 0.0]])
    exact = (expm(rate_matrix(rates, 4000.0, 900.0) * 1e-4) @ [0.75, 0.2, 0.05])[1:]
    ends = [populations_after(1e-4 / n, n, rates, fitted=fitted) for n in (4, 8, 16)]
    errors = [np.abs(end - exact).max() for end in ends]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders == pytest.approx([2.0, 2.0], abs=0.1)


@pytest.mark.parametrize("rate", [1e2, 1e4, 1e6, 1e8])
def test_the_fitted_rule_decays_as_the_exponential(rate: float) -> None:
    """Equal rates among all levels: both decays are three times the rate."""
    rates = np.full((3, 3), rate) - rate * np.eye(3)
    lower, upper, step_s = 0.0, 0.0, 20e-6
    for _ in range(3):
        theta = fitted_theta(rates, step_s)
        lower, upper = step_populations(lower, upper, rates, (0.0, 0.0), (0.0, 0.0), theta, step_s)
    left = 1.5 * (1 - lower - upper) - 0.5
    assert left == pytest.approx(np.exp(-9 * rate * step_s), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("theta", [0.5, 0.7, 1.0])
def test_populations_stay_bounded_under_any_drive(theta: float) -> None:
    rates = np.array([[0, 600, 500], [9000, 0, 200], [8000, 150, 0.0]])
    lower, upper = 0.0, 0.0
    for _ in range(4000):
        lower, upper = step_populations(lower, upper, rates, (5e5, 5e5), (0.0, 0.0), theta, 20e-6)
        assert -0.5 < lower < 1.5
    matrix = rate_matrix(rates, 5e5, 0.0)
    matrix[0] = 1.0
    assert [lower, upper] == pytest.approx(np.linalg.solve(matrix, [1, 0, 0])[1:], abs=1e-6)
