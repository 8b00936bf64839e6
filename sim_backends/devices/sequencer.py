"""The simulated pulse sequencer."""

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

import numpy as np

from labctl.errors import DeviceError
from labctl.hal import Limits, Pulse, PulseChannel
from sim_backends.controls import Lines
from sim_backends.devices.simulated_device import SimulatedDevice
from sim_backends.timelines import Event
from sim_backends.world import World

LONGEST_AT_ONCE_S = 60.0
"""Longer programs pass event by event, so that they can be interrupted."""
IDLE = frozenset({PulseChannel.LASER, PulseChannel.MICROWAVE})


class SimulatedPulseSequencer(SimulatedDevice):
    """Plays patterns on the lines that gate laser, microwave and counters."""

    ROLE = "sequencer"
    MODEL = "SimPulse"
    LIMITS: ClassVar = {
        "pulse_duration_s": Limits(1e-8, 1e3, "s"),
        "pulses": Limits(1, 1_000_000, ""),
        "repeats": Limits(1, 100_000_000, ""),
    }

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._program: tuple[list[Pulse], int] | None = None

    @property
    def channels(self) -> tuple[PulseChannel, ...]:
        return tuple(PulseChannel)

    def _switch_off(self) -> None:
        self.world.cancel("pulses")
        self._apply(IDLE)

    def load(self, program: Sequence[Pulse], *, repeats: int = 1) -> None:
        """Store a program."""
        self._connected()
        self.limits.check("pulses", len(program))
        self.limits.check("repeats", repeats)
        for pulse in program:
            self.limits.check("pulse_duration_s", pulse.duration_s)
        self._program = (list(program), repeats)

    def start(self) -> None:
        """Play the loaded program from its beginning."""
        world = self._connected()
        if self._program is None:
            raise DeviceError("No pulse program is loaded.")
        program, repeats = self._program
        with world.lock:
            world.synchronise()
            events = self._events(world.now_s(), program, repeats)
            total_s = repeats * sum(pulse.duration_s for pulse in program)
            short = total_s < LONGEST_AT_ONCE_S
            world.play("pulses", events, self._at_once(program, repeats) if short else None)

    def _at_once(self, program: list[Pulse], repeats: int) -> Callable[[], None]:
        lines = [
            Lines(pulse.duration_s, *(channel in pulse.high for channel in PulseChannel))
            for pulse in program
        ]
        return lambda: self.world.run_train(lines, repeats)

    def wait(self) -> None:
        """Return after the program has ended."""
        self._connected().finish("pulses")

    def stop(self) -> None:
        """End the program now."""
        self._connected()
        self._switch_off()

    def _events(self, start_s: float, program: list[Pulse], repeats: int) -> Iterator[Event]:
        ends_s = np.cumsum([pulse.duration_s for pulse in program])
        starts_s = [0.0, *ends_s[:-1]]
        period_s = float(ends_s[-1])
        for n in range(repeats):
            for offset_s, pulse in zip(starts_s, program, strict=True):
                yield start_s + n * period_s + offset_s, self._action(pulse.high)
        yield start_s + repeats * period_s, self._action(IDLE)

    def _action(self, high: frozenset[PulseChannel]) -> Callable[[], None]:
        return lambda: self._apply(high)

    def _apply(self, high: frozenset[PulseChannel]) -> None:
        controls, gates = self.world.controls, self.world.gates
        controls.laser_line = PulseChannel.LASER in high
        controls.microwave_line = PulseChannel.MICROWAVE in high
        counting = PulseChannel.COUNT in high
        opened, was_open = counting != gates.inverted, controls.count_line != gates.inverted
        if opened and not was_open and gates.armed > len(gates.done):
            gates.done.append(np.zeros(2, dtype=np.int64))
            gates.open = True
        elif not opened:
            gates.open = False
        controls.count_line = counting
