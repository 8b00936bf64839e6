"""The ranges a device accepts, published so that forms and checks can read them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from labctl.errors import LimitError, RigError
from labctl.units import format_quantity

SAME_STEP = 1e-9
"""Relative rounding of a multiple of a step: a million steps of it are a thousandth of one."""


@dataclass(frozen=True)
class Limits:
    """Closed range [minimum, maximum] of one setting, in `unit` (SI or "dBm").

    `step` is the grid that the device rounds to, from 0; 0 stands for none that matters. It
    matters where many values follow one another, so that what rounding adds grows with them.
    """

    minimum: float
    maximum: float
    unit: str
    step: float = 0.0

    def __post_init__(self) -> None:
        if not self.minimum <= self.maximum:
            raise RigError(f"Limits must rise, but {self.minimum:g} > {self.maximum:g}.")

    def __str__(self) -> str:
        low, high = (format_quantity(v, self.unit) for v in (self.minimum, self.maximum))
        steps = f" in steps of {format_quantity(self.step, self.unit)}" if self.step else ""
        return f"{low} .. {high}{steps}"

    def on_grid(self, value: float) -> bool:
        """Whether the device takes `value` without rounding it."""
        nearest = self.nearest(value)
        return abs(value - nearest) <= SAME_STEP * abs(nearest)

    def nearest(self, value: float) -> float:
        """The value of the grid next to `value`, whether in range or not."""
        # From whole numbers: 8 times a step of 1e-4 is then what "0.8 ms" means.
        return round(value / self.step) / (1 / self.step) if self.step else value


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
            LimitError: NaN, infinite, out of range or off the grid; values are refused, never
                clipped or rounded.
        """
        limits = self._limits[name]
        if not (math.isfinite(value) and limits.minimum <= value <= limits.maximum):
            shown = format_quantity(value, limits.unit)
            raise LimitError(f"`{name}` = {shown} is outside the device's limits {limits}.")
        if not limits.on_grid(value):
            shown, step = (format_quantity(v, limits.unit) for v in (value, limits.step))
            nearest = format_quantity(limits.nearest(value), limits.unit)
            raise LimitError(
                f"`{name}` = {shown} is not a multiple of {step}, the device's grid; the nearest "
                f"is {nearest}."
            )
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
            self._limits[name] = replace(new, step=old.step)
