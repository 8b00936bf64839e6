"""What a measurement is."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Protocol

from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.hal import Instruments
from labctl.parameters import SequenceParameters


class MeasurementSequence(Protocol):
    """One kind of measurement: what it can be told, what it yields, what its data mean.

    A sequence opens, saves and plots nothing. Plug-ins need not import this class; they satisfy
    it. The first paragraph of the class docstring is its description wherever it is listed.

    A sequence may have a `particle_present`, a mapping of counter channels to the least counts per
    second that a particle gives in it, in place of the rig's; an empty one asks for no light.
    One that can make sense of other people's tables has a `table`, a `TableAnalysis`.
    """

    name: ClassVar[str]
    """Short name on the command line."""
    title: ClassVar[str]
    """One line for a plot or a menu."""
    roles: ClassVar[tuple[str, ...]]
    """Rig roles it uses."""
    Parameters: ClassVar[type[SequenceParameters]]

    def __init__(self, parameters: SequenceParameters) -> None: ...

    @property
    def columns(self) -> Sequence[Column]:
        """Exactly what every point carries."""
        ...

    @property
    def plot(self) -> PlotHint:
        """The default plot."""
        ...

    @property
    def length(self) -> int | None:
        """Number of points, or None for a sequence that runs until stopped."""
        ...

    @property
    def duration_s(self) -> float | None:
        """Seconds on the rig's clock that the measurement takes, or None if unknown."""
        ...

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Measure, yielding one point at a time.

        `done` points were taken by an earlier run that this one resumes: begin after them.

        A `finally` in this generator is its own clean-up; the runner puts every device into
        its safe state afterwards in any case.
        """
        ...

    def analyze(self, run: Run) -> FitResult | None:
        """Turn data into a result with uncertainties, or None where there is nothing to say.

        No hardware: the same code runs live, afterwards and on last year's file.
        """
        ...
