"""From light to counts: the speckle in front of APD1, and photon counters with dead time."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_backends.physics.kernel import kernel
from sim_backends.physics.normals import LANES, fill_exponentials, fill_normals

SPECKLE_POINTS = 8192

RENEWAL_MEAN = 64.0


class Detection(NamedTuple):
    """How light becomes counts.

    speckle: table of relative light against the seen angle, over -half_range .. +half_range.
    angle_rate, pl_rate: photons per second at the working point and from all-bright spins.
    contrast: how much darker |ms = +-1> is. dark_rate: of each counter, s^-1.
    """

    speckle: NDArray[np.float64]
    half_range_rad: float
    angle_rate: float
    pl_rate: float
    contrast: float
    dark_rate: float
    dead_time_s: float


def speckle_table(
    *, grain_rad: float, half_range_rad: float, slope_sign: int, seed: int, waves: int = 16
) -> NDArray[np.float64]:
    """Relative light through the fibre against the diamond's angle around its working point.

    The far field of `waves` scatterers with random phases, |sum exp(i(k theta + phi))|^2, cut
    out around the steepest slope of the wanted sign, as an operator aligns the fibre
    (`000`, Methods).

    Args:
        grain_rad: angular size of one speckle.
        half_range_rad: the table covers -half_range .. +half_range.
        slope_sign: +1 or -1, the sign of the slope at the working point.
        seed: which speckle pattern.
        waves: number of scatterers.

    Returns:
        Shape (SPECKLE_POINTS,) on a uniform grid of angles, 1 at the working point.
    """
    generator = np.random.default_rng(seed)
    wave_numbers = generator.uniform(-np.pi, np.pi, waves) / grain_rad
    phases = generator.uniform(0.0, 2 * np.pi, waves)

    def intensity(angle_rad: NDArray[np.float64]) -> NDArray[np.float64]:
        field = np.exp(1j * (np.outer(angle_rad, wave_numbers) + phases)).sum(axis=1)
        return np.abs(field) ** 2 / waves

    search = np.linspace(-20 * grain_rad, 20 * grain_rad, 8001)
    light = intensity(search)
    working_point = search[np.argmax(slope_sign * np.gradient(light, search))]
    grid = np.linspace(-half_range_rad, half_range_rad, SPECKLE_POINTS)
    return intensity(working_point + grid) / intensity(np.array([working_point]))[0]


def linear_table(*, slope_per_rad: float, half_range_rad: float) -> NDArray[np.float64]:
    """A detector that is linear in the angle, 1 + slope*angle, never below zero."""
    grid = np.linspace(-half_range_rad, half_range_rad, SPECKLE_POINTS)
    return np.maximum(1.0 + slope_per_rad * grid, 0.0)


@kernel(nogil=True, fastmath=True, error_model="numpy", inline="always")
def look_up(table: NDArray[np.float64], half_range_rad: float, angle_rad: float) -> float:
    """Cubic (Catmull-Rom) interpolation in a table over -half_range .. +half_range."""
    last = table.size - 1
    place = (angle_rad + half_range_rad) * (last / (2.0 * half_range_rad))
    place = min(max(place, 1.0), last - 1.000001)
    index = int(place)
    t = place - index
    a, b, c, d = table[index - 1], table[index], table[index + 1], table[index + 2]
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


@kernel(nogil=True, fastmath=True, error_model="numpy")
def _count_lanes(
    generator: NDArray[np.uint32],
    scratch: NDArray[np.float32],
    bits: NDArray[np.int32],
    draws: NDArray[np.float32],
    lanes: NDArray[np.float32],
) -> None:
    """Photon by photon in 64 windows at once, in units of the mean waiting time.

    `lanes` holds the time left in each window, the dead time and the counts one after the
    other: with few arrays that might overlap the loop is vectorised.
    """
    one, none = np.float32(1.0), np.float32(0.0)
    waiting = True
    while waiting:
        fill_exponentials(generator, scratch, bits, draws)
        for i in range(LANES):
            dead = lanes[LANES + i]
            rest = lanes[i] - draws[i]
            seen = one if rest > none else none
            rest = rest - seen * dead - draws[LANES + i]
            again = one if rest > none else none
            lanes[i] = rest - again * dead
            lanes[2 * LANES + i] += seen + again
        longest = none
        for i in range(LANES):
            longest = max(longest, lanes[i])
        waiting = longest > none


@kernel(nogil=True)
def count_photons(
    generator: NDArray[np.uint32],
    means: NDArray[np.float64],
    window_s: float,
    dead_time_s: float,
    out: NDArray[np.int64],
) -> None:
    """Counts of a non-paralysable counter in many windows.

    A dead time d turns the Poisson process of rate r into a renewal process with the mean
    r T/(1 + r d) and the variance r T/(1 + r d)^3. Few counts are drawn photon by photon; many
    from the normal law with these two moments.

    Args:
        generator: states of the random lanes (see `normals.seed_lanes`).
        means: photons and dark events expected in each window without dead time, shape (n,).
        window_s: length of the windows.
        dead_time_s: dead time of the counter.
        out: receives the counts, shape (n,).
    """
    scratch = np.empty(4 * LANES, np.float32)
    bits = scratch.view(np.int32)
    draws = np.empty(2 * LANES, np.float32)
    lanes = np.empty(3 * LANES, np.float32)
    load = dead_time_s / window_s
    for first in range(0, means.size, LANES):
        width = min(LANES, means.size - first)
        block = means[first : first + width]
        brightest = 0.0
        for i in range(LANES):
            mean = block[i] if i < width else 0.0
            lanes[i] = mean if mean <= RENEWAL_MEAN else 0.0
            lanes[LANES + i] = load * mean
            lanes[2 * LANES + i] = 0.0
            brightest = max(brightest, mean)
        _count_lanes(generator, scratch, bits, draws, lanes)
        for i in range(width):
            out[first + i] = int(lanes[2 * LANES + i])
        if brightest > RENEWAL_MEAN:
            fill_normals(generator, scratch, bits, draws)
            for i in range(width):
                if block[i] > RENEWAL_MEAN:
                    live = 1.0 + load * block[i]
                    value = block[i] / live + math.sqrt(block[i] / live**3) * draws[i]
                    out[first + i] = max(math.floor(value + 0.5), 0)


@kernel(nogil=True)
def expose(
    generator: NDArray[np.uint32],
    record: NDArray[np.float64],
    step_s: float,
    steps_per_bin: int,
    bins_per_step: int,
    shift_rad: float,
    detection: Detection,
    counts: NDArray[np.int64],
) -> None:
    """Count the photons of a recorded motion.

    Args:
        generator: states of the random lanes.
        record: (4, steps + 1) seen angle, its velocity and the bright share at every step, and
            the mean of that share over the step that ends there.
        step_s: time between the columns of `record`.
        steps_per_bin: steps in one window, >= 1; the light is averaged by the trapezoidal rule.
        bins_per_step: windows in one step, >= 1 (1 unless `steps_per_bin` is 1); the angle
            between two steps is the cubic through both positions and velocities, the bright
            share the parabola through both ends with the step's mean.
        shift_rad: where the working point of the speckle has crept to.
        detection: light and counters.
        counts: (2, bins) receives APD1 and APD2.
    """
    bins = counts.shape[1]
    bin_s = step_s * steps_per_bin / bins_per_step
    light, bright = np.empty(bins), np.empty(bins)
    if bins_per_step == 1:
        _average(record, steps_per_bin, shift_rad, detection, light, bright)
    else:
        _interpolate(record, step_s, bins_per_step, shift_rad, detection, light, bright)
    for b in range(bins):
        light[b] = (detection.angle_rate * light[b] + detection.dark_rate) * bin_s
        fluorescence = 1.0 - detection.contrast * (1.0 - bright[b])
        bright[b] = (detection.pl_rate * fluorescence + detection.dark_rate) * bin_s
    count_photons(generator, light, bin_s, detection.dead_time_s, counts[0])
    count_photons(generator, bright, bin_s, detection.dead_time_s, counts[1])


@kernel(nogil=True)
def _average(
    record: NDArray[np.float64],
    steps_per_bin: int,
    shift_rad: float,
    detection: Detection,
    light: NDArray[np.float64],
    bright: NDArray[np.float64],
) -> None:
    for b in range(light.size):
        light[b], bright[b] = 0.0, 0.0
        for node in range(steps_per_bin + 1):
            n = b * steps_per_bin + node
            weight = 0.5 if node in (0, steps_per_bin) else 1.0
            seen = record[0, n] + shift_rad
            light[b] += weight * look_up(detection.speckle, detection.half_range_rad, seen)
            if node > 0:
                bright[b] += record[3, n]
        light[b] /= steps_per_bin
        bright[b] /= steps_per_bin


@kernel(nogil=True, fastmath=True, error_model="numpy")
def _interpolate(
    record: NDArray[np.float64],
    step_s: float,
    bins_per_step: int,
    shift_rad: float,
    detection: Detection,
    light: NDArray[np.float64],
    bright: NDArray[np.float64],
) -> None:
    for n in range(light.size // bins_per_step):
        x0, x1 = record[0, n], record[0, n + 1]
        v0, v1 = record[1, n] * step_s, record[1, n + 1] * step_s
        second, third = 3.0 * (x1 - x0) - 2.0 * v0 - v1, 2.0 * (x0 - x1) + v0 + v1
        bulge = 6.0 * record[3, n + 1] - 3.0 * (record[2, n] + record[2, n + 1])
        for part in range(bins_per_step):
            t = (part + 0.5) / bins_per_step
            seen = x0 + t * (v0 + t * (second + t * third)) + shift_rad
            b = n * bins_per_step + part
            light[b] = seen
            bright[b] = record[2, n] + t * (record[2, n + 1] - record[2, n])
            bright[b] += bulge * (t * (1.0 - t) - 1.0 / (12.0 * bins_per_step**2))
    table, half_range = detection.speckle, detection.half_range_rad
    for b in range(light.size):  # a loop of its own, so that it becomes vector code
        light[b] = look_up(table, half_range, light[b])
