"""Coherent microwave pulses on one NV class: the start of a drive, before rates take over.

For the coherence c of a transition |0> <-> |k> in the frame of the microwave, with D the
detuning and O the angular Rabi frequency (optical Bloch equations with pure dephasing 1/T2*):

    dc/dt = -(1/T2* + i D) c + i (O/2) (p_0 - p_k),    dp_k/dt = O Im c = -dp_0/dt

After several T2* the coherence follows the populations and these become the rate equations with
W = (O^2 T2*/2)/(1 + (D T2*)^2) of `000`; a pulse of `SPAN_T2` T2* or less is resolved here.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sim_backends.physics.kernel import kernel

SPAN_T2 = 10.0
"""Multiples of T2* after which the rate equations hold to exp(-10)."""
STEPS_PER_T2 = 8
STEPS_PER_RADIAN = 4
SETTLED = 0.005
"""A coherence this close to where its drive leads leaves the populations to the rates."""
FAR = 20.0
"""A transition detuned by more than so many linewidths or Rabi frequencies keeps no coherence."""


@kernel(nogil=True, error_model="numpy", inline="always")
def is_far(detuning: float, rabi_rad_s: float, t2star_s: float) -> bool:
    """Whether rates describe a transition at once."""
    return abs(detuning) > FAR * max(1.0 / t2star_s, rabi_rad_s)


@kernel(nogil=True, error_model="numpy")
def drive_coherently(
    populations: NDArray[np.float64],
    coherence: NDArray[np.complex128],
    detunings: tuple[float, float],
    rabi_rad_s: float,
    t2star_s: float,
    duration_s: float,
) -> None:
    """Let a drive act on one class, exactly but for the order of turning and dephasing (Strang).

    Args:
        populations: (n, 2) lower and upper of every kind of spin, advanced in place.
        coherence: (n, 2) of |0> with either, advanced in place.
        detunings: microwave minus transition, rad/s, of either.
        rabi_rad_s: angular Rabi frequency; 0 lets the coherence precess and decay.
        t2star_s: T2*.
        duration_s: how long.
    """
    for k in range(2):
        detuning = detunings[k]
        if is_far(detuning, rabi_rad_s, t2star_s):
            coherence[:, k] = 0.0
            rate = 0.5 * rabi_rad_s**2 * t2star_s / (1.0 + (detuning * t2star_s) ** 2)
            share = -0.5 * math.expm1(-2.0 * rate * duration_s)
            for m in range(populations.shape[0]):
                moved = share * (1.0 - populations[m, 0] - populations[m, 1] - populations[m, k])
                populations[m, k] += moved
            continue
        if rabi_rad_s == 0.0:
            decay = math.exp(-duration_s / t2star_s)
            turn = -detuning * duration_s
            factor = decay * complex(math.cos(turn), math.sin(turn))
            for m in range(populations.shape[0]):
                coherence[m, k] *= factor
            continue
        fineness = max(STEPS_PER_T2 / t2star_s, STEPS_PER_RADIAN * rabi_rad_s)
        steps = max(math.ceil(fineness * duration_s), 1)
        step_s = duration_s / steps
        half_decay = math.exp(-0.5 * step_s / t2star_s)
        total = math.hypot(rabi_rad_s, detuning)
        cosine, sine = math.cos(total * step_s), math.sin(total * step_s)
        rest, across, down = 1.0 - cosine, rabi_rad_s / total, detuning / total
        for m in range(populations.shape[0]):
            both = 1.0 - populations[m, 1 - k]  # shared by |0> and |k>
            w = both - 2.0 * populations[m, k]
            u, v = 2.0 * coherence[m, k].real, 2.0 * coherence[m, k].imag
            for _ in range(steps):
                u, v = half_decay * u, half_decay * v
                # du/dt = D v, dv/dt = O w - D u, dw/dt = -O v: a turn (Rodrigues).
                along = rest * (across * u + down * w)
                u, v, w = (
                    cosine * u + sine * down * v + across * along,
                    cosine * v + sine * (across * w - down * u),
                    cosine * w - sine * across * v + down * along,
                )
                u, v = half_decay * u, half_decay * v
            populations[m, k] = 0.5 * (both - w)
            coherence[m, k] = 0.5 * complex(u, v)


@kernel(nogil=True, error_model="numpy", inline="always")
def settled_coherence(
    difference: float, detuning: float, rabi_rad_s: float, t2star_s: float
) -> complex:
    """The coherence that a long drive leads to for a difference p_0 - p_k of populations."""
    return complex(0.0, 0.5 * rabi_rad_s * difference) / complex(1.0 / t2star_s, detuning)
