"""One step of the spin-libration equations, compiled for one trajectory or for 64 lanes.

The exact Ornstein-Uhlenbeck propagator carries the mode and its noise; the spin torque enters as
a quadratic in time through its value and slope at the start and its value at the end; the
populations take a Runge-Kutta step of fourth order with the microwave rate at the start, the
middle (a cubic through both ends of the path) and the end. The rate at the end serves the next
step.

The populations are carried as d = S-1 - S+1, which makes the torque, and e = S0 - S-1, on which
alone the microwave acts. That saves an eighth of the arithmetic:

    dd/dt = W e - (g_las + k + 2q) d,    de/dt = g_las - (2W + g_las + 3k) e - (k - q) d
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_backends.physics.kernel import kernel
from sim_backends.physics.normals import LANES, fill_normals
from sim_backends.physics.oscillator import StepPropagator

RUNGE_KUTTA_LIMIT = 2.78
"""Largest stable |rate| x step of the populations (RK4 on the real axis)."""

_TILE = 32
"""Samples gathered side by side before they are written to the distant rows of the record."""

_EXP_HALVINGS = 6
_EXP_CUT = 40.0


class SpinRates(NamedTuple):
    """Constants of one call: torque Gamma in s^-2, rates in s^-1, gradient G_B T2* per rad."""

    torque: float
    pump: float
    single_quantum: float
    double_quantum: float
    gradient: float
    gaussian: bool


class DriveSteps(NamedTuple):
    """The microwave on the grid of steps; arrays of length steps, or 1 for a constant drive.

    peak: W on resonance in s^-1. start, middle, end: Delta T2*, the reduced detuning. fresh:
    whether the drive jumps at the start of the step (at the first step it always does).
    """

    peak: NDArray[np.float64]
    start: NDArray[np.float64]
    middle: NDArray[np.float64]
    end: NDArray[np.float64]
    fresh: NDArray[np.bool_]


@kernel(nogil=True, fastmath=True, error_model="numpy", inline="always")
def line(peak: float, x: float, gaussian: bool) -> float:
    """W at the reduced detuning x = delta T2* (`000`, SI Eqs. 11 and 12).

    The Gaussian is exp(-x^2) by a polynomial at x^2/64 and six squarings, to 1e-9: no call to
    the library, so that loops over lanes become vector code.
    """
    square = x * x
    if gaussian:
        z = -min(square, _EXP_CUT) / 2.0**_EXP_HALVINGS
        e = 1.0 + z / 7.0 * (1.0 + z / 8.0 * (1.0 + z / 9.0))
        e = 1.0 + z / 4.0 * (1.0 + z / 5.0 * (1.0 + z / 6.0 * e))
        e = 1.0 + z * (1.0 + z / 2.0 * (1.0 + z / 3.0 * e))
        e = e * e
        e = e * e
        e = e * e
        e = e * e
        e = e * e
        return peak * (e * e)
    return peak / (1.0 + square)


@kernel(nogil=True, fastmath=True, error_model="numpy", inline="always")
def step(
    state: tuple[float, float, float, float, float],
    normal: tuple[float, float],
    mode: StepPropagator,
    spin: SpinRates,
    drive: tuple[float, float, float],
    h: float,
) -> tuple[float, float, float, float, float]:
    """One step of (angle, velocity, d, e, W at the start).

    Args:
        state: before the step; W is the microwave rate at its start.
        normal: two standard normals.
        mode: exact propagator of the mode over `h`.
        spin: constants.
        drive: W on resonance, and Delta T2* in the middle and at the end of the step.
        h: step in s.

    Returns:
        The same five quantities after the step.
    """
    angle, velocity, d, e, w = state
    g1, g2 = normal
    peak, x_middle, x_end = drive
    k, q = spin.single_quantum, spin.double_quantum
    loss_d, loss_e, cross = spin.pump + k + 2.0 * q, spin.pump + 3.0 * k, k - q

    torque = spin.torque * d
    d_1, e_1 = w * e - loss_d * d, spin.pump - (w + w + loss_e) * e - cross * d
    growth = spin.torque * h * d_1
    end = mode.phi_xx * angle + mode.phi_xv * velocity + mode.const_x * torque
    end = end + mode.ramp_x * growth + mode.noise_xx * g1
    end_v = mode.phi_vx * angle + mode.phi_vv * velocity + mode.const_v * torque
    end_v = end_v + mode.ramp_v * growth + (mode.noise_vx * g1 + mode.noise_vv * g2)

    middle = 0.5 * (angle + end) + 0.125 * h * (velocity - end_v)
    w_middle = line(peak, x_middle + spin.gradient * middle, spin.gaussian)
    w_end = line(peak, x_end + spin.gradient * end, spin.gaussian)

    decay = w_middle + w_middle + loss_e
    a, b = d + 0.5 * h * d_1, e + 0.5 * h * e_1
    d_2, e_2 = w_middle * b - loss_d * a, spin.pump - decay * b - cross * a
    a, b = d + 0.5 * h * d_2, e + 0.5 * h * e_2
    d_3, e_3 = w_middle * b - loss_d * a, spin.pump - decay * b - cross * a
    a, b = d + h * d_3, e + h * e_3
    d_4, e_4 = w_end * b - loss_d * a, spin.pump - (w_end + w_end + loss_e) * b - cross * a
    sixth = h / 6.0
    d = d + sixth * (d_1 + 2.0 * (d_2 + d_3) + d_4)
    e = e + sixth * (e_1 + 2.0 * (e_2 + e_3) + e_4)

    bend = spin.torque * d - torque - growth
    return end + mode.bend_x * bend, end_v + mode.bend_v * bend, d, e, w_end


@kernel(nogil=True, fastmath=True, error_model="numpy")
def _step_lanes(
    x: NDArray[np.float64],
    normals: NDArray[np.float32],
    mode: StepPropagator,
    spin: SpinRates,
    peak: float,
    x_middle: float,
    x_end: float,
    h: float,
) -> None:
    """One step of 64 trajectories; `x` holds the five quantities one after the other."""
    for i in range(LANES):
        (
            x[i],
            x[LANES + i],
            x[2 * LANES + i],
            x[3 * LANES + i],
            x[4 * LANES + i],
        ) = step(
            (x[i], x[LANES + i], x[2 * LANES + i], x[3 * LANES + i], x[4 * LANES + i]),
            (float(normals[i]), float(normals[LANES + i])),
            mode,
            spin,
            (peak, x_middle, x_end),
            h,
        )


@kernel(nogil=True, fastmath=True, error_model="numpy")
def run_lanes(
    x: NDArray[np.float64],
    generator: NDArray[np.uint32],
    mode: StepPropagator,
    spin: SpinRates,
    drive: DriveSteps,
    h: float,
    samples: int,
    steps_per_sample: int,
    lanes: int,
    out: NDArray[np.float64],
) -> None:
    """Advance 64 trajectories and record the first `lanes` of them.

    Args:
        x: (5*LANES,) angle, velocity, S-1, S+1, W at the start; overwritten.
        generator: states of the 64 generators.
        mode: propagator over `h`.
        spin: constants.
        drive: microwave on the grid of steps.
        h: step in s.
        samples: number of samples.
        steps_per_sample: steps between two samples.
        lanes: how many trajectories to record, 1..LANES.
        out: (4, lanes, samples) receives angle, velocity, S-1 and S+1 at the samples' ends.
    """
    scratch = np.empty(3 * LANES, np.float32)
    bits = scratch.view(np.int32)
    normals = np.empty(2 * LANES, np.float32)
    # Padded: rows a power of two apart would share the same few lines of the cache.
    tile = np.empty((_TILE, 4 * LANES + 8))
    for i in range(LANES):
        lower, upper = x[2 * LANES + i], x[3 * LANES + i]
        x[2 * LANES + i], x[3 * LANES + i] = lower - upper, 1.0 - 2.0 * lower - upper
    stride = 1 if drive.peak.size > 1 else 0
    n = 0
    for sample in range(samples):
        for _ in range(steps_per_sample):
            d = n * stride
            if n == 0 or drive.fresh[d]:
                for i in range(LANES):
                    x[4 * LANES + i] = line(
                        drive.peak[d], drive.start[d] + spin.gradient * x[i], spin.gaussian
                    )
            fill_normals(generator, scratch, bits, normals)
            _step_lanes(x, normals, mode, spin, drive.peak[d], drive.middle[d], drive.end[d], h)
            n += 1
        row = sample % _TILE
        for i in range(2 * LANES):
            tile[row, i] = x[i]
        for i in range(2 * LANES, 3 * LANES):
            tile[row, i] = (1.0 - x[LANES + i] + x[i]) / 3.0
            tile[row, LANES + i] = (1.0 - x[LANES + i] - 2.0 * x[i]) / 3.0
        if row == _TILE - 1 or sample == samples - 1:
            for quantity in range(4):
                for i in range(lanes):
                    for earlier in range(row + 1):
                        place = sample - row + earlier
                        out[quantity, i, place] = tile[earlier, quantity * LANES + i]


@kernel(nogil=True, fastmath=True, error_model="numpy")
def run_single(
    x: NDArray[np.float64],
    generator: NDArray[np.uint32],
    noise: NDArray[np.float64],
    mode: StepPropagator,
    spin: SpinRates,
    drive: DriveSteps,
    h: float,
    samples: int,
    steps_per_sample: int,
    out: NDArray[np.float64],
) -> None:
    """Advance one trajectory; the 64 generators feed 64 steps in a row.

    Args:
        x: (5,) angle, velocity, S-1, S+1, W at the start.
        generator: states of the 64 generators.
        noise: (steps, 2) standard normals to use instead, or (0, 2).
        mode: propagator over `h`.
        spin: constants.
        drive: microwave on the grid of steps.
        h: step in s.
        samples: number of samples.
        steps_per_sample: steps between two samples.
        out: (4, samples) receives angle, velocity, S-1 and S+1.
    """
    scratch = np.empty(3 * LANES, np.float32)
    bits = scratch.view(np.int32)
    normals = np.empty(2 * LANES, np.float32)
    given = noise.shape[0] > 0
    stride = 1 if drive.peak.size > 1 else 0
    state = (x[0], x[1], x[2] - x[3], 1.0 - 2.0 * x[2] - x[3], x[4])
    n = 0
    for sample in range(samples):
        for _ in range(steps_per_sample):
            d = n * stride
            if n == 0 or drive.fresh[d]:
                w = line(drive.peak[d], drive.start[d] + spin.gradient * state[0], spin.gaussian)
                state = (state[0], state[1], state[2], state[3], w)
            if given:
                normal = (noise[n, 0], noise[n, 1])
            else:
                if n % LANES == 0:
                    fill_normals(generator, scratch, bits, normals)
                normal = (float(normals[n % LANES]), float(normals[LANES + n % LANES]))
            state = step(
                state, normal, mode, spin, (drive.peak[d], drive.middle[d], drive.end[d]), h
            )
            n += 1
        out[0, sample], out[1, sample] = state[0], state[1]
        out[2, sample] = (1.0 - state[3] + state[2]) / 3.0
        out[3, sample] = (1.0 - state[3] - 2.0 * state[2]) / 3.0


def largest_rate(spin: SpinRates, peak: float) -> float:
    """Bound on the fastest relaxation of the populations, s^-1 (Gershgorin's circles)."""
    loss = 2 * spin.single_quantum + spin.pump + spin.double_quantum
    return 2 * peak + loss + abs(spin.single_quantum - spin.double_quantum) + peak


def stable_step_s(spin: SpinRates, peak: float) -> float:
    """Longest step in s at which the populations stay bounded."""
    return RUNGE_KUTTA_LIMIT / max(largest_rate(spin, peak), 1e-300)
