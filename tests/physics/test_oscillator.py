"""The exact propagator against matrix exponentials, and the gas against its limits."""

import numpy as np
import pytest
from scipy.linalg import expm

from sim_backends.physics.oscillator import (
    gas_damping_s,
    sphere_moment_of_inertia,
    step_propagator,
)

CASES = [
    (2 * np.pi * 480, 2 * np.pi * 16, 20e-6),
    (2 * np.pi * 480, 2 * np.pi * 960, 20e-6),
    (2 * np.pi * 480, 2 * np.pi * 1500, 20e-6),
    (2 * np.pi * 970, 2 * 2 * np.pi * 970, 20e-6),
    (2 * np.pi * 480, 2 * np.pi * 16, 1e-3),
    (2 * np.pi * 480, 2 * np.pi * 16, 1e-8),
    (2 * np.pi * 480, 0.0, 20e-6),
]
KT_OVER_I = 30.0


@pytest.mark.parametrize(("omega", "gamma", "step"), CASES)
def test_propagator_is_the_matrix_exponential(omega: float, gamma: float, step: float) -> None:
    """States x, v, a, a' and a'' in one exponential give motion and all three responses."""
    block = np.zeros((5, 5))
    block[0, 1], block[1, 0], block[1, 1], block[1, 2] = 1.0, -(omega**2), -gamma, 1.0
    block[2, 3], block[3, 4] = 1.0 / step, 2.0 / step
    exact = expm(block * step)
    p = step_propagator(omega, gamma, step, KT_OVER_I)
    assert [p.phi_xx, p.phi_xv] == pytest.approx(exact[0, :2], rel=1e-9, abs=0)
    assert [p.phi_vx, p.phi_vv] == pytest.approx(exact[1, :2], rel=1e-9, abs=0)
    assert [p.const_x, p.const_v] == pytest.approx(exact[:2, 2], rel=1e-5, abs=0)
    if step > 1e-7:  # below, the ramp's response is 1e-16 rad per rad/s^2: nothing
        assert [p.ramp_x, p.ramp_v] == pytest.approx(exact[:2, 3], rel=1e-5, abs=0)
        assert [p.bend_x, p.bend_v] == pytest.approx(exact[:2, 4], rel=1e-5, abs=0)


@pytest.mark.parametrize(("omega", "gamma", "step"), CASES)
def test_noise_covariance_is_van_loans(omega: float, gamma: float, step: float) -> None:
    drift = np.array([[0.0, 1.0], [-(omega**2), -gamma]])
    diffusion = np.diag([0.0, 2 * gamma * KT_OVER_I])
    block = np.block([[-drift, diffusion], [np.zeros((2, 2)), drift.T]])
    big = expm(block * step)
    exact = big[2:, 2:].T @ big[:2, 2:]
    p = step_propagator(omega, gamma, step, KT_OVER_I)
    lower = np.array([[p.noise_xx, 0.0], [p.noise_vx, p.noise_vv]])
    thermal = np.sqrt([KT_OVER_I / omega**2, KT_OVER_I])
    spread = np.maximum(np.sqrt(np.maximum(np.diag(exact), 0.0)), 1e-6 * thermal)
    scale = np.outer(spread, spread)
    assert (lower @ lower.T) / scale == pytest.approx(exact / scale, abs=2e-3)


def test_noise_and_motion_keep_equilibrium() -> None:
    """Phi S Phi^T + Q = S for the thermal covariance S: equipartition to rounding."""
    for omega, gamma, step in CASES[:5]:
        p = step_propagator(omega, gamma, step, KT_OVER_I)
        phi = np.array([[p.phi_xx, p.phi_xv], [p.phi_vx, p.phi_vv]])
        lower = np.array([[p.noise_xx, 0.0], [p.noise_vx, p.noise_vv]])
        thermal = np.diag([KT_OVER_I / omega**2, KT_OVER_I])
        assert phi @ thermal @ phi.T + lower @ lower.T == pytest.approx(thermal, rel=1e-8, abs=1e-9)


def test_gas_damping_limits() -> None:
    damping = {"damping_per_mbar_s": 15.0, "viscous_damping_s": 1000.0}
    assert gas_damping_s(1.0, **damping) == pytest.approx(0.15, rel=1e-3)
    assert gas_damping_s(100.0, **damping) == pytest.approx(15.0, rel=0.02)
    assert gas_damping_s(1e9, **damping) == pytest.approx(1000.0, rel=1e-3)


def test_moment_of_inertia_of_the_papers_sphere() -> None:
    assert sphere_moment_of_inertia(15e-6) / 1.3956e-22 == pytest.approx(1.0, rel=1e-4)
