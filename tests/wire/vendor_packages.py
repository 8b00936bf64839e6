"""Stand-ins for makers' Python packages: they take the calls of the real ones and record them."""

import ctypes
import functools
from enum import Enum
from types import SimpleNamespace
from typing import Any

import numpy as np


class SynthHDChannel:
    """One output of a windfreak.SynthHD."""

    def __init__(self) -> None:
        self.frequency = 1e9
        self.power = 0.0
        self.enable = True
        self.calibrated = True


class SynthHD:
    """windfreak.SynthHD."""

    model: str | None = "SynthHD PRO v2"
    hardware_version = "Hardware Version 2.06"
    serial_number = 1234
    firmware_version = "Firmware Version 3.25"

    def __init__(self, port: str) -> None:
        self.port = port
        self.closed = False
        self.channels = [SynthHDChannel(), SynthHDChannel()]

    def __getitem__(self, number: int) -> SynthHDChannel:
        return self.channels[number]

    def close(self) -> None:
        self.closed = True


class OutputState:
    """pulsestreamer.OutputState."""

    def __init__(self, digi: list[int]) -> None:
        self.digi = sorted(digi)


class TriggerStart(Enum):
    """pulsestreamer.TriggerStart."""

    IMMEDIATE = 0
    SOFTWARE = 1


class PulseStreamer:
    """pulsestreamer.PulseStreamer; says it streams for as many questions as `busy`."""

    def __init__(self, address: str) -> None:
        print("Connect to Pulse Streamer via JSON-RPC.")
        self.calls: list[tuple[Any, ...]] = [("connect", address)]
        self.busy = 0

    def getSerial(self) -> str:  # noqa: N802
        return "00:26:32:f0:92:26"

    def getFirmwareVersion(self) -> str:  # noqa: N802
        return "1.7.2"

    def constant(self, state: OutputState) -> None:
        self.calls.append(("constant", state.digi))

    def setTrigger(self, start: TriggerStart) -> None:  # noqa: N802
        self.calls.append(("setTrigger", start.name))

    def createSequence(self) -> Any:  # noqa: N802
        lines: dict[int, Any] = {}
        return SimpleNamespace(lines=lines, setDigital=lines.__setitem__)

    def stream(self, sequence: Any, n_runs: int, final: OutputState) -> None:
        for steps in sequence.lines.values():
            if any(length < 2 for length, _ in steps):
                raise RuntimeError("A pulse is shorter than the minimum pulse width of 2 ns")
        self.calls.append(("stream", dict(sequence.lines), n_runs, final.digi))

    def startNow(self) -> None:  # noqa: N802
        self.calls.append(("startNow",))

    def isStreaming(self) -> bool:  # noqa: N802
        self.busy -= 1
        return self.busy >= 0


class PulseBlasterBoard:
    """A PulseBlasterESR-PRO behind SpinAPI: what it is told, and what its lines then do.

    Attributes:
        shortest: clock periods of its shortest instruction.
        busy: for how many questions it says that it runs.
        fails: function -> the code it returns instead of doing anything.
    """

    def __init__(self, *, boards: int = 1, shortest: int = 5, clock_mhz: float = 500.0) -> None:
        self.boards, self.shortest, self.clock_mhz = boards, shortest, clock_mhz
        self.calls: list[tuple[Any, ...]] = []
        self.program: list[tuple[int, int, int, int]] = []
        self.busy = 0
        self.fails: dict[str, int] = {}

    def call(self, name: str, *arguments: Any) -> Any:
        """A function of the C library: a code below zero is an error."""
        self.calls.append((name, *arguments))
        if name in self.fails:
            return self.fails[name]
        return getattr(self, name, lambda *_: 0)(*arguments)

    def pb_count_boards(self) -> int:
        return self.boards

    def pb_get_firmware_id(self) -> int:
        return 0x0D13

    def pb_start_programming(self, target: int) -> int:
        self.program = []
        return 0

    def pb_read_status(self) -> int:
        self.busy -= 1
        return 0b100 if self.busy >= 0 else 0b001

    def pb_inst_pbonly(self, word: int, operation: int, data: int, ns: float) -> int:
        ticks = round(ns * self.clock_mhz / 1e3, 6)
        if ticks < self.shortest or ticks != int(ticks) or ticks >= 2**32:
            return -91
        if not 0 <= word < 2**24 or not 0 <= data < 2**20:
            return -1
        self.program.append((word, operation, data, int(ticks)))
        return len(self.program) - 1

    def played(self) -> list[tuple[int, int]]:
        """(clock periods, lines that are high) of one run of the program, equal neighbours joined.

        Bits 21 to 23: for how many periods the lines follow their bits; 000 never, 111 always.
        """
        steps: list[tuple[int, int]] = []
        for word, _, _, ticks in self.program:
            code, lines = word >> 21, word & (2**21 - 1)
            high = ticks if code == 7 else code
            for length, state in ((high, lines), (ticks - high, 0)):
                if length and steps and steps[-1][1] == state:
                    steps[-1] = steps[-1][0] + length, state
                elif length:
                    steps.append((length, state))
        return steps


def pypi_spinapi(board: PulseBlasterBoard) -> Any:
    """The module `spinapi` from PyPI: it raises what went wrong, in bytes, and tells the status."""

    def call(name: str) -> Any:
        def function(*arguments: Any) -> Any:
            answer = board.call(name, *arguments)
            if name == "pb_read_status":
                return {"running": bool(answer & 4), "stopped": bool(answer & 1)}
            if name == "pb_core_clock":
                return None
            if answer < 0:
                raise RuntimeError(b"Instruction length is shorter than minimum")
            return answer

        return function

    names = (
        "count_boards", "select_board", "init", "core_clock", "get_firmware_id", "read_status",
        "start_programming", "inst_pbonly", "stop_programming", "start", "stop", "reset", "close",
    )  # fmt: skip
    return SimpleNamespace(
        **{f"pb_{name}": call(f"pb_{name}") for name in names}, CONTINUE=0, PULSE_PROGRAM=0
    )


def spincore_spinapi(board: PulseBlasterBoard) -> Any:
    """The module `spinapi` that SpinCore ships: codes are returned, much is only in its library."""

    class Library:
        def __getattr__(self, name: str) -> Any:
            if not name.startswith("pb_"):
                raise AttributeError(name)

            def function(*arguments: Any) -> int:
                if any(isinstance(a, float) for a in arguments):
                    raise ctypes.ArgumentError("Don't know how to convert parameter")
                plain = (a.value if isinstance(a, ctypes.c_double) else a for a in arguments)
                return board.call(name, *plain)

            return function

    names = (
        "count_boards", "select_board", "init", "core_clock", "start_programming",
        "stop_programming", "start", "stop", "reset", "close",
    )  # fmt: skip
    return SimpleNamespace(
        **{f"pb_{name}": functools.partial(board.call, f"pb_{name}") for name in names},
        spinapi=Library(),
        Inst=SimpleNamespace(CONTINUE=0, STOP=1, LOOP=2, END_LOOP=3),
        PULSE_PROGRAM=0,
        pb_get_error=lambda: "Instruction length is shorter than minimum",
    )


class Tagger:
    """A TimeTagger, whose trigger levels its converter rounds and limits to +-2.5 V."""

    def __init__(self) -> None:
        self.levels: dict[int, float] = {}
        self.lost = 0
        self.losing = 0

    def getModel(self) -> str:  # noqa: N802
        return "Time Tagger 20"

    def getSerial(self) -> str:  # noqa: N802
        return "1910000OZQ"

    def setTriggerLevel(self, number: int, volts: float) -> None:  # noqa: N802
        step_v = 5.0 / 1024
        self.levels[number] = max(min(round(volts / step_v) * step_v, 2.5), -2.5)

    def getTriggerLevel(self, number: int) -> float:  # noqa: N802
        return self.levels[number]

    def clearOverflows(self) -> None:  # noqa: N802
        self.lost = self.losing

    def getOverflows(self) -> int:  # noqa: N802
        return self.lost

    def getInvertedChannel(self, number: int) -> int:  # noqa: N802
        return -number

    def sync(self) -> None: ...


class TimeTagger:
    """The module Swabian.TimeTagger: counts are the input's number times the bin's, from 1.

    A `Counter` keeps its bins in a ring and shows one when its time has passed: of a record that
    ends with its last bin, the last is missing.
    """

    def __init__(self) -> None:
        self.tagger = Tagger()
        self.freed = False
        self.finishes = True
        self.sign = 1
        self.gates_closed = 10**9

    def createTimeTagger(self, serial: str) -> Tagger:  # noqa: N802
        self.serial = serial
        return self.tagger

    def freeTimeTagger(self, tagger: Tagger) -> None:  # noqa: N802
        self.freed = True

    def Counter(self, tagger: Tagger, inputs: list[int], bin_ps: int, n: int) -> Any:  # noqa: N802
        self.counter = (inputs, bin_ps, n)

        def start(duration_ps: int, *, clear: bool) -> None:
            self.started = (duration_ps, clear)

        def data(*, rolling: bool = True) -> Any:
            complete = -(-self.started[0] // bin_ps) - 1
            ring = np.zeros(n, dtype=np.int64)
            for bin_number in range(complete):
                ring[bin_number % n] = bin_number + 1
            if rolling:
                ring = np.roll(ring, -(complete % n))
            return np.outer(inputs, ring).astype(np.int32) * self.sign

        return SimpleNamespace(
            startFor=start, waitUntilFinished=lambda timeout: self.finishes, getData=data
        )

    def CountBetweenMarkers(  # noqa: N802
        self, tagger: Tagger, click: int, begin: int, end: int, n: int
    ) -> Any:
        self.markers = (begin, end)

        def widths() -> Any:
            done = np.zeros(n, dtype=np.int64)
            done[: self.gates_closed] = 1000
            return done

        return SimpleNamespace(
            getBinWidths=widths, getData=lambda: click * np.arange(1, n + 1, dtype=np.int32)
        )
