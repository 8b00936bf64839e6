"""A dry run: what a measurement would do, and how close to the limits, touching no hardware."""

from dataclasses import dataclass
from math import prod

import numpy as np

from labctl.core.rig import Rig
from labctl.core.runner import ELAPSED
from labctl.core.sequence import MeasurementSequence
from labctl.hal import Limits
from labctl.parameters import SequenceParameters, device_limit_of
from labctl.units import format_quantity

FILE_OVERHEAD_BYTES = 100_000
NEAR = 0.05
"""A setpoint within this share of a limit's range from its end is near it."""
MANY = 100.0


@dataclass(frozen=True)
class PlannedSetting:
    """One parameter that a device limit binds."""

    parameter: str
    value: float
    role: str
    setting: str
    limits: Limits

    @property
    def near_limit(self) -> bool:
        """Whether the value is close to an end of the range; zero at the end is none.

        A range over many decades, such as 100 ns to 1000 s, is near its low end only in
        proportion to that end.
        """
        low, high = self.limits.minimum, self.limits.maximum
        margin = NEAR * (high - low)
        decades = low > 0 and high > MANY * low
        near_low = self.value < (low * (1 + NEAR) if decades else low + margin)
        return self.value != 0 and (near_low or self.value > high - margin)


@dataclass(frozen=True)
class Plan:
    """What a run would be.

    Attributes:
        points: None where it runs until stopped.
        duration_s: of the measurement itself on the rig's clock, without the computer's share;
            None where it cannot be known.
        file_bytes: expected size of the file; per point where `points` is None.
        settings: every setpoint that a device limit binds.
    """

    points: int | None
    duration_s: float | None
    file_bytes: int
    settings: tuple[PlannedSetting, ...]

    @property
    def warnings(self) -> list[str]:
        """One line per setpoint near a limit."""
        return [
            f"`{item.parameter}` = {format_quantity(item.value, item.limits.unit)} is near the "
            f"limits of {item.role}.{item.setting}, {item.limits}."
            for item in self.settings
            if item.near_limit
        ]


def plan_run(measurement: MeasurementSequence, model: SequenceParameters, rig: Rig) -> Plan:
    """Plan a run on a rig that need not be open."""
    columns = (*measurement.columns, ELAPSED)
    row = sum(np.dtype(column.dtype).itemsize * prod(column.shape) for column in columns)
    points = measurement.length
    settings: list[PlannedSetting] = []
    for name, field in type(model).model_fields.items():
        bound, value = device_limit_of(field), getattr(model, name)
        if bound is not None and value is not None and bound[0] in rig.devices:
            role, setting = bound
            limits = rig.devices[role].limits.get(setting)
            if limits is None:
                continue
            settings.append(PlannedSetting(name, float(value), role, setting, limits))
    size = row if points is None else FILE_OVERHEAD_BYTES + row * points
    return Plan(points, measurement.duration_s, size, tuple(settings))
