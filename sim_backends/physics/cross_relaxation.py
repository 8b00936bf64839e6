"""Cross-relaxation between the four NV classes of a dense diamond, and the torque it uncovers.

Classes with equal transitions exchange their polarisation with fast-decaying neighbours and lose
it; the torques of the four classes, which nearly cancel, then do so no longer (`002`, Fig. 3 and
SM Sec. VI). `crystal_planes` says for which fields.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import Boltzmann, Planck

from sim_backends.physics import nv
from sim_backends.physics.crystal_planes import DegeneracyPlanes, degeneracy_planes
from sim_backends.physics.kernel import kernel
from sim_backends.physics.ranges import field_vectors, require_not_negative, require_positive
from sim_backends.physics.spin import follow_level
from sim_backends.physics.spin_master_equation import steady_class

__all__ = [
    "DegeneracyPlanes",
    "SteadyState",
    "degeneracy_planes",
    "relaxation_rates",
    "steady_state",
    "torque_sensitivity",
]


@dataclass(frozen=True, kw_only=True)
class SteadyState:
    """Steady state of the four classes in a field or a map of fields.

    Attributes:
        populations: of |0>, |-1>, |+1> in the frame of each NV axis, shape (..., 4, 3).
        spin: <S> of each class in the diamond frame, units of hbar, shape (..., 4, 3).
        torque: on the diamond by one spin of each class, diamond frame, N m, shape (..., 4, 3).
        total_torque: sum over the classes, N m, shape (..., 3).
        t1_s: 1/T1_i inverted, shape (..., 4).
    """

    populations: NDArray[np.float64]
    spin: NDArray[np.float64]
    torque: NDArray[np.float64]
    total_torque: NDArray[np.float64]
    t1_s: NDArray[np.float64]

    @property
    def bright_share(self) -> NDArray[np.float64]:
        """Mean population of |0>, which sets the photoluminescence, shape (...)."""
        return self.populations[..., 0].mean(axis=-1)


@kernel(nogil=True, error_model="numpy")
def relaxation_rates(
    levels: NDArray[np.float64],
    zero_field_splitting_hz: float,
    relaxation_rate: float,
    cross_relaxation_rate: float,
    width_hz: float,
    out: NDArray[np.float64],
) -> None:
    """1/T1_i = 1/T1_0 + sum_j exp(-(nu_i - nu_j)^2/(2 sigma^2))/T1_dd (`002`, SM Sec. VI).

    Args:
        levels: of each class, ground and lower first, in units of D, shape (4, 2 or more).
        zero_field_splitting_hz: D.
        relaxation_rate: 1/T1_0, s^-1.
        cross_relaxation_rate: 1/T1_dd, s^-1; 0 switches the interaction off.
        width_hz: sigma.
        out: receives the rates, shape (4,), s^-1.
    """
    for i in range(4):
        out[i] = relaxation_rate
        for j in range(4):
            if i != j:
                gap = (levels[i, 1] - levels[i, 0]) - (levels[j, 1] - levels[j, 0])
                x = gap * zero_field_splitting_hz / width_hz
                out[i] += cross_relaxation_rate * math.exp(-0.5 * x * x)


@kernel(nogil=True, error_model="numpy", inline="always")
def _lowest_levels(b_square: float, par_square: float) -> tuple[float, float]:
    """The two lowest roots of the characteristic equation in `spin`, in units of D.

    The polynomial is concave below zero: Newton's steps approach the lowest root from the left,
    from -b at any field. Dividing that root out leaves a quadratic for the others.
    """
    ground = par_square - b_square if b_square < 0.25 else -math.sqrt(b_square)
    for _ in range(50):
        last = ground
        ground = follow_level(ground, b_square, par_square)
        if abs(ground - last) < 1e-15:
            break
    split = b_square + ground * (1.0 - 0.75 * ground)
    return ground, 1.0 - 0.5 * ground - math.sqrt(max(split, 0.0))


@kernel(nogil=True, error_model="numpy")
def _solve_map(
    fields: NDArray[np.float64],
    axes: NDArray[np.float64],
    zero_field_splitting_hz: float,
    pump_rate: float,
    relaxation_rate: float,
    cross_relaxation_rate: float,
    width_hz: float,
    populations: NDArray[np.float64],
    spin: NDArray[np.float64],
    rates: NDArray[np.float64],
) -> None:
    """Steady states at `fields` = (gamma/2pi) B/D, shape (n, 3); writes the last three arrays."""
    unit_rate = 2.0 * math.pi * zero_field_splitting_hz
    levels = np.empty((4, 2))
    for n in range(fields.shape[0]):
        bx, by, bz = fields[n, 0], fields[n, 1], fields[n, 2]
        b_square = bx * bx + by * by + bz * bz
        for c in range(4):
            b_par = bx * axes[c, 0] + by * axes[c, 1] + bz * axes[c, 2]
            levels[c, 0], levels[c, 1] = _lowest_levels(b_square, b_par * b_par)
        relaxation_rates(
            levels,
            zero_field_splitting_hz,
            relaxation_rate,
            cross_relaxation_rate,
            width_hz,
            rates[n],
        )
        for c in range(4):
            ux, uy, uz = axes[c, 0], axes[c, 1], axes[c, 2]
            b_par = bx * ux + by * uy + bz * uz
            # The transverse vector itself, not b^2 - b_par^2, keeps its digits near the axis.
            tx, ty, tz = bx - b_par * ux, by - b_par * uy, bz - b_par * uz
            b_perp = math.sqrt(tx * tx + ty * ty + tz * tz)
            zero, minus, plus, spin_x, spin_y, spin_z = steady_class(
                b_par, b_perp, pump_rate, rates[n, c], relaxation_rate, unit_rate
            )
            populations[n, c, 0], populations[n, c, 1], populations[n, c, 2] = zero, minus, plus
            if b_perp > 0.0:
                spin_x /= b_perp
                spin_y /= b_perp
            spin[n, c, 0] = spin_x * tx + spin_y * (uy * tz - uz * ty) + spin_z * ux
            spin[n, c, 1] = spin_x * ty + spin_y * (uz * tx - ux * tz) + spin_z * uy
            spin[n, c, 2] = spin_x * tz + spin_y * (ux * ty - uy * tx) + spin_z * uz


def steady_state(
    field_t: ArrayLike,
    *,
    pump_rate: float = 1e4,
    t1_s: float = 1.03e-3,
    t1_dd_s: float = 0.38e-3,
    width_hz: float = 6e6,
    cross_relaxation: bool = True,
    zero_field_splitting_hz: float = nv.ZERO_FIELD_SPLITTING_HZ,
    gyromagnetic_hz_per_t: float = nv.GYROMAGNETIC_HZ_PER_T,
) -> SteadyState:
    """Populations, spin and torque of the four classes, one spin each (`002`, SM Sec. VI).

    The exact steady state of the Lindblad equation with the jumps, as rates in the NV frame,
    |0><+-1| at `pump_rate`, all six |i><j| at 1/T1, and the four that involve |0> at 1/T1_i of
    `relaxation_rates` instead. The torque is -hbar gamma <S> x B.

    Args:
        field_t: fields in the diamond frame, shape (..., 3), T.
        pump_rate: optical pumping, s^-1. The 2 pi 10 kHz that the paper prints does not give its
            tenfold enhancement; 1e4 does.
        t1_s: T1_0 of a class that is alone.
        t1_dd_s: T1_dd.
        width_hz: sigma_dd.
        cross_relaxation: False leaves T1_0 to every class.
        zero_field_splitting_hz: D.
        gyromagnetic_hz_per_t: gamma/2pi.

    Raises:
        ValueError: a field of the wrong shape or not finite; a negative or infinite rate; a
            time, a width or a constant that is not finite and > 0.
    """
    require_not_negative(pump_rate=pump_rate)
    require_positive(
        t1_s=t1_s,
        t1_dd_s=t1_dd_s,
        width_hz=width_hz,
        zero_field_splitting_hz=zero_field_splitting_hz,
        gyromagnetic_hz_per_t=gyromagnetic_hz_per_t,
    )
    field = field_vectors(field_t)
    reduced = field.reshape(-1, 3) * (gyromagnetic_hz_per_t / zero_field_splitting_hz)
    populations, spin = np.empty((len(reduced), 4, 3)), np.empty((len(reduced), 4, 3))
    rates = np.empty((len(reduced), 4))
    _solve_map(
        reduced,
        nv.AXES,
        float(zero_field_splitting_hz),
        float(pump_rate),
        1.0 / t1_s,
        1.0 / t1_dd_s if cross_relaxation else 0.0,
        float(width_hz),
        populations,
        spin,
        rates,
    )
    torque = np.cross(spin, reduced[:, None]) * (-Planck * zero_field_splitting_hz)
    shape = field.shape[:-1]
    return SteadyState(
        populations=populations.reshape(*shape, 4, 3),
        spin=spin.reshape(*shape, 4, 3),
        torque=torque.reshape(*shape, 4, 3),
        total_torque=torque.sum(axis=1).reshape(*shape, 3),
        t1_s=(1.0 / rates).reshape(*shape, 4),
    )


def torque_sensitivity(temperature_k: float, damping_s: float, moment_of_inertia: float) -> float:
    """Thermal torque noise sqrt(4 kB T g I), N m/sqrt(Hz) (`002`, conclusion).

    Args:
        temperature_k: of the gas.
        damping_s: g, rad/s (2 pi x the quoted value).
        moment_of_inertia: kg m^2.

    Raises:
        ValueError: an argument that is not finite and > 0.
    """
    require_positive(
        temperature_k=temperature_k, damping_s=damping_s, moment_of_inertia=moment_of_inertia
    )
    return math.sqrt(4.0 * Boltzmann * temperature_k * damping_s * moment_of_inertia)
