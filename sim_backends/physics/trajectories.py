"""Stochastic trajectories of the spin-cooled libration, single or by the thousand.

Orders of the integrator, measured in the tests: weak 3 (means, and paths without noise), strong
2 (a path with given noise: what the noise does inside a step enters the microwave rate through
a cubic only).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim_backends.physics.normals import LANES, seed_lanes
from sim_backends.physics.oscillator import StepPropagator, step_propagator
from sim_backends.physics.spin_libration import Lineshape, SpinLibration
from sim_backends.physics.trajectory_kernel import (
    DriveSteps,
    SpinRates,
    run_lanes,
    run_single,
    stable_step_s,
)

PHASE_PER_STEP = 0.15
FEW = 4
"""Up to so many trajectories run faster one by one than in a block of 64 lanes."""


@dataclass(frozen=True)
class Microwave:
    """A schedule of the microwave: detuning linear between corners, Rabi frequency constant.

    Corners hold the values from `time_s[i]` on; two corners at one time make a jump. Before the
    first corner and after the last the outer values hold. Corners act at the nearest step.

    Attributes:
        time_s: rising, shape (n,).
        detuning_hz: Delta/2pi at each corner, shape (n,).
        rabi_hz: Omega/2pi from each corner to the next, shape (n,); 0 is off.
    """

    time_s: Sequence[float]
    detuning_hz: Sequence[float]
    rabi_hz: Sequence[float]

    def __post_init__(self) -> None:
        arrays = [np.asarray(v, dtype=float) for v in (self.time_s, self.detuning_hz, self.rabi_hz)]
        if len({a.shape for a in arrays}) != 1 or arrays[0].ndim != 1 or arrays[0].size == 0:
            raise ValueError("microwave: time_s, detuning_hz and rabi_hz must have equal lengths")
        if not all(np.all(np.isfinite(a)) for a in arrays):
            raise ValueError("microwave: every figure must be finite")
        if np.any(np.diff(arrays[0]) < 0) or np.any(arrays[2] < 0):
            raise ValueError("microwave: time_s must rise and rabi_hz be >= 0")

    @classmethod
    def pulses(
        cls, p: SpinLibration, n: int, *, excitation_detuning_hz: float = 0.0
    ) -> "Microwave":
        """`n` pulses at the libration period (parametric excitation), then the drive of `p`."""
        half_s = 0.5 / p.libration_hz
        time_s, detuning_hz, rabi_hz = [], [], []
        for pulse in range(n):
            time_s += [2 * pulse * half_s, (2 * pulse + 1) * half_s]
            detuning_hz += [excitation_detuning_hz] * 2
            rabi_hz += [p.rabi_hz, 0.0]
        end_s = 2 * n * half_s
        return cls(
            [*time_s, end_s, end_s], [*detuning_hz, excitation_detuning_hz, p.detuning_hz],
            [*rabi_hz, 0.0, p.rabi_hz],
        )  # fmt: skip


@dataclass(frozen=True)
class Trajectories:
    """What `simulate` returns.

    Attributes:
        time_s: (n,) end of each sample's interval.
        angle_rad, velocity_rad_s: (trajectories, n).
        lower, upper: populations S-1 and S+1, (trajectories, n).
        step_s: integration step.
    """

    time_s: NDArray[np.float64]
    angle_rad: NDArray[np.float64]
    velocity_rad_s: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    step_s: float


def spin_rates(p: SpinLibration) -> SpinRates:
    """The kernel's constants of a system."""
    k, q = p.relaxation
    gaussian = p.lineshape is Lineshape.GAUSSIAN
    return SpinRates(p.torque_s2, p.pump_rate, k, q, p.gradient_s * p.t2star_s, gaussian)


def default_step_s(p: SpinLibration, rabi_hz: float | None = None) -> float:
    """A step at which the mean is good to about 1e-4 and a path to about 1e-3.

    It resolves the libration, the populations, and the passage of the line at the fastest
    motion the spins or the gas can cause.
    """
    peak = 0.5 * (2 * math.pi * (p.rabi_hz if rabi_hz is None else rabi_hz)) ** 2 * p.t2star_s
    speed = max(3 * math.sqrt(p.kt_over_i), 0.5 * abs(p.torque_s2) / p.omega_rad_s)
    passage_s = 0.25 / (max(abs(p.gradient_s), 1e-300) * p.t2star_s * speed)
    return min(PHASE_PER_STEP / p.omega_rad_s, passage_s, 0.25 * stable_step_s(spin_rates(p), peak))


def simulate(
    p: SpinLibration,
    duration_s: float,
    *,
    sample_rate_hz: float,
    trajectories: int = 1,
    seed: int = 0,
    microwave: Microwave | None = None,
    step_s: float | None = None,
    from_rest: bool = False,
    noise: ArrayLike | None = None,
) -> Trajectories:
    """Integrate the Langevin equations of the module `libration` (`000`, SI Sec. C).

    Each trajectory starts in thermal equilibrium with the spins polarised as the laser leaves
    them without microwave; the drive of `p` or `microwave` acts from time 0.

    Args:
        p: the system.
        duration_s: length of the record; whole samples are recorded.
        sample_rate_hz: samples per second.
        trajectories: number of independent trajectories.
        seed: same seed, same bytes; trajectory i is the same for any larger number beyond 4.
        microwave: schedule that replaces `p`'s detuning and Rabi frequency.
        step_s: longest integration step; by default `default_step_s`.
        from_rest: start at angle and velocity 0.
        noise: standard normals to use instead of random ones, shape (steps, 2), for a single
            trajectory: convergence studies and common random numbers.

    Raises:
        ValueError: a figure outside its range, a step too long for stability, noise of the
            wrong shape; the argument is named.
    """
    for name, value in (("duration_s", duration_s), ("sample_rate_hz", sample_rate_hz)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be finite and > 0, but is {value}")
    if trajectories < 1:
        raise ValueError(f"trajectories must be >= 1, but is {trajectories}")
    samples = math.floor(duration_s * sample_rate_hz * (1 + 1e-12))
    if samples < 1:
        raise ValueError("duration_s must hold at least one sample of 1/sample_rate_hz")
    top_rabi_hz = p.rabi_hz if microwave is None else max(microwave.rabi_hz)
    spin, peak = spin_rates(p), 0.5 * (2 * math.pi * top_rabi_hz) ** 2 * p.t2star_s
    longest_s = default_step_s(p, top_rabi_hz) if step_s is None else step_s
    if not (0 < longest_s <= stable_step_s(spin, peak)):
        raise ValueError(
            f"step_s must be > 0 and <= {stable_step_s(spin, peak):.3g} s for stability at this "
            f"drive, but is {longest_s:.3g}"
        )
    steps_per_sample = max(math.ceil(1 / (sample_rate_hz * longest_s) - 1e-9), 1)
    h = 1 / (sample_rate_hz * steps_per_sample)
    mode = step_propagator(p.omega_rad_s, p.gamma_s, h, p.kt_over_i)
    steps = samples * steps_per_sample
    drive = _drive_steps(p, microwave, steps, h)
    given = np.empty((0, 2)) if noise is None else np.ascontiguousarray(noise, dtype=float)
    if noise is not None and (given.shape != (steps, 2) or trajectories != 1):
        raise ValueError(f"noise must have shape ({steps}, 2), for a single trajectory")
    run = _single if trajectories <= FEW else _block
    size = 1 if trajectories <= FEW else LANES
    out = np.empty((4, trajectories, samples))
    for block, first in enumerate(range(0, trajectories, size)):
        start = initial_state(p, size, seed, block, from_rest=from_rest)
        part = out[:, first : first + size]
        run(start, seed_lanes(seed, block), given, mode, spin, drive, h, steps_per_sample, part)
    time_s = np.arange(1, samples + 1) / sample_rate_hz
    return Trajectories(time_s, out[0], out[1], out[2], out[3], h)


def ring_down(
    p: SpinLibration,
    duration_s: float,
    *,
    sample_rate_hz: float,
    pulses: int = 5,
    trajectories: int = 256,
    seed: int = 0,
    excitation_detuning_hz: float = 0.0,
) -> Trajectories:
    """Parametric excitation by microwave pulses at the libration period, then the decay.

    The record starts when the last pulse has ended and the drive of `p` takes over
    (`000`, Methods: five pulses); average `angle_rad` over the trajectories and fit Eq. 3.

    Args:
        p: the system, with the drive under which the motion decays.
        duration_s: length of the decay.
        sample_rate_hz: samples per second.
        pulses: number of pulses.
        trajectories: number of repetitions.
        seed: same seed, same bytes.
        excitation_detuning_hz: Delta/2pi of the pulses.

    Raises:
        ValueError: as `simulate`; fewer than one pulse.
    """
    if pulses < 1:
        raise ValueError(f"pulses must be >= 1, but is {pulses}")
    burst_s = pulses / p.libration_hz
    whole = simulate(
        p,
        burst_s + duration_s,
        sample_rate_hz=sample_rate_hz,
        trajectories=trajectories,
        seed=seed,
        microwave=Microwave.pulses(p, pulses, excitation_detuning_hz=excitation_detuning_hz),
    )
    after = whole.time_s >= burst_s
    return Trajectories(
        whole.time_s[after] - burst_s, whole.angle_rad[:, after], whole.velocity_rad_s[:, after],
        whole.lower[:, after], whole.upper[:, after], whole.step_s,
    )  # fmt: skip


def _single(
    start: NDArray[np.float64], generator: NDArray[np.uint32], noise: NDArray[np.float64],
    mode: StepPropagator, spin: SpinRates, drive: DriveSteps, h: float, steps_per_sample: int,
    out: NDArray[np.float64],
) -> None:  # fmt: skip
    samples = out.shape[2]
    run_single(
        start[:, 0].copy(), generator, noise, mode, spin, drive, h, samples, steps_per_sample,
        out[:, 0],
    )  # fmt: skip


def _block(
    start: NDArray[np.float64], generator: NDArray[np.uint32], noise: NDArray[np.float64],
    mode: StepPropagator, spin: SpinRates, drive: DriveSteps, h: float, steps_per_sample: int,
    out: NDArray[np.float64],
) -> None:  # fmt: skip
    lanes, samples = out.shape[1], out.shape[2]
    run_lanes(start.ravel(), generator, mode, spin, drive, h, samples, steps_per_sample, lanes, out)


def initial_state(
    p: SpinLibration, size: int, seed: int, block: int, *, from_rest: bool
) -> NDArray[np.float64]:
    """Initial (angle, velocity, S-1, S+1, W), shape (5, size)."""
    generator = np.random.default_rng([seed, block, 1])
    k, _ = p.relaxation
    start = np.zeros((5, size))
    if not from_rest:
        start[0] = p.thermal_angle_rad * generator.standard_normal(size)
        start[1] = math.sqrt(p.kt_over_i) * generator.standard_normal(size)
    # Without microwave both magnetic levels hold k/(3k + g_las), whatever q is.
    start[2:4] = k / (3 * k + p.pump_rate) if k + p.pump_rate > 0 else 0.0
    return start


def _drive_steps(p: SpinLibration, microwave: Microwave | None, steps: int, h: float) -> DriveSteps:
    if microwave is None:
        constant = np.array([p.detuning_s * p.t2star_s])
        never = np.zeros(1, dtype=bool)
        return DriveSteps(np.array([p.peak_rate]), constant, constant, constant, never)
    corners = np.round(np.asarray(microwave.time_s, dtype=float) / h) * h
    detuning = np.asarray(microwave.detuning_hz, dtype=float)
    rabi = np.asarray(microwave.rabi_hz, dtype=float)
    left = np.arange(steps) * h
    segment = np.clip(np.searchsorted(corners, left + 0.5 * h, side="right") - 1, 0, None)
    following = np.minimum(segment + 1, corners.size - 1)
    span = corners[following] - corners[segment]
    slope = np.divide(
        detuning[following] - detuning[segment], span, out=np.zeros(steps), where=span > 0
    )
    scale = 2 * np.pi * p.t2star_s
    before_first = left + 0.5 * h < corners[0]
    slope[before_first] = 0.0
    start, middle, end = (
        scale * (detuning[segment] + slope * (left + part * h - corners[segment]))
        for part in (0.0, 0.5, 1.0)
    )
    peak = 0.5 * (2 * np.pi * rabi[segment]) ** 2 * p.t2star_s
    jump = np.abs(start[1:] - end[:-1]) > 1e-12 * (1 + np.abs(start[1:]))
    fresh = np.concatenate([[False], jump | (peak[1:] != peak[:-1])])
    return DriveSteps(peak, start, middle, end, fresh)
