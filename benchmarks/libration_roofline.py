"""How fast one core could step the libration at best: arithmetic, divisions and random numbers.

    t = FLOPS / (peak rate of fused multiply-adds) + 2 divisions + 2 normals     per trajectory-step

each measured alone in the same run, with the data in registers or the first cache and nothing
overlapped. FLOPS counts the additions, subtractions and multiplications of
`trajectory_kernel.step` with a Lorentzian line; what depends on the step or the system only (such
as h/2) is computed once and not counted. A fused multiply-add is two operations, so the bound
assumes that every addition finds a multiplication to fuse with: the true bound is higher.

    torque, first slopes, growth of the torque            1 +  9 +  1
    angle and velocity at the end, angle in the middle    9 + 11 +  5
    two rates, without the division                       4 +  4
    loss in the middle                                    2
    second and third slopes, with their arguments         2 x (4 + 7)
    fourth slopes, with their arguments                   4 +  9
    new populations                                       12
    bend of the torque, correction of the end             3 +  4                 sum 100

The tests count them once more by running `step` on numbers that count.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sim_backends.physics.normals import LANES, fill_normals, seed_lanes

FLOPS = 100
DIVISIONS = 2
FUSED = 16

Array = NDArray[Any]


@njit(cache=True, fastmath=True, error_model="numpy")
def _fuse(x: Array, a: float, b: float, rounds: int) -> None:
    """FUSED multiply-adds per lane and round, in registers."""
    for _ in range(rounds):
        for i in range(LANES):
            y = x[i]
            y = y * a + b
            y = y * b + a
            y = y * a + b
            y = y * b + a
            y = y * a + b
            y = y * b + a
            y = y * a + b
            y = y * b + a
            y = y * a + b
            y = y * b + a
            y = y * a + b
            y = y * b + a
            y = y * a + b
            y = y * b + a
            y = y * a + b
            y = y * b + a
            x[i] = y


# Without fastmath, which would turn two divisions into a multiplication.
@njit(cache=True, error_model="numpy")
def _divide(x: Array, a: float, rounds: int) -> None:
    """One division per lane and round."""
    for _ in range(rounds):
        for i in range(LANES):
            x[i] = a / x[i]


@njit(cache=True, fastmath=True, error_model="numpy")
def _draw(state: Array, scratch: Array, bits: Array, out: Array, rounds: int) -> None:
    """Two normals per lane and round."""
    for _ in range(rounds):
        fill_normals(state, scratch, bits, out)


def _seconds_per_lane(call: Callable[[int], None], rounds: int) -> float:
    call(1)
    begin = time.process_time()
    call(rounds)
    return (time.process_time() - begin) / (rounds * LANES)


def measure(rounds: int) -> dict[str, float]:
    """Seconds per trajectory-step of each part of the bound."""
    x, y = np.linspace(0.5, 1.5, LANES), np.linspace(0.5, 1.5, LANES)
    scratch, out = np.empty(3 * LANES, np.float32), np.empty(2 * LANES, np.float32)
    state = seed_lanes(1, 0)
    fused = _seconds_per_lane(lambda n: _fuse(x, 0.6, 0.3, n), rounds) / FUSED
    return {
        "arithmetic": 0.5 * FLOPS * fused,
        "divisions": DIVISIONS * _seconds_per_lane(lambda n: _divide(y, 1.1, n), rounds),
        "normals": _seconds_per_lane(
            lambda n: _draw(state, scratch, scratch.view(np.int32), out, n), rounds
        ),
    }
