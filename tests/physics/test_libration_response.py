"""Spectrum and temperatures of the cooled libration against closed forms and independent sums."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.constants import Boltzmann
from scipy.integrate import quad
from scipy.linalg import expm

from sim_backends.physics import libration
from sim_backends.physics.libration import Lineshape, SpinLibration, T1Convention

PERCENT = 1e-2
EVERY_KIND = [
    pytest.param({"lineshape": line, "t1_convention": convention}, id=f"{line}-{convention}")
    for line in Lineshape
    for convention in T1Convention
]
PAPER = SpinLibration.paper_set


def integral(p: SpinLibration, **around: libration.Equilibrium) -> float:
    """Integral of the spectrum over all frequencies."""
    borders = (0.0, 300.0, 440.0, 480.0, 520.0, 1e3, 1e4)
    inside = sum(
        quad(lambda f: float(libration.psd(p, f, **around)), low, high, epsabs=0)[0]
        for low, high in pairwise(borders)
    )
    return inside + quad(lambda f: float(libration.psd(p, f, **around)), 1e4, math.inf, epsabs=0)[0]


def test_spectrum_without_spins_is_the_papers() -> None:
    """Half of the one-sided density is Eq. 5, and the whole is kB T/(I w^2)."""
    p = replace(PAPER("COOL"), torque_s2=0.0)
    f = np.linspace(0.0, 2e3, 500)
    w, w0, g = 2 * np.pi * f, p.omega_rad_s, p.gamma_s
    kt = Boltzmann * p.temperature_k
    two_sided = 2 * g * kt / (p.moment_of_inertia * ((w0**2 - w**2) ** 2 + (g * w) ** 2))
    assert libration.psd(p, f) == pytest.approx(2 * two_sided, rel=1e-12, abs=0)
    thermal = kt / (p.moment_of_inertia * w0**2)
    assert integral(p) == pytest.approx(thermal, rel=1e-8, abs=0)
    assert libration.variances(p) == pytest.approx((thermal, thermal * w0**2), rel=1e-10, abs=0)


def test_calibrated_temperatures() -> None:
    """COOL: 80 K by the damping ratio, 88 K by the variance."""
    temperatures = libration.effective_temperatures(PAPER("COOL"))
    assert temperatures.damping_ratio == pytest.approx(80, rel=0.5 * PERCENT)
    assert temperatures.variance == pytest.approx(88.27, rel=0.5 * PERCENT)


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("name", ["COOL", "BIST"])
def test_spectrum_integrates_to_the_variance(name: str, kind: dict) -> None:
    p = replace(PAPER(name), **kind)
    for point in libration.equilibria(p):
        if point.stable:
            variance, _ = libration.variances(p, around=point)
            assert integral(p, around=point) == pytest.approx(variance, rel=1e-7, abs=0)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_spectrum_is_the_transform_of_the_correlation(kind: dict) -> None:
    """Wiener-Khinchin with the propagator exp(J t) of the linearised flow."""
    p = replace(PAPER("COOL"), **kind)
    (point,) = libration.equilibria(p)
    matrix = libration.jacobian(p, [point.angle_rad, 0.0, *point.populations[1:]])
    # Stationary covariance as a sum over kicks: 2 g kB T/I int exp(Jt) e_v e_v^T exp(Jt)^T dt.
    step = 2e-6
    once = expm(matrix * step)
    kicks = np.empty((40_000, 4))
    kicks[0] = expm(matrix * step / 2) @ [0.0, 1.0, 0.0, 0.0]
    for i in range(1, len(kicks)):
        kicks[i] = once @ kicks[i - 1]
    covariance = 2 * p.gamma_s * p.kt_over_i * step * kicks.T @ kicks
    assert covariance[0, 0] == pytest.approx(libration.variances(p)[0], rel=1e-4, abs=0)
    assert covariance[1, 1] == pytest.approx(libration.variances(p)[1], rel=1e-4)
    for f in (0.0, 300.0, 455.0, 600.0):
        resolvent = np.linalg.inv(2j * np.pi * f * np.eye(4) - matrix)
        expected = 4 * (resolvent @ covariance)[0, 0].real
        assert libration.psd(p, f) == pytest.approx(expected, rel=1e-3, abs=0)


def test_slow_spins_leave_a_hotter_mode_than_their_damping_says() -> None:
    """The two temperatures part by about 10 % for COOL and agree for spins that are fast."""
    cool = libration.effective_temperatures(PAPER("COOL"))
    assert cool.variance / cool.damping_ratio == pytest.approx(1.10, abs=0.02)
    fast = replace(PAPER("COOL"), pump_rate=2e6, relaxation_rate=0.0, rabi_hz=9e5)
    temperatures = libration.effective_temperatures(fast)
    assert temperatures.variance == pytest.approx(temperatures.damping_ratio, rel=1e-3)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="frequency_hz must be finite and >= 0"):
        libration.psd(PAPER("COOL"), [1.0, -1.0])
    with pytest.raises(ValueError, match="frequency_hz must be finite and >= 0"):
        libration.psd(PAPER("COOL"), math.nan)
    with pytest.raises(ValueError, match="p must have a stable equilibrium"):
        libration.psd(PAPER("LASE_B"), 1.0)
    with pytest.raises(ValueError, match=r"around must be one of equilibria\(p\)"):
        libration.psd(PAPER("BIST"), 1.0)
    with pytest.raises(ValueError, match="around must be stable"):
        libration.psd(PAPER("BIST"), 1.0, around=libration.equilibria(PAPER("BIST"))[1])
    with pytest.raises(ValueError, match="damping_hz must be > 0"):
        libration.variances(replace(PAPER("COOL"), damping_hz=0.0))
