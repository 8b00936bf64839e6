"""What one point of a simulated T1 measurement costs: 1000 shots with and without pi pulse.

    python -m benchmarks.t1_point

Ours against the same two sequences by one matrix exponential (SciPy) per segment and node of
the ensemble, which is what one writes first.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
from scipy.linalg import expm

from sim_backends.physics.relaxation import T1Protocol

POINTS = 500
SHOTS = 1000
NODES = 24


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median time of one call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return median(times)


def exponentials(generator: np.random.Generator) -> None:
    """Polarise, wait, (flip,) read, for every node: matrix exponentials and two Poisson draws."""
    rates = generator.uniform(100, 1e4, (2 * 3 * NODES, 3, 3))
    np.einsum("nii->ni", rates)[:] -= rates.sum(axis=1)
    total = float(np.sum(expm(rates * 1e-4)))
    generator.poisson(abs(total), 2)


def main() -> None:
    """Print the cost of a point and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    protocol, generator = T1Protocol(), np.random.default_rng(0)
    dark_s = np.geomspace(20e-6, 8e-3, POINTS)
    protocol.sample(dark_s, SHOTS, generator)
    ours = seconds(lambda: protocol.sample(dark_s, SHOTS, generator), options.repeats) / POINTS
    peer = seconds(lambda: exponentials(generator), options.repeats)
    print(f"labctl, in an array of {POINTS}: {ours * 1e6:8.2f} us per point of {SHOTS} shots")
    print(f"SciPy, expm per segment:    {peer * 1e6:8.2f} us per point")
    print(f"ratio: {peer / ours:.0f}")


if __name__ == "__main__":
    main()
