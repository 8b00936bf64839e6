"""A stand-in for National Instruments' `nidaqmx`: takes calls as the real one does, and records."""

from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


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
