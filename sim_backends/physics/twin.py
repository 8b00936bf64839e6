"""The compiled heart of the simulated lab: spins, three libration modes and photon counts.

One step of length h: the modes move exactly under their noise and the torque at its start; the
spins follow by the trapezoidal rule with the microwave rates at both ends; the torque at the end
then corrects the modes as a linear ramp. One evaluation per step, second order, and stable for
any drive.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sim_backends.physics.detection import detect, look_up
from sim_backends.physics.libration import step_propagator
from sim_backends.physics.spin import (
    follow_level,
    level_slope,
    mixing,
    static_rates,
    step_populations,
)

STEPS_PER_REFRESH = 25
"""Steps between updates of what changes slowly: level mixing, relaxation, drift."""


class TwinState(NamedTuple):
    """Everything that evolves; the kernel writes into these arrays.

    angle, velocity: (3,) modes, rad and rad/s. populations: (4, 2) lower and upper.
    levels: (4, 3) in units of D. drift: (1,) shift of the speckle's working point, rad.
    """

    angle: NDArray[np.float64]
    velocity: NDArray[np.float64]
    populations: NDArray[np.float64]
    levels: NDArray[np.float64]
    drift: NDArray[np.float64]


class SpinModel(NamedTuple):
    """Spins and their surroundings.

    axes: (4, 3) NV axes in the diamond frame. mode_axes: (3, 3) rotation axes of the modes.
    moment_of_inertia: (3,) kg m^2. torque_scale: (number of spins per class) h D, J.
    """

    axes: NDArray[np.float64]
    mode_axes: NDArray[np.float64]
    moment_of_inertia: NDArray[np.float64]
    torque_scale: float
    zero_field_splitting_hz: float
    t2star_s: float
    gaussian_line: bool
    relaxation_rate: float
    double_quantum_rate: float
    cross_relaxation_rate: float
    cross_relaxation_width_hz: float


class Drive(NamedTuple):
    """What the instruments do to the diamond, constant over one call.

    field: (3,) gamma B/(2 pi D) in the diamond frame at zero angle. rabi_rad_s is 0 with the
    microwave off. omega: (3,) rad/s. kt_over_i: (3,) s^-2.
    """

    field: NDArray[np.float64]
    microwave_hz: float
    rabi_rad_s: float
    pump_rate: float
    omega: NDArray[np.float64]
    damping: float
    kt_over_i: NDArray[np.float64]


class Detection(NamedTuple):
    """How light becomes counts.

    speckle: table of relative light against angle. direction: (3,) sensitivity to each mode.
    angle_rate, pl_rate: photons per second at the working point and from all-bright spins.
    """

    speckle: NDArray[np.float64]
    half_range_rad: float
    direction: NDArray[np.float64]
    angle_rate: float
    pl_rate: float
    contrast: float
    dark_rate_angle: float
    dark_rate_pl: float
    dead_time_s: float
    drift_rad_per_s: float
    drift_rad_per_sqrt_s: float


@njit(cache=True, nogil=True, inline="always")
def _microwave_rate(
    detuning_hz: float, rabi_rad_s: float, t2star_s: float, gaussian: bool
) -> float:
    """W = (Omega^2 T2*/2) L(delta T2*) (`000`, SI Eqs. 11 and 12; adiabatic elimination)."""
    x = 2.0 * math.pi * detuning_hz * t2star_s
    peak = 0.5 * rabi_rad_s * rabi_rad_s * t2star_s
    return peak * math.exp(-x * x) if gaussian else peak / (1.0 + x * x)


@njit(cache=True, nogil=True)
def _relaxation_rates(
    levels: NDArray[np.float64], spins: SpinModel, out: NDArray[np.float64]
) -> None:
    """1/T1_i = 1/T1_0 + sum_j exp(-(nu_i - nu_j)^2/(2 sigma^2))/T1_dd (`002`, SM Sec. VI)."""
    for i in range(4):
        out[i] = spins.relaxation_rate
        for j in range(4):
            if i != j:
                gap = (levels[i, 1] - levels[i, 0]) - (levels[j, 1] - levels[j, 0])
                x = gap * spins.zero_field_splitting_hz / spins.cross_relaxation_width_hz
                out[i] += spins.cross_relaxation_rate * math.exp(-0.5 * x * x)


@njit(cache=True, nogil=True)
def _spin_response(
    angle: NDArray[np.float64],
    levels: NDArray[np.float64],
    spins: SpinModel,
    field: NDArray[np.float64],
    arm: NDArray[np.float64],
    slopes: NDArray[np.float64],
    parallel: NDArray[np.float64],
    iterations: int,
) -> None:
    """Levels at this angle and what the torque needs of them.

    Writes levels (4, 3), parallel (4,), slopes (4, 3) = dl/d(b_par^2), and arm (4, 3): the
    vector 2 b_par (b x u) projected on the modes, so that the torque of level l on mode k is
    torque_scale * arm[c, k] * slopes[c, l].
    """
    axes, modes = spins.axes, spins.mode_axes
    tx = angle[0] * modes[0, 0] + angle[1] * modes[1, 0] + angle[2] * modes[2, 0]
    ty = angle[0] * modes[0, 1] + angle[1] * modes[1, 1] + angle[2] * modes[2, 1]
    tz = angle[0] * modes[0, 2] + angle[1] * modes[1, 2] + angle[2] * modes[2, 2]
    square = tx * tx + ty * ty + tz * tz
    # The field turns by minus the diamond's rotation vector; the series is good to 1e-7 at 0.1.
    first, second = 1.0 - square / 6.0, 0.5 - square / 24.0
    cx = ty * field[2] - tz * field[1]
    cy = tz * field[0] - tx * field[2]
    cz = tx * field[1] - ty * field[0]
    bx = field[0] - first * cx + second * (ty * cz - tz * cy)
    by = field[1] - first * cy + second * (tz * cx - tx * cz)
    bz = field[2] - first * cz + second * (tx * cy - ty * cx)
    b_square = field[0] ** 2 + field[1] ** 2 + field[2] ** 2
    for c in range(4):
        ux, uy, uz = axes[c, 0], axes[c, 1], axes[c, 2]
        b_par = bx * ux + by * uy + bz * uz
        par_square = b_par * b_par
        parallel[c] = b_par
        ground, lower = levels[c, 0], levels[c, 1]
        for _ in range(iterations):
            ground = follow_level(ground, b_square, par_square)
            lower = follow_level(lower, b_square, par_square)
        levels[c, 0], levels[c, 1], levels[c, 2] = ground, lower, 2.0 - ground - lower
        for level in range(3):
            slopes[c, level] = level_slope(levels[c, level], b_square)
        mx, my, mz = by * uz - bz * uy, bz * ux - bx * uz, bx * uy - by * ux
        for k in range(3):
            lever = mx * modes[k, 0] + my * modes[k, 1] + mz * modes[k, 2]
            arm[c, k] = 2.0 * b_par * lever


@njit(cache=True, nogil=True)
def advance(
    rng: np.random.Generator,
    state: TwinState,
    spins: SpinModel,
    drive: Drive,
    detection: Detection,
    bins: int,
    bin_s: float,
    steps_per_bin: int,
    bins_per_step: int,
    counts: NDArray[np.int64],
) -> None:
    """Let `bins` windows of `bin_s` pass and count photons in each.

    Args:
        rng: the world's generator.
        state: advanced in place.
        spins: the diamond.
        drive: microwave, laser, field and trap during the call.
        detection: light and counters.
        bins: number of windows.
        bin_s: length of one window in s.
        steps_per_bin: integration steps in one window, >= 1 (1 where `bins_per_step` > 1).
        bins_per_step: windows in one step, >= 1, for windows shorter than a step.
        counts: (2, bins) receives APD1 and APD2; (2, 0) lets time pass without counting.
    """
    counting = counts.shape[1] > 0
    steps = bins * steps_per_bin // bins_per_step
    step_s = bin_s * bins_per_step / steps_per_bin
    omega, kt = drive.omega, drive.kt_over_i
    modes = (
        step_propagator(omega[0], drive.damping, step_s, kt[0]),
        step_propagator(omega[1], drive.damping, step_s, kt[1]),
        step_propagator(omega[2], drive.damping, step_s, kt[2]),
    )
    angle, velocity = state.angle, state.velocity
    populations, levels, drift = state.populations, state.levels, state.drift
    field, splitting = drive.field, spins.zero_field_splitting_hz
    b_square = field[0] ** 2 + field[1] ** 2 + field[2] ** 2
    arm, slopes, parallel = np.empty((4, 3)), np.empty((4, 3)), np.empty(4)
    weights, rates = np.empty((4, 3, 3)), np.empty((4, 3, 3))
    relaxation = np.empty(4)
    drive_lower, drive_upper = np.zeros(4), np.zeros(4)
    acceleration, after = np.zeros(3), np.zeros(3)
    shine = drive.rabi_rad_s > 0.0
    per_inertia = np.array([spins.torque_scale / spins.moment_of_inertia[k] for k in range(3)])

    _spin_response(angle, levels, spins, field, arm, slopes, parallel, 6)
    for c in range(4):
        lower, upper = populations[c, 0], populations[c, 1]
        total = (1.0 - lower - upper) * slopes[c, 0] + lower * slopes[c, 1] + upper * slopes[c, 2]
        for k in range(3):
            acceleration[k] += per_inertia[k] * arm[c, k] * total
        if shine:
            low = (levels[c, 1] - levels[c, 0]) * splitting
            high = (levels[c, 2] - levels[c, 0]) * splitting
            drive_lower[c] = _microwave_rate(
                drive.microwave_hz - low, drive.rabi_rad_s, spins.t2star_s, spins.gaussian_line
            )
            drive_upper[c] = _microwave_rate(
                drive.microwave_hz - high, drive.rabi_rad_s, spins.t2star_s, spins.gaussian_line
            )

    seen, seen_velocity, bright = 0.0, 0.0, 0.0
    sum_angle, sum_pl, steps_in_bin, filled = 0.0, 0.0, 0, 0
    rate_angle, rate_pl = 0.0, 0.0
    for n in range(steps + 1):
        if n % STEPS_PER_REFRESH == 0 or n == 0:
            _relaxation_rates(levels, spins, relaxation)
            for c in range(4):
                mixing(levels[c], parallel[c], b_square, weights[c])
                static_rates(
                    weights[c], drive.pump_rate, relaxation[c], spins.double_quantum_rate, rates[c]
                )
            if n < steps:
                span = STEPS_PER_REFRESH * step_s
                if n + STEPS_PER_REFRESH > steps:
                    span = (steps - n) * step_s
                drift[0] += drive_drift(rng, detection, span)
        if n > 0:
            for k in range(3):
                mode = modes[k]
                g1, g2 = rng.standard_normal(), rng.standard_normal()
                x, v, a = angle[k], velocity[k], acceleration[k]
                angle[k] = mode.phi_xx * x + mode.phi_xv * v + mode.const_x * a + mode.noise_xx * g1
                velocity[k] = (
                    mode.phi_vx * x
                    + mode.phi_vv * v
                    + mode.const_v * a
                    + mode.noise_vx * g1
                    + mode.noise_vv * g2
                )
                after[k] = 0.0
            _spin_response(angle, levels, spins, field, arm, slopes, parallel, 1)
            for c in range(4):
                w_low, w_high = 0.0, 0.0
                if shine:
                    low = (levels[c, 1] - levels[c, 0]) * splitting
                    high = (levels[c, 2] - levels[c, 0]) * splitting
                    w_low = _microwave_rate(
                        drive.microwave_hz - low,
                        drive.rabi_rad_s,
                        spins.t2star_s,
                        spins.gaussian_line,
                    )
                    w_high = _microwave_rate(
                        drive.microwave_hz - high,
                        drive.rabi_rad_s,
                        spins.t2star_s,
                        spins.gaussian_line,
                    )
                lower, upper = step_populations(
                    populations[c, 0],
                    populations[c, 1],
                    rates[c],
                    (drive_lower[c], w_low),
                    (drive_upper[c], w_high),
                    step_s,
                )
                populations[c, 0], populations[c, 1] = lower, upper
                drive_lower[c], drive_upper[c] = w_low, w_high
                total = (
                    (1.0 - lower - upper) * slopes[c, 0]
                    + lower * slopes[c, 1]
                    + upper * slopes[c, 2]
                )
                for k in range(3):
                    after[k] += per_inertia[k] * arm[c, k] * total
            for k in range(3):
                growth = after[k] - acceleration[k]
                angle[k] += modes[k].ramp_x * growth
                velocity[k] += modes[k].ramp_v * growth
                acceleration[k] = after[k]
        if not counting:
            continue
        before, before_velocity, before_bright = seen, seen_velocity, bright
        before_angle, before_pl = rate_angle, rate_pl
        seen, seen_velocity, bright = drift[0], 0.0, 0.0
        for k in range(3):
            seen += detection.direction[k] * angle[k]
            seen_velocity += detection.direction[k] * velocity[k]
        for c in range(4):
            lower, upper = populations[c, 0], populations[c, 1]
            bright += 0.25 * (
                (1.0 - lower - upper) * weights[c, 0, 0]
                + lower * weights[c, 1, 0]
                + upper * weights[c, 2, 0]
            )
        if bins_per_step == 1:
            light = look_up(detection.speckle, detection.half_range_rad, seen)
            rate_angle = detection.angle_rate * light + detection.dark_rate_angle
            fluorescence = 1.0 - detection.contrast * (1.0 - bright)
            rate_pl = detection.pl_rate * fluorescence + detection.dark_rate_pl
            if n == 0:
                continue
            sum_angle += 0.5 * (before_angle + rate_angle)
            sum_pl += 0.5 * (before_pl + rate_pl)
            steps_in_bin += 1
            if steps_in_bin == steps_per_bin:
                dead = detection.dead_time_s
                counts[0, filled] = detect(rng, sum_angle * step_s, bin_s, dead)
                counts[1, filled] = detect(rng, sum_pl * step_s, bin_s, dead)
                filled += 1
                sum_angle, sum_pl, steps_in_bin = 0.0, 0.0, 0
        elif n > 0:
            for b in range(bins_per_step):
                t = (b + 0.5) / bins_per_step
                here = _hermite(before, before_velocity * step_s, seen, seen_velocity * step_s, t)
                light = look_up(detection.speckle, detection.half_range_rad, here)
                fluorescence = 1.0 - detection.contrast * (
                    1.0 - (before_bright + t * (bright - before_bright))
                )
                mean_angle = detection.angle_rate * light + detection.dark_rate_angle
                mean_pl = detection.pl_rate * fluorescence + detection.dark_rate_pl
                dead = detection.dead_time_s
                counts[0, filled] = detect(rng, mean_angle * bin_s, bin_s, dead)
                counts[1, filled] = detect(rng, mean_pl * bin_s, bin_s, dead)
                filled += 1


@njit(cache=True, nogil=True, inline="always")
def _hermite(x0: float, v0: float, x1: float, v1: float, t: float) -> float:
    """Cubic through two positions and velocities (velocities times the step), t in 0..1."""
    return x0 + t * (v0 + t * (3.0 * (x1 - x0) - 2.0 * v0 - v1 + t * (2.0 * (x0 - x1) + v0 + v1)))


@njit(cache=True, nogil=True)
def drive_drift(rng: np.random.Generator, detection: Detection, span_s: float) -> float:
    """How far the speckle's working point creeps in `span_s`: steadily, and at random."""
    creep = detection.drift_rad_per_s * span_s
    if detection.drift_rad_per_sqrt_s > 0.0:
        creep += detection.drift_rad_per_sqrt_s * math.sqrt(span_s) * rng.standard_normal()
    return creep
