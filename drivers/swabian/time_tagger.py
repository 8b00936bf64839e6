"""Photon counting with a Swabian Instruments Time Tagger, through its maker's package."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from drivers.gates import check_gates, wait_for_gates
from drivers.real_device import RealDevice
from drivers.session import Link
from labctl.errors import DeviceError, LimitError, RigError
from labctl.hal import Limits, WallClock

PS_PER_S = 1_000_000_000_000
MAX_BINS = 50_000_000
SLACK_S = 5.0


class TimeTaggerCounter(RealDevice):
    """APDs on inputs of a Time Tagger.

    Args:
        serial: serial number; "" takes the only one.
        inputs: input number by channel, `{ angle = 1, pl = 2 }`.
        gate_input: input of the pulse sequencer's count line.
        threshold_v: trigger level of the APDs' pulses.
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
        patience_s: float = 60.0,
    ) -> None:
        if not inputs or gate_input in inputs.values():
            raise RigError("`inputs` must name a channel, and none may be the gate's input.")
        super().__init__(Link(f"Time Tagger {serial}".rstrip()))
        self._serial = serial
        self._inputs = dict(inputs)
        self._gate_input = gate_input
        self._threshold_v = threshold_v
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
        for number in self._inputs.values():
            handle.tagger.setTriggerLevel(number, self._threshold_v)

    def close(self) -> None:
        """Disconnect; gates that are still armed are forgotten."""
        self._armed = {}
        super().close()

    def count(self, duration_s: float) -> Mapping[str, int]:
        """Count for `duration_s` from now."""
        duration_s = self.limits.check("duration_s", duration_s)
        counts = self._binned(round(duration_s * PS_PER_S), 1)
        return {channel: int(values[0]) for channel, values in counts.items()}

    def stream(self, sample_rate_hz: float, n: int) -> Mapping[str, NDArray[np.int64]]:
        """Record `n` adjacent bins."""
        rate_hz = self.limits.check("sample_rate_hz", sample_rate_hz)
        if not 1 <= n <= MAX_BINS:
            raise LimitError(f"A stream has 1 to {MAX_BINS} bins, not {n}.")
        return self._binned(round(PS_PER_S / rate_hz), n)

    def _binned(self, bin_ps: int, n: int) -> dict[str, NDArray[np.int64]]:
        with self._talk(f"Counter(binwidth={bin_ps}, n_values={n})") as handle:
            numbers = list(self._inputs.values())
            counter = self._package.Counter(handle.tagger, numbers, bin_ps, n)
            counter.startFor(bin_ps * n, clear=True)
            wait_ms = round(1e3 * (bin_ps * n / PS_PER_S + SLACK_S))
            if not counter.waitUntilFinished(timeout=wait_ms):
                raise DeviceError(
                    f"{self.ROLE} at {self._link.where}: `{self._link.last_command}` is not "
                    f"finished after {wait_ms / 1e3:g} s."
                )
            data = np.asarray(counter.getData(), dtype=np.int64)
        return dict(zip(self._inputs, data, strict=True))

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
            with self._talk("CountBetweenMarkers.getData()"):
                return {
                    channel: np.asarray(item.getData(), dtype=np.int64)
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
