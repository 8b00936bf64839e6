"""A whole pulse program in one compiled call: thousands of pulses, counts per gate."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_backends.physics.detection import Detection, expose
from sim_backends.physics.kernel import kernel
from sim_backends.physics.twin import evolve
from sim_backends.physics.twin_state import Drive, SpinModel, TwinState


class PulseTrain(NamedTuple):
    """A program as arrays over its pulses, all of shape (pulses,), played `repeats` times.

    drive: index of the drive (laser + 2*microwave). lit: index of the detection (0 dark).
    counting: whether the count line is high.
    """

    duration_s: NDArray[np.float64]
    drive: NDArray[np.int64]
    lit: NDArray[np.int64]
    counting: NDArray[np.bool_]
    repeats: int


class Creep(NamedTuple):
    """Drift of the speckle's working point: steady in rad/s, random in rad/sqrt(s)."""

    rad_per_s: float
    rad_per_sqrt_s: float


@kernel(nogil=True, error_model="numpy")
def play(
    rng: np.random.Generator,
    generator: NDArray[np.uint32],
    state: TwinState,
    spins: SpinModel,
    drives: tuple[Drive, Drive, Drive, Drive],
    detections: tuple[Detection, Detection],
    sight: NDArray[np.float64],
    train: PulseTrain,
    longest_step_s: float,
    creep: Creep,
    shift_rad: float,
    gates: NDArray[np.int64],
) -> tuple[int, float]:
    """Play a pulse train.

    Args:
        rng: the world's generator.
        generator: random lanes of the counters.
        state: advanced in place.
        spins: the diamond.
        drives: one per setting of the laser and microwave lines.
        detections: without and with light.
        sight: (3,) how much the detector sees of each mode.
        train: the program.
        longest_step_s: longest integration step.
        creep: drift of the working point.
        shift_rad: where the working point is.
        gates: (2, n) receives the counts of the first n gates, APD1 and APD2.

    Returns:
        (number of gates that opened, where the working point has crept to).
    """
    most = 1
    for duration_s in train.duration_s:
        most = max(most, math.ceil(duration_s / longest_step_s - 1e-9))
    record, nothing = np.empty((4, most + 1)), np.empty((4, 0))
    counts = np.empty((2, 1), np.int64)
    opened, was_counting = 0, False
    for _ in range(train.repeats):
        for n in range(train.duration_s.size):
            duration_s, counting = train.duration_s[n], train.counting[n]
            steps = max(math.ceil(duration_s / longest_step_s - 1e-9), 1)
            step_s = duration_s / steps
            if counting and not was_counting:
                opened += 1
            was_counting = counting
            wanted = counting and opened <= gates.shape[1]
            sheet = record[:, : steps + 1] if wanted else nothing
            evolve(rng, state, spins, drives[train.drive[n]], sight, steps, step_s, sheet)
            shift_rad += creep.rad_per_s * duration_s
            if creep.rad_per_sqrt_s > 0.0:
                kick = creep.rad_per_sqrt_s * math.sqrt(duration_s)
                shift_rad += kick * rng.standard_normal()
            if wanted:
                light = detections[train.lit[n]]
                expose(generator, sheet, step_s, steps, 1, shift_rad, light, counts)
                gates[0, opened - 1] += counts[0, 0]
                gates[1, opened - 1] += counts[1, 0]
    return opened, shift_rad
