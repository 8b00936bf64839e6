"""How much faster than real time the simulated lab streams both photon counters.

    python -m benchmarks.twin

One thread, three libration modes, four NV classes, microwave on a resonance, both APDs with
their count rates of the `sim` rig. The peer is the same stream with its stages in NumPy: a
Poisson draw per bin and channel, and nothing else, which no NumPy simulation can beat.
"""

import argparse
import threading
import time
from statistics import median

import numpy as np

from sim_backends.world import World


def stream_factor(world: World, sample_rate_hz: float, seconds: float) -> float:
    """Seconds of the lab per second of the wall clock."""
    start = time.perf_counter()
    world.stream(1 / sample_rate_hz, round(seconds * sample_rate_hz))
    return seconds / (time.perf_counter() - start)


def numpy_poisson_factor(sample_rate_hz: float, seconds: float) -> float:
    """The same for the Poisson draws of both channels alone, by NumPy."""
    generator = np.random.default_rng(1)
    n = round(seconds * sample_rate_hz)
    means = np.array([[2.0e6], [3.6e6]]) / sample_rate_hz * np.ones((2, n))
    start = time.perf_counter()
    generator.poisson(means)
    return seconds / (time.perf_counter() - start)


def two_threads_speed_up(sample_rate_hz: float, seconds: float) -> float:
    """Two worlds in two threads against one after the other: 2 where the GIL is released."""
    worlds = [lit_world(seed) for seed in (1, 2)]
    for world in worlds:
        stream_factor(world, sample_rate_hz, 0.01)
    start = time.perf_counter()
    for world in worlds:
        stream_factor(world, sample_rate_hz, seconds)
    middle = time.perf_counter()
    arguments = [(world, sample_rate_hz, seconds) for world in worlds]
    threads = [threading.Thread(target=stream_factor, args=a) for a in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (middle - start) / (time.perf_counter() - middle)


def lit_world(seed: int) -> World:
    """The default lab under laser and resonant microwave."""
    world = World(seed=seed)
    world.set(laser_gate=True, laser_w=330e-6)
    line_hz = world.truth()["resonance_frequency_hz"][0][1]
    world.set(microwave_on=True, microwave_hz=line_hz, microwave_dbm=0.0)
    return world


def main() -> None:
    """Print the real-time factors at several sample rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of the lab, per repeat")
    options = parser.parse_args()
    world = lit_world(1)
    stream_factor(world, 1e6, 0.01)
    for rate_hz, target in ((1e6, " (target >= 30)"), (1e5, ""), (1e4, "")):
        ours, peer = [], []
        for _ in range(options.repeats):
            ours.append(stream_factor(world, rate_hz, options.seconds))
            peer.append(numpy_poisson_factor(rate_hz, options.seconds))
        print(
            f"{rate_hz:9.0f} samples/s: {median(ours):6.1f} x real time{target}; "
            f"{median(ours) / median(peer):5.2f} of NumPy's Poisson draws alone"
        )
    gains = [two_threads_speed_up(1e6, options.seconds) for _ in range(options.repeats)]
    print(f"two threads: {median(gains):.2f} x one (2 where no lock binds them)")


if __name__ == "__main__":
    main()
