"""What a counter's clock makes of a duration."""

from labctl.errors import LimitError
from labctl.units import format_quantity

KEPT = 1e-4
"""Largest relative difference between the time that was asked for and the one that is counted."""


def nearest_ticks(duration_s: float, tick_s: float) -> int:
    """Number of ticks next to `duration_s`, at least one."""
    return max(round(duration_s / tick_s), 1)


def exact_ticks(duration_s: float, tick_s: float) -> int:
    """Number of ticks that make `duration_s`.

    Raises:
        LimitError: the nearest number makes a time that differs by more than `KEPT`.
    """
    ticks = nearest_ticks(duration_s, tick_s)
    if abs(ticks * tick_s - duration_s) > KEPT * duration_s:
        lower = int(duration_s / tick_s)
        near = " or ".join(format_quantity(n * tick_s, "s") for n in (lower, lower + 1) if n)
        raise LimitError(
            f"The counter's clock of {format_quantity(tick_s, 's')} cannot count for "
            f"{format_quantity(duration_s, 's')}; take {near}."
        )
    return ticks
