"""Stand-ins for makers' Python packages: they take the calls of the real ones and record them."""

import ctypes
import functools
from collections import deque
from collections.abc import Callable
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


class NITask:
    """nidaqmx.Task: latched counter values come from the package's `latched` or its light."""

    def __init__(self, package: "NIDAQmx") -> None:
        self.package = package
        self.told: dict[str, Any] = {}
        self.closed = self.started = False
        self.written: list[float] = []
        self.ci_count_edges_term = ""
        self.pause = SimpleNamespace()
        self.triggers = SimpleNamespace(pause_trigger=self.pause)
        self.co_channels = SimpleNamespace(
            add_co_pulse_chan_freq=self._frequency, add_co_pulse_chan_ticks=self._ticks
        )
        self.ci_channels = SimpleNamespace(add_ci_count_edges_chan=self._counter)
        self.ao_channels = SimpleNamespace(add_ao_voltage_chan=self._tell("output"))
        self.timing = SimpleNamespace(
            cfg_implicit_timing=self._tell("implicit"), cfg_samp_clk_timing=self._tell("timing")
        )
        self.in_stream = SimpleNamespace(task=self, avail_samp_per_chan=package.available)
        package.tasks.append(self)

    def _tell(self, name: str) -> Any:
        def tell(*arguments: Any, **options: Any) -> None:
            self.told[name] = (arguments, options)

        return tell

    def _frequency(self, counter: str, *, freq: float) -> None:
        """Coerced to a whole divisor of the fastest timebase, without a word."""
        self.told["clock"] = counter, freq
        fastest_hz = self.package.card.co_max_timebase
        self.package.clock_hz = fastest_hz / round(fastest_hz / freq)

    def _ticks(self, counter: str, source: str, *, low_ticks: int, high_ticks: int) -> None:
        if not (2 <= low_ticks < 2**32 and 2 <= high_ticks < 2**32):
            raise RuntimeError("-200077: the requested number of ticks is not supported")
        if source.partition("/Dev1/")[2] not in self.package.timebases:
            raise RuntimeError(f"-89120: there is no terminal {source}")
        self.told["clock"] = counter, source, low_ticks, high_ticks
        timebase_hz = self.package.timebases[source.partition("/Dev1/")[2]]
        self.package.clock_hz = timebase_hz / (low_ticks + high_ticks)

    def _counter(self, name: str) -> "NITask":
        self.told["counter"] = name
        return self

    def start(self) -> None:
        self.started = True

    def write(self, volts: float) -> None:
        self.written.append(volts)

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> "NITask":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class NIDAQmx:
    """The package nidaqmx with one card.

    Attributes:
        clock_hz: how fast the sample clock really is.
        light: total photons until a time in s, which the counters latch if they have no `latched`.
    """

    def __init__(
        self,
        latched: dict[str, list[int]],
        *,
        available: int = 0,
        fastest_hz: float = 100e6,
        bits: int = 32,
        light: Callable[[float], int] = round,
    ) -> None:
        self.clock_hz = 0.0
        self.light = light
        self.timebases = {
            f"{fastest_hz / 1e6:g}MHzTimebase": fastest_hz,
            "20MHzTimebase": 20e6,
            "100kHzTimebase": 100e3,
        }
        self.latched = {name: deque(values) for name, values in latched.items()}
        self.available = available
        self.tasks: list[NITask] = []
        self.constants = SimpleNamespace(
            AcquisitionType=SimpleNamespace(FINITE="finite"),
            TriggerType=SimpleNamespace(DIGITAL_LEVEL="level"),
            Level=SimpleNamespace(LOW="low"),
            Edge=SimpleNamespace(FALLING="falling"),
        )
        self.stream_readers = SimpleNamespace(CounterReader=lambda stream: NIReader(stream.task))
        names = SimpleNamespace(device_names=["Dev1"])
        self.card = card = SimpleNamespace(
            product_type="PCIe-6363",
            serial_num=0x1A2B3C,
            co_max_timebase=fastest_hz,
            ci_max_size=bits,
        )
        devices = type("Devices", (), {"__getitem__": lambda _, name: card, **vars(names)})()
        local = SimpleNamespace(devices=devices)
        self.system = SimpleNamespace(System=SimpleNamespace(local=lambda: local))

    def Task(self) -> NITask:  # noqa: N802
        return NITask(self)


class NIReader:
    """nidaqmx.stream_readers.CounterReader."""

    def __init__(self, task: NITask) -> None:
        self.task = task

    def read_many_sample_uint32(
        self, data: Any, *, number_of_samples_per_channel: int, timeout: float
    ) -> None:
        package = self.task.package
        if self.task.told["counter"] not in package.latched:
            for i in range(number_of_samples_per_channel):
                data[i] = package.light(i / package.clock_hz) % 2**32
            return
        values = package.latched[self.task.told["counter"]]
        if len(values) < number_of_samples_per_channel:
            raise RuntimeError(f"-200284: some samples were not available in {timeout:g} s")
        for i in range(number_of_samples_per_channel):
            data[i] = values.popleft()
