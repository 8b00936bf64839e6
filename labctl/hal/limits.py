"""The ranges a device accepts, published so that forms and checks can read them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from labctl.errors import LimitError, RigError
from labctl.units import format_quantity


@dataclass(frozen=True)
class Limits:
    """Closed range [minimum, maximum] of one setting, in `unit` (SI or "dBm")."""

    minimum: float
    maximum: float
    unit: str

    def __post_init__(self) -> None:
        if not self.minimum <= self.maximum:
            raise RigError(f"Limits must rise, but {self.minimum:g} > {self.maximum:g}.")

    def __str__(self) -> str:
        low, high = (format_quantity(v, self.unit) for v in (self.minimum, self.maximum))
        return f"{low} .. {high}"


class LimitTable(Mapping[str, Limits]):
    """The limits of one device by setting name; a rig file may narrow them, never widen them."""

    def __init__(self, limits: Mapping[str, Limits]) -> None:
        self._limits = dict(limits)

    def __getitem__(self, name: str) -> Limits:
        return self._limits[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._limits)

    def __len__(self) -> int:
        return len(self._limits)

    def check(self, name: str, value: float) -> float:
        """Return `value` as a float if the device accepts it.

        Raises:
            LimitError: NaN, infinite or out of range; values are refused, never clipped.
        """
        limits = self._limits[name]
        if not (math.isfinite(value) and limits.minimum <= value <= limits.maximum):
            shown = format_quantity(value, limits.unit)
            raise LimitError(f"`{name}` = {shown} is outside the device's limits {limits}.")
        return float(value)

    def narrow(self, tighter: Mapping[str, Limits]) -> None:
        """Tighten some limits, as the rig file asks.

        Raises:
            RigError: an unknown setting, or a range that reaches beyond the device's own.
        """
        for name, new in tighter.items():
            if name not in self._limits:
                known = ", ".join(self._limits) or "none"
                raise RigError(f"no limit is called `{name}`; the device has: {known}.")
            old = self._limits[name]
            if new.minimum < old.minimum or new.maximum > old.maximum:
                raise RigError(f"limits of `{name}` ({new}) exceed the device's own ({old}).")
            self._limits[name] = new
