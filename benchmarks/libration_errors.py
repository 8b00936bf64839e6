"""Strong and weak error against the step, on Brownian paths that all schemes share.

For each step H the noise is drawn on a grid m times finer, jointly for what our propagator needs
(its effect on angle and velocity) and for what XMDS2 needs (the Wiener increment); the reference
is our engine on the fine grid, whose own error is smaller by about m^2 or more.

- strong: rms of the error of the angle over the rms of the angle, over all samples and paths;
- weak: error of the mean energy v^2 + w^2 phi^2 over its mean.

Both take the angle from its mean at each sample, so that the static displacement by the spins,
which every scheme has right, does not hide the errors of the motion.

A scheme knows only some linear functions of the fine noise. The reference of the weak error is
averaged over a path and its mirror image, which shares those and has the rest reversed: what is
odd in the rest cancels, and with it nearly all of the scatter; the mean stays what it was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.libration_peers import advance
from sim_backends.physics.oscillator import StepPropagator, step_propagator
from sim_backends.physics.spin_libration import SpinLibration
from sim_backends.physics.trajectories import initial_state, simulate

Array = NDArray[np.float64]

DURATION_S = 20e-3
SAMPLE_RATE_HZ = 1250.0
SAMPLES = round(DURATION_S * SAMPLE_RATE_HZ)
CHUNK = 128
OURS = "labctl"


@dataclass(frozen=True)
class Errors:
    """Relative errors of one scheme at one step, with the standard error of the weak one."""

    step_s: float
    strong: float
    weak: float
    weak_error: float


def _propagators(p: SpinLibration, h: float) -> tuple[Array, Array, StepPropagator]:
    """Homogeneous propagator and root of the covariance of the noise, (2, 2) each."""
    mode = step_propagator(p.omega_rad_s, p.gamma_s, h, p.kt_over_i)
    phi = np.array([[mode.phi_xx, mode.phi_xv], [mode.phi_vx, mode.phi_vv]])
    return phi, np.array([[mode.noise_xx, 0.0], [mode.noise_vx, mode.noise_vv]]), mode


def increment_row(p: SpinLibration, fine_s: float) -> Array:
    """The Wiener increment of a fine step as a combination of three standard normals, (3,).

    The first two are those of the exact propagator. With sigma the strength of the noise, the
    covariances of its effect with the increment are sigma times the response to a constant force.
    """
    _, root, mode = _propagators(p, fine_s)
    sigma = np.sqrt(2 * p.gamma_s * p.kt_over_i)
    known = np.linalg.solve(root, sigma * np.array([mode.const_x, mode.const_v]))
    return np.append(known, np.sqrt(max(fine_s - known @ known, 0.0)))


def known_to_ours(p: SpinLibration, fine_s: float, m: int) -> Array:
    """The two normals of a step of m fine ones, from their 3m normals, (2, 3m)."""
    phi, root, _ = _propagators(p, fine_s)
    _, long_root, _ = _propagators(p, fine_s * m)
    rows = np.zeros((2, 3 * m))
    carried = np.eye(2)
    for n in reversed(range(m)):
        rows[:, 3 * n : 3 * n + 2] = carried @ root
        carried = carried @ phi
    return np.linalg.solve(long_root, rows)


def known_to_frozen(p: SpinLibration, fine_s: float, m: int) -> Array:
    """The increment over m fine steps, from their 3m normals, (1, 3m)."""
    return np.tile(increment_row(p, fine_s), m)[None, :]


def mirrored(normals: Array, known: Array) -> Array:
    """Normals with the same known functions and everything independent of them reversed."""
    projector = known.T @ np.linalg.solve(known @ known.T, known)
    return 2 * normals @ projector - normals


def engine(p: SpinLibration, noise: Array, seeds: Sequence[int], step_s: float) -> Array:
    """Angle and velocity by our engine with given noise (paths, steps, 2): (2, paths, samples)."""
    record = np.empty((2, len(seeds), SAMPLES))
    for n, seed in enumerate(seeds):
        run = simulate(
            p, DURATION_S, sample_rate_hz=SAMPLE_RATE_HZ, step_s=step_s * (1 + 1e-9), seed=seed,
            noise=noise[n],
        )  # fmt: skip
        record[:, n] = run.angle_rad[0], run.velocity_rad_s[0]
    return record


def _reference(p: SpinLibration, normals: Array, seeds: Sequence[int], fine_s: float) -> Array:
    """The engine on the fine grid; normals (paths, steps, 3m)."""
    fine = normals.reshape(normals.shape[0], -1, 3)[:, :, :2]
    return engine(p, np.ascontiguousarray(fine), seeds, fine_s)


def _scheme(
    scheme: str, p: SpinLibration, known: Array, seeds: Sequence[int], step_s: float, every: int
) -> Array:
    """Angle and velocity by a scheme from the functions of the noise it knows."""
    if scheme == OURS:
        return engine(p, known, seeds, step_s)
    start = np.hstack([initial_state(p, 1, seed, 0, from_rest=False)[:4] for seed in seeds])
    return advance(scheme, p, start, np.ascontiguousarray(known[..., 0].T), step_s, every)[:2]


def _energy(p: SpinLibration, record: Array, centre: Array) -> Array:
    """Mean over the samples of each path, (paths,), about a centre at each sample."""
    angle, velocity = record
    return (velocity**2 + (p.omega_rad_s * (angle - centre)) ** 2).mean(axis=1)


def measure(
    schemes: Sequence[str], p: SpinLibration, per_sample: int, paths: int
) -> Iterator[tuple[str, Errors]]:
    """Errors of schemes that know the same of the noise, at the step 800 us / per_sample."""
    step_s = 1 / (SAMPLE_RATE_HZ * per_sample)
    m = 8 if per_sample <= 16 else 4 if per_sample <= 48 else 2
    fine_s = step_s / m
    known_rows = (known_to_ours if OURS in schemes else known_to_frozen)(p, fine_s, m)
    generator = np.random.default_rng([per_sample, len(schemes)])
    gaps: dict[str, list[Array]] = {scheme: [] for scheme in schemes}
    surplus: dict[str, list[Array]] = {scheme: [] for scheme in schemes}
    angles: list[Array] = []
    energies: list[Array] = []
    for first in range(0, paths, CHUNK):
        seeds = range(first, min(first + CHUNK, paths))
        normals = generator.standard_normal((len(seeds), SAMPLES * per_sample, 3 * m))
        exact = _reference(p, normals, seeds, fine_s)
        image = _reference(p, mirrored(normals, known_rows), seeds, fine_s)
        centre = 0.5 * (exact[0] + image[0]).mean(axis=0)
        energy = 0.5 * (_energy(p, exact, centre) + _energy(p, image, centre))
        known = normals @ known_rows.T
        for scheme in schemes:
            record = _scheme(scheme, p, known, seeds, step_s, per_sample)
            gaps[scheme] += [record[0] - exact[0], record[0] - image[0]]
            surplus[scheme].append(_energy(p, record, centre) - energy)
        angles += [exact[0] - centre, image[0] - centre]
        energies.append(energy)
    size, mean = np.sqrt(np.mean(np.concatenate(angles) ** 2)), np.concatenate(energies).mean()
    for scheme in schemes:
        excess = np.concatenate(surplus[scheme]) / mean
        yield (
            scheme,
            Errors(
                step_s,
                float(np.sqrt(np.mean(np.concatenate(gaps[scheme]) ** 2)) / size),
                float(excess.mean()),
                float(excess.std() / np.sqrt(excess.size)),
            ),
        )


def step_at(target: float, steps_s: Sequence[float], errors: Sequence[float]) -> float:
    """Longest step up to which an error stays below a target, between points in log-log.

    Outside the measured range, the last two points are extended.
    """
    h, e = np.log(np.array(steps_s)), np.log(np.maximum(np.abs(errors), 1e-12))
    order = np.argsort(h)
    h, e = h[order], e[order]
    above = np.flatnonzero(e > np.log(target))
    right = int(np.clip(above[0] if above.size else h.size - 1, 1, h.size - 1))
    left = right - 1
    slope = (e[right] - e[left]) / (h[right] - h[left])
    return float(np.exp(h[left] + (np.log(target) - e[left]) / slope))
