"""Full Bloch equations of the driven transition against the rate equations (`000`, SI Sec. C.1).

In the frame of the microwave, with S the coherence of |0>, |-1>:

    dS/dt   = -(1/T2* + i delta) S + i (Omega/2)(S0 - S-1)
    dS-1/dt = Omega Im S + pump and relaxation,   delta = Delta + G_B phi

The coherence is stiff (2e7 per second against milliseconds of motion), so Radau with the
analytic Jacobian integrates it.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from sim_backends.physics import libration
from sim_backends.physics.libration import SpinLibration, T1Convention

PAPER = SpinLibration.paper_set


def bloch_flow(p: SpinLibration, state: np.ndarray) -> np.ndarray:
    """Derivatives of phi, v, S-1, S+1, Re S, Im S."""
    phi, v, lower, upper, real, imaginary = state
    omega = 2 * math.pi * p.rabi_hz
    delta = p.detuning_s + p.gradient_s * phi
    ground = 1 - lower - upper
    k, q = p.relaxation
    return np.array([
        v,
        -(p.omega_rad_s**2) * phi - p.gamma_s * v + p.torque_s2 * (lower - upper),
        omega * imaginary + k * (ground - lower) - p.pump_rate * lower + q * (upper - lower),
        k * (ground - upper) - p.pump_rate * upper + q * (lower - upper),
        -real / p.t2star_s + delta * imaginary,
        -imaginary / p.t2star_s - delta * real + 0.5 * omega * (ground - lower),
    ])  # fmt: skip


def bloch_jacobian(p: SpinLibration, state: np.ndarray) -> np.ndarray:
    phi, _, _, _, real, imaginary = state
    omega = 2 * math.pi * p.rabi_hz
    delta = p.detuning_s + p.gradient_s * phi
    k, q = p.relaxation
    own = 2 * k + p.pump_rate + q
    r = 1 / p.t2star_s
    return np.array([
        [0, 1, 0, 0, 0, 0],
        [-(p.omega_rad_s**2), -p.gamma_s, p.torque_s2, -p.torque_s2, 0, 0],
        [0, 0, -own, q - k, 0, omega],
        [0, 0, q - k, -own, 0, 0],
        [p.gradient_s * imaginary, 0, 0, 0, -r, delta],
        [-p.gradient_s * real, 0, -omega, -0.5 * omega, -delta, -r],
    ])  # fmt: skip


def test_jacobian_of_the_bloch_equations() -> None:
    p = PAPER("BISTW")
    state = np.array([0.01, 3.0, 0.2, 0.1, 1e-3, 2e-3])
    rows = []
    for step in np.diag([1e-5, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4]):
        up, down = bloch_flow(p, state + step), bloch_flow(p, state - step)
        rows.append((up - down) / (2 * step.sum()))
    numerical, exact = np.array(rows).T, bloch_jacobian(p, state)
    assert numerical == pytest.approx(exact, rel=1e-6, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "duration_s"), [("COOL", 12e-3), ("LASE_B", 12e-3), ("LASE", 6e-3), ("BISTW", 6e-3)]
)
@pytest.mark.parametrize("convention", T1Convention)
def test_angle_follows_the_rate_equations(
    name: str, duration_s: float, convention: T1Convention
) -> None:
    """The microwave is switched on at rest: the angle differs by less than 2e-4 of its span."""
    p = replace(PAPER(name), t1_convention=convention)
    (dark,) = libration.equilibria(replace(p, rabi_hz=0.0))
    rest = np.array([0.0, 0.0, *dark.populations[1:]])
    times = np.linspace(0.0, duration_s, 601)
    rates = solve_ivp(
        lambda _, y: libration.flow(p, y), (0.0, duration_s), rest,
        method="DOP853", rtol=1e-10, atol=1e-12, t_eval=times,
    )  # fmt: skip
    bloch = solve_ivp(
        lambda _, y: bloch_flow(p, y), (0.0, duration_s), np.append(rest, [0.0, 0.0]),
        jac=lambda _, y: bloch_jacobian(p, y),
        method="Radau", rtol=1e-8, atol=[1e-9, 1e-6, 1e-9, 1e-9, 1e-10, 1e-10], t_eval=times,
    )  # fmt: skip
    assert bloch.success
    difference = np.abs(bloch.y[0] - rates.y[0]).max() / np.abs(rates.y[0]).max()
    assert difference < 2e-4


def test_steady_coherence_gives_the_microwave_rate() -> None:
    """Adiabatic elimination: Omega Im S = W (S0 - S-1) with W of SI Eq. 11."""
    p = PAPER("COOL")
    (point,) = libration.equilibria(p)
    ground, lower, upper = point.populations
    matrix = bloch_jacobian(p, np.array([point.angle_rad, 0, 0, 0, 0, 0]))[4:, 4:]
    drive = math.pi * p.rabi_hz * (ground - lower)
    _, imaginary = np.linalg.solve(matrix, [0.0, -drive])
    rate, _ = libration.microwave_rate(p, point.angle_rad)
    flow = 2 * math.pi * p.rabi_hz * imaginary
    assert flow == pytest.approx(rate * (ground - lower), rel=1e-12)
    state = np.array([point.angle_rad, 0.0, lower, upper, 0.0, imaginary])
    assert abs(bloch_flow(p, state)[2]) < 1e-9
