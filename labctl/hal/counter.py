"""Photon counters."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from labctl.hal.device import Device

ANGLE = "angle"
"""Channel of APD1: light reflected off the diamond's surface, hence its angle."""
PL = "pl"
"""Channel of APD2: photoluminescence, hence the spin state."""


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
        """Count for `duration_s` starting now; returns the counts per channel when it is over."""
        ...

    def stream(self, sample_rate_hz: float, n: int) -> Mapping[str, NDArray[np.int64]]:
        """Record `n` adjacent bins of 1/`sample_rate_hz` starting now.

        Returns:
            Channel -> counts per bin, shape (n,); no gap between bins.
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
