"""The time base of a rig: the wall clock on a real one, the world's clock on a simulated one."""

import time
from typing import Protocol, runtime_checkable


@runtime_checkable
class Clock(Protocol):
    """What a sequence uses instead of `time`, so that it runs the same on both kinds of rig."""

    def now_s(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    def sleep_s(self, duration_s: float) -> None:
        """Let `duration_s` pass on this clock."""
        ...


class WallClock:
    """The computer's own monotonic clock."""

    def now_s(self) -> float:
        """Seconds since this process's time base."""
        return time.monotonic()

    def sleep_s(self, duration_s: float) -> None:
        """Sleep."""
        time.sleep(duration_s)
