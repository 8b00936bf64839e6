"""Lineshapes against their defining equations and numerical derivatives."""

import numpy as np
import pytest

from labctl.analysis.lineshapes import (
    BISTABLE_PULL,
    Lineshape,
    gaussian,
    lorentzian,
    profile,
    pulled_lorentzian,
    solve_pulled,
)

X = np.linspace(-30, 30, 4001)


@pytest.mark.parametrize("line", [lorentzian, gaussian])
def test_height_and_width(line):
    y = line(np.array([2.8e9, 2.8e9 + 3e6, 2.8e9 - 3e6]), 2.8e9, 6e6, -2.0)
    assert y == pytest.approx([-2.0, -1.0, -1.0])


@pytest.mark.parametrize("q", [-6.0, -1.5, -0.3, 0.0, 0.3, 1.5, 6.0, 19.0])
def test_pulled_profile_solves_its_cubic(q):
    u = solve_pulled(X, np.full_like(X, q))
    assert np.all((u > 0) & (u <= 1))
    assert u * (1 + (X + q * u) ** 2) == pytest.approx(np.ones_like(X), abs=1e-9)


def test_pulled_line_is_continuous_up_to_the_bistability_and_steps_beyond():
    x = np.linspace(-6, 2, 400001)
    below = solve_pulled(x, np.full_like(x, 0.99 * BISTABLE_PULL))
    beyond = solve_pulled(x, np.full_like(x, 1.3 * BISTABLE_PULL))
    assert np.max(np.abs(np.diff(below))) < 2e-3
    assert np.max(np.abs(np.diff(beyond))) > 0.1


def test_pulled_line_is_the_self_consistent_lorentzian():
    """Iterating the torque's own definition, angle after angle, ends on the same curve."""
    frequency = np.linspace(2.78e9, 2.82e9, 401)
    y = np.zeros_like(frequency)
    for _ in range(2000):
        moved = 2.8e9 - 2e6 * y / -5.0
        y = 0.9 * y + 0.1 * lorentzian(frequency - moved + 2.8e9, 2.8e9, 8e6, -5.0)
    assert pulled_lorentzian(frequency, 2.8e9, 8e6, -5.0, 2e6) == pytest.approx(y, abs=1e-9)
    assert frequency[np.argmin(y)] == pytest.approx(2.798e9, abs=1e5)


@pytest.mark.parametrize("shape", list(Lineshape))
@pytest.mark.parametrize("q", [-1.0, 0.0, 1.2])
def test_derivatives(shape, q):
    step = 1e-5
    qs = np.full_like(X, q)
    _, du_dx, du_dq = profile(shape, X, qs)
    by_x = (profile(shape, X + step, qs)[0] - profile(shape, X - step, qs)[0]) / (2 * step)
    by_q = (profile(shape, X, qs + step)[0] - profile(shape, X, qs - step)[0]) / (2 * step)
    assert du_dx == pytest.approx(by_x, abs=1e-6)
    assert du_dq == pytest.approx(by_q, abs=1e-6)
