"""What a short strong pulse does to spins beside its line, and what T1 looks like then.

A pi pulse of 8 MHz is wide: it also moves some per cent of the classes 70 MHz away. Where these
relax more slowly than the class it is meant for, the decay that is seen is a sum and lasts longer.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import expm
from scipy.optimize import curve_fit

from sim_backends.physics import nv

Floats = NDArray[np.float64]


def moved_share(
    detuning_hz: ArrayLike, rabi_hz: float, t2star_s: float, duration_s: float
) -> Floats:
    """Share of the polarisation that a pulse moves, (1 - w)/2 of the optical Bloch equations.

    Args:
        detuning_hz: microwave less transition, any shape.
        rabi_hz: Rabi frequency on resonance.
        t2star_s: T2*, pure dephasing at 1/T2*.
        duration_s: length of the pulse.
    """
    detuning, rabi = 2 * np.pi * np.asarray(detuning_hz, dtype=float), 2 * np.pi * rabi_hz
    turn = np.zeros((*detuning.shape, 3, 3))
    turn[..., 0, 0] = turn[..., 1, 1] = -1 / t2star_s
    turn[..., 0, 1], turn[..., 1, 0] = detuning, -detuning
    turn[..., 1, 2], turn[..., 2, 1] = rabi, -rabi
    w = np.asarray(expm(turn * duration_s), dtype=np.float64)[..., 2, 2]
    return 0.5 * (1 - w)


def class_t1_s(
    field_t: ArrayLike, *, t1_s: float, t1_dipolar_s: float, width_hz: float = 6e6
) -> Floats:
    """T1 of each class, 1/T1_i = 1/T1_0 + sum_j exp(-(nu_i - nu_j)^2/(2 s^2))/T1_dd, shape (4,).

    `002`, SM Sec. VI.
    """
    line = nv.transition_frequencies_hz(np.asarray(field_t, dtype=float))[:, 0]
    apart = (line[:, None] - line) / width_hz
    near = np.exp(-0.5 * apart**2).sum(axis=1) - 1
    return 1 / (1 / t1_s + near / t1_dipolar_s)


def seen_t1_s(
    field_t: ArrayLike,
    frequency_hz: float,
    dark_s: ArrayLike,
    *,
    t1_s: float,
    t1_dipolar_s: float,
    rabi_hz: float,
    t2star_s: float,
    pi_time_s: float,
) -> float:
    """T1 of the stretched exponential that fits what all moved classes show together.

    Args:
        field_t: in the diamond frame, shape (3,).
        frequency_hz: of the pulse.
        dark_s: the times that are measured, weighted alike.
        t1_s: of a class by itself.
        t1_dipolar_s: T1_dd.
        rabi_hz: of the pulse, on resonance.
        t2star_s: T2*.
        pi_time_s: length of the pulse.
    """
    dark = np.asarray(dark_s, dtype=float)
    lines = nv.transition_frequencies_hz(np.asarray(field_t, dtype=float))
    share = moved_share(frequency_hz - lines, rabi_hz, t2star_s, pi_time_s).sum(axis=1)
    each = class_t1_s(field_t, t1_s=t1_s, t1_dipolar_s=t1_dipolar_s)
    signal = share @ np.exp(-np.sqrt(dark / each[:, None]))
    start = (float(np.log(np.average(each, weights=share))), float(share.sum()))
    (log_t1, _), _ = curve_fit(
        lambda t, log_t1, height: height * np.exp(-np.sqrt(t / np.exp(log_t1))), dark, signal, start
    )
    return float(np.exp(log_t1))
