"""The state a device is left in when nobody is in control. Safe is not off."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from labctl.units import format_quantity


@dataclass(frozen=True)
class SafeState:
    """Settings to apply in order; none at all means "held as it is".

    Attributes:
        keeps: what is lost with the present state of the device, in words; "" if not told.
    """

    settings: Mapping[str, float | bool] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    keeps: str = ""

    @property
    def held(self) -> bool:
        """Whether the safe state is the one that the device is in."""
        return not self.settings

    def __str__(self) -> str:
        if not self.settings:
            return "hold"
        return ", ".join(
            f"{name} {'on' if value else 'off'}"
            if isinstance(value, bool)
            else f"{name} {format_quantity(value, self.units.get(name, ''))}"
            for name, value in self.settings.items()
        )
