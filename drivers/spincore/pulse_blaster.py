"""SpinCore PulseBlaster cards, through `spinapi`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from drivers.pulse_program import IDLE, check_program, wired_lines
from drivers.real_device import RealDevice
from drivers.session import Link
from drivers.spincore.instructions import LINES, ON, Step, instructions
from drivers.spincore.spin_api import SpinAPI
from labctl.errors import DeviceError, LimitError, RigError
from labctl.hal import Limits, Pulse, PulseChannel, WallClock

NS_PER_S = 1e9
POLL_S = 2e-3
LONGEST_TICKS = 2**32 - 1
"""One instruction's; longer pulses are made of several."""
MOST_REPEATS = 2**20 - 1
"""The data field of an instruction has 20 bits."""
LAST = 2
"""Instructions behind the program, which hold the idle levels."""


class PulseBlasterSequencer(RealDevice):
    """The digital outputs of a PulseBlasterESR-PRO.

    Sources: PulseBlasterESR-PRO owner's manual (SpinCore, 2017/09/04), "Instruction set" and "Short
    pulse feature"; the SpinAPI reference for return codes.

    Args:
        board: number of the card, from 0.
        lines: output by channel, `{ laser = 0, microwave = 1, count = 2 }`, of 0 to 20.
        clock_mhz: the card's clock, which its label tells.
        instructions: its memory.
        shortest_ticks: clock periods of the shortest instruction: 5, on some boards 6 or more; the
            board's manual tells.
    """

    ROLE = "sequencer"

    def __init__(
        self,
        board: int = 0,
        *,
        lines: Mapping[str, int],
        clock_mhz: float = 500.0,
        instructions: int = 4096,
        shortest_ticks: int = 5,
    ) -> None:
        if not 1 <= shortest_ticks <= 100:
            raise RigError(f"shortest_ticks must be 1 to 100, not {shortest_ticks}.")
        self._lines = wired_lines(lines, range(LINES))
        self._tick_s = 1e-6 / clock_mhz
        self._shortest = shortest_ticks
        limits = {
            "pulse_duration_s": Limits(self._tick_s, 1e3, "s"),
            "pulses": Limits(1, instructions - LAST, ""),
            "repeats": Limits(1, MOST_REPEATS, ""),
        }
        super().__init__(Link(f"PulseBlaster {board}"), limits)
        self._board = board
        self._clock_mhz = clock_mhz
        self._most = instructions
        self._program: tuple[list[Step], int] | None = None
        self._loaded = False

    LIMITS: ClassVar = {}

    @property
    def channels(self) -> tuple[PulseChannel, ...]:
        return tuple(self._lines)

    def _connect(self) -> SpinAPI:
        api = SpinAPI(self._import("spinapi", extra="spincore"))
        if self._board >= (found := api.call("pb_count_boards")):
            raise DeviceError(
                f"{self.ROLE} at {self._link.where}: there are {found} PulseBlaster cards."
            )
        api.call("pb_select_board", self._board)
        api.call("pb_init")
        api.call("pb_core_clock", float(self._clock_mhz))
        return api

    def _identify(self, handle: Any) -> str:
        firmware = handle.call("pb_get_firmware_id")
        return f"SpinCore,PulseBlaster,{self._board},firmware {firmware}"

    def _prepare(self, handle: Any) -> None:
        self._program = None
        self._idle(handle)

    def _flags(self, high: frozenset[PulseChannel]) -> int:
        return sum(1 << number for channel, number in self._lines.items() if channel in high)

    def _idle(self, api: SpinAPI) -> None:
        """Let a program play that only holds the idle levels."""
        api.call("pb_stop")
        self._write(api, [], repeats=1)
        api.call("pb_start")
        self._loaded = False

    def load(self, program: Sequence[Pulse], *, repeats: int = 1) -> None:
        """Store a program; it goes to the card when it is started.

        Pulses shorter than an instruction are played where darkness follows them.
        """
        self._require_open()
        checked = check_program(self.limits, program, repeats, self.channels)
        steps: list[Step] = []
        for ticks, high in checked.in_ticks(self._tick_s, shortest=self._shortest):
            flags = self._flags(high)
            while ticks > LONGEST_TICKS:
                steps.append((LONGEST_TICKS // 2, flags))
                ticks -= LONGEST_TICKS // 2
            steps.append((ticks, flags))
        words = instructions(steps, shortest=self._shortest)
        if len(words) == 1 and repeats > 1:  # a loop has a first and a last instruction
            words = self._halved(*words[0])
        if len(words) + LAST > self._most:
            raise LimitError(f"The program needs more than {self._most} instructions.")
        self._program, self._loaded = (words, repeats), False

    def _halved(self, ticks: int, word: int) -> list[Step]:
        if word & ON != ON or ticks < 2 * self._shortest:
            raise LimitError(
                f"A single pulse that is repeated must last {2 * self._shortest} clock periods."
            )
        return [(ticks - ticks // 2, word), (ticks // 2, word)]

    def _write(self, api: SpinAPI, words: list[Step], repeats: int) -> None:
        tick_ns = self._tick_s * NS_PER_S
        api.call("pb_start_programming", api.PULSE_PROGRAM)
        first = 0
        for n, (ticks, word) in enumerate(words):
            operation, data = api.CONTINUE, 0
            if repeats > 1 and n == 0:
                operation, data = api.LOOP, repeats
            elif repeats > 1 and n == len(words) - 1:
                operation, data = api.END_LOOP, first
            written = api.call("pb_inst_pbonly", word, operation, data, ticks * tick_ns)
            first = written if n == 0 else first
        # Some cards drop their outputs at STOP, so the idle levels stand before it and in it.
        idle, idle_ns = ON | self._flags(IDLE), 2 * self._shortest * tick_ns
        api.call("pb_inst_pbonly", idle, api.CONTINUE, 0, idle_ns)
        api.call("pb_inst_pbonly", idle, api.STOP, 0, idle_ns)
        api.call("pb_stop_programming")

    def start(self) -> None:
        """Play the loaded program from its beginning."""
        self._require_open()
        if self._program is None:
            raise DeviceError(f"{self.ROLE} at {self._link.where}: no pulse program is loaded.")
        with self._talk("pb_start()") as api:
            if not self._loaded:
                api.call("pb_stop")
                self._write(api, *self._program)
                self._loaded = True
            api.call("pb_reset")
            api.call("pb_start")

    def wait(self) -> None:
        """Return after the program has ended; nothing else is kept waiting meanwhile."""
        clock = WallClock()
        while self._playing():
            clock.sleep_s(POLL_S)

    def _playing(self) -> bool:
        with self._talk("pb_read_status()") as api:
            return bool(api.is_running())

    def stop(self) -> None:
        """End the program now."""
        with self._talk("pb_stop()") as api:
            self._idle(api)
