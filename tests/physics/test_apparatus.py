"""The apparatus figures of `000` (Methods, SI) and `002`, as the simulated lab has them."""

import numpy as np
import pytest
from scipy.constants import hbar

from sim_backends.apparatus import Apparatus
from sim_backends.controls import Controls
from sim_backends.diamond import Diamond
from sim_backends.physics.detection import SPECKLE_POINTS
from sim_backends.physics.oscillator import gas_damping_s, sphere_moment_of_inertia
from sim_backends.physics.trajectory_kernel import line

LAB = Apparatus()
HUNDRED_GAUSS_S = 2 * np.pi * 28.0e9 * 10e-3
"""Gradient of the lower transition at 100 G, rad/s per rad, as the paper estimates it."""


def test_rabi_frequency_follows_the_generator_power() -> None:
    assert 54e3 < LAB.rabi_rad_s(-5.0) / (2 * np.pi) < 60e3
    assert LAB.rabi_rad_s(-20.0) / (2 * np.pi) == pytest.approx(10e3, rel=0.05)
    assert LAB.rabi_rad_s(1.0) / LAB.rabi_rad_s(-5.0) == pytest.approx(10**0.3)


def test_the_laser_polarises_at_3300_per_second_with_100_microwatt() -> None:
    assert LAB.pump_rate_per_w * 100e-6 == pytest.approx(3.3e3)


def test_the_line_is_six_to_seven_megahertz_wide() -> None:
    half_hz = 3.5e6
    x = 2 * np.pi * LAB.t2star_s * half_hz
    assert line(1.0, 0.9 * x, False) > 0.5 > line(1.0, x, False)


def test_three_modes_between_200_hz_and_1_khz() -> None:
    modes_hz = LAB.omega_rad_s(LAB.trap_reference_v, LAB.trap_reference_hz) / (2 * np.pi)
    assert np.all((modes_hz > 200) & (modes_hz < 1000))
    stiffer = LAB.omega_rad_s(1.5 * LAB.trap_reference_v, LAB.trap_reference_hz)
    assert stiffer / (2 * np.pi) == pytest.approx(1.5 * modes_hz)


def test_damping_is_15_hz_near_1_mbar_and_1_khz_at_1_bar() -> None:
    def damping_hz(pressure_pa: float) -> float:
        return gas_damping_s(
            pressure_pa,
            damping_per_mbar_s=LAB.damping_hz_per_mbar,
            viscous_damping_s=LAB.viscous_damping_hz,
        )

    assert damping_hz(100.0) == pytest.approx(15.0, rel=0.02)
    assert damping_hz(1e5) == pytest.approx(1000.0, rel=0.1)


def test_count_rates_and_speckle_slope_are_those_of_the_paper() -> None:
    angle_rate, pl_rate = LAB.light_rates(LAB.laser_reference_w)
    assert 1e6 <= angle_rate <= 2.3e6
    assert 1e6 <= pl_rate <= 5e6
    table = Diamond(LAB, Controls(), 1)._detection().speckle
    slope_per_rad = np.gradient(table)[SPECKLE_POINTS // 2] * (SPECKLE_POINTS - 1)
    mrad_per_mcounts = 1e3 / (angle_rate * slope_per_rad) * 1e6
    assert 10 < mrad_per_mcounts < 43


def test_figures_of_the_paper_that_its_own_equations_do_not_give() -> None:
    """Torque of 1e8 spins, the turn it makes at 500 Hz, and one spin in 500 nm (PHYSICS A)."""
    inertia, omega = sphere_moment_of_inertia(15e-6), 2 * np.pi * 500
    torque = hbar * 1e8 * 2 * np.pi * 260e6
    assert torque / 1.7e-17 == pytest.approx(1.0, rel=0.02)
    turn = hbar * 1e8 * HUNDRED_GAUSS_S / (inertia * omega**2)
    assert turn == pytest.approx(13.5e-3, rel=5e-3)
    small = hbar * HUNDRED_GAUSS_S / (sphere_moment_of_inertia(500e-9) * omega**2)
    assert small == pytest.approx(3.3e-3, rel=0.01)
