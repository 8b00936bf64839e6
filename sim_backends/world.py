"""The one simulated lab: every simulated instrument is a view on it.

The instruments set what acts on the diamond and read photons; the world owns the state, the
time and the random numbers. Time passes only here, in `pass_time` and its counting siblings.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.constants import Planck

from labctl.errors import RigError
from sim_backends.apparatus import Apparatus
from sim_backends.physics import nv
from sim_backends.physics.detection import Detection, expose, linear_table, speckle_table
from sim_backends.physics.libration import Lineshape
from sim_backends.physics.normals import seed_lanes
from sim_backends.physics.oscillator import gas_damping_s, thermal_rate_s2
from sim_backends.physics.pulse_train import Creep, PulseTrain, play
from sim_backends.physics.twin import Drive, SpinModel, TwinState, evolve

Counts = NDArray[np.int64]
Event = tuple[float, Callable[[], None]]

MAX_STEP_S = 20e-6
HALF_RANGE_RAD = 0.5
IDLE_LIMIT_S = 2.0
"""A clock that ran on while nobody looked is caught up by simulating only this much of it."""
RAMP_STEP_S = 1e-3
PIECE_STEPS = 2_000
KEPT_DRIVES = 16


@dataclass
class Controls:
    """What the instruments set; SI units. The three lines belong to the pulse sequencer."""

    microwave_hz: float = 2.87e9
    microwave_dbm: float = -30.0
    microwave_on: bool = False
    microwave_line: bool = True
    laser_w: float = 100e-6
    laser_gate: bool = False
    laser_line: bool = True
    count_line: bool = False
    current_a: float = 0.0
    trap_v: float = 2000.0
    trap_hz: float = 4e3
    trap_on: bool = True


class Lines(NamedTuple):
    """One pulse as the lines of the sequencer see it."""

    duration_s: float
    laser: bool
    microwave: bool
    counting: bool


@dataclass
class Gates:
    """Counts collected while the sequencer's count line is high."""

    armed: int = 0
    open: bool = False
    done: list[Counts] = field(default_factory=list)


class World:
    """The simulated lab.

    Args:
        seed: seed of every random number; the same seed and the same calls give the same bytes.
        apparatus: fields of `Apparatus`.

    Raises:
        RigError: an unknown or impossible apparatus figure.
    """

    def __init__(self, *, seed: int = 1, **apparatus: Any) -> None:
        try:
            self.apparatus = Apparatus(**apparatus)
        except ValidationError as error:
            faults = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise RigError("; ".join(faults)) from error
        a = self.apparatus
        self.seed = seed
        self.lock = threading.RLock()
        self.controls = Controls(trap_v=a.trap_reference_v, trap_hz=a.trap_reference_hz)
        self.gates = Gates()
        self.lost = False
        self._rng = np.random.Generator(np.random.SFC64(seed))
        self._photons = seed_lanes(seed, 0)
        self._time_s = 0.0
        self._trap_off_s = 0.0
        self._timelines: OrderedDict[str, tuple[Event, Iterator[Event]]] = OrderedDict()
        self._at_once: dict[str, Callable[[], None]] = {}
        self._speed: float | None = None
        self._wall_start_s = 0.0
        self._spins = self._spin_model()
        self._sight = np.array(a.detection_direction) / np.linalg.norm(a.detection_direction)
        self._speckle = (
            speckle_table(
                grain_rad=a.speckle_grain_rad,
                half_range_rad=HALF_RANGE_RAD,
                slope_sign=a.slope_sign,
                seed=a.speckle_seed,
            )
            if a.detection == "speckle"
            else linear_table(
                slope_per_rad=a.slope_sign * a.linear_slope_per_rad, half_range_rad=HALF_RANGE_RAD
            )
        )
        self.state = TwinState(
            angle=np.zeros(3),
            velocity=np.zeros(3),
            populations=np.full((4, 2), 1 / 3),
            levels=self._levels(),
        )
        self._creep_rad = 0.0
        self._drives: dict[object, Drive] = {}

    # --- time -----------------------------------------------------------------------------

    def now_s(self) -> float:
        """Seconds the world has lived."""
        if self._speed is None:
            return self._time_s
        return max(self._time_s, self._speed * (time.monotonic() - self._wall_start_s))

    def sleep_s(self, duration_s: float) -> None:
        """Let time pass without counting."""
        with self.lock:
            self.synchronise()
            self._pass(duration_s)
            self._hold_back()

    def hold_to_wall_clock(self, speed: float) -> None:
        """From now on pass `speed` seconds of the world per second of the wall clock."""
        if not (math.isfinite(speed) and speed > 0):
            raise RigError(f"The clock's speed must be above 0, but got {speed:g}.")
        with self.lock:
            self._speed = speed
            self._wall_start_s = time.monotonic() - self._time_s / speed

    def synchronise(self) -> None:
        """Let the world catch up with the wall clock, if it is held to one."""
        behind_s = self.now_s() - self._time_s
        if behind_s > 0:
            if behind_s > IDLE_LIMIT_S and not self._timelines:
                self._time_s += behind_s - IDLE_LIMIT_S
                behind_s = IDLE_LIMIT_S
            self._pass(behind_s)

    def _hold_back(self) -> None:
        if self._speed is not None:
            ahead_s = self._time_s / self._speed - (time.monotonic() - self._wall_start_s)
            if ahead_s > 0:
                time.sleep(ahead_s)

    # --- what instruments do ---------------------------------------------------------------

    def set(self, **controls: Any) -> None:
        """Change controls now, by field name of `Controls`."""
        with self.lock:
            self.synchronise()
            for name, value in controls.items():
                setattr(self.controls, name, value)

    def ramp_current(self, current_a: float, rate_a_per_s: float) -> None:
        """Ramp the electromagnet; returns when it has arrived."""
        with self.lock:
            self.synchronise()
            start_a = self.controls.current_a
            steps = math.ceil(abs(current_a - start_a) / rate_a_per_s / RAMP_STEP_S)
            for n in range(1, steps + 1):
                # Time passes at the middle of each little step: second order in the ramp.
                self.controls.current_a = start_a + (current_a - start_a) * (n - 0.5) / steps
                self._pass(abs(current_a - start_a) / rate_a_per_s / steps)
            self.controls.current_a = current_a
            self._hold_back()

    def count(self, duration_s: float) -> tuple[int, int]:
        """Photons on APD1 and APD2 during `duration_s` from now."""
        with self.lock:
            self.synchronise()
            counts = self._pass(duration_s, counting=True)
            self._hold_back()
            return int(counts[0]), int(counts[1])

    def stream(self, bin_s: float, bins: int) -> Counts:
        """Photons on APD1 and APD2 in `bins` adjacent windows, shape (2, bins).

        Events of the sequencer or a frequency list take effect at the nearest window's edge.
        """
        with self.lock:
            self.synchronise()
            out = np.zeros((2, bins), dtype=np.int64)
            done = 0
            while done < bins:
                due_s = self._next_event_s()
                ahead = (due_s - self._time_s) / bin_s
                n = bins - done if ahead > bins - done else max(round(ahead), 0)
                if n:
                    self._evolve(bin_s, n, out[:, done : done + n])
                    done += n
                if due_s <= self._time_s + 0.5 * bin_s:
                    self._run_next_event()
            self._hold_back()
            return out

    def play(
        self, name: str, events: Iterator[Event], at_once: Callable[[], None] | None = None
    ) -> None:
        """Carry out timed actions; `events` yields (world time, action) with rising times.

        `at_once` does the same in one go, for `finish` when nothing else happens meanwhile.
        """
        with self.lock:
            self.cancel(name)
            first = next(events, None)
            if first is not None:
                self._timelines[name] = (first, events)
                if at_once is not None:
                    self._at_once[name] = at_once

    def cancel(self, name: str) -> None:
        """Forget what is left of a timeline."""
        with self.lock:
            self._timelines.pop(name, None)
            self._at_once.pop(name, None)

    def playing(self, name: str) -> bool:
        """Whether a timeline has events left."""
        return name in self._timelines

    def finish(self, name: str) -> None:
        """Let time pass until a timeline has no events left."""
        with self.lock:
            self.synchronise()
            alone = self._speed is None and len(self._timelines) == 1
            if alone and name in self._at_once:
                whole = self._at_once[name]
                self.cancel(name)
                whole()
            while name in self._timelines:
                self._pass(max(self._timelines[name][0][0] - self._time_s, 0.0))
            self._hold_back()

    # --- passing time -----------------------------------------------------------------------

    def _next_event_s(self) -> float:
        return min((first[0] for first, _ in self._timelines.values()), default=math.inf)

    def _run_next_event(self) -> None:
        name = min(self._timelines, key=lambda key: self._timelines[key][0][0])
        self._at_once.pop(name, None)
        (_, action), events = self._timelines[name]
        following = next(events, None)
        if following is None:
            del self._timelines[name]
        else:
            self._timelines[name] = (following, events)
        action()

    def _pass(self, duration_s: float, *, counting: bool = False) -> Counts:
        """Let time pass, carrying out events on the way; returns counts, shape (2,)."""
        total = np.zeros(2, dtype=np.int64)
        end_s = self._time_s + duration_s
        while True:
            due_s = self._next_event_s()
            until_s = min(due_s, end_s)
            gated = self.gates.open
            if until_s > self._time_s:
                one = np.zeros((2, 1 if counting or gated else 0), dtype=np.int64)
                self._evolve(until_s - self._time_s, 1, one)
                self._time_s = until_s  # free of rounding, so that equal times stay equal
                if one.shape[1]:
                    total += one[:, 0]
                    if gated:
                        self.gates.done[-1] += one[:, 0]
            if due_s > end_s:
                return total
            self._run_next_event()

    def _evolve(self, bin_s: float, bins: int, out: Counts) -> None:
        steps_per_bin = max(math.ceil(bin_s / MAX_STEP_S - 1e-9), 1)
        bins_per_step = 1
        if steps_per_bin == 1 and bins > 1:
            most = max(int(MAX_STEP_S / bin_s + 1e-9), 1)
            bins_per_step = next(n for n in range(min(most, bins), 0, -1) if bins % n == 0)
        steps = bins * steps_per_bin // bins_per_step
        step_s = bin_s * bins_per_step / steps_per_bin
        self._watch_trap(bin_s * bins)
        counting = out.shape[1] > 0
        for first in range(0, steps, self._piece(steps_per_bin)):
            n = min(steps - first, self._piece(steps_per_bin))
            record = np.empty((3, n + 1 if counting else 0))
            drive = self._drive()
            evolve(self._rng, self.state, self._spins, drive, self._sight, n, step_s, record)
            self._creep(n * step_s)
            if counting:
                start, stop = (edge * bins_per_step // steps_per_bin for edge in (first, first + n))
                expose(
                    self._photons, record, step_s, steps_per_bin, bins_per_step,
                    self._creep_rad, self._detection(), out[:, start:stop],
                )  # fmt: skip
        self._time_s += bin_s * bins

    def run_train(self, pulses: Sequence[Lines], repeats: int) -> None:
        """Let a whole pulse program pass in one compiled call, collecting its gates."""
        c, a = self.controls, self.apparatus

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
        total_s = repeats * float(train.duration_s.sum())
        self._watch_trap(total_s)
        missing = max(self.gates.armed - len(self.gates.done), 0)
        gates = np.zeros((2, missing), dtype=np.int64)
        creep = Creep(a.drift_rad_per_s, a.drift_rad_per_sqrt_s)
        opened, self._creep_rad = play(
            self._rng, self._photons, self.state, self._spins, drives,
            (dark, self._detection()), self._sight, train, MAX_STEP_S, creep,
            self._creep_rad, gates,
        )  # fmt: skip
        self.gates.done += list(gates.T[:opened])
        self._time_s += total_s

    @staticmethod
    def _piece(steps_per_bin: int) -> int:
        """Steps per kernel call: whole windows, and little enough to keep the record small."""
        return max(PIECE_STEPS // steps_per_bin, 1) * steps_per_bin

    def _creep(self, duration_s: float) -> None:
        """The speckle's working point creeps, steadily and at random (charge loss; `002`)."""
        a = self.apparatus
        self._creep_rad += a.drift_rad_per_s * duration_s
        if a.drift_rad_per_sqrt_s > 0:
            kick = a.drift_rad_per_sqrt_s * math.sqrt(duration_s)
            self._creep_rad += kick * self._rng.standard_normal()

    def _watch_trap(self, duration_s: float) -> None:
        self._trap_off_s = 0.0 if self.controls.trap_on else self._trap_off_s + duration_s
        self.lost = self.lost or self._trap_off_s > self.apparatus.hold_time_s

    # --- the kernel's arguments --------------------------------------------------------------

    def _spin_model(self) -> SpinModel:
        a = self.apparatus
        modes = np.array(a.mode_axes, dtype=float)
        left, stretch, right = np.linalg.svd(modes / np.linalg.norm(modes, axis=1)[:, None])
        if not np.allclose(stretch, 1.0, atol=1e-2):
            raise RigError("mode_axes must be three orthogonal vectors.")
        modes = left @ right  # the nearest orthonormal frame, for axes typed with a few digits
        return SpinModel(
            axes=nv.AXES,
            mode_axes=modes,
            moment_of_inertia=np.full(3, a.moment_of_inertia),
            torque_scale=a.spins_per_class * Planck * a.zero_field_splitting_hz,
            zero_field_splitting_hz=a.zero_field_splitting_hz,
            t2star_s=a.t2star_s,
            gaussian_line=a.lineshape is Lineshape.GAUSSIAN,
            relaxation_rate=a.relaxation[0],
            double_quantum_rate=a.relaxation[1],
            cross_relaxation_rate=1 / a.t1_dipolar_s if a.cross_relaxation else 0.0,
            cross_relaxation_width_hz=a.cross_relaxation_width_hz,
        )

    def _levels(self) -> NDArray[np.float64]:
        a = self.apparatus
        matrix = nv.hamiltonian_hz(
            a.field_t(self.controls.current_a),
            zero_field_splitting_hz=a.zero_field_splitting_hz,
            gyromagnetic_hz_per_t=a.gyromagnetic_hz_per_t,
        )
        return np.asarray(np.linalg.eigvalsh(matrix) / a.zero_field_splitting_hz, dtype=np.float64)

    def _drive(self) -> Drive:
        """The drive under the present controls; pulse programs come back to the same few."""
        c = self.controls
        shining = c.microwave_on and c.microwave_line
        key = (
            shining and c.microwave_hz, shining and c.microwave_dbm, self._laser_w(),
            c.current_a, c.trap_v, c.trap_hz,
        )  # fmt: skip
        if key not in self._drives:
            if len(self._drives) >= KEPT_DRIVES:
                self._drives.clear()
            self._drives[key] = self._new_drive(shining)
        return self._drives[key]

    def _new_drive(self, shining: bool) -> Drive:
        a, c = self.apparatus, self.controls
        scale = a.gyromagnetic_hz_per_t / a.zero_field_splitting_hz
        damping_hz = gas_damping_s(
            a.pressure_pa,
            damping_per_mbar_s=a.damping_hz_per_mbar,
            viscous_damping_s=a.viscous_damping_hz,
        )
        return Drive(
            field=scale * a.field_t(c.current_a),
            microwave_hz=c.microwave_hz,
            rabi_rad_s=a.rabi_rad_s(c.microwave_dbm) if shining else 0.0,
            pump_rate=a.pump_rate_per_w * self._laser_w(),
            omega=a.omega_rad_s(c.trap_v, c.trap_hz),
            damping=2 * math.pi * damping_hz,
            kt_over_i=np.full(3, thermal_rate_s2(a.temperature_k, a.moment_of_inertia)),
        )

    def _laser_w(self) -> float:
        c = self.controls
        return c.laser_w if c.laser_gate and c.laser_line else 0.0

    def _detection(self) -> Detection:
        a = self.apparatus
        angle_rate, pl_rate = (0.0, 0.0) if self.lost else a.light_rates(self._laser_w())
        return Detection(
            speckle=self._speckle,
            half_range_rad=HALF_RANGE_RAD,
            angle_rate=angle_rate,
            pl_rate=pl_rate,
            contrast=a.contrast,
            dark_rate=a.dark_rate,
            dead_time_s=a.dead_time_s,
        )

    # --- what nobody in the lab can know -------------------------------------------------------

    def truth(self) -> Mapping[str, tuple[NDArray[np.float64], str]]:
        """The transitions with the microwave off, at the angle where the diamond rests then.

        Returns:
            `resonance_frequency_hz`, shape (8,), sorted; `field_t`, shape (3,), in the frame of
            the resting diamond.
        """
        a = self.apparatus
        with self.lock:
            drive = self._drive()
            state = TwinState(*(array.copy() for array in self.state))
            quiet = drive._replace(rabi_rad_s=0.0, kt_over_i=np.zeros(3))
            damped = quiet._replace(damping=float(2 * np.min(drive.omega)))
            evolve(
                np.random.default_rng(0), state, self._spins, damped, self._sight,
                2500, MAX_STEP_S, np.empty((3, 0)),
            )  # fmt: skip
            turn = state.angle @ self._spins.mode_axes
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
