"""The compiled heart of the simulated lab: the spins of four classes and three libration modes.

One step of length h: the modes move exactly under their noise and the torque at its start; the
spins follow by an implicit rule with the microwave rates at both ends; the torque at the end
then corrects the modes as a linear ramp. One evaluation per step, second order, and stable for
any drive.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sim_backends.physics.coherence import (
    SETTLED,
    SPAN_T2,
    drive_coherently,
    is_far,
    settled_coherence,
)
from sim_backends.physics.cross_relaxation import relaxation_rates
from sim_backends.physics.kernel import kernel
from sim_backends.physics.oscillator import step_propagator
from sim_backends.physics.spin import (
    exact_levels,
    fitted_theta,
    follow_level,
    level_slope,
    mixing,
    static_rates,
    step_populations,
    theta_of,
)
from sim_backends.physics.trajectory_kernel import line
from sim_backends.physics.twin_state import Drive, SpinModel, TwinState

STEPS_PER_REFRESH = 25
"""Steps between updates of what changes slowly: level mixing and relaxation."""
STIFF = 0.1
"""Saturation within one step (2 W h) from which the step is fitted to it."""


@kernel(nogil=True, error_model="numpy", inline="always")
def _spin_response(
    angle: NDArray[np.float64],
    levels: NDArray[np.float64],
    spins: SpinModel,
    field: NDArray[np.float64],
    arm: NDArray[np.float64],
    slopes: NDArray[np.float64],
    parallel: NDArray[np.float64],
    exact: bool,
) -> None:
    """Levels at this angle, solved anew or followed, and what the torque needs of them.

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
        if exact:
            ground, lower = exact_levels(b_square, par_square)
        else:
            ground = follow_level(levels[c, 0], b_square, par_square)
            lower = follow_level(levels[c, 1], b_square, par_square)
        levels[c, 0], levels[c, 1], levels[c, 2] = ground, lower, 2.0 - ground - lower
        for level in range(3):
            slopes[c, level] = level_slope(levels[c, level], b_square)
        mx, my, mz = by * uz - bz * uy, bz * ux - bx * uz, bx * uy - by * ux
        for k in range(3):
            lever = mx * modes[k, 0] + my * modes[k, 1] + mz * modes[k, 2]
            arm[c, k] = 2.0 * b_par * lever


@kernel(nogil=True, error_model="numpy", inline="always")
def _microwave_rates(
    levels: NDArray[np.float64], spins: SpinModel, drive: Drive, out: NDArray[np.float64]
) -> None:
    """Rates |0> <-> lower and |0> <-> upper of each class, out (4, 2), s^-1."""
    peak = 0.5 * drive.rabi_rad_s * drive.rabi_rad_s * spins.t2star_s
    reduced = 2.0 * math.pi * spins.t2star_s
    for c in range(4):
        for k in range(2):
            transition_hz = (levels[c, k + 1] - levels[c, 0]) * spins.zero_field_splitting_hz
            x = reduced * (drive.microwave_hz - transition_hz)
            out[c, k] = line(peak, x, spins.gaussian_line)


@kernel(nogil=True, error_model="numpy", inline="always")
def _accelerations(
    populations: NDArray[np.float64],
    arm: NDArray[np.float64],
    slopes: NDArray[np.float64],
    spins: SpinModel,
    out: NDArray[np.float64],
) -> None:
    """Angular acceleration of each mode by the spin torque, out (3,), rad/s^2."""
    for k in range(3):
        out[k] = 0.0
    for c in range(4):
        lower, upper = populations[c, 0], populations[c, 1]
        total = (1.0 - lower - upper) * slopes[c, 0] + lower * slopes[c, 1] + upper * slopes[c, 2]
        for k in range(3):
            out[k] += arm[c, k] * total
    for k in range(3):
        out[k] *= spins.torque_scale / spins.moment_of_inertia[k]


@kernel(nogil=True, error_model="numpy")
def _refresh(
    levels: NDArray[np.float64],
    parallel: NDArray[np.float64],
    b_square: float,
    spins: SpinModel,
    pump_rate: float,
    relaxation: NDArray[np.float64],
    weights: NDArray[np.float64],
    rates: NDArray[np.float64],
) -> None:
    """Level mixing and static rates at this orientation; writes the last three arrays."""
    relaxation_rates(
        levels,
        spins.zero_field_splitting_hz,
        spins.relaxation_rate,
        spins.cross_relaxation_rate,
        spins.cross_relaxation_width_hz,
        relaxation,
    )
    for c in range(4):
        mixing(levels[c], parallel[c], b_square, weights[c])
        for m in range(spins.relaxation_shares.size):
            share = spins.relaxation_shares[m]
            static_rates(
                weights[c],
                pump_rate,
                share * relaxation[c],
                share * spins.double_quantum_rate,
                rates[c, m],
            )


@kernel(nogil=True, error_model="numpy", inline="always")
def _bright_share(populations: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Share of all spins in |ms = 0>, which fluoresces."""
    bright = 0.0
    for c in range(4):
        lower, upper = populations[c, 0], populations[c, 1]
        bright += (
            (1.0 - lower - upper) * weights[c, 0, 0]
            + lower * weights[c, 1, 0]
            + upper * weights[c, 2, 0]
        )
    return 0.25 * bright


@kernel(nogil=True, error_model="numpy", inline="always")
def _average_kinds(
    populations: NDArray[np.float64], spins: SpinModel, out: NDArray[np.float64]
) -> None:
    """Populations of each class over all its kinds of spin, out (4, 2)."""
    for c in range(4):
        lower, upper = 0.0, 0.0
        for m in range(spins.relaxation_weights.size):
            lower += spins.relaxation_weights[m] * populations[c, m, 0]
            upper += spins.relaxation_weights[m] * populations[c, m, 1]
        out[c, 0], out[c, 1] = lower, upper


@kernel(nogil=True, error_model="numpy", inline="always")
def _detuning(levels: NDArray[np.float64], c: int, k: int, spins: SpinModel, drive: Drive) -> float:
    """Microwave minus transition `k` of class `c`, rad/s."""
    transition_hz = (levels[c, k + 1] - levels[c, 0]) * spins.zero_field_splitting_hz
    return 2.0 * math.pi * (drive.microwave_hz - transition_hz)


@kernel(nogil=True, error_model="numpy")
def _drive_coherently(
    state: TwinState,
    levels: NDArray[np.float64],
    spins: SpinModel,
    drive: Drive,
    duration_s: float,
) -> None:
    for c in range(4):
        detunings = _detuning(levels, c, 0, spins, drive), _detuning(levels, c, 1, spins, drive)
        drive_coherently(
            state.populations[c], state.coherence[c], detunings, drive.rabi_rad_s,
            spins.t2star_s, duration_s,
        )  # fmt: skip


@kernel(nogil=True, error_model="numpy")
def _settle_coherence(
    state: TwinState, levels: NDArray[np.float64], spins: SpinModel, drive: Drive, write: bool
) -> bool:
    """Whether the coherence is what this drive leads to in the long run; `write` makes it so."""
    settled = True
    for c in range(4):
        for k in range(2):
            detuning = _detuning(levels, c, k, spins, drive)
            far = is_far(detuning, drive.rabi_rad_s, spins.t2star_s)
            for m in range(state.populations.shape[1]):
                lower, upper = state.populations[c, m, 0], state.populations[c, m, 1]
                difference = 1.0 - lower - upper - state.populations[c, m, k]
                goal = 0.0j
                if not far:
                    goal = settled_coherence(difference, detuning, drive.rabi_rad_s, spins.t2star_s)
                if abs(state.coherence[c, m, k] - goal) > SETTLED:
                    settled = False
                if write:
                    state.coherence[c, m, k] = goal
    return settled


@kernel(nogil=True, error_model="numpy")
def evolve(
    rng: np.random.Generator,
    state: TwinState,
    spins: SpinModel,
    drive: Drive,
    sight: NDArray[np.float64],
    steps: int,
    step_s: float,
    record: NDArray[np.float64],
) -> None:
    """Advance the diamond by `steps` steps of `step_s`.

    Args:
        rng: the world's generator.
        state: advanced in place.
        spins: the diamond.
        drive: microwave, laser, field and trap during the call.
        sight: (3,) how much the detector sees of each mode.
        steps: number of steps.
        step_s: length of a step in s.
        record: (4, steps + 1) receives the seen angle (rad), its velocity (rad/s) and the bright
            share at every step, start included, and the mean of that share over the step that
            ends there; (4, 0) records nothing.
    """
    omega, kt = drive.omega, drive.kt_over_i
    modes = (
        step_propagator(omega[0], drive.damping, step_s, kt[0]),
        step_propagator(omega[1], drive.damping, step_s, kt[1]),
        step_propagator(omega[2], drive.damping, step_s, kt[2]),
    )
    angle, velocity = state.angle, state.velocity
    populations, levels, field = state.populations, np.empty((4, 3)), drive.field
    b_square = field[0] ** 2 + field[1] ** 2 + field[2] ** 2
    arm, slopes, parallel = np.empty((4, 3)), np.empty((4, 3)), np.empty(4)
    kinds = spins.relaxation_weights.size
    weights, rates, relaxation = np.empty((4, 3, 3)), np.empty((4, kinds, 3, 3)), np.empty(4)
    mean, passing, theta = np.empty((4, 2)), np.empty((4, 2)), np.empty((4, kinds))
    before, after = np.zeros((4, 2)), np.zeros((4, 2))
    acceleration, new_acceleration = np.empty(3), np.empty(3)
    recording, shining = record.shape[1] > 0, drive.rabi_rad_s > 0.0
    charge_left = math.exp(-drive.charge_rate * step_s)
    # A Gaussian line has no coherence that a single T2* could describe.
    coherent_s = 0.0 if spins.gaussian_line else SPAN_T2 * spins.t2star_s

    _spin_response(angle, levels, spins, field, arm, slopes, parallel, True)
    _average_kinds(populations, spins, mean)
    _accelerations(mean, arm, slopes, spins, acceleration)
    coherent = coherent_s > 0.0 and not _settle_coherence(state, levels, spins, drive, False)
    if shining:
        _microwave_rates(levels, spins, drive, before)
    for n in range(steps + 1):
        if n > 0:
            for k in range(3):
                m = modes[k]
                g1, g2 = rng.standard_normal(), rng.standard_normal()
                x, v, a = angle[k], velocity[k], acceleration[k]
                angle[k] = m.phi_xx * x + m.phi_xv * v + m.const_x * a + m.noise_xx * g1
                velocity[k] = m.phi_vx * x + m.phi_vv * v + m.const_v * a
                velocity[k] += m.noise_vx * g1 + m.noise_vv * g2
            anew = n % STEPS_PER_REFRESH == 0
            share = 1.0
            if coherent:
                first_s = min(coherent_s, step_s)
                _drive_coherently(state, levels, spins, drive, first_s)
                coherent_s -= first_s
                coherent = coherent_s > 0.0
                share = 1.0 - first_s / step_s
            _spin_response(angle, levels, spins, field, arm, slopes, parallel, anew)
            if shining:
                _microwave_rates(levels, spins, drive, after)
            for c in range(4):
                # A drive that saturates within a step would ring under the trapezoidal rule.
                driven = 2.0 * share * step_s * max(after[c, 0], after[c, 1])
                least = theta_of(driven) if driven > STIFF else 0.0
                passing[c, 0], passing[c, 1] = 0.0, 0.0
                for m in range(kinds):
                    late = max(theta[c, m], least)
                    lower, upper = step_populations(
                        populations[c, m, 0],
                        populations[c, m, 1],
                        rates[c, m],
                        (share * before[c, 0], share * after[c, 0]),
                        (share * before[c, 1], share * after[c, 1]),
                        late,
                        step_s,
                    )
                    # What the step is exact for has its mean at the same weight of the end.
                    early, many = 1.0 - late, spins.relaxation_weights[m]
                    passing[c, 0] += many * (early * populations[c, m, 0] + late * lower)
                    passing[c, 1] += many * (early * populations[c, m, 1] + late * upper)
                    populations[c, m, 0], populations[c, m, 1] = lower, upper
                before[c, 0], before[c, 1] = after[c, 0], after[c, 1]
            state.negative[0] += (1.0 - charge_left) * (drive.charge_goal - state.negative[0])
            _average_kinds(populations, spins, mean)
            _accelerations(mean, arm, slopes, spins, new_acceleration)
            for k in range(3):
                growth = new_acceleration[k] - acceleration[k]
                angle[k] += modes[k].ramp_x * growth
                velocity[k] += modes[k].ramp_v * growth
                acceleration[k] = new_acceleration[k]
        if n % STEPS_PER_REFRESH == 0:
            _refresh(levels, parallel, b_square, spins, drive.pump_rate, relaxation, weights, rates)
            for c in range(4):
                for m in range(kinds):
                    theta[c, m] = fitted_theta(rates[c, m], step_s)
        if recording:
            record[0, n] = sight[0] * angle[0] + sight[1] * angle[1] + sight[2] * angle[2]
            record[1, n] = sight[0] * velocity[0] + sight[1] * velocity[1] + sight[2] * velocity[2]
            record[2, n] = _bright_share(mean, weights)
            record[2, n] += spins.charge_background * state.negative[0]
            record[3, n] = _bright_share(passing if n > 0 else mean, weights)
            record[3, n] += spins.charge_background * state.negative[0]
    if not coherent and not spins.gaussian_line:
        _settle_coherence(state, levels, spins, drive, True)
