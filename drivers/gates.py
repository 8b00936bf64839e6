"""Waiting for count gates that a pulse program opens."""

from collections.abc import Callable

from labctl.errors import DeviceError, LimitError
from labctl.hal import Clock

POLL_S = 0.01


def check_gates(gates: int) -> int:
    """`gates` if that many can be armed. Raises LimitError below one."""
    if gates < 1:
        raise LimitError(f"At least one gate must be armed, not {gates}.")
    return gates


def wait_for_gates(
    closed: Callable[[], int], gates: int, *, patience_s: float, clock: Clock
) -> None:
    """Return when `gates` gates have closed.

    Raises:
        DeviceError: no further one has closed for `patience_s`.
    """
    seen, since_s = closed(), clock.now_s()
    while seen < gates:
        if clock.now_s() - since_s > patience_s:
            raise DeviceError(
                f"Only {seen} of {gates} gates came, and none for {patience_s:g} s; is the count "
                "line connected, and was the pulse program started?"
            )
        clock.sleep_s(POLL_S)
        if (now := closed()) > seen:
            seen, since_s = now, clock.now_s()
