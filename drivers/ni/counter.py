"""Photon counting with the counters of a National Instruments card, through `nidaqmx`."""

import contextlib
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from drivers.clock_ticks import exact_ticks, nearest_ticks
from drivers.gates import check_gates, wait_for_gates
from drivers.real_device import RealDevice
from drivers.session import Link
from labctl.errors import DeviceError, LimitError, RigError
from labctl.hal import CountTrace, Limits, WallClock

MAX_BINS = 50_000_000
SLACK_S = 5.0
"""How much later than expected data may come."""
FASTEST_GATES_HZ = 1e6
SLOWER_TIMEBASES = {"20MHzTimebase": 20e6, "100kHzTimebase": 100e3}
"""What every card has beside its fastest; a counter of 32 bits times up to 43 s at 100 MHz."""
MOST_TICKS = 2**32 - 1
COUNTER_BITS = 32


class NICounter(RealDevice):
    """APDs on edge counters that a fourth counter clocks, so that bins have no gap between them.

    The counters run freely and are latched at every tick of the sample clock; counts are the
    differences. The sample clock is a timebase divided by a whole number: NI-DAQmx coerces any
    other frequency without a word ("Clock/Pulse Frequency Coercion", NI-DAQmx Key Concepts), so
    the driver asks for ticks and tells the rate they make. For gated counts the count line pauses
    the counters while it is low and latches them as it falls.

    Args:
        device: name in NI MAX, "Dev1".
        counters: counter by channel, `{ angle = "ctr0", pl = "ctr1" }`.
        inputs: terminal by channel, `{ angle = "PFI8", pl = "PFI3" }`.
        clock_counter: the counter that makes the sample clock.
        gate_input: terminal of the pulse sequencer's count line.
        patience_s: how long to wait for a gate after the one before.
    """

    ROLE = "counter"
    LIMITS: ClassVar = {
        "duration_s": Limits(1e-6, 1e3, "s"),
        "sample_rate_hz": Limits(1e-2, 1e6, "Hz"),
    }

    def __init__(
        self,
        device: str,
        *,
        counters: Mapping[str, str],
        inputs: Mapping[str, str],
        clock_counter: str = "ctr2",
        gate_input: str = "PFI0",
        patience_s: float = 60.0,
    ) -> None:
        if set(counters) != set(inputs) or not counters:
            raise RigError("`counters` and `inputs` must name the same channels, at least one.")
        super().__init__(Link(device))
        self._device = device
        self._counters, self._inputs = dict(counters), dict(inputs)
        self._clock_counter, self._gate_input = clock_counter, gate_input
        self._patience_s = patience_s
        self._gated: dict[str, Any] = {}
        self._gates = 0
        self._timebases: dict[str, float] = {}

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(self._counters)

    def _connect(self) -> Any:
        package = self._import("nidaqmx", extra="ni")
        for part in ("constants", "stream_readers", "system"):
            self._import(f"nidaqmx.{part}", extra="ni")
        return package

    def _identify(self, handle: Any) -> str:
        devices = handle.system.System.local().devices
        if self._device not in list(devices.device_names):
            raise DeviceError(
                f"{self.ROLE} at {self._device}: no such card; NI-DAQmx knows "
                f"{', '.join(devices.device_names) or 'none'}."
            )
        card = devices[self._device]
        if (bits := int(card.ci_max_size)) != COUNTER_BITS:
            raise DeviceError(
                f"{self.ROLE} at {self._device}: its counters have {bits} bits; this driver needs"
                f" {COUNTER_BITS}, as those of the M and X series."
            )
        fastest_hz = self._link.check_number(float(card.co_max_timebase))
        self._timebases = {f"{fastest_hz / 1e6:g}MHzTimebase": fastest_hz, **SLOWER_TIMEBASES}
        return f"National Instruments,{card.product_type},{card.serial_num:X}"

    def close(self) -> None:
        """Disconnect; gates that are still armed are forgotten."""
        self._disarm()
        super().close()

    def count(self, duration_s: float) -> Mapping[str, int]:
        """Count for `duration_s` from now."""
        duration_s = self.limits.check("duration_s", duration_s)
        self._require_open()
        terminal, timebase_hz = self._timebase(duration_s)
        trace = self._clocked(terminal, exact_ticks(duration_s, 1 / timebase_hz), 1)
        return {channel: int(values[0]) for channel, values in trace.items()}

    def stream(self, sample_rate_hz: float, n: int) -> CountTrace:
        """Record `n` adjacent bins, of the nearest whole number of ticks."""
        rate_hz = self.limits.check("sample_rate_hz", sample_rate_hz)
        if not 1 <= n <= MAX_BINS:
            raise LimitError(f"A stream has 1 to {MAX_BINS} bins, not {n}.")
        self._require_open()
        terminal, timebase_hz = self._timebase(1 / rate_hz)
        return self._clocked(terminal, nearest_ticks(1 / rate_hz, 1 / timebase_hz), n)

    def _timebase(self, bin_s: float) -> tuple[str, float]:
        """The fastest clock of which a counter can count one bin."""
        for terminal, timebase_hz in self._timebases.items():
            if bin_s * timebase_hz < MOST_TICKS:
                return terminal, timebase_hz
        raise LimitError(f"No timebase of this card is slow enough for {bin_s:g} s.")

    def _clocked(self, terminal: str, ticks: int, n: int) -> CountTrace:
        rate_hz = self._timebases[terminal] / ticks
        with (
            self._talk(f"count {n} bins at {rate_hz:g} Hz") as package,
            contextlib.ExitStack() as stack,
        ):
            finite = package.constants.AcquisitionType.FINITE
            clock = stack.enter_context(package.Task())
            clock.co_channels.add_co_pulse_chan_ticks(
                f"{self._device}/{self._clock_counter}",
                f"/{self._device}/{terminal}",
                low_ticks=ticks - ticks // 2,
                high_ticks=ticks // 2,
            )
            clock.timing.cfg_implicit_timing(sample_mode=finite, samps_per_chan=n + 1)
            source = f"/{self._device}/{self._clock_counter.capitalize()}InternalOutput"
            tasks = {
                channel: stack.enter_context(self._counting(package, channel))
                for channel in self._counters
            }
            for task in tasks.values():
                task.timing.cfg_samp_clk_timing(
                    rate_hz, source=source, sample_mode=finite, samps_per_chan=n + 1
                )
                task.start()
            clock.start()
            wait_s = (n + 1) / rate_hz + SLACK_S
            counts = {
                channel: _differences(self._read(package, task, n + 1, wait_s))
                for channel, task in tasks.items()
            }
        return CountTrace(counts, rate_hz)

    def _counting(self, package: Any, channel: str) -> Any:
        task = package.Task()
        item = task.ci_channels.add_ci_count_edges_chan(f"{self._device}/{self._counters[channel]}")
        item.ci_count_edges_term = f"/{self._device}/{self._inputs[channel]}"
        return task

    def _read(self, package: Any, task: Any, n: int, wait_s: float) -> NDArray[np.uint32]:
        data = np.zeros(n, dtype=np.uint32)
        reader = package.stream_readers.CounterReader(task.in_stream)
        reader.read_many_sample_uint32(data, number_of_samples_per_channel=n, timeout=wait_s)
        return data

    def arm_gates(self, gates: int) -> None:
        """Expect `gates` gates on the count line."""
        check_gates(gates)
        self._disarm()
        with self._talk(f"arm {gates} gates") as package:
            terminal = f"/{self._device}/{self._gate_input}"
            for channel in self._counters:
                task = self._gated[channel] = self._counting(package, channel)
                pause = task.triggers.pause_trigger
                pause.trig_type = package.constants.TriggerType.DIGITAL_LEVEL
                pause.dig_lvl_src = terminal
                pause.dig_lvl_when = package.constants.Level.LOW
                task.timing.cfg_samp_clk_timing(
                    FASTEST_GATES_HZ,
                    source=terminal,
                    active_edge=package.constants.Edge.FALLING,
                    sample_mode=package.constants.AcquisitionType.FINITE,
                    samps_per_chan=max(gates, 2),  # the driver refuses a buffer of one
                )
                task.start()
            self._gates = gates

    def read_gates(self) -> Mapping[str, NDArray[np.int64]]:
        """Wait for the armed gates and return their counts."""
        self._require_open()
        if not self._gated:
            raise DeviceError("No gates are armed; call arm_gates before starting the sequencer.")
        try:
            wait_for_gates(
                self._closed, self._gates, patience_s=self._patience_s, clock=WallClock()
            )
            with self._talk("read gates") as package:
                return {
                    channel: _differences(self._read(package, task, self._gates, SLACK_S), first=0)
                    for channel, task in self._gated.items()
                }
        finally:
            self._disarm()

    def _closed(self) -> int:
        with self._talk("read gates"):
            return min(int(task.in_stream.avail_samp_per_chan) for task in self._gated.values())

    def _disarm(self) -> None:
        tasks, self._gated = self._gated, {}
        for task in tasks.values():
            with contextlib.suppress(Exception):  # a task that failed may not close either
                task.close()


def _differences(latched: NDArray[np.uint32], first: int | None = None) -> NDArray[np.int64]:
    """Counts between latched values of a 32-bit counter, which may have wrapped in between."""
    if first is not None:
        latched = np.concatenate([np.array([first], dtype=np.uint32), latched])
    return np.diff(latched).astype(np.int64)  # unsigned differences wrap by themselves
