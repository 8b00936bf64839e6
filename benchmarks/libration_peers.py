"""The libration in NumPy and SciPy, over all trajectories at once, with given Wiener increments.

Noise enters as XMDS2 does it: an increment divided by the step acts as a constant force over the
step. `rk4` and `semi_implicit` repeat XMDS2's algorithms RK4 and SI operation by operation (its
C++ file spells them out), so that their errors are XMDS2's; `scipy_step` gives each interval to
`scipy.integrate.solve_ivp` (RK45 at its default tolerances).
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from sim_backends.physics.spin_libration import SpinLibration

Array = NDArray[np.float64]
NOISE_BLOCK = 64


class Flow:
    """Time derivative of (angle, velocity, S-1, S+1) with a Lorentzian line, without garbage.

    Args:
        p: the system.
        trajectories: how many columns the states have.
    """

    def __init__(self, p: SpinLibration, trajectories: int) -> None:
        self.k, self.q = p.relaxation
        self.peak, self.pump, self.torque = p.peak_rate, p.pump_rate, p.torque_s2
        self.detuning, self.gradient = p.detuning_s * p.t2star_s, p.gradient_s * p.t2star_s
        self.stiffness, self.damping = p.omega_rad_s**2, p.gamma_s
        self.push = np.zeros(trajectories)
        self._w, self._ground, self._term = np.empty((3, trajectories))

    def __call__(self, y: Array, out: Array) -> None:
        """Write dy/dt; `push` is the acceleration by the gas. Shapes (4, trajectories)."""
        angle, velocity, lower, upper = y
        w, ground, term = self._w, self._ground, self._term
        np.multiply(angle, self.gradient, out=w)
        w += self.detuning
        w *= w
        w += 1.0
        np.divide(self.peak, w, out=w)
        w += self.k
        np.subtract(1.0, lower, out=ground)
        ground -= upper
        out[0] = velocity
        np.multiply(angle, -self.stiffness, out=out[1])
        np.multiply(velocity, self.damping, out=term)
        out[1] -= term
        np.subtract(lower, upper, out=term)
        term *= self.torque
        out[1] += term
        out[1] += self.push
        np.subtract(ground, lower, out=term)
        np.multiply(w, term, out=out[2])
        np.multiply(lower, self.pump, out=term)
        out[2] -= term
        np.subtract(ground, upper, out=out[3])
        out[3] *= self.k
        np.multiply(upper, self.pump, out=term)
        out[3] -= term
        if self.q:
            np.subtract(upper, lower, out=term)
            term *= self.q
            out[2] += term
            out[3] -= term


Step = Callable[[Flow, Array, float, Array], None]
"""(flow, state to advance in place, step in s, scratch of shape (3, 4, trajectories))."""


def rk4(flow: Flow, y: Array, h: float, scratch: Array) -> None:
    """XMDS2's RK4: the classical fourth-order step."""
    slope, middle, total = scratch
    flow(y, slope)
    np.multiply(slope, h / 6, out=total)
    for weight, reach in ((h / 3, h / 2), (h / 3, h / 2), (h / 6, h)):
        slope *= reach
        np.add(y, slope, out=middle)
        flow(middle, slope)
        np.multiply(slope, weight, out=middle)
        total += middle
    y += total


def semi_implicit(flow: Flow, y: Array, h: float, scratch: Array, *, iterations: int) -> None:
    """XMDS2's SI: fixed-point iterations of the midpoint rule, the last with the full step."""
    slope, old, _ = scratch
    np.copyto(old, y)
    for iteration in range(iterations):
        flow(y, slope)
        slope *= h if iteration == iterations - 1 else 0.5 * h
        np.add(old, slope, out=y)


def scipy_step(flow: Flow, y: Array, h: float, scratch: Array) -> None:
    """One interval of constant noise by SciPy."""
    shape, slope = y.shape, scratch[0]

    def derivative(_: float, state: Array) -> Array:
        flow(state.reshape(shape), slope)
        return slope.ravel().copy()

    answer: Any = solve_ivp(
        derivative, (0.0, h), y.ravel(), "RK45", t_eval=[h], first_step=h, max_step=h
    )
    y[...] = answer.y[:, -1].reshape(shape)


SCHEMES: dict[str, Step] = {
    "RK4": rk4,
    "SI": partial(semi_implicit, iterations=3),
    "SI, 2 iterations": partial(semi_implicit, iterations=2),
    "SciPy": scipy_step,
}


def advance(
    scheme: str, p: SpinLibration, start: Array, increments: Array, h: float, every: int
) -> Array:
    """Integrate with given noise.

    Args:
        scheme: key of `SCHEMES`.
        p: the system.
        start: (4, trajectories).
        increments: of the Wiener process, (steps, trajectories), in sqrt(s).
        h: step in s.
        every: steps between samples.

    Returns:
        (4, trajectories, samples).
    """
    flow, y = Flow(p, start.shape[1]), np.array(start)
    scratch = np.empty((3, *y.shape))
    strength = np.sqrt(2 * p.gamma_s * p.kt_over_i) / h
    record = np.empty((*y.shape, increments.shape[0] // every))
    for n, increment in enumerate(increments):
        np.multiply(increment, strength, out=flow.push)
        SCHEMES[scheme](flow, y, h, scratch)
        if (n + 1) % every == 0:
            record[..., n // every] = y
    return record


def measure_rate(scheme: str, p: SpinLibration, trajectories: int, steps: int, h: float) -> float:
    """Trajectory-steps per second of CPU time, random numbers included."""
    generator = np.random.default_rng(1)
    y = np.zeros((4, trajectories))
    y[2:] = 0.15
    root = np.sqrt(h)
    begin = time.process_time()
    done = 0
    while done < steps:
        block = min(NOISE_BLOCK, steps - done)
        noise = generator.standard_normal((block, trajectories)) * root
        y = advance(scheme, p, y, noise, h, block)[..., -1]
        done += block
    return trajectories * steps / (time.process_time() - begin)
