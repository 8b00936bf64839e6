"""A figure of a paper, measured again: what is drawn, and what is compared."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labctl.data import Run


class Style(StrEnum):
    """How a trace is drawn."""

    LINE = "line"
    POINTS = "points"
    STEPS = "steps"
    IMAGE = "image"


@dataclass(frozen=True)
class Trace:
    """One curve of a panel; `y_error` None draws no bars.

    An image has `y` of shape (rows, columns), `x` along its columns and `rows` along its rows.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    label: str = ""
    style: Style = Style.LINE
    y_error: NDArray[Any] | None = None
    rows: NDArray[Any] | None = None


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    x_label: str
    y_label: str
    traces: Sequence[Trace]
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Comparison:
    """One number: what the paper reports, what theory says, and what was measured here.

    `reported` is text, as the paper puts it; None in the others leaves a gap. `reproduced`
    False marks what cannot be reproduced, with the reason in `note`.
    """

    quantity: str
    unit: str
    reported: str = ""
    theory: float | None = None
    measured: float | None = None
    error: float | None = None
    note: str = ""
    reproduced: bool = True

    @property
    def deviation(self) -> float | None:
        """(measured - theory)/error, or None where one of them is missing."""
        if self.theory is None or self.measured is None or not self.error:
            return None
        return (self.measured - self.theory) / self.error


@dataclass(frozen=True)
class PaperFigure:
    """A figure of the paper, reproduced."""

    number: str
    title: str
    panels: Sequence[Panel] = ()
    comparisons: Sequence[Comparison] = ()
    notes: Sequence[str] = field(default_factory=tuple)


class ReproductionLab(Protocol):
    """What a reproduction measures with."""

    @property
    def quick(self) -> bool:
        """Whether minutes must do where an hour would be better."""
        ...

    def run(
        self, rig: str, sequence: str, *, seed: int = 1, world: dict[str, Any] | None = None,
        **parameters: Any,
    ) -> Run:  # fmt: skip
        """Measure on an installed simulated rig; `world` changes figures of its apparatus."""
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
        return Comparison(quantity, unit, note="the fit found none", **more)
    measured, error = scale * fitted.value, abs(scale) * fitted.error
    return Comparison(
        quantity, unit, measured=measured, error=error if np.isfinite(error) else None, **more
    )
