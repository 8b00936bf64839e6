"""The levitated diamond and its optics: from apparatus and controls to the kernels' arguments."""

import copy
import math
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.constants import Boltzmann, Planck

from labctl.errors import RigError
from sim_backends.apparatus import Apparatus
from sim_backends.controls import Controls, Counts, Lines
from sim_backends.physics import nv
from sim_backends.physics.brief import BRIEF_STEPS, evolve_briefly, expose_briefly
from sim_backends.physics.detection import Detection, expose, linear_table, speckle_table
from sim_backends.physics.levy_ensemble import RateEnsemble, levy_quadrature
from sim_backends.physics.libration import Lineshape
from sim_backends.physics.normals import seed_lanes
from sim_backends.physics.oscillator import gas_damping_s, thermal_rate_s2
from sim_backends.physics.pulse_train import Creep, PulseTrain, play
from sim_backends.physics.twin import evolve
from sim_backends.physics.twin_state import Drive, SpinModel, TwinState

MAX_STEP_S = 20e-6
HALF_RANGE_RAD = 0.5
PIECE_STEPS = 2_000
KEPT_SURROUNDINGS = 16
SETTLING_STEPS = 2_500
REMEMBERED_VELOCITIES = 200


class Diamond:
    """Spins, motion and light; advances under given controls and counts photons.

    Attributes:
        state: what evolves.
        lost: whether the particle has left the trap; nothing but dark counts then.
    """

    def __init__(self, apparatus: Apparatus, controls: Controls, seed: int) -> None:
        a = self.apparatus = apparatus
        self.controls = controls
        self.lost = False
        self.spins = _spin_model(a)
        kinds = self.spins.relaxation_weights.size
        self.state = TwinState(
            angle=np.zeros(3),
            velocity=np.zeros(3),
            populations=np.full((4, kinds, 2), 1 / 3),
            coherence=np.zeros((4, kinds, 2), dtype=np.complex128),
            negative=np.array([a.charge_exchange(a.laser_reference_w)[1]]),
        )
        self._rng = np.random.Generator(np.random.SFC64(seed))
        self._lanes = seed_lanes(seed, 0)
        self._sight = np.array(a.detection_direction) / np.linalg.norm(a.detection_direction)
        self._speckle = _speckle(a)
        self._shift_rad = 0.0
        self._surroundings: dict[object, Drive] = {}
        self._velocities: deque[NDArray[np.float64]] = deque(maxlen=REMEMBERED_VELOCITIES)

    def advance(self, bin_s: float, bins: int, out: Counts) -> None:
        """Let `bins` windows of `bin_s` pass; `out` (2, bins) receives counts, (2, 0) none."""
        steps_per_bin = max(math.ceil(bin_s / MAX_STEP_S - 1e-9), 1)
        bins_per_step = 1
        if steps_per_bin == 1 and bins > 1:
            most = max(int(MAX_STEP_S / bin_s + 1e-9), 1)
            bins_per_step = next(n for n in range(min(most, bins), 0, -1) if bins % n == 0)
        steps = bins * steps_per_bin // bins_per_step
        step_s = bin_s * bins_per_step / steps_per_bin
        counting = out.shape[1] > 0
        brief = steps <= BRIEF_STEPS and bins <= BRIEF_STEPS
        move, detect = (evolve_briefly, expose_briefly) if brief else (evolve, expose)
        drive, detection = self._drive(), self._detection()
        # Whole windows per kernel call, and few enough to keep the record small.
        piece = max(PIECE_STEPS // steps_per_bin, 1) * steps_per_bin
        for first in range(0, steps, piece):
            n = min(steps - first, piece)
            record = np.empty((4, n + 1 if counting else 0))
            move(self._rng, self.state, self.spins, drive, self._sight, n, step_s, record)
            self._creep(n * step_s)
            self._velocities.append(self.state.velocity.copy())
            if counting:
                start, stop = (edge * bins_per_step // steps_per_bin for edge in (first, first + n))
                detect(
                    self._lanes, record, step_s, steps_per_bin, bins_per_step,
                    self._shift_rad, detection, out[:, start:stop],
                )  # fmt: skip

    def run_train(self, pulses: Sequence[Lines], repeats: int, gates: int) -> list[Counts]:
        """Let a pulse program pass in one compiled call.

        Returns:
            Counts of its first `gates` gates, shape (2,) each, fewer if fewer opened.
        """
        c = self.controls

        def under(*, microwave: bool, laser: bool) -> Drive:
            c.microwave_line, c.laser_line = microwave, laser
            return self._drive()

        drives = (
            under(microwave=False, laser=False),
            under(microwave=False, laser=True),
            under(microwave=True, laser=False),
            under(microwave=True, laser=True),
        )
        c.laser_line = False
        dark = self._detection()
        c.laser_line = True
        train = PulseTrain(
            np.array([p.duration_s for p in pulses]),
            np.array([2 * p.microwave + p.laser for p in pulses]),
            np.array([int(p.laser) for p in pulses]),
            np.array([p.counting for p in pulses]),
            repeats,
        )
        counts = np.zeros((2, gates), dtype=np.int64)
        a = self.apparatus
        opened, self._shift_rad = play(
            self._rng, self._lanes, self.state, self.spins, drives,
            (dark, self._detection()), self._sight, train, MAX_STEP_S,
            Creep(a.drift_rad_per_s, a.drift_rad_per_sqrt_s), self._shift_rad, counts,
        )  # fmt: skip
        self._velocities.append(self.state.velocity.copy())
        return list(counts.T[:opened])

    def portrait(self) -> Mapping[str, tuple[NDArray[np.float64], str]]:
        """The diamond as it is, perhaps between two steps; for the eyes, never for a measurement.

        Returns:
            `angle_rad` (3,) of the modes; `populations` (4, 3) of the ground, lower and upper
            level per class; `negative_share` () of the centres in NV-; `temperature_k` (3,) of
            the modes, I <v^2>/k over the last calls, NaN before the first; `light_w` () at the
            diamond; `field_t` (3,) in the frame of the diamond as it stands; `particle` (), 0
            when it is lost.
        """
        a, state = self.apparatus, self.state
        angle = state.angle.copy()
        excited = np.tensordot(self.spins.relaxation_weights, state.populations, axes=(0, 1))
        populations = np.concatenate([1.0 - excited.sum(axis=1, keepdims=True), excited], axis=1)
        velocities = np.array(self._velocities.copy()).reshape(-1, 3)
        temperature_k = np.full(3, np.nan)
        if len(velocities):
            temperature_k = a.moment_of_inertia * np.mean(velocities**2, axis=0) / Boltzmann
        turned = nv.rotate_field(a.field_t(self.controls.current_a), angle @ self.spins.mode_axes)
        return {
            "angle_rad": (angle, "rad"),
            "populations": (populations, ""),
            "negative_share": (np.array(state.negative[0]), ""),
            "temperature_k": (temperature_k, "K"),
            "light_w": (np.array(self.controls.light_w), "W"),
            "field_t": (turned, "T"),
            "particle": (np.array(0.0 if self.lost else 1.0), ""),
        }

    def truth(self) -> Mapping[str, tuple[NDArray[np.float64], str]]:
        """The transitions with the microwave off, at the angle where the diamond rests then.

        Returns:
            `resonance_frequency_hz`, shape (8,), sorted; `field_t`, shape (3,), in the frame of
            the resting diamond.
        """
        a = self.apparatus
        drive = self._drive()
        still = drive._replace(
            rabi_rad_s=0.0, kt_over_i=np.zeros(3), damping=float(2 * np.min(drive.omega))
        )
        state = copy.deepcopy(self.state)
        evolve(
            np.random.default_rng(0), state, self.spins, still, self._sight,
            SETTLING_STEPS, MAX_STEP_S, np.empty((4, 0)),
        )  # fmt: skip
        turn = state.angle @ self.spins.mode_axes
        field_t = nv.rotate_field(a.field_t(self.controls.current_a), turn)
        lines = nv.transition_frequencies_hz(
            field_t,
            zero_field_splitting_hz=a.zero_field_splitting_hz,
            gyromagnetic_hz_per_t=a.gyromagnetic_hz_per_t,
        )
        return {
            "resonance_frequency_hz": (np.sort(lines.ravel()), "Hz"),
            "field_t": (field_t, "T"),
        }

    def _creep(self, duration_s: float) -> None:
        """The speckle's working point creeps, steadily and at random (charge loss; `002`)."""
        a = self.apparatus
        self._shift_rad += a.drift_rad_per_s * duration_s
        if a.drift_rad_per_sqrt_s > 0:
            kick = a.drift_rad_per_sqrt_s * math.sqrt(duration_s)
            self._shift_rad += kick * self._rng.standard_normal()

    def _drive(self) -> Drive:
        """The drive under the present controls.

        With the microwave off the coherence still precesses in the frame of the generator.
        """
        a, c = self.apparatus, self.controls
        key = c.light_w, c.current_a, c.trap_v, c.trap_hz
        if key not in self._surroundings:
            if len(self._surroundings) >= KEPT_SURROUNDINGS:
                self._surroundings.clear()
            self._surroundings[key] = self._without_microwave()
        return self._surroundings[key]._replace(
            microwave_hz=c.microwave_hz,
            rabi_rad_s=a.rabi_rad_s(c.microwave_dbm) if c.shining else 0.0,
        )

    def _without_microwave(self) -> Drive:
        a, c = self.apparatus, self.controls
        scale = a.gyromagnetic_hz_per_t / a.zero_field_splitting_hz
        damping_hz = gas_damping_s(
            a.pressure_pa,
            damping_per_mbar_s=a.damping_hz_per_mbar,
            viscous_damping_s=a.viscous_damping_hz,
        )
        charge_rate, charge_goal = a.charge_exchange(c.light_w)
        return Drive(
            field=scale * a.field_t(c.current_a),
            microwave_hz=c.microwave_hz,
            rabi_rad_s=0.0,
            pump_rate=a.pump_rate_per_w * c.light_w,
            omega=a.omega_rad_s(c.trap_v, c.trap_hz),
            damping=2 * math.pi * damping_hz,
            kt_over_i=np.full(3, thermal_rate_s2(a.temperature_k, a.moment_of_inertia)),
            charge_rate=charge_rate,
            charge_goal=charge_goal,
        )

    def _detection(self) -> Detection:
        a = self.apparatus
        angle_rate, pl_rate = (0.0, 0.0) if self.lost else a.light_rates(self.controls.light_w)
        return Detection(
            speckle=self._speckle,
            half_range_rad=HALF_RANGE_RAD,
            angle_rate=angle_rate,
            pl_rate=pl_rate,
            contrast=a.contrast,
            dark_rate=a.dark_rate,
            dead_time_s=a.dead_time_s,
        )


def _spin_model(a: Apparatus) -> SpinModel:
    modes = np.array(a.mode_axes, dtype=float)
    left, stretch, right = np.linalg.svd(modes / np.linalg.norm(modes, axis=1)[:, None])
    if not np.allclose(stretch, 1.0, atol=1e-2):
        raise RigError("mode_axes must be three orthogonal vectors.")
    single_quantum, double_quantum = a.relaxation
    one_kind = RateEnsemble(rate=np.ones(1), weight=np.ones(1))
    kinds = levy_quadrature(1.0) if a.t1_stretched else one_kind
    return SpinModel(
        axes=nv.AXES,
        mode_axes=left @ right,  # the nearest orthonormal frame, for axes typed with few digits
        moment_of_inertia=np.full(3, a.moment_of_inertia),
        torque_scale=a.spins_per_class * Planck * a.zero_field_splitting_hz,
        zero_field_splitting_hz=a.zero_field_splitting_hz,
        t2star_s=a.t2star_s,
        gaussian_line=a.lineshape is Lineshape.GAUSSIAN,
        relaxation_rate=single_quantum,
        double_quantum_rate=double_quantum,
        cross_relaxation_rate=a.dipolar_rate,
        cross_relaxation_width_hz=a.cross_relaxation_width_hz,
        relaxation_shares=kinds.rate,
        relaxation_weights=kinds.weight,
        charge_background=a.charge_background / a.contrast if a.contrast > 0 else 0.0,
    )


def _speckle(a: Apparatus) -> NDArray[np.float64]:
    if a.detection == "speckle":
        return speckle_table(
            grain_rad=a.speckle_grain_rad,
            half_range_rad=HALF_RANGE_RAD,
            slope_sign=a.slope_sign,
            seed=a.speckle_seed,
        )
    return linear_table(
        slope_per_rad=a.slope_sign * a.linear_slope_per_rad, half_range_rad=HALF_RANGE_RAD
    )
