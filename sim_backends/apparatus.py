"""What the simulated lab is made of: every number of the apparatus that no instrument sets."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from sim_backends.physics.libration import Lineshape, T1Convention, relaxation_channels
from sim_backends.physics.nv import GYROMAGNETIC_HZ_PER_T, ZERO_FIELD_SPLITTING_HZ
from sim_backends.physics.oscillator import sphere_moment_of_inertia

Vector = tuple[float, float, float]


class Apparatus(BaseModel):
    """The particle, its surroundings and the optics; PHYSICS figures of `000` and `002`.

    Vectors are in the diamond frame at zero angle. Rates are in s^-1, angles in rad.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # Field: a permanent magnet, and an electromagnet of so many tesla per ampere.
    bias_field_t: Vector = (7.45e-3, 5.44e-3, 2.28e-3)
    electromagnet_t_per_a: Vector = (0.0, 0.0, 0.0)
    zero_field_splitting_hz: float = Field(ZERO_FIELD_SPLITTING_HZ, gt=0)
    gyromagnetic_hz_per_t: float = Field(GYROMAGNETIC_HZ_PER_T, gt=0)

    # Spins (`000`, Methods and SI; `002`, SM Sec. VI).
    spins_per_class: float = Field(2.0e8, ge=0)
    t2star_s: float = Field(50e-9, gt=0)
    lineshape: Lineshape = Lineshape.LORENTZIAN
    t1_s: float = Field(1.61e-3, gt=0)
    t1_convention: T1Convention = T1Convention.PAIR
    t1_stretched: bool = False
    t1_dipolar_s: float = Field(0.704e-3, gt=0)
    cross_relaxation: bool = True
    cross_relaxation_width_hz: float = Field(6e6, gt=0)
    pump_rate_per_w: float = Field(3.3e3 / 100e-6, ge=0)
    rabi_hz_at_reference: float = Field(57e3, ge=0)
    rabi_reference_dbm: float = -5.0

    # Charge (`002`, SM Sec. III B): exchange NV- <-> NV0 and the light it adds, alike for every
    # spin; the background is in units of `pl_rate`, the rates under light at the reference power.
    charge_background: float = Field(0.0, ge=0)
    dark_ionisation_rate: float = Field(300.0, ge=0)
    dark_recombination_rate: float = Field(0.0, ge=0)
    light_ionisation_rate: float = Field(1000.0, ge=0)
    light_recombination_rate: float = Field(3000.0, gt=0)

    # Motion.
    diameter_m: float = Field(15e-6, gt=0)
    libration_hz: Vector = (480.0, 590.0, 970.0)
    mode_axes: tuple[Vector, Vector, Vector] = (
        (-0.8635, 0.1870, -0.4684),
        (0.4333, -0.2003, -0.8787),
        (-0.2581, -0.9617, 0.0919),
    )
    damping_hz_per_mbar: float = Field(15.0, ge=0)
    viscous_damping_hz: float = Field(1000.0, gt=0)
    temperature_k: float = Field(300.0, ge=0)
    pressure_pa: float = Field(1e5, gt=0)
    trap_reference_v: float = Field(2000.0, gt=0)
    trap_reference_hz: float = Field(4e3, gt=0)
    hold_time_s: float = Field(5e-3, gt=0)

    # Light.
    laser_reference_w: float = Field(330e-6, gt=0)
    angle_rate: float = Field(2.0e6, ge=0)
    pl_rate: float = Field(4.0e6, ge=0)
    saturation_w: float = Field(5e-3, gt=0)
    contrast: float = Field(0.25, ge=0, le=1)
    dark_rate: float = Field(500.0, ge=0)
    dead_time_s: float = Field(24e-9, ge=0)
    detection: Literal["speckle", "linear"] = "speckle"
    detection_direction: Vector = (0.836, 0.510, 0.201)
    speckle_grain_rad: float = Field(0.08, gt=0)
    speckle_seed: int = 7
    slope_sign: Literal[-1, 1] = 1
    linear_slope_per_rad: float = 25.0
    drift_rad_per_s: float = 2e-6
    drift_rad_per_sqrt_s: float = Field(2e-5, ge=0)

    @property
    def relaxation(self) -> tuple[float, float]:
        """(single-, double-quantum) relaxation rates in s^-1 under the chosen convention."""
        return relaxation_channels(1.0 / self.t1_s, self.t1_convention)

    @property
    def dipolar_rate(self) -> float:
        """What a degenerate class adds to the single-quantum rates, s^-1."""
        if not self.cross_relaxation:
            return 0.0
        return relaxation_channels(1.0 / self.t1_dipolar_s, self.t1_convention)[0]

    def charge_exchange(self, power_w: float) -> tuple[float, float]:
        """(rate in s^-1, share of NV- it leads to) at this laser power."""
        relative = power_w / self.laser_reference_w
        away = self.dark_ionisation_rate + relative * self.light_ionisation_rate
        back = self.dark_recombination_rate + relative * self.light_recombination_rate
        return away + back, back / (away + back) if back > 0 else 0.0

    @property
    def moment_of_inertia(self) -> float:
        """Of the whole particle, kg m^2."""
        return sphere_moment_of_inertia(self.diameter_m)

    def field_t(self, current_a: float) -> NDArray[np.float64]:
        """Field in the diamond frame at zero angle, shape (3,), T."""
        return np.array(self.bias_field_t) + current_a * np.array(self.electromagnet_t_per_a)

    def rabi_rad_s(self, power_dbm: float) -> float:
        """Angular Rabi frequency of a resonant class at this generator power."""
        return (
            2
            * math.pi
            * self.rabi_hz_at_reference
            * 10 ** ((power_dbm - self.rabi_reference_dbm) / 20)
        )

    def omega_rad_s(self, amplitude_v: float, drive_hz: float) -> NDArray[np.float64]:
        """Libration frequencies of the pseudo-potential, proportional to V/f, shape (3,)."""
        scale = (amplitude_v / self.trap_reference_v) * (self.trap_reference_hz / drive_hz)
        return 2 * np.pi * np.array(self.libration_hz) * scale

    def light_rates(self, power_w: float) -> tuple[float, float]:
        """(APD1 at the working point, APD2 with all spins bright) photons/s at this power."""
        relative = power_w / self.laser_reference_w
        saturation = (1 + self.laser_reference_w / self.saturation_w) / (
            1 + power_w / self.saturation_w
        )
        return self.angle_rate * relative, self.pl_rate * relative * saturation
