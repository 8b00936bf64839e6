"""What every instrument has in common."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from labctl.data import Setting
from labctl.hal.limits import LimitTable


@runtime_checkable
class Device(Protocol):
    """One instrument. Constructing it touches no hardware; `open` does.

    Every property setter checks `limits`, sends the value and reads it back; it raises
    `LimitError` before anything is sent, `DeviceError` when the read-back disagrees.
    """

    @property
    def identity(self) -> str:
        """Vendor, model, serial number and firmware, as the instrument tells them."""
        ...

    @property
    def limits(self) -> LimitTable:
        """Accepted ranges by setting name; available before `open`."""
        ...

    def open(self) -> None:
        """Connect. Afterwards every *source* is off; a trap drive is left as it was found.

        Raises:
            DeviceError: no answer, or another model at the address.
        """
        ...

    def close(self) -> None:
        """Disconnect and leave the hardware as it stands. Closing twice is fine."""
        ...

    def settings(self) -> Mapping[str, Setting]:
        """Every adjustable value by property name: what was asked for, what reads back."""
        ...
