"""The parameters every microwave frequency scan shares."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import ClassVar, Self

from pydantic import model_validator

from labctl.data import Column, PlotHint
from labctl.parameters import SequenceParameters, quantity
from sequences.conditions import Conditions
from sequences.sweeping import Direction, setpoints

MAX_SCAN_POINTS = 1_000_000
FREQUENCY = Column("frequency_hz", "Hz", "Microwave frequency")
MICROWAVES_HZ = (0.3e9, 30e9)
"""Where lines of NV centres are looked for, up to a field of 1 T."""


class FrequencySweeps(SequenceParameters):
    """A linear scan of the microwave frequency, repeated."""

    start_hz: float = quantity(
        2.6e9, unit="Hz", label="First frequency", limited_by="microwave.frequency_hz", gt=0
    )
    stop_hz: float = quantity(
        3.2e9, unit="Hz", label="Last frequency", limited_by="microwave.frequency_hz", gt=0
    )
    points: int = quantity(301, unit="", label="Points per sweep", ge=2, le=MAX_SCAN_POINTS)
    sweeps: int = quantity(60, unit="", label="Sweeps", ge=1, le=1_000_000)
    direction: Direction = quantity(Direction.UP, unit="", label="Direction")

    @model_validator(mode="after")
    def _start_below_stop(self) -> Self:
        self.require_below("start_hz", "stop_hz", hint="to sweep downwards set `direction` to down")
        return self

    def steps(self, done: int = 0) -> Iterator[tuple[int, float]]:
        """(sweep number, frequency in Hz) in the order they are visited, after `done` of them."""
        order = setpoints(
            self.start_hz, self.stop_hz, self.points, sweeps=self.sweeps, direction=self.direction
        )
        return islice(order, done, None)


class FrequencyScan(FrequencySweeps, Conditions):
    """The same with laser and magnet as in every measurement."""


_COUNTS = {
    "angle_counts": Column("angle_counts", "counts", "APD1 counts (angle)", "int64"),
    "pl_counts": Column("pl_counts", "counts", "APD2 counts (PL)", "int64"),
}


class FrequencyScanSequence:
    """What MDMR and ODMR share: both detectors against the microwave frequency."""

    signal: ClassVar[str]
    """The column that the default plot shows."""

    def __init__(self, parameters: FrequencyScan) -> None:
        self.scan = parameters

    @property
    def columns(self) -> Sequence[Column]:
        other = next(name for name in _COUNTS if name != self.signal)
        return (
            Column("sweep", "", "Sweep", "int64"),
            FREQUENCY,
            _COUNTS[self.signal],
            _COUNTS[other],
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint(self.signal, ("frequency_hz",))

    @property
    def length(self) -> int:
        return self.scan.points * self.scan.sweeps
