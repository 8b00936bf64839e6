"""Swabian Instruments Pulse Streamer 8/2, through its maker's package `pulsestreamer`."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from drivers.pulse_program import IDLE, PulseProgram, check_program, wired_lines
from drivers.real_device import RealDevice
from drivers.session import Link
from labctl.errors import DeviceError
from labctl.hal import Clock, Limits, Pulse, PulseChannel, WallClock

NS_PER_S = 1_000_000_000
SHORTEST_NS = 2
"""Minimum pulse width of a digital output ("Hardware", Digital Output; 3 ns on early devices)."""
POLL_S = 2e-3
DIGITAL_OUTPUTS = range(8)


class PulseStreamerSequencer(RealDevice):
    """The digital outputs of a Pulse Streamer, in steps of 1 ns.

    Source: the maker's pages (swabianinstruments.com/static/documentation/PulseStreamer, sections
    "Hardware" and "Running pulse sequences"). The hardware fills a program up to a multiple of
    8 ns with its last state.

    Args:
        address: host name, IP address or serial number.
        lines: output by channel, `{ laser = 0, microwave = 1, count = 2 }`.
        clock: what times the waiting; the wall clock unless the lab is simulated.
    """

    ROLE = "sequencer"
    LIMITS: ClassVar = {
        "pulse_duration_s": Limits(SHORTEST_NS / NS_PER_S, 1e3, "s"),
        "pulses": Limits(1, 1_000_000, ""),
        "repeats": Limits(1, 2**31 - 1, ""),
    }

    def __init__(
        self, address: str, *, lines: Mapping[str, int], clock: Clock | None = None
    ) -> None:
        self._lines = wired_lines(lines, DIGITAL_OUTPUTS)
        super().__init__(Link(address))
        self._clock = clock if clock is not None else WallClock()
        self._program: PulseProgram | None = None
        self._loaded = False
        self._package: Any = None

    @property
    def channels(self) -> tuple[PulseChannel, ...]:
        return tuple(self._lines)

    def _connect(self) -> Any:
        self._package = self._import("pulsestreamer", extra="pulsestreamer")
        with contextlib.redirect_stdout(io.StringIO()):  # the package greets on standard output
            return self._package.PulseStreamer(self._link.where)

    def _identify(self, handle: Any) -> str:
        return (
            f"Swabian Instruments,Pulse Streamer 8/2,{handle.getSerial()},"
            f"{handle.getFirmwareVersion()}"
        )

    def _prepare(self, handle: Any) -> None:
        handle.constant(self._state(IDLE))
        self._program, self._loaded = None, False

    def _state(self, high: frozenset[PulseChannel]) -> Any:
        outputs = [number for channel, number in self._lines.items() if channel in high]
        return self._package.OutputState(outputs)

    def load(self, program: Sequence[Pulse], *, repeats: int = 1) -> None:
        """Store a program in the instrument."""
        self._require_open()
        checked = check_program(self.limits, program, repeats, self.channels)
        with self._talk(f"stream({len(program)} pulses, n_runs={repeats})") as streamer:
            self._upload(streamer, checked)
        self._program = checked

    def _upload(self, streamer: Any, program: PulseProgram) -> None:
        streamer.setTrigger(self._package.TriggerStart.SOFTWARE)
        sequence = streamer.createSequence()
        pulses = list(program.in_ticks(1 / NS_PER_S, shortest=SHORTEST_NS))
        for channel, output in self._lines.items():
            steps = [(ticks, int(channel in high)) for ticks, high in pulses]
            sequence.setDigital(output, steps)
        streamer.stream(sequence, program.repeats, self._state(IDLE))
        self._loaded = True

    def start(self) -> None:
        """Play the loaded program from its beginning."""
        self._require_open()
        if self._program is None:
            raise DeviceError(f"{self.ROLE} at {self._link.where}: no pulse program is loaded.")
        with self._talk("startNow()") as streamer:
            if not self._loaded:
                self._upload(streamer, self._program)
            streamer.startNow()

    def wait(self) -> None:
        """Return after the program has ended; nothing else is kept waiting meanwhile."""
        while self._playing():
            self._clock.sleep_s(POLL_S)

    def _playing(self) -> bool:
        with self._talk("isStreaming()") as streamer:
            return bool(streamer.isStreaming())

    def stop(self) -> None:
        """End the program now."""
        with self._talk("constant(idle)") as streamer:
            streamer.constant(self._state(IDLE))
            self._loaded = False  # the instrument has dropped the program
