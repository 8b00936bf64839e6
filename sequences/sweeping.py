"""The order in which a repeated linear scan visits its setpoints."""

from collections.abc import Iterator
from enum import StrEnum

import numpy as np


class Direction(StrEnum):
    """Which way a scan runs."""

    UP = "up"
    DOWN = "down"
    ALTERNATE = "alternate"


def setpoints(
    start: float, stop: float, points: int, *, sweeps: int, direction: Direction
) -> Iterator[tuple[int, float]]:
    """(sweep number, setpoint) in the order they are visited; the unit is that of `start`."""
    up = [float(value) for value in np.linspace(start, stop, points)]
    for sweep in range(sweeps):
        down = direction is Direction.DOWN or (direction is Direction.ALTERNATE and sweep % 2 == 1)
        for value in reversed(up) if down else up:
            yield sweep, value
