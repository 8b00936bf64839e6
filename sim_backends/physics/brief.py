"""The twin's kernels for a few steps, which keep Python's lock.

Handing the lock over costs more than such a kernel when another thread wants it, a window that
draws above all; one that is back within 20 us had better not offer it. The others let go of it.
"""

import numpy as np
from numpy.typing import NDArray

from sim_backends.physics.detection import Detection, expose
from sim_backends.physics.kernel import kernel
from sim_backends.physics.twin import evolve
from sim_backends.physics.twin_state import Drive, SpinModel, TwinState

BRIEF_STEPS = 100


@kernel(error_model="numpy")
def evolve_briefly(
    rng: np.random.Generator,
    state: TwinState,
    spins: SpinModel,
    drive: Drive,
    sight: NDArray[np.float64],
    steps: int,
    step_s: float,
    record: NDArray[np.float64],
) -> None:
    """As `twin.evolve`."""
    evolve(rng, state, spins, drive, sight, steps, step_s, record)


@kernel()
def expose_briefly(
    generator: NDArray[np.uint32],
    record: NDArray[np.float64],
    step_s: float,
    steps_per_bin: int,
    bins_per_step: int,
    shift_rad: float,
    detection: Detection,
    counts: NDArray[np.int64],
) -> None:
    """As `detection.expose`."""
    expose(
        generator, record, step_s, steps_per_bin, bins_per_step, shift_rad, detection, counts
    )  # fmt: skip
