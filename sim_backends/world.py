"""The one simulated lab: every simulated instrument is a view on it.

The instruments set what acts on the diamond and read photons; the world owns the diamond, the
time and the seed. Time passes only here, and every change happens under `lock`, which is let go
between two slices of time: like their real counterparts, instruments obey while others are busy.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from labctl.errors import DeviceError, RigError
from sim_backends.apparatus import Apparatus
from sim_backends.controls import Controls, Counts, Gates, Lines
from sim_backends.diamond import MAX_STEP_S, PIECE_STEPS, Diamond
from sim_backends.faults import PARTICLE_LOST, Faults
from sim_backends.pace import Pace
from sim_backends.physics.compilation import COMPILATION
from sim_backends.timelines import Event, Timelines

IDLE_LIMIT_S = 2.0
"""A clock that ran on while nobody looked is caught up by simulating only this much of it."""
CATCH_UP_S, CATCH_UP_STEP_S = 0.5, 5e-3
"""After so long (the computer's time) a pulse program that has not caught up slips the clock."""
RAMP_STEP_S = 1e-3
STEPS_PER_NAP = 50
SLICE_STEPS = 12 * PIECE_STEPS
SLICE_S = SLICE_STEPS * MAX_STEP_S
"""Time that passes in one go, some 10 ms of the computer's; whole pieces of the diamond's."""
NAP_S, LONGEST_NAP_S = 2e-4, 0.05


class World(Faults):
    """The simulated lab.

    Args:
        seed: seed of every random number; the same seed and the same calls give the same bytes.
        apparatus: fields of `Apparatus`.

    Raises:
        RigError: an unknown or impossible apparatus figure.
    """

    def __init__(self, *, seed: int = 1, **apparatus: Any) -> None:
        super().__init__()
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
        self.diamond = Diamond(a, self.controls, seed)
        self._timelines = Timelines()
        self._time_s = 0.0
        self._trap_off_s = 0.0
        self._pace = Pace()
        self._cancels = 0
        self._ramps = self._arrived = 0

    # --- time -----------------------------------------------------------------------------

    def now_s(self) -> float:
        """Seconds the world has lived; steps back where a slow simulation makes the clock slip."""
        return self._pace.due_s(self._time_s)

    def sleep_s(self, duration_s: float) -> None:
        """Let time pass without counting."""
        with self.lock:
            self.synchronise()
            self._pass(duration_s)
            self._hold_back()

    @property
    def preparing(self) -> str:
        """Why the simulation itself keeps one waiting; "" if it does not."""
        return (
            "the physics is being compiled, once on this computer"
            if (COMPILATION.under_way)
            else ""
        )

    def hold_to_wall_clock(self, speed: float) -> None:
        """From now on pass `speed` seconds of the world per second of the wall clock."""
        self.speed = speed

    @property
    def speed(self) -> float | None:
        """Seconds of the world per second of the wall clock; None is as fast as possible."""
        return self._pace.speed

    @speed.setter
    def speed(self, value: float | None) -> None:
        with self.lock:
            self.synchronise()
            self._pace.hold(self._time_s, value)

    def synchronise(self) -> None:
        """Let the world catch up with the wall clock, if it is held to one and can follow it."""
        due_s = self.now_s()
        if len(self._timelines):
            give_up_s = time.monotonic() + CATCH_UP_S
            while self._time_s < due_s and time.monotonic() < give_up_s:
                step_s = max(self._timelines.next_s() - self._time_s, CATCH_UP_STEP_S)
                self._pass(min(due_s - self._time_s, step_s))
            self._pace.slip(self._time_s, due_s)
        elif self._time_s < due_s:
            self._time_s = max(self._time_s, due_s - IDLE_LIMIT_S)
            self._pass(due_s - self._time_s)

    def _hold_back(self) -> None:
        while (ahead_s := self._pace.ahead_s(self._time_s)) > 0:
            self._nap(min(ahead_s, LONGEST_NAP_S))

    def _give_way(self) -> None:
        """Between two slices: let others set what they wait to set; keep to the wall clock."""
        self._nap(NAP_S)
        self._hold_back()

    def _nap(self, duration_s: float) -> None:
        self.lock.release()
        try:
            time.sleep(duration_s)
        finally:
            self.lock.acquire()

    # --- what instruments do ---------------------------------------------------------------

    def set(self, **controls: Any) -> None:
        """Change controls now, by field name of `Controls`."""
        with self.lock:
            self.synchronise()
            for name, value in controls.items():
                setattr(self.controls, name, value)

    def ramp_current(self, current_a: float, rate_a_per_s: float) -> None:
        """Ramp the electromagnet; returns when it has arrived.

        Raises:
            DeviceError: a later ramp took over and led elsewhere.
        """
        with self.lock:
            self.synchronise()
            self._ramps += 1
            number = self._ramps
            start_a = self.controls.current_a
            steps = math.ceil(abs(current_a - start_a) / rate_a_per_s / RAMP_STEP_S)
            for n in range(1, steps + 1):
                # Time passes at the middle of each little step: second order in the ramp.
                self.controls.current_a = start_a + (current_a - start_a) * (n - 0.5) / steps
                self._pass(abs(current_a - start_a) / rate_a_per_s / steps)
                if n % STEPS_PER_NAP == 0:
                    self._give_way()
                if self._ramps != number:
                    break
            else:
                self.controls.current_a = current_a
                self._arrived = number
            while self._arrived != self._ramps:
                self._nap(NAP_S)
            if self.controls.current_a != current_a:
                raise DeviceError(f"Another ramp took over on the way to {current_a:g} A.")
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
            done, most = 0, _bins_per_slice(bin_s)
            while done < bins:
                due_s = self._timelines.next_s()
                ahead = (due_s - self._time_s) / bin_s
                wanted = min(bins - done, most)
                n = wanted if ahead > wanted else max(round(ahead), 0)
                if n:
                    self._advance(bin_s, n, out[:, done : done + n])
                    done += n
                if due_s <= self._time_s + 0.5 * bin_s:
                    self._timelines.run_next()
                elif done < bins:
                    self._give_way()
            self._hold_back()
            return out

    def play(
        self, name: str, events: Iterator[Event], at_once: Callable[[], None] | None = None
    ) -> None:
        """Carry out timed actions; `events` yields (world time, action) with rising times.

        `at_once` does the same in one go, for `finish` when nothing else happens meanwhile.
        """
        with self.lock:
            self._timelines.add(name, events, at_once)

    def cancel(self, name: str) -> None:
        """Forget what is left of a timeline."""
        with self.lock:
            self._cancels += 1
            self._timelines.cancel(name)

    def plays(self, name: str) -> bool:
        """Whether a timeline has events left just now."""
        with self.lock:
            self.synchronise()
            return name in self._timelines

    def finish(self, name: str) -> None:
        """Let time pass until a timeline has no events left."""
        with self.lock:
            self.synchronise()
            by_events = self.speed is not None or self.gates.inverted
            whole = None if by_events else self._timelines.take_whole(name)
            if whole is not None:
                whole()
            while name in self._timelines:
                self._pass(max(self._timelines.next_s(name) - self._time_s, 0.0))
            self._hold_back()

    def run_train(self, pulses: Sequence[Lines], repeats: int) -> None:
        """Let a whole pulse program pass in one compiled call, collecting its gates."""
        period_s = sum(pulse.duration_s for pulse in pulses)
        # A gate that is open from one period to the next is one gate: no slice may cut it.
        whole = pulses[0].counting and pulses[-1].counting
        most = repeats if whole else max(int(SLICE_S / period_s), 1)
        cancels = self._cancels
        for first in range(0, repeats, most):
            if first:
                self.controls.laser_line = self.controls.microwave_line = True
                self._give_way()
                if self._cancels != cancels:
                    return
            n = min(most, repeats - first)
            missing = max(self.gates.armed - len(self.gates.done), 0)
            self._watch_trap(n * period_s)
            self.gates.done += self.diamond.run_train(pulses, n, missing)
            self._time_s += n * period_s
        self.controls.laser_line = self.controls.microwave_line = True

    # --- passing time -----------------------------------------------------------------------

    def _pass(self, duration_s: float, *, counting: bool = False) -> Counts:
        """Let time pass, carrying out events on the way; returns counts, shape (2,)."""
        total = np.zeros(2, dtype=np.int64)
        end_s = self._time_s + duration_s
        while True:
            due_s = self._timelines.next_s()
            until_s = min(due_s, end_s, self._time_s + SLICE_S)
            gated = self.gates.open
            if until_s > self._time_s:
                one = np.zeros((2, 1 if counting or gated else 0), dtype=np.int64)
                self._advance(until_s - self._time_s, 1, one)
                self._time_s = until_s  # free of rounding, so that equal times stay equal
                if one.shape[1]:
                    total += one[:, 0]
                    if gated:
                        self.gates.done[-1] += one[:, 0]
            if due_s <= self._time_s:
                self._timelines.run_next()
            elif self._time_s >= end_s:
                return total
            else:
                self._give_way()

    def _advance(self, bin_s: float, bins: int, out: Counts) -> None:
        self._watch_trap(bin_s * bins)
        self.diamond.advance(bin_s, bins, out)
        self._time_s += bin_s * bins

    def _watch_trap(self, duration_s: float) -> None:
        self._trap_off_s = 0.0 if self.controls.trap_on else self._trap_off_s + duration_s
        if self._trap_off_s > self.apparatus.hold_time_s:
            self.inject(PARTICLE_LOST)

    def truth(self) -> Mapping[str, tuple[NDArray[np.float64], str]]:
        """What nobody in the lab can know; see `Diamond.truth`."""
        with self.lock:
            return self.diamond.truth()

    # --- what only a simulation can show or do ------------------------------------------------

    def state(self) -> Mapping[str, tuple[NDArray[np.float64], str]]:
        """The diamond as it is just now; see `Diamond.portrait`. Waits for nobody."""
        return self.diamond.portrait()

    def inject(self, name: str) -> None:
        super().inject(name)
        self.diamond.lost = PARTICLE_LOST in self.injected

    def clear(self, name: str) -> None:
        super().clear(name)
        self.diamond.lost = PARTICLE_LOST in self.injected


def _bins_per_slice(bin_s: float) -> int:
    """Windows of a stream that pass in one go, in whole pieces of the diamond's steps."""
    if bin_s <= MAX_STEP_S:
        return SLICE_STEPS * max(int(MAX_STEP_S / bin_s + 1e-9), 1)
    steps = math.ceil(bin_s / MAX_STEP_S - 1e-9)
    piece = max(PIECE_STEPS // steps, 1)
    return piece * max(int(SLICE_S / (piece * bin_s)), 1)
