"""Paul-trap drives."""

from typing import Protocol, runtime_checkable

from labctl.hal.device import Device


@runtime_checkable
class TrapDrive(Device, Protocol):
    """The alternating high voltage that holds the particle.

    Its safe state is *held*: dropping the voltage loses the particle, so neither `open`,
    `close` nor an error may touch the output. Limits: `amplitude_v`, `frequency_hz`.
    """

    @property
    def amplitude_v(self) -> float:
        """Peak amplitude at the electrode in V."""
        ...

    @amplitude_v.setter
    def amplitude_v(self, value: float) -> None: ...

    @property
    def frequency_hz(self) -> float:
        """Drive frequency in Hz."""
        ...

    @frequency_hz.setter
    def frequency_hz(self, value: float) -> None: ...

    @property
    def output(self) -> bool:
        """Whether the electrode is driven."""
        ...

    @output.setter
    def output(self, value: bool) -> None: ...
