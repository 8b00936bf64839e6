"""Other people's data: which columns mean what, their fit, and a run file made of them."""

import contextlib
import getpass
import math
import platform
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labctl._version import __version__
from labctl.core import find_sequence, sequence_names
from labctl.core.provenance import description_of, now
from labctl.data import (
    SIGNAL,
    SIGNAL_ERROR,
    FitResult,
    PlotHint,
    RunInfo,
    RunStatus,
    TableAnalysis,
)
from labctl.errors import CatalogError, LabError, ParameterError
from labctl.storage import ForeignTable, RunWriter, append_fit, read_table
from labctl.storage.run_folder import new_file
from labctl.units import parse_quantity

Floats = NDArray[np.float64]

_ERROR = re.compile(r"err|sigma|std|sem\b|unc|±|\bd[a-z]$", re.IGNORECASE)
_AXIS = {
    "Hz": re.compile(r"freq|^f\b|\bf$|[kMG]?Hz", re.IGNORECASE),
    "s": re.compile(r"time|tau|delay|^t\b|\bt$|duration|length", re.IGNORECASE),
}
_UNIT = re.compile(r"[\[(/]\s*([A-Za-zµμ]+)\s*[\])]?\s*$|_([A-Za-zµμ]+)$|\b([kMG]Hz|[munpµμ]s)\b")
_SPELLINGS = {"hz": "Hz", "khz": "kHz", "mhz": "MHz", "ghz": "GHz", "s": "s"}


@dataclass(frozen=True)
class ChosenColumns:
    """What is taken from a table, in SI and in rising order of the axis.

    Attributes:
        x: shape (n,).
        y: shape (n,), in whatever unit the file has.
        error: standard errors of y, shape (n,).
        words: what was taken for what, for the user to judge.
    """

    x: Floats
    y: Floats
    error: Floats
    words: str


@dataclass(frozen=True)
class ColumnWishes:
    """What the user says of the columns: names or numbers from 1, and the axis's unit."""

    x: str | None = None
    y: str | None = None
    error: str | None = None
    x_unit: str | None = None


def analysis_of(sequence: str) -> TableAnalysis:
    """How a measurement reads tables.

    Raises:
        CatalogError: no such measurement, or it reads none.
    """
    analysis = getattr(find_sequence(sequence), "table", None)
    if analysis is None:
        able = [n for n in sequence_names() if hasattr(find_sequence(n), "table")]
        raise CatalogError(f"`{sequence}` reads no tables; those that do: {', '.join(able)}.")
    return analysis


def fit_table(path: Path, sequence: str, wishes: ColumnWishes) -> tuple[FitResult | None, str]:
    """The fit of a table as a measurement would make it, and what was taken for what.

    Raises:
        BadInputError: the file, the measurement or a column does not fit.
    """
    analysis = analysis_of(sequence)
    chosen = choose_columns(read_table(path), analysis, wishes)
    return analysis.fit(chosen.x, chosen.y, chosen.error), chosen.words


def import_table(path: Path, sequence: str, wishes: ColumnWishes, out: Path) -> tuple[Path, str]:
    """Make a run file of a table, with its fit; returns its path and what was taken for what.

    Raises:
        BadInputError: as `fit_table`, or the folder cannot be written.
    """
    analysis = analysis_of(sequence)
    chosen = choose_columns(read_table(path), analysis, wishes)
    cls = find_sequence(sequence)
    info = RunInfo(
        run_id=uuid.uuid4().hex,
        sequence=sequence,
        title=f"{cls.title}, imported",
        description=description_of(cls),
        start_time=now(),
        parameters=(),
        parameters_json="{}",
        rig_name="none",
        rig_text="",
        simulated=False,
        seed=None,
        host=platform.node(),
        user=getpass.getuser(),
        versions={"labctl": __version__},
        git_revision="",
        imported_from=f"{path.name}: {chosen.words}",
    )
    columns = (analysis.axis, SIGNAL, SIGNAL_ERROR)
    file = new_file(out, cls.name)
    writer = RunWriter(file, info, columns, PlotHint(SIGNAL.name, (analysis.axis.name,)), ())
    for row in zip(chosen.x, chosen.y, chosen.error, strict=True):
        writer.append(row)
    writer.close(RunStatus.FINISHED, "", now())
    fit = analysis.fit(chosen.x, chosen.y, chosen.error)
    if fit is not None:
        append_fit(file, fit)
    return file, chosen.words


def choose_columns(
    table: ForeignTable, analysis: TableAnalysis, wishes: ColumnWishes
) -> ChosenColumns:
    """Take axis, signal and errors from a table, as the user says or as their names tell.

    Without errors the scatter from point to point gives one for all: the median of the second
    differences, which a smooth signal hardly moves.

    Raises:
        ParameterError: there is no such column, or too few numbers are left.
    """
    names, axis = list(table.columns), _AXIS.get(analysis.axis.unit)
    x = _named(names, wishes.x)
    if x is None:
        x = _first(names, lambda n: axis is not None and axis.search(n) is not None) or names[0]
    error = _named(names, wishes.error) or _first(
        names, lambda n: n != x and _ERROR.search(n) is not None
    )
    y = _named(names, wishes.y) or _first(names, lambda n: n not in (x, error))
    if y is None or y in (x, error) or x == error:
        raise ParameterError(
            f"Axis, signal and errors must be different columns of: {', '.join(names)}."
        )
    factor, told = _factor(x, table.columns[x], analysis, wishes.x_unit)
    values = [table.columns[x] * factor, table.columns[y]]
    if error is not None:
        values.append(np.abs(table.columns[error]))
    kept = np.all(np.isfinite(values), axis=0)
    if error is not None:
        kept &= values[2] > 0
    values = [v[kept] for v in values]
    order = np.argsort(values[0], kind="stable")
    values = [v[order] for v in values]
    if len(values[0]) < 3 or values[0][0] == values[0][-1]:
        raise ParameterError(f"Columns `{x}` and `{y}` hold too few numbers that belong together.")
    sigma = values[2] if error is not None else np.full(len(order), _scatter(values[1]))
    left = [n for n in names if n not in (x, y, error)]
    return ChosenColumns(
        x=values[0],
        y=values[1],
        error=sigma,
        words=f"axis `{x}` {told}, signal `{y}`, errors "
        + (f"`{error}`" if error is not None else "from the scatter from point to point")
        + (f"; not used: {', '.join(f'`{n}`' for n in left)}" if left else ""),
    )


def _named(names: list[str], wish: str | None) -> str | None:
    if wish is None:
        return None
    if wish in names:
        return wish
    if wish.isdecimal() and 1 <= int(wish) <= len(names):
        return names[int(wish) - 1]
    raise ParameterError(f"There is no column `{wish}`; there are: {', '.join(names)}.")


def _first(names: list[str], fits: Callable[[str], bool]) -> str | None:
    return next((name for name in names if fits(name)), None)


def _factor(
    name: str, values: Floats, analysis: TableAnalysis, wish: str | None
) -> tuple[float, str]:
    """SI per unit of the axis, and where that comes from.

    Raises:
        ParameterError: nothing tells the unit.
        UnitError: `wish` is no unit of the axis.
    """
    unit = analysis.axis.unit
    if wish is not None:
        return parse_quantity(f"1 {wish}", unit), f"in {wish}"
    match = _UNIT.search(name)
    written = next((group for group in match.groups() if group), "") if match else ""
    for spelling in (written, _SPELLINGS.get(written.casefold(), "")):
        with contextlib.suppress(LabError):
            if spelling:
                return parse_quantity(f"1 {spelling}", unit), f"in {spelling}"
    size = float(np.nanmedian(np.abs(values)))
    low, high = analysis.typical or (math.inf, -math.inf)
    factors = {u: parse_quantity(f"1 {u}", unit) for u in _SPELLINGS.values() if u.endswith(unit)}
    fitting = [u for u, factor in factors.items() if low <= size * factor <= high]
    if len(fitting) != 1:
        raise ParameterError(f"Nothing tells the unit of column `{name}`; give --x-unit, {unit}?")
    return factors[fitting[0]], f"taken to be in {fitting[0]} by its size"


def _scatter(y: Floats) -> float:
    """Standard error of a point from its neighbours: MAD of second differences over sqrt 6."""
    second = y[2:] - 2 * y[1:-1] + y[:-2]
    sigma = 1.4826 * float(np.median(np.abs(second - np.median(second)))) / math.sqrt(6)
    return sigma or float(np.std(second)) / math.sqrt(6) or float(np.ptp(y)) or 1.0
