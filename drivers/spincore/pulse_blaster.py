"""SpinCore PulseBlaster cards, through `spinapi`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from drivers.pulse_program import IDLE, PulseProgram, check_program, wired_lines
from drivers.real_device import RealDevice
from drivers.session import Link
from labctl.errors import DeviceError, LimitError
from labctl.hal import Limits, Pulse, PulseChannel, WallClock

NS_PER_S = 1e9
POLL_S = 2e-3
SHORTEST_TICKS = 5
"""No instruction may be shorter."""
LONGEST_TICKS = 2**32 - 1
"""One instruction's; longer pulses are made of several."""


class PulseBlasterSequencer(RealDevice):
    """The digital outputs of a PulseBlaster or PulseBlasterESR.

    Args:
        board: number of the card, from 0.
        lines: output by channel, `{ laser = 0, microwave = 1, count = 2 }`.
        clock_mhz: the card's clock, which its label tells.
        instructions: its memory.
    """

    ROLE = "sequencer"

    def __init__(
        self,
        board: int = 0,
        *,
        lines: Mapping[str, int],
        clock_mhz: float = 500.0,
        instructions: int = 4096,
    ) -> None:
        self._lines = wired_lines(lines, range(24))
        self._tick_s = 1e-6 / clock_mhz
        limits = {
            "pulse_duration_s": Limits(SHORTEST_TICKS * self._tick_s, 1e3, "s"),
            "pulses": Limits(1, instructions - 4, ""),
            "repeats": Limits(1, 2**20, ""),
        }
        super().__init__(Link(f"PulseBlaster {board}"), limits)
        self._board = board
        self._clock_mhz = clock_mhz
        self._instructions = instructions
        self._program: PulseProgram | None = None
        self._loaded = False

    LIMITS: ClassVar = {}

    @property
    def channels(self) -> tuple[PulseChannel, ...]:
        return tuple(self._lines)

    def _connect(self) -> Any:
        api = self._import("spinapi", extra="spincore")
        if self._board >= (found := api.pb_count_boards()):
            raise DeviceError(
                f"{self.ROLE} at {self._link.where}: there are {found} PulseBlaster cards."
            )
        api.pb_select_board(self._board)
        api.pb_init()
        api.pb_core_clock(self._clock_mhz)
        return _Board(api)

    def _identify(self, handle: Any) -> str:
        firmware = handle.api.pb_get_firmware_id()
        return f"SpinCore,PulseBlaster,{self._board},firmware {firmware}"

    def _prepare(self, handle: Any) -> None:
        self._program = None
        self._idle(handle.api)

    def _flags(self, high: frozenset[PulseChannel]) -> int:
        return sum(1 << number for channel, number in self._lines.items() if channel in high)

    def _idle(self, api: Any) -> None:
        """Let a program play that only holds the idle levels."""
        api.pb_stop()
        self._write(api, [(SHORTEST_TICKS, self._flags(IDLE))], repeats=1)
        api.pb_start()
        self._loaded = False

    def load(self, program: Sequence[Pulse], *, repeats: int = 1) -> None:
        """Store a program; it goes to the card when it is started."""
        self._require_open()
        checked = check_program(self.limits, program, repeats, self.channels)
        if len(self._steps(checked)) > self._instructions - 4:
            raise LimitError(f"The program needs more than {self._instructions} instructions.")
        self._program, self._loaded = checked, False

    def _steps(self, program: PulseProgram) -> list[tuple[int, int]]:
        steps: list[tuple[int, int]] = []
        for ticks, high in program.in_ticks(self._tick_s):
            flags = self._flags(high)
            while ticks > LONGEST_TICKS:
                steps.append((LONGEST_TICKS // 2, flags))
                ticks -= LONGEST_TICKS // 2
            steps.append((ticks, flags))
        return steps

    def _write(self, api: Any, steps: list[tuple[int, int]], repeats: int) -> None:
        if len(steps) == 1 and repeats > 1:  # a loop has a first and a last instruction
            ticks, flags = steps[0]
            if ticks < 2 * SHORTEST_TICKS:
                raise LimitError("A single pulse that is repeated must last ten ticks.")
            steps = [(ticks - ticks // 2, flags), (ticks // 2, flags)]
        tick_ns = self._tick_s * NS_PER_S
        api.pb_start_programming(api.PULSE_PROGRAM)
        first = 0
        for n, (ticks, flags) in enumerate(steps):
            operation, data = api.CONTINUE, 0
            if repeats > 1 and n == 0:
                operation, data = api.LOOP, repeats
            elif repeats > 1 and n == len(steps) - 1:
                operation, data = api.END_LOOP, first
            written = api.pb_inst_pbonly(flags, operation, data, ticks * tick_ns)
            first = written if n == 0 else first
        # Some cards drop their outputs at STOP, so the idle levels stand before it and in it.
        api.pb_inst_pbonly(self._flags(IDLE), api.CONTINUE, 0, 2 * SHORTEST_TICKS * tick_ns)
        api.pb_inst_pbonly(self._flags(IDLE), api.STOP, 0, 2 * SHORTEST_TICKS * tick_ns)
        api.pb_stop_programming()

    def start(self) -> None:
        """Play the loaded program from its beginning."""
        self._require_open()
        if self._program is None:
            raise DeviceError(f"{self.ROLE} at {self._link.where}: no pulse program is loaded.")
        with self._talk("pb_start()") as handle:
            if not self._loaded:
                handle.api.pb_stop()
                self._write(handle.api, self._steps(self._program), self._program.repeats)
                self._loaded = True
            handle.api.pb_reset()
            handle.api.pb_start()

    def wait(self) -> None:
        """Return after the program has ended; nothing else is kept waiting meanwhile."""
        clock = WallClock()
        while self._playing():
            clock.sleep_s(POLL_S)

    def _playing(self) -> bool:
        with self._talk("pb_read_status()") as handle:
            return bool(handle.api.pb_read_status()["running"])

    def stop(self) -> None:
        """End the program now."""
        with self._talk("pb_stop()") as handle:
            self._idle(handle.api)


class _Board:
    """The card and how to let it go; closing does not stop what it plays."""

    def __init__(self, api: Any) -> None:
        self.api = api

    def close(self) -> None:
        """Free the driver."""
        self.api.pb_close()
