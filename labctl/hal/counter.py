"""Photon counters."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from labctl.errors import DeviceError
from labctl.hal.device import Device

ANGLE = "angle"
"""Channel of APD1: light reflected off the diamond's surface, hence its angle."""
PL = "pl"
"""Channel of APD2: photoluminescence, hence the spin state."""


@dataclass(frozen=True)
class CountTrace(Mapping[str, NDArray[np.int64]]):
    """Counts in adjacent bins by channel, shape (n,), and the clock that made the bins.

    Attributes:
        counts: channel -> counts per bin, shape (n,).
        sample_rate_hz: bins per second as the counter really made them. Hardware divides a clock,
            so this is seldom what was asked for; time and frequency axes are made from it.
    """

    counts: Mapping[str, NDArray[np.int64]]
    sample_rate_hz: float

    def __getitem__(self, channel: str) -> NDArray[np.int64]:
        return self.counts[channel]

    def __iter__(self) -> Iterator[str]:
        return iter(self.counts)

    def __len__(self) -> int:
        return len(self.counts)

    def in_step_with(self, sample_rate_hz: float) -> "CountTrace":
        """Itself, if its bins never slip by more than half of one against `sample_rate_hz`.

        For data that another clock orders, such as that of a generator's frequency list.

        Raises:
            DeviceError: they slip; the message says by how much.
        """
        bins = max((len(counts) for counts in self.counts.values()), default=0)
        slip = abs(bins * (sample_rate_hz / self.sample_rate_hz - 1.0))
        if slip > 0.5:
            raise DeviceError(
                f"counter: {sample_rate_hz:.9g} Hz became {self.sample_rate_hz:.9g} Hz, which slips"
                f" by {slip:.3g} of {bins} samples; choose a rate that divides the counter's clock."
            )
        return self


@runtime_checkable
class PhotonCounter(Device, Protocol):
    """Counts detected photons on named channels, all over the same time window.

    Limits: `duration_s` of one count or gate, `sample_rate_hz` of a stream.
    Every method raises `DeviceError` when the hardware does not deliver in time.
    """

    @property
    def channels(self) -> tuple[str, ...]:
        """Channel names; a complete lab has "angle" (APD1) and "pl" (APD2)."""
        ...

    def count(self, duration_s: float) -> Mapping[str, int]:
        """Count for `duration_s` starting now; returns the counts per channel when it is over.

        Raises:
            LimitError: the counter's clock cannot keep `duration_s` to one part in 10^4.
        """
        ...

    def stream(self, sample_rate_hz: float, n: int) -> CountTrace:
        """Record `n` adjacent bins of 1/`sample_rate_hz` starting now, or as near as the clock can.

        Returns:
            Channel -> counts per bin, shape (n,); no gap between bins; with the true rate.
        """
        ...

    def arm_gates(self, gates: int) -> None:
        """Expect `gates` count gates from the pulse sequencer; discards unread ones."""
        ...

    def read_gates(self) -> Mapping[str, NDArray[np.int64]]:
        """Counts of the armed gates in the order they opened, shape (gates,) per channel.

        Blocks until the last gate has closed.

        Raises:
            DeviceError: nothing armed, or the gates do not come.
        """
        ...
