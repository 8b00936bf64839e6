"""What a measurement hands around: columns, points, the record of a run, the result of a fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray

Point = Mapping[str, Any]
"""One row of a measurement: exactly the declared columns, each with its scalar or block."""


class RunStatus(StrEnum):
    """How far a run came; `RUNNING` in a file that nobody writes means the program was killed."""

    RUNNING = "running"
    FINISHED = "finished"
    ABORTED = "aborted"
    FAILED = "failed"
    RECOVERED = "recovered"


@dataclass(frozen=True)
class Column:
    """One quantity that every point carries.

    Attributes:
        name: identifier with its unit in it, such as "frequency_hz".
        unit: SI unit, "counts", or "" for a pure number.
        label: what a plot writes at the axis.
        dtype: NumPy dtype name, "float64" or "int64".
        shape: () for a scalar; (n,) for a trace or a hardware-timed sweep in every point.
    """

    name: str
    unit: str
    label: str
    dtype: str = "float64"
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class PlotHint:
    """Which column the default plot shows, against which."""

    signal: str
    axes: tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """One adjustable value of an instrument: what was asked for and what it reads back."""

    setpoint: float | bool | None
    readback: float | bool
    unit: str


def instant_of(time: str) -> datetime:
    """The instant of a stored time, for comparisons: wall clocks go back and cross time zones.

    Raises:
        ValueError: not an ISO 8601 time.
    """
    return datetime.fromisoformat(time).astimezone(UTC)


@dataclass(frozen=True)
class InstrumentRecord:
    """One device as it stood at one moment of a run."""

    role: str
    class_path: str
    identity: str
    settings: Mapping[str, Setting]
    limits: Mapping[str, tuple[float, float, str]]
    safe_state: str


SIGNAL = Column("signal", "", "Signal")
SIGNAL_ERROR = Column("signal_error", "", "Standard error of the signal")
"""What a table of other people holds beside its axis, in whatever unit it was written."""


@dataclass(frozen=True)
class TableAnalysis:
    """How a measurement reads a table that another program wrote.

    Attributes:
        axis: what the signal stands against, in SI.
        fit: takes axis, signal and standard errors, shape (n,) each, with the axis rising.
        typical: range of the axis in SI, by which a missing unit is guessed.
    """

    axis: Column
    fit: Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]], FitResult | None]
    typical: tuple[float, float] | None = None


@dataclass(frozen=True)
class ParameterRecord:
    """One sequence parameter as it was used; `value` None means "left as it was"."""

    name: str
    value: float | int | bool | str | None
    unit: str
    label: str


@dataclass(frozen=True)
class RunInfo:
    """Everything that is known about a run before its first point.

    Attributes:
        resumed_from: identifier of the aborted run whose points this one begins with; "" if none.
        part_of: identifier of the protocol's record that this run belongs to; "" if none.
        imported_from: the table of another program that the points come from; "" if none.
        particle: identifier of the particle in the trap; "" if nobody gave it one.
        truth: in simulated mode, what the world knows and the measurement must find:
            name -> (values, unit). Empty on a real rig.
    """

    run_id: str
    sequence: str
    title: str
    description: str
    start_time: str
    parameters: Sequence[ParameterRecord]
    parameters_json: str
    rig_name: str
    rig_text: str
    simulated: bool
    seed: int | None
    host: str
    user: str
    versions: Mapping[str, str]
    git_revision: str
    resumed_from: str = ""
    imported_from: str = ""
    part_of: str = ""
    particle: str = ""
    truth: Mapping[str, tuple[NDArray[np.float64], str]] = field(default_factory=dict)


@dataclass(frozen=True)
class FitValue:
    """One fitted quantity with its standard error (one sigma), in SI."""

    value: float
    error: float
    unit: str
    label: str = ""


@dataclass(frozen=True)
class Table:
    """Columns of equal length with their units, such as one row per resonance."""

    columns: Mapping[str, NDArray[Any]]
    units: Mapping[str, str]


@dataclass(frozen=True)
class FitCurve:
    """What was fitted, as a plot shows it: data with errors and the model on top.

    Arrays of the data share shape (n,); `x_name` and `y_name` are column names with their units.

    Attributes:
        model: the model at the data's own `x`, which residuals need.
        model_x: where the model is drawn, shape (m,), rising; empty where `model` has to do.
        model_y: the model there, shape (m,).
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    y_error: NDArray[np.float64]
    model: NDArray[np.float64]
    x_name: str
    x_unit: str
    x_label: str
    y_name: str
    y_unit: str
    y_label: str
    model_x: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    model_y: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def drawn(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The line to draw: the model on its own grid, or else at the data, in order of x."""
        if self.model_x.size:
            return self.model_x, self.model_y
        order = np.argsort(self.x, kind="stable")
        return self.x[order], self.model[order]


@dataclass(frozen=True)
class FitResult:
    """The outcome of an analysis, as it is printed, plotted and stored.

    Attributes:
        model: one phrase that names the model.
        values: fitted quantities by name, in the order of `covariance`'s rows.
        covariance: (k, k) of the first k `values`; empty where the fit gave none.
        reduced_chi_square: NaN where there were no degrees of freedom.
        notes: what makes the result doubtful, in words; empty when nothing does.
        tables: results with one row per found feature, by name.
        curve: the plot of the fit, or None.
    """

    model: str
    values: Mapping[str, FitValue]
    covariance: NDArray[np.float64]
    reduced_chi_square: float
    notes: tuple[str, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    curve: FitCurve | None = None


@dataclass(frozen=True)
class Mark:
    """Points of a run that are no good, by their numbers from 0, both included, and why."""

    first: int
    last: int
    reason: str


@dataclass(frozen=True)
class Run:
    """A measurement with its data, live or from a file of last year.

    Attributes:
        columns: name -> array of shape (points,) or (points, *column.shape).
        specification: the declared columns, in order.
        parameters: name -> value in SI.
        instruments: the devices as they stood before the first point.
        instruments_at_end: the same after the run; empty while it goes on and after a kill.
        note: what somebody wrote about the run afterwards; "" if nobody did.
        marks: points that are no good, such as those without light; an analysis leaves them out.
    """

    info: RunInfo
    specification: tuple[Column, ...]
    columns: Mapping[str, NDArray[Any]]
    plot: PlotHint
    status: RunStatus
    reason: str = ""
    end_time: str = ""
    instruments: Sequence[InstrumentRecord] = ()
    instruments_at_end: Sequence[InstrumentRecord] = ()
    fit: FitResult | None = None
    note: str = ""
    path: Path | None = None
    marks: Sequence[Mark] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters the run was started with, in SI."""
        return {record.name: record.value for record in self.info.parameters}

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def sound(self) -> Run:
        """The run without the points that are marked; itself where none is."""
        if not self.marks:
            return self
        good = np.ones(len(self), dtype=bool)
        for mark in self.marks:
            good[mark.first : mark.last + 1] = False
        columns = {name: values[good] for name, values in self.columns.items()}
        return replace(self, columns=columns, marks=())

    def to_xarray(self) -> xarray.Dataset:
        """The columns as a Dataset over dimension `point`, each with units and long_name."""
        import xarray

        variables: dict[str, Any] = {}
        for column in self.specification:
            block = tuple(f"{column.name}_{i}" for i in range(len(column.shape)))
            attributes = {"units": column.unit, "long_name": column.label}
            variables[column.name] = (("point", *block), self.columns[column.name], attributes)
        axes = [name for name in self.plot.axes if variables[name][0] == ("point",)]
        attributes = {"run_id": self.info.run_id, "sequence": self.info.sequence}
        return xarray.Dataset(variables, attrs=attributes).set_coords(axes)
