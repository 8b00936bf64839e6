"""Compiling the physics before anybody waits for it."""

from sim_backends.controls import Lines
from sim_backends.world import World


def compile_physics() -> None:
    """Call everything that an instrument may wait for once, on a lab of its own.

    Numba compiles a kernel at its first call, once on a computer, for half a minute in all; a
    client of a served instrument gives up after seconds.
    """
    spare = World()
    spare.set(microwave_on=True, laser_gate=True)
    for duration_s in (1e-5, 1e-4, 0.1):  # shorter than a step, and longer than a piece
        spare.count(duration_s)
        spare.sleep_s(duration_s)
        spare.stream(duration_s / 10, 10)
    spare.run_train([Lines(1e-5, laser=True, microwave=True, counting=True)], 1)
    spare.ramp_current(1e-3, 1.0)
    spare.truth()
    spare.state()
