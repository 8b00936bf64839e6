"""The equations of the simulated lab without noise: rest positions, damping, folds, lasing.

What `sim_backends.physics.twin` integrates, written down again as one smooth flow over three
angles, three velocities and eight populations: the theory of a whole diamond, whose four classes
have mixed levels, beside the one class and one mode of `sim_backends.physics.libration`.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.constants import Planck
from scipy.optimize import brentq, root

from sim_backends.apparatus import Apparatus
from sim_backends.physics import nv
from sim_backends.physics.cross_relaxation import relaxation_rates
from sim_backends.physics.libration_equilibria import find_root
from sim_backends.physics.oscillator import gas_damping_s
from sim_backends.physics.spin import exact_levels, level_slope, mixing, static_rates

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ExactWorld:
    """One apparatus under one microwave power, laser power and current; full trap voltage."""

    apparatus: Apparatus
    power_dbm: float
    laser_w: float = 330e-6
    current_a: float = 0.0

    @property
    def omega(self) -> Floats:
        """Libration frequencies, rad/s."""
        a = self.apparatus
        return a.omega_rad_s(a.trap_reference_v, a.trap_reference_hz)

    @property
    def gamma_s(self) -> float:
        a = self.apparatus
        return float(
            2 * np.pi
            * gas_damping_s(
                a.pressure_pa,
                damping_per_mbar_s=a.damping_hz_per_mbar,
                viscous_damping_s=a.viscous_damping_hz,
            )
        )  # fmt: skip

    def levels(self, angle: Floats) -> tuple[Floats, Floats, Floats]:
        """Levels over D (4, 3), torques of each level over I (4, 3 levels, 3 modes), rates."""
        return self._levels(angle)[:3]

    def _levels(self, angle: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """The same, and the share of |ms = 0> in each level, (4, 3)."""
        a = self.apparatus
        modes = np.array(a.mode_axes)
        scale = a.gyromagnetic_hz_per_t / a.zero_field_splitting_hz
        b = scale * nv.rotate_field(a.field_t(self.current_a), angle @ modes)
        square = float(b @ b)
        levels, bright = np.empty((4, 3)), np.empty((4, 3))
        torques, rates = np.empty((4, 3, 3)), np.empty((4, 3, 3))
        weights, relaxation = np.empty((3, 3)), np.empty(4)
        single, double = a.relaxation
        strength = a.spins_per_class * Planck * a.zero_field_splitting_hz / a.moment_of_inertia
        arms = np.cross(b, nv.AXES) @ modes.T
        for c, axis in enumerate(nv.AXES):
            along = float(b @ axis)
            ground, lower = exact_levels(square, along**2)
            levels[c] = ground, lower, 2 - ground - lower
            arm = 2 * along * arms[c]
            for level in range(3):
                torques[c, level] = strength * arm * level_slope(levels[c, level], square)
        relaxation_rates(
            levels, a.zero_field_splitting_hz, single, a.dipolar_rate, a.cross_relaxation_width_hz,
            relaxation,
        )  # fmt: skip
        for c, axis in enumerate(nv.AXES):
            mixing(levels[c], float(b @ axis), square, weights)
            bright[c] = weights[:, 0]
            static_rates(weights, a.pump_rate_per_w * self.laser_w, relaxation[c], double, rates[c])
        return levels, torques, rates, bright

    def lines_hz(self, angle: Floats) -> Floats:
        """Transitions to the lower and upper level, (4, 2), Hz."""
        levels, _, _ = self.levels(angle)
        return (levels[:, 1:] - levels[:, :1]) * self.apparatus.zero_field_splitting_hz

    def master(self, levels: Floats, rates: Floats, frequency_hz: float) -> Floats:
        """Generators of the populations of the four classes, (4, 3, 3), s^-1."""
        a = self.apparatus
        peak = 0.5 * a.rabi_rad_s(self.power_dbm) ** 2 * a.t2star_s
        total = rates.copy()
        for k in (1, 2):
            line = (levels[:, k] - levels[:, 0]) * a.zero_field_splitting_hz
            w = peak / (1 + (2 * np.pi * a.t2star_s * (frequency_hz - line)) ** 2)
            total[:, 0, k] += w
            total[:, k, 0] += w
        generator = np.transpose(total, (0, 2, 1)).copy()
        for c in range(4):
            np.fill_diagonal(generator[c], 0.0)
            np.fill_diagonal(generator[c], -generator[c].sum(axis=0))
        return generator

    def flow(self, state: Floats, frequency_hz: float) -> Floats:
        """Time derivative of (angles, velocities, lower and upper of four classes), (14,)."""
        angle, velocity, excited = state[:3], state[3:6], state[6:].reshape(4, 2)
        levels, torques, rates = self.levels(angle)
        populations = np.concatenate([1 - excited.sum(1, keepdims=True), excited], axis=1)
        change = np.einsum("cij,cj->ci", self.master(levels, rates, frequency_hz), populations)
        torque = np.einsum("cl,clk->k", populations, torques)
        push = -(self.omega**2) * angle - self.gamma_s * velocity + torque
        return np.concatenate([velocity, push, change[:, 1:].ravel()])

    def populations_at_rest(self, angle: Floats, frequency_hz: float) -> Floats:
        """Steady populations at a fixed angle, (4, 3)."""
        levels, _, rates = self.levels(angle)
        generator = self.master(levels, rates, frequency_hz)
        generator[:, 0, :] = 1.0
        ones = np.tile([[1.0], [0.0], [0.0]], (4, 1, 1))
        return np.asarray(np.linalg.solve(generator, ones)[..., 0], dtype=np.float64)

    def excess(self, angle: Floats, frequency_hz: float) -> Floats:
        """Where the spins would hold the diamond, minus where it is, (3,), rad."""
        _, torques, _ = self.levels(angle)
        torque = np.einsum("cl,clk->k", self.populations_at_rest(angle, frequency_hz), torques)
        return torque / self.omega**2 - angle

    def rest(self, frequency_hz: float = 1e9, start: Floats | None = None) -> Floats:
        """A rest position, (3,); without a resonant microwave the dark one."""
        guess = np.zeros(3) if start is None else start
        return np.asarray(root(lambda angle: self.excess(angle, frequency_hz), guess, tol=1e-12).x)

    def bright_share(self, angle: Floats) -> float:
        """Share of all spins in |ms = 0> at rest at an angle, microwave off."""
        populations = self.populations_at_rest(angle, 1e9)
        return float(np.sum(populations * self._levels(angle)[3]) / 4)

    def line_hz(self, index: int = 0) -> float:
        """The line of class 0 at the angle where the diamond rests in the dark."""
        return float(self.lines_hz(self.rest())[index, 0])

    def characteristic(self, points: int = 400) -> tuple[Floats, Floats]:
        """Angle of mode 0 and the two frequencies that hold it there, (n,) and (2, n)."""
        dark = self.rest()

        def held(x: float, detuning: float) -> float:
            angle = np.array([x, *dark[1:]])
            here = self.lines_hz(angle)[0, 0]
            return float(self.excess(angle, here + detuning)[0])

        sign = 1.0 if held(dark[0], 0.0) > 0 else -1.0
        top = brentq(lambda x: held(x, 0.0), dark[0], dark[0] + sign * 0.3)
        angles = dark[0] + (top - dark[0]) * np.linspace(0.02, 0.99999, points) ** 0.7
        found = np.empty((2, points))
        for i, x in enumerate(angles):
            here = self.lines_hz(np.array([x, *dark[1:]]))[0, 0]
            for row, side in enumerate((-1, 1)):
                out = brentq(lambda d, x=x, s=side: held(x, s * d), 0.0, 200e6, xtol=1.0)
                found[row, i] = here + side * out
        return angles, found

    def folds_hz(self) -> tuple[float, ...]:
        """Detunings from the dark line at which two rest positions merge, ascending, Hz."""
        _, (red, blue) = self.characteristic()
        out = np.concatenate([red, blue[::-1]])
        turns = [
            i for i in range(1, out.size - 1) if (out[i] - out[i - 1]) * (out[i + 1] - out[i]) < 0
        ]
        return tuple(sorted(float(out[i]) - self.line_hz() for i in turns))

    def eigenvalues(self, frequency_hz: float) -> NDArray[np.complex128]:
        """Of the flow linearised at the rest position, (14,), s^-1."""
        angle = self.rest(frequency_hz, self.rest())
        populations = self.populations_at_rest(angle, frequency_hz)
        state = np.concatenate([angle, np.zeros(3), populations[:, 1:].ravel()])
        steps = np.concatenate([np.full(3, 1e-7), np.full(3, 1e-3), np.full(8, 1e-5)])
        columns = [
            (self.flow(state + e, frequency_hz) - self.flow(state - e, frequency_hz)) / (2 * h)
            for e, h in ((np.eye(14)[i] * steps[i], steps[i]) for i in range(14))
        ]
        return np.asarray(np.linalg.eigvals(np.array(columns).T), dtype=np.complex128)

    def growth(self, frequency_hz: float) -> float:
        """Largest real part of the eigenvalues at the rest position, s^-1."""
        return float(self.eigenvalues(frequency_hz).real.max())

    def mode(self, frequency_hz: float, near_hz: float) -> tuple[float, float]:
        """(gamma_eff/2pi = -2 Re(lam)/2pi, |lam|/2pi) of the libration nearest to `near_hz`, Hz."""
        found = self.eigenvalues(frequency_hz)
        near = found[np.argmin(np.abs(np.abs(found.imag) / (2 * np.pi) - near_hz))]
        return float(-near.real / np.pi), float(abs(near) / (2 * np.pi))

    def lasing_rabi_hz(self, frequency_hz: float) -> float:
        """Lowest Rabi frequency/2pi at which the rest position begins to oscillate.

        Raises:
            ValueError: it does not from -30 to 10 dBm.
        """

        def growth(power_dbm: float) -> float:
            return replace(self, power_dbm=power_dbm).growth(frequency_hz)

        for power_dbm in np.arange(-30.0, 10.0):
            if growth(power_dbm + 1.0) > 0:
                onset = find_root(growth, float(power_dbm), float(power_dbm) + 1.0)
                return self.apparatus.rabi_rad_s(onset) / (2 * np.pi)
        raise ValueError(f"The rest position does not oscillate at {frequency_hz:g} Hz.")
