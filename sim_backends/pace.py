"""How the simulated world's time is held to the wall clock, or not."""

import logging
import math
import time

from labctl.errors import RigError

logger = logging.getLogger(__name__)


class Pace:
    """Relation of the world's time to the wall clock's.

    Attributes:
        speed: seconds of the world per second of the wall clock; None is as fast as possible.
    """

    def __init__(self) -> None:
        self.speed: float | None = None
        self._wall_start_s = 0.0
        self._slipped = False

    def hold(self, time_s: float, speed: float | None) -> None:
        """From world time `time_s` on keep this speed.

        Raises:
            RigError: not a positive number.
        """
        if speed is not None:
            if not (math.isfinite(speed) and speed > 0):
                raise RigError(f"The clock's speed must be above 0, but got {speed:g}.")
            self._wall_start_s = time.monotonic() - time_s / speed
        self.speed = speed
        self._slipped = False

    def slip(self, time_s: float, due_s: float) -> None:
        """A world that only came to `time_s` of `due_s` goes on from there, late from now on."""
        if time_s < due_s:
            if not self._slipped:
                logger.warning("The simulation is slower than its clock, which now runs behind.")
            self.hold(time_s, self.speed)
            self._slipped = True

    def due_s(self, time_s: float) -> float:
        """What the world's time should be by the wall clock, at least `time_s`."""
        if self.speed is None:
            return time_s
        return max(time_s, self.speed * (time.monotonic() - self._wall_start_s))

    def ahead_s(self, time_s: float) -> float:
        """By how much a world at `time_s` is ahead, in the wall's seconds; below 0 if behind."""
        if self.speed is None:
            return 0.0
        return time_s / self.speed - (time.monotonic() - self._wall_start_s)
