"""Microwave generators."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from labctl.hal.device import Device


@runtime_checkable
class MicrowaveSource(Device, Protocol):
    """A generator of one continuous tone.

    Limits: `frequency_hz`, `power_dbm`. Post-condition of every setter: the tone at the
    connector has the new value when the call returns.
    """

    @property
    def frequency_hz(self) -> float:
        """Frequency of the tone in Hz."""
        ...

    @frequency_hz.setter
    def frequency_hz(self, value: float) -> None: ...

    @property
    def power_dbm(self) -> float:
        """Power at the generator's connector in dBm, before any amplifier."""
        ...

    @power_dbm.setter
    def power_dbm(self, value: float) -> None: ...

    @property
    def output(self) -> bool:
        """Whether the connector carries power. Off after `open`."""
        ...

    @output.setter
    def output(self, value: bool) -> None: ...


@runtime_checkable
class FrequencyList(Protocol):
    """The extra verbs of a generator that steps through a list by its own clock.

    Limits: `list_dwell_s`, with the grid of its clock: it holds entry n of a list from n to n + 1
    times the dwell, exactly.
    """

    def load_frequency_list(self, frequencies_hz: Sequence[float], dwell_s: float) -> None:
        """Store a list of frequencies (Hz), each held for `dwell_s`; nothing is emitted yet.

        Raises:
            LimitError: the list is empty, an entry is outside `limits["frequency_hz"]`, or the
                dwell outside `limits["list_dwell_s"]` or off its grid.
        """
        ...

    def start_frequency_list(self) -> None:
        """Begin at the first entry now and return at once; the last entry stays afterwards.

        Raises:
            DeviceError: no list is loaded, or the output is off.
        """
        ...

    def stop_frequency_list(self) -> None:
        """Leave the list where it is; must return AFTER the stepping has stopped."""
        ...
