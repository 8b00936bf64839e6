"""A figure of a paper, measured again: what is drawn, and what is compared."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labctl.data import Run

BEYOND = 3.0
"""Standard errors from which two numbers are said to differ."""


class Style(StrEnum):
    """How a trace is drawn."""

    LINE = "line"
    POINTS = "points"
    STEPS = "steps"
    IMAGE = "image"


class Verdict(StrEnum):
    """What a reproduction says of a number or a figure."""

    MATCHES = "matches"
    DIFFERS = "differs"
    NOT_REPRODUCIBLE = "not reproducible"


@dataclass(frozen=True)
class Trace:
    """One curve of a panel; `y_error` None draws no bars.

    An image has `y` of shape (rows, columns), `x` along its columns and `rows` along its rows.
    Traces of one `series` share a colour: data, and the line that belongs to them.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    label: str = ""
    style: Style = Style.LINE
    y_error: NDArray[Any] | None = None
    rows: NDArray[Any] | None = None
    series: int = 0


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    x_label: str
    y_label: str
    traces: Sequence[Trace]
    log_x: bool = False
    log_y: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing to see: no trace, or one without a finite point."""
        return not self.traces or any(not np.isfinite(trace.y).any() for trace in self.traces)


@dataclass(frozen=True)
class Comparison:
    """One number: what the paper reports, what theory says, and what was measured here.

    Attributes:
        reported: the paper's number in its own words.
        paper: the range in which that number lies, in `unit`, ends included; None where the paper
            gives no number for this apparatus. An end may be infinite.
        theory: from the equations, for the simulated apparatus.
        measured, error: from the photon counts; where the paper itself computes, computed here,
            with the numerical error.
        note: why it differs, or what else has to be known.
        reproduced: False marks what cannot be reproduced, with the reason in `note`.
    """

    quantity: str
    unit: str
    reported: str = ""
    theory: float | None = None
    measured: float | None = None
    error: float | None = None
    note: str = ""
    reproduced: bool = True
    paper: tuple[float, float] | None = None

    @property
    def deviation(self) -> float | None:
        """(measured - theory)/error, or None where one of them is missing."""
        if self.theory is None or self.measured is None or not self.error:
            return None
        return (self.measured - self.theory) / self.error

    @property
    def paper_deviation(self) -> float | None:
        """Standard errors between the measured number and the nearest end of `paper`."""
        if self.paper is None or self.measured is None or not self.error:
            return None
        return (self.measured - float(np.clip(self.measured, *self.paper))) / self.error

    @property
    def verdict(self) -> Verdict:
        """Differs: `BEYOND` standard errors or more from theory or paper, or never measured."""
        if not self.reproduced:
            return Verdict.NOT_REPRODUCIBLE
        found = (self.deviation, self.paper_deviation)
        if self.fault or any(d is not None and abs(d) > BEYOND for d in found):
            return Verdict.DIFFERS
        return Verdict.MATCHES

    @property
    def fault(self) -> str:
        """Why this row says nothing; "" if it does."""
        if not self.note and not self.reproduced:
            return f"{self.quantity}: no reason why it cannot be reproduced"
        if not self.reproduced:
            return ""
        if self.theory is None and not self.reported:
            return f"{self.quantity}: neither theory nor the paper beside it"
        if self.measured is None or not np.isfinite(self.measured):
            return f"{self.quantity}: not measured"
        if not self.error or not np.isfinite(self.error):
            return f"{self.quantity}: no error"
        return ""


@dataclass(frozen=True)
class PaperFigure:
    """A figure of the paper, reproduced."""

    number: str
    title: str
    panels: Sequence[Panel] = ()
    comparisons: Sequence[Comparison] = ()
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def faults(self) -> list[str]:
        """Panels without data and rows that say nothing."""
        empty = [f"panel `{panel.title}`: no data" for panel in self.panels if panel.empty]
        return empty + [row.fault for row in self.comparisons if row.fault]

    @property
    def verdict(self) -> Verdict:
        """The worst of its rows; not reproducible where all of them are, or nothing is there."""
        found = {row.verdict for row in self.comparisons}
        if found <= {Verdict.NOT_REPRODUCIBLE}:
            return Verdict.NOT_REPRODUCIBLE
        if Verdict.DIFFERS in found or self.faults:
            return Verdict.DIFFERS
        return Verdict.MATCHES

    @property
    def reasons(self) -> list[str]:
        """Why the verdict is not a plain "matches", row by row."""
        told = [fault for fault in self.faults if fault.startswith("panel")]
        for row in self.comparisons:
            if row.verdict is not Verdict.MATCHES:
                kind = "" if row.verdict is Verdict.DIFFERS else f" ({row.verdict})"
                told.append(f"{row.quantity}{kind}: {row.note or row.fault or 'unexplained'}")
        return told if self.comparisons else [*told, *self.notes]


class ReproductionLab(Protocol):
    """What a reproduction measures with."""

    @property
    def quick(self) -> bool:
        """Whether less averaging must do."""
        ...

    def run(
        self,
        rig: str,
        sequence: str,
        *,
        seed: int = 1,
        world: dict[str, Any] | None = None,
        **parameters: Any,
    ) -> Run:
        """Measure on an installed simulated rig; `world` changes figures of its apparatus.

        What was measured already, asked for in the same words, is not measured again.
        """
        ...

    def world(self, rig: str) -> dict[str, Any]:
        """What an installed simulated rig says about its apparatus."""
        ...


def comparison(
    quantity: str, unit: str, run: Run, value: str, *, scale: float = 1.0, **more: Any
) -> Comparison:
    """A comparison whose measured side is a fitted value of a run, in units of 1/`scale`."""
    fitted = run.fit.values.get(value) if run.fit else None
    if fitted is None:
        return Comparison(quantity, unit, **{"note": "the fit found none", **more})
    return Comparison(
        quantity, unit, measured=scale * fitted.value, error=abs(scale) * fitted.error, **more
    )
