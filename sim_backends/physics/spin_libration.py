"""Spin-cooled libration of a levitated diamond: one mode, one resonant NV class (`000`, SI).

State: angle phi, velocity v, populations of the lower and upper magnetic levels, with
S0 = 1 - S-1 - S+1 and delta = Delta + G_B phi (red is Delta < 0):

    W       = (Omega^2 T2*/2) L(delta T2*)             L(x) = 1/(1 + x^2) or exp(-x^2)
    dS-1/dt = W (S0 - S-1) - g_las S-1 + k (S0 - S-1) + q (S+1 - S-1)
    dS+1/dt =              - g_las S+1 + k (S0 - S+1) + q (S-1 - S+1)
    phi''   = -w^2 phi - g phi' + Gamma (S-1 - S+1) + xi,   <xi xi'> = (2 g kB T/I) delta(t - t')
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from sim_backends.physics.oscillator import thermal_rate_s2


class Lineshape(StrEnum):
    """Shape of the microwave rate against detuning (`000`, SI Eqs. 11 and 12)."""

    LORENTZIAN = "lorentzian"
    GAUSSIAN = "gaussian"


class T1Convention(StrEnum):
    """Which transitions 1/T1 stands for; the paper leaves it open.

    `pair`: |0> <-> |+-1> at 1/T1. `all`: every pair of levels at 1/T1. `mixing`: every pair at
    1/(3 T1), so that populations mix with the time constant T1.
    """

    PAIR = "pair"
    ALL = "all"
    MIXING = "mixing"


def relaxation_channels(relaxation_rate: float, convention: T1Convention) -> tuple[float, float]:
    """(k, q): single- and double-quantum relaxation rates in s^-1 under a convention."""
    if convention is T1Convention.PAIR:
        return relaxation_rate, 0.0
    rate = relaxation_rate / 3.0 if convention is T1Convention.MIXING else relaxation_rate
    return rate, rate


@dataclass(frozen=True, kw_only=True)
class SpinLibration:
    """One libration mode driven by one class of spins.

    Frequencies "/2pi" in Hz; rates in s^-1; defaults are the set COOL, which reproduces the
    cooling of `000`, Fig. 2.

    Attributes:
        libration_hz: w/2pi.
        damping_hz: g/2pi.
        torque_s2: Gamma, angular acceleration of fully polarised spins.
        gradient_hz_per_rad: G_B/2pi.
        rabi_hz: Omega/2pi of the microwave.
        detuning_hz: Delta/2pi at zero angle; red is negative.
        pump_rate: g_las.
        relaxation_rate: 1/T1.
        t2star_s: T2*.
        lineshape: Lorentzian or Gaussian.
        t1_convention: see `T1Convention`.
        temperature_k: of the gas.
        moment_of_inertia: kg m^2.

    Raises:
        ValueError: a figure that is not finite or outside its range, named with the range.
    """

    libration_hz: float = 480.0
    damping_hz: float = 16.0
    torque_s2: float = 3.06e5
    gradient_hz_per_rad: float = 260e6
    rabi_hz: float = 30e3
    detuning_hz: float = -3.09e6
    pump_rate: float = 2000.0
    relaxation_rate: float = 600.0
    t2star_s: float = 50e-9
    lineshape: Lineshape = Lineshape.LORENTZIAN
    t1_convention: T1Convention = T1Convention.PAIR
    temperature_k: float = 300.0
    moment_of_inertia: float = 1.3956e-22

    def __post_init__(self) -> None:
        positive = ("libration_hz", "t2star_s", "temperature_k", "moment_of_inertia")
        signed = ("torque_s2", "gradient_hz_per_rad", "detuning_hz")
        not_negative = ("damping_hz", "rabi_hz", "pump_rate", "relaxation_rate")
        for name in (*positive, *signed, *not_negative):
            value = getattr(self, name)
            allowed = "> 0" if name in positive else ">= 0" if name in not_negative else "finite"
            outside = (name in positive and value <= 0) or (name in not_negative and value < 0)
            if not math.isfinite(value) or outside:
                raise ValueError(f"{name} must be finite and {allowed}, but is {value}")
        object.__setattr__(self, "lineshape", Lineshape(self.lineshape))
        object.__setattr__(self, "t1_convention", T1Convention(self.t1_convention))

    @classmethod
    def paper_set(cls, name: str) -> Self:
        """A calibrated set by its name: COOL, LASE_B, LASE, BISTW or BIST.

        Raises:
            ValueError: unknown name.
        """
        if name not in _PAPER_SETS:
            raise ValueError(f"name must be one of {', '.join(_PAPER_SETS)}, but is {name!r}")
        return cls(**_PAPER_SETS[name])

    @property
    def omega_rad_s(self) -> float:
        """W, rad/s."""
        return 2 * math.pi * self.libration_hz

    @property
    def gamma_s(self) -> float:
        """Damping rate g, s^-1."""
        return 2 * math.pi * self.damping_hz

    @property
    def gradient_s(self) -> float:
        """G_B, rad/s per rad."""
        return 2 * math.pi * self.gradient_hz_per_rad

    @property
    def detuning_s(self) -> float:
        """Delta, rad/s."""
        return 2 * math.pi * self.detuning_hz

    @property
    def peak_rate(self) -> float:
        """W on resonance, Omega^2 T2*/2, s^-1."""
        return 0.5 * (2 * math.pi * self.rabi_hz) ** 2 * self.t2star_s

    @property
    def relaxation(self) -> tuple[float, float]:
        """(k, q), s^-1."""
        return relaxation_channels(self.relaxation_rate, self.t1_convention)

    @property
    def kt_over_i(self) -> float:
        """KB T / I, s^-2: the thermal variance of the velocity."""
        return thermal_rate_s2(self.temperature_k, self.moment_of_inertia)

    @property
    def thermal_angle_rad(self) -> float:
        """Root-mean-square angle without spins."""
        return math.sqrt(self.kt_over_i) / self.omega_rad_s


_PAPER_SETS: dict[str, dict[str, Any]] = {
    "COOL": {},
    "LASE_B": {
        "torque_s2": 1.5e6, "rabi_hz": 24e3, "relaxation_rate": 1000.0, "detuning_hz": 7e6,
    },
    "LASE": {
        "torque_s2": 1.5e6, "rabi_hz": 100e3, "pump_rate": 650.0, "relaxation_rate": 3000.0,
        "detuning_hz": 7e6,
    },
    "BISTW": {
        "libration_hz": 240.0, "torque_s2": 5e5, "rabi_hz": 60e3, "pump_rate": 1e4,
        "detuning_hz": -9.7e6,
    },
    "BIST": {
        "libration_hz": 240.0, "torque_s2": 5e5, "rabi_hz": 50e3, "pump_rate": 1e4,
        "detuning_hz": -8.1e6,
    },
}  # fmt: skip
