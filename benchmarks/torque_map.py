"""Map of the cross-relaxation torque: labctl beside batched NumPy and QuTiP.

One command, from the root of a checkout:

    python -m benchmarks.torque_map

200 x 200 directions of 100 G, four classes each: relaxation rates from the transitions, the steady
state of the Lindblad equation, the spin and its torque. NumPy does the whole map as well, by a
stack of 9x9 Liouvillians, and once more with its matrices ready, which leaves the bare solve.
QuTiP solves a sample, likewise with its Liouvillians ready, and is scaled. All must agree before
anything is timed. A peer that is not installed is skipped and named; `pip install -e '.[test]'`
brings it.
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

# One core for everyone; NumPy reads these when it is imported.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from scipy.constants import Planck  # noqa: E402

from sim_backends.physics import cross_relaxation, nv  # noqa: E402

FIELD_T = 10e-3
PUMP, T1_S, T1_DD_S, WIDTH_HZ = 1e4, 1.03e-3, 0.38e-3, 6e6
TWO_PI = 2 * np.pi

Array = NDArray[Any]


def map_fields(points: int) -> Array:
    """Fields of one strength over the sphere, shape (points, points, 3)."""
    theta, phi = np.meshgrid(
        np.linspace(0, np.pi, points), np.linspace(0, TWO_PI, points), indexing="ij"
    )
    parts = (np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta))
    return FIELD_T * np.stack(parts, axis=-1)


def spin_matrices() -> Array:
    """Sx, Sy, Sz in the basis +1, 0, -1, shape (3, 3, 3)."""
    raising = np.sqrt(2.0) * np.diag([1.0, 1.0], 1)
    sz = np.diag([1.0, 0.0, -1.0])
    return np.array([(raising + raising.T) / 2, (raising - raising.T) / 2j, sz])


def jumps() -> tuple[Array, Array]:
    """(light and 1/T1_0, cross-relaxation per unit of rate): superoperators, shape (9, 9)."""
    parts = [np.zeros((9, 9)), np.zeros((9, 9))]
    for to in range(3):
        for origin in range(3):
            if to == origin:
                continue
            jump = np.zeros((3, 3))
            jump[to, origin] = 1.0
            loss = jump.T @ jump
            one = np.kron(jump, jump)
            one -= (np.kron(loss, np.eye(3)) + np.kron(np.eye(3), loss)) / 2
            single = 1 in (to, origin)
            parts[0] += one * ((PUMP if to == 1 else 0.0) + 1 / T1_S)
            parts[1] += one * single
    return parts[0], parts[1]


def turning(matrix: Array) -> Array:
    """-i 2 pi [matrix, .] as a superoperator on row-major density matrices."""
    return -1j * TWO_PI * (np.kron(matrix, np.eye(3)) - np.kron(np.eye(3), matrix.T))


@dataclass(frozen=True)
class Problem:
    """What every NumPy solve starts from: one row per direction and class."""

    liouvillian: Array
    frames: Array


def frames_of(fields: Array) -> tuple[Array, Array]:
    """(field in Hz along x and z of each class, axes x, y, z of each class in the diamond)."""
    b_hz = nv.GYROMAGNETIC_HZ_PER_T * fields.reshape(-1, 1, 3)
    along = b_hz @ nv.AXES.T
    across = b_hz - np.swapaxes(along, 1, 2) * nv.AXES
    size = np.linalg.norm(across, axis=-1)
    x_axis = across / np.where(size > 0, size, 1.0)[..., None]
    z_axis = np.broadcast_to(nv.AXES, x_axis.shape)
    frames = np.stack([x_axis, np.cross(z_axis, x_axis), z_axis], axis=-2)
    return np.stack([size, along[:, 0]], axis=-1), frames


def set_up(fields: Array) -> Problem:
    """The 9x9 complex Liouvillians of the whole map, (n, 4, 9, 9)."""
    components, frames = frames_of(fields)
    nu = nv.transition_frequencies_hz(fields.reshape(-1, 3))[..., 0]
    gaps = nu[:, :, None] - nu[:, None, :]
    dipolar = (np.exp(-(gaps**2) / (2 * WIDTH_HZ**2)).sum(axis=-1) - 1) / T1_DD_S
    sx, _, sz = spin_matrices()
    fixed, crossed = jumps()
    terms = np.array([turning(sx), turning(sz), crossed])
    scales = np.concatenate([components, dipolar[..., None]], axis=-1)
    still = fixed + turning(nv.ZERO_FIELD_SPLITTING_HZ * sz @ sz)
    liouvillian = (scales.astype(complex) @ terms.reshape(3, 81)).reshape(-1, 4, 9, 9) + still
    # The trace takes the place of one equation, at the scale of the others.
    liouvillian[..., 0, :] = np.eye(3).ravel() * 1e4
    return Problem(liouvillian, frames)


def solve(problem: Problem) -> Array:
    """Density matrices, (n, 4, 3, 3)."""
    right = np.zeros((9, 1), dtype=complex)
    right[0] = 1e4
    return np.linalg.solve(problem.liouvillian, right).reshape(-1, 4, 3, 3)


def torque_of(fields: Array, frames: Array, rho: Array) -> Array:
    """Torque of each class, (n, 4, 3), N m."""
    spin = (rho.reshape(-1, 4, 9) @ spin_matrices().conj().reshape(3, 9).T).real
    in_diamond = (spin[..., None, :] @ frames)[..., 0, :]
    b_hz = nv.GYROMAGNETIC_HZ_PER_T * fields.reshape(-1, 1, 3)
    return -Planck * np.cross(in_diamond, b_hz)


def numpy_map(fields: Array) -> tuple[Array, Array]:
    """Populations of |0>, |-1>, |+1> and torques."""
    problem = set_up(fields)
    rho = solve(problem)
    populations = np.diagonal(rho, axis1=-2, axis2=-1).real[..., [1, 2, 0]]
    return populations, torque_of(fields, problem.frames, rho)


def qutip_solver(fields: Array) -> Callable[[], Array]:
    """A call that solves every class at `fields` from ready Liouvillians: populations (n, 4, 3).

    The Liouvillians are built outside the call, so that their cost is not counted.
    """
    import qutip

    components, _ = frames_of(fields)
    sx, _, sz = (qutip.Qobj(s) for s in spin_matrices())
    t1_s = cross_relaxation.steady_state(fields.reshape(-1, 3)).t1_s
    ready = []
    for row, times in zip(components, t1_s, strict=True):
        for (across, along), class_t1_s in zip(row, times, strict=True):
            jump_list = []
            for to in range(3):
                for origin in range(3):
                    if to != origin:
                        rate = 1 / (class_t1_s if 1 in (to, origin) else T1_S)
                        rate += PUMP if to == 1 else 0.0
                        jump = qutip.basis(3, to) * qutip.basis(3, origin).dag()
                        jump_list.append(np.sqrt(rate) * jump)
            hamiltonian = nv.ZERO_FIELD_SPLITTING_HZ * sz * sz + across * sx + along * sz
            ready.append(qutip.liouvillian(TWO_PI * hamiltonian, jump_list))

    def solve_all() -> Array:
        states = [qutip.steadystate(one, method="svd") for one in ready]
        return np.array([s.diag()[[1, 2, 0]].real for s in states]).reshape(-1, 4, 3)

    return solve_all


def median_s(call: Callable[[], Any], repeats: int) -> float:
    """Median time of a call after one that warms up."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return median(times)


def main() -> None:
    """Print a row per method, then the ratios that labctl aims at."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--points", type=int, default=200, help="directions along each angle")
    parser.add_argument("--sample", type=int, default=150, help="directions that QuTiP solves")
    options = parser.parse_args()
    fields = map_fields(options.points)
    solves = fields.size // 3 * 4
    print(f"{options.points} x {options.points} directions x 4 classes, one core")

    ours = cross_relaxation.steady_state(fields)
    populations, torque = numpy_map(fields)
    apart = np.abs(populations - ours.populations.reshape(-1, 4, 3)).max()
    torque_apart = np.abs(torque - ours.torque.reshape(-1, 4, 3)).max() / np.abs(torque).max()
    print(f"NumPy differs by {apart:.1e} in populations, {torque_apart:.1e} of the largest torque")
    assert apart < 1e-8
    assert torque_apart < 1e-8

    problem = set_up(fields)
    costs = {
        "labctl": median_s(lambda: cross_relaxation.steady_state(fields), 3 * options.repeats),
        "NumPy batched 9x9, the map": median_s(lambda: numpy_map(fields), options.repeats),
        "NumPy batched 9x9, solve alone": median_s(lambda: solve(problem), options.repeats),
    }
    try:
        rows = np.random.default_rng(0).choice(solves // 4, options.sample, replace=False)
        sample = fields.reshape(-1, 3)[rows]
        solver = qutip_solver(sample)
        apart = np.abs(solver() - ours.populations.reshape(-1, 4, 3)[rows]).max()
        print(f"QuTiP differs by {apart:.1e} in populations")
        assert apart < 1e-8
        scale = solves / (4 * options.sample)
        costs["QuTiP svd, solve alone"] = scale * median_s(solver, options.repeats)
    except ModuleNotFoundError as error:
        print(f"QuTiP skipped: {error.name} is not installed")

    print()
    for name, seconds in costs.items():
        scaled = "  (scaled)" if name.startswith("QuTiP") else ""
        print(
            f"{name:32s} {1e3 * seconds:10.1f} ms  {1e6 * seconds / solves:8.3f} us/class{scaled}"
        )
    print()
    targets = {
        "NumPy batched 9x9, the map": 5,
        "NumPy batched 9x9, solve alone": 5,
        "QuTiP svd, solve alone": 250,
    }
    for name, target in targets.items():
        if name in costs:
            print(f"{name} / labctl: {costs[name] / costs['labctl']:.1f} (target >= {target})")


if __name__ == "__main__":
    main()
