"""The steady state of the master equation: QuTiP, exact arithmetic, and the world's rates."""

from fractions import Fraction

import numpy as np
import pytest
import qutip
from scipy.constants import Planck, hbar

from sim_backends.physics import cross_relaxation, nv
from sim_backends.physics.spin import level_slope, mixing, static_rates
from sim_backends.physics.spin_master_equation import steady_class

D = nv.ZERO_FIELD_SPLITTING_HZ
SPIN = [qutip.jmat(1, axis) for axis in "xyz"]
KET = {m: qutip.basis(3, 1 - m) for m in (1, 0, -1)}


def jump_operators(pump: float, single: float, double: float) -> list[qutip.Qobj]:
    jumps = []
    for to in KET:
        for origin in KET:
            if to != origin:
                rate = (single if 0 in (to, origin) else double) + (pump if to == 0 else 0.0)
                jumps.append(np.sqrt(rate) * KET[to] * KET[origin].dag())
    return jumps


def test_qutip_agrees_for_random_fields() -> None:
    """The frame of each class is turned at random about its axis: only the physics is shared."""
    rng = np.random.default_rng(8)
    fields = rng.normal(scale=6e-3, size=(100, 3))
    ours = cross_relaxation.steady_state(fields)
    for n, field in enumerate(fields):
        for c, axis in enumerate(nv.AXES):
            x_axis = np.cross(axis, rng.normal(size=3))
            x_axis /= np.linalg.norm(x_axis)
            frame = np.array([x_axis, np.cross(axis, x_axis), axis])
            b = nv.GYROMAGNETIC_HZ_PER_T * frame @ field
            hamiltonian = D * SPIN[2] ** 2 + sum(b[i] * SPIN[i] for i in range(3))
            jumps = jump_operators(1e4, 1 / ours.t1_s[n, c], 1 / 1.03e-3)
            rho = qutip.steadystate(2 * np.pi * hamiltonian, jumps, method="svd")
            populations = [qutip.expect(KET[m] * KET[m].dag(), rho) for m in (0, -1, 1)]
            spin = frame.T @ [qutip.expect(s, rho) for s in SPIN]
            assert ours.populations[n, c] == pytest.approx(populations, abs=1e-8)
            assert ours.spin[n, c] == pytest.approx(spin, abs=1e-8)
            torque = -hbar * 2 * np.pi * nv.GYROMAGNETIC_HZ_PER_T * np.cross(spin, field)
            assert ours.torque[n, c] == pytest.approx(torque, abs=1e-8 * Planck * D)


def exact_steady_state(b_par: float, b_perp: float, pump: float, k: float, q: float) -> np.ndarray:
    """The nine real equations of the Liouvillian in rational arithmetic: no rounding at all."""
    unit, b, c = Fraction(2 * np.pi * D), Fraction(b_par), Fraction(b_perp * np.sqrt(0.5))
    h = [[1 + b, c, 0], [c, 0, c], [0, c, 1 - b]]
    p, k, q = Fraction(pump), Fraction(k), Fraction(q)
    rate = [[0, k, q], [k + p, 0, k + p], [q, k, 0]]  # [to][from], states +1, 0, -1
    out = [sum(row[i] for row in rate) for i in range(3)]
    upper = [(0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2)]
    matrix = [[Fraction(0)] * 9 for _ in range(9)]
    for column, (i, j) in enumerate(upper + upper[3:]):
        sign = 1 if column < 6 else -1
        x = [[Fraction(0)] * 3 for _ in range(3)]
        x[i][j], x[j][i] = Fraction(1), Fraction(sign) if i != j else Fraction(1)
        turn = [
            [sum(h[r][m] * x[m][s] - x[r][m] * h[m][s] for m in range(3)) for s in range(3)]
            for r in range(3)
        ]
        real_part = column < 6
        for row, (r, s) in enumerate(upper + upper[3:]):
            if (row < 6) != real_part:
                matrix[row][column] = turn[r][s] * (unit if row < 6 else -unit)
            else:
                matrix[row][column] = -(out[r] + out[s]) / 2 * x[r][s]
                if r == s:
                    matrix[row][column] += sum(rate[r][m] * x[m][m] for m in range(3))
    matrix[0] = [Fraction(1)] * 3 + [Fraction(0)] * 6
    right = [Fraction(1)] + [Fraction(0)] * 8
    for n in range(9):
        pivot = next(r for r in range(n, 9) if matrix[r][n] != 0)
        matrix[n], matrix[pivot] = matrix[pivot], matrix[n]
        right[n], right[pivot] = right[pivot], right[n]
        for r in range(9):
            if r != n and matrix[r][n] != 0:
                factor = matrix[r][n] / matrix[n][n]
                matrix[r] = [u - factor * v for u, v in zip(matrix[r], matrix[n], strict=True)]
                right[r] -= factor * right[n]
    plus, zero, minus, x_plus, x_minus, _, y_plus, y_minus, _ = (
        float(right[n] / matrix[n][n]) for n in range(9)
    )
    root = np.sqrt(2.0)
    sx, sy = root * (x_plus + x_minus), -root * (y_plus + y_minus)
    return np.array([zero, minus, plus, sx, sy, plus - minus])


@pytest.mark.parametrize(
    ("b_par", "b_perp", "pump", "single", "double"),
    [
        (0.05, 0.08, 1e4, 3600.0, 970.0),
        (1e-9, 3e-9, 1e4, 970.0, 970.0),  # splitting below the rates
        (0.0, 6e-4, 5.0, 2.0, 1.0),  # +-1 split by b^2 D only, as slow as the rates
        (3e-12, 1e-5, 1.0, 1e-6, 1e-6),
        (-0.07, 0.02, 1e-3, 1e-6, 1e-6),
        (1.0, 1e-9, 1e4, 970.0, 970.0),  # |0> and |-1> cross
        (3.0, 5.0, 1e4, 970.0, 0.0),
        (0.04, 0.0, 1e4, 970.0, 970.0),
    ],
)
def test_three_unknowns_are_the_whole_liouvillian_to_the_last_digits(
    b_par: float, b_perp: float, pump: float, single: float, double: float
) -> None:
    ours = steady_class(b_par, b_perp, pump, single, double, 2 * np.pi * D)
    exact = exact_steady_state(b_par, b_perp, pump, single, double)
    assert np.abs(np.array(ours) - exact).max() < 1e-15


def secular(field: np.ndarray, t1_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Populations and torques as the world has them: rates between the eigenstates."""
    levels = np.linalg.eigvalsh(nv.hamiltonian_hz(field) / D)
    b = nv.GYROMAGNETIC_HZ_PER_T * field / D
    square, parallel = float(b @ b), nv.AXES @ b
    populations, torque = np.empty((4, 3)), np.empty((4, 3))
    weights, rates = np.empty((3, 3)), np.empty((3, 3))
    for c in range(4):
        mixing(levels[c], parallel[c], square, weights)
        static_rates(weights, 1e4, 1 / t1_s[c], 1 / 1.03e-3, rates)
        matrix = rates.T - np.diag(rates.sum(axis=1))
        matrix[0] = 1.0
        of_levels = np.linalg.solve(matrix, [1.0, 0.0, 0.0])
        populations[c] = of_levels @ weights
        slope = of_levels @ [level_slope(level, square) for level in levels[c]]
        torque[c] = Planck * D * 2 * parallel[c] * np.cross(b, nv.AXES[c]) * slope
    return populations, torque


@pytest.mark.parametrize(
    ("field_t", "population", "torque"), [(1e-3, 1e-9, 1e-6), (1e-2, 1e-10, 1e-6)]
)
def test_rates_between_eigenstates_suffice_for_the_world(
    field_t: float, population: float, torque: float
) -> None:
    """Coherences turn at >= MHz and relax at kHz: the world may forget them."""
    rng = np.random.default_rng(6)
    for _ in range(50):
        unit = rng.normal(size=3)
        field = field_t * unit / np.linalg.norm(unit)
        ours = cross_relaxation.steady_state(field)
        populations, torques = secular(field, ours.t1_s)
        assert np.abs(populations - ours.populations).max() < population
        assert np.abs(torques - ours.torque).max() < torque * np.abs(ours.torque).max()
