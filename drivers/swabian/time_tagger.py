"""Photon counting with a Swabian Instruments Time Tagger, through its maker's package."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from drivers.clock_ticks import exact_ticks, nearest_ticks
from drivers.gates import check_gates, wait_for_gates
from drivers.real_device import RealDevice, whole_counts
from drivers.session import Link
from labctl.errors import DeviceError, LimitError, RigError
from labctl.hal import CountTrace, Limits, WallClock

PS_PER_S = 1_000_000_000_000
MAX_BINS = 50_000_000
SLACK_S = 5.0
GUARD_PS = 1_000_000_000
"""By how much a record outlasts its last bin, at most."""
LEVEL_STEP_V = 0.02
"""The level's converter is coarser than what it is told."""


class TimeTaggerCounter(RealDevice):
    """APDs on inputs of a Time Tagger.

    Sources: the maker's pages "Measurement Classes" and "TimeTagger classes"
    (swabianinstruments.com/static/documentation/TimeTagger). Of `Counter`: "The incoming data is
    first accumulated in a not-accessible bin. When the integration time of this bin has passed,
    the accumulated data is added to the internal buffer". So a record that ends with its last bin
    may miss it: here it goes on a little longer. Of `getTriggerLevel`: the level "might differ from
    the input parameter due to the DAC discretization", so it is read back within 20 mV.

    Args:
        serial: serial number; "" takes the only one.
        inputs: input number by channel, `{ angle = 1, pl = 2 }`.
        gate_input: input of the pulse sequencer's count line.
        threshold_v: trigger level of the APDs' pulses.
        gate_threshold_v: trigger level of the count line; half of what a sequencer's output gives
            into the tagger's 50 ohm.
        patience_s: how long to wait for a gate after the one before.
    """

    ROLE = "counter"
    LIMITS: ClassVar = {
        "duration_s": Limits(1e-9, 1e4, "s"),
        "sample_rate_hz": Limits(1e-3, 1e8, "Hz"),
    }

    def __init__(
        self,
        serial: str = "",
        *,
        inputs: Mapping[str, int],
        gate_input: int = 8,
        threshold_v: float = 0.5,
        gate_threshold_v: float = 0.5,
        patience_s: float = 60.0,
    ) -> None:
        if not inputs or gate_input in inputs.values():
            raise RigError("`inputs` must name a channel, and none may be the gate's input.")
        super().__init__(Link(f"Time Tagger {serial}".rstrip()))
        self._serial = serial
        self._inputs = dict(inputs)
        self._gate_input = gate_input
        self._levels_v = dict.fromkeys(inputs.values(), threshold_v)
        self._levels_v[gate_input] = gate_threshold_v
        self._patience_s = patience_s
        self._package: Any = None
        self._armed: dict[str, Any] = {}
        self._gates = 0

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(self._inputs)

    def _connect(self) -> Any:
        self._package = self._import("Swabian.TimeTagger", extra="swabian")
        tagger = self._package.createTimeTagger(self._serial)
        return _Tagger(self._package, tagger)

    def _identify(self, handle: Any) -> str:
        tagger = handle.tagger
        return f"Swabian Instruments,{tagger.getModel()},{tagger.getSerial()}"

    def _prepare(self, handle: Any) -> None:
        for number, volts in self._levels_v.items():
            self._link.last_command = f"setTriggerLevel({number}, {volts:g})"
            handle.tagger.setTriggerLevel(number, volts)
            readback = float(handle.tagger.getTriggerLevel(number))
            self._check_readback("trigger level", volts, readback, LEVEL_STEP_V)

    def close(self) -> None:
        """Disconnect; gates that are still armed are forgotten."""
        self._armed = {}
        super().close()

    def count(self, duration_s: float) -> Mapping[str, int]:
        """Count for `duration_s` from now."""
        duration_s = self.limits.check("duration_s", duration_s)
        trace = self._binned(exact_ticks(duration_s, 1 / PS_PER_S), 1)
        return {channel: int(values[0]) for channel, values in trace.items()}

    def stream(self, sample_rate_hz: float, n: int) -> CountTrace:
        """Record `n` adjacent bins of whole picoseconds."""
        rate_hz = self.limits.check("sample_rate_hz", sample_rate_hz)
        if not 1 <= n <= MAX_BINS:
            raise LimitError(f"A stream has 1 to {MAX_BINS} bins, not {n}.")
        return self._binned(nearest_ticks(1 / rate_hz, 1 / PS_PER_S), n)

    def _binned(self, bin_ps: int, n: int) -> CountTrace:
        with self._talk(f"Counter(binwidth={bin_ps}, n_values={n})") as handle:
            numbers = list(self._inputs.values())
            # One bin more than is kept: its buffer is a ring, whose oldest must not be overwritten.
            counter = self._package.Counter(handle.tagger, numbers, bin_ps, n + 1)
            handle.tagger.clearOverflows()
            counter.startFor(bin_ps * n + min(bin_ps, GUARD_PS), clear=True)
            wait_ms = round(1e3 * (bin_ps * n / PS_PER_S + SLACK_S))
            if not counter.waitUntilFinished(timeout=wait_ms):
                raise DeviceError(
                    f"{self.ROLE} at {self._link.where}: `{self._link.last_command}` is not "
                    f"finished after {wait_ms / 1e3:g} s."
                )
            data = whole_counts(counter.getData(rolling=False), self._told("getData()"))[:, :n]
            self._refuse_overflows(handle.tagger)
        return CountTrace(dict(zip(self._inputs, data, strict=True)), PS_PER_S / bin_ps)

    def _told(self, question: str) -> str:
        return f"{self.ROLE} at {self._link.where}: `{question}`"

    def _refuse_overflows(self, tagger: Any) -> None:
        if lost := int(tagger.getOverflows()):
            raise DeviceError(
                f"{self._told('getOverflows()')} is answered {lost}: tags were lost on their way"
                " to the computer; lower the count rate."
            )

    def arm_gates(self, gates: int) -> None:
        """Expect `gates` gates on the count line."""
        check_gates(gates)
        with self._talk(f"CountBetweenMarkers(n_values={gates})") as handle:
            end = handle.tagger.getInvertedChannel(self._gate_input)
            self._armed = {
                channel: self._package.CountBetweenMarkers(
                    handle.tagger, number, self._gate_input, end, gates
                )
                for channel, number in self._inputs.items()
            }
            handle.tagger.clearOverflows()
            handle.tagger.sync()  # only now do all of them see every pulse that follows
            self._gates = gates

    def read_gates(self) -> Mapping[str, NDArray[np.int64]]:
        """Wait for the armed gates and return their counts."""
        self._require_open()
        if not self._armed:
            raise DeviceError("No gates are armed; call arm_gates before starting the sequencer.")
        try:
            wait_for_gates(
                self._closed, self._gates, patience_s=self._patience_s, clock=WallClock()
            )
            with self._talk("CountBetweenMarkers.getData()") as handle:
                self._refuse_overflows(handle.tagger)
                return {
                    channel: whole_counts(item.getData(), self._told("getData()"))
                    for channel, item in self._armed.items()
                }
        finally:
            self._armed = {}

    def _closed(self) -> int:
        """Gates that every channel has seen close: those with a width."""
        with self._talk("CountBetweenMarkers.getBinWidths()"):
            return min(int(np.count_nonzero(m.getBinWidths())) for m in self._armed.values())


class _Tagger:
    """A tagger and how to let it go."""

    def __init__(self, package: Any, tagger: Any) -> None:
        self._package = package
        self.tagger = tagger

    def close(self) -> None:
        """Free the hardware."""
        self._package.freeTimeTagger(self.tagger)
