"""The outcome of a fit as cells of text, for a terminal and for a window."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.data import FitResult, FitValue, Table
from labctl.units import (
    PREFIXED,
    format_measurement,
    format_quantity,
    prefix_exponent,
    prefixed_unit,
)

Truth = Mapping[str, tuple[NDArray[Any], str]]
"""What a simulated world knows: name -> (values, unit), as `RunInfo.truth`."""

_LARGE_ANGLE_RAD = 0.1  # a direction, which one thinks of in degrees; librations stay below
_POWERS = 6
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNITS = {"hz", "t", "s", "a", "v", "w", "rad", "dbm", "pa", "k"}


def words(name: str) -> str:
    """The name of a column or value without its unit: `frequency_hz` -> "frequency"."""
    stem, _, unit = name.rpartition("_")
    bare = stem if unit in _UNITS and stem else name
    return bare.replace("_", " ").replace("fwhm", "FWHM")


def value_rows(fit: FitResult, truth: Truth) -> list[tuple[str, str, str]]:
    """(quantity, value with error, truth or "") of every value of a fit."""
    return [
        (value.label or words(name), _measured(value), _true(name, value.unit, truth))
        for name, value in fit.values.items()
    ]


def error_name(name: str) -> str:
    """Column with the standard errors of another: `frequency_hz` -> `frequency_error_hz`."""
    stem, _, unit = name.rpartition("_")
    return f"{stem}_error_{unit}" if stem else f"{name}_error"


def table_cells(found: Table) -> dict[str, list[str]]:
    """Header -> cells of every column; values stand with their errors, in a common prefix.

    Headers have the unit in a second line.
    """
    errors = {_error_column(found, name) for name in found.columns}
    return dict(_column(found, name) for name in found.columns if name not in errors)


def _error_column(found: Table, name: str) -> str | None:
    return next((n for n in (error_name(name), f"{name}_error") if n in found.columns), None)


def _column(found: Table, name: str) -> tuple[str, list[str]]:
    unit, error = found.units.get(name, ""), _error_column(found, name)
    values = found.columns[name]
    if error is None:
        numeric = values.dtype.kind == "f"
        return words(name), [
            format_quantity(float(v), unit) if numeric else f"{v} {unit}".strip() for v in values
        ]
    pairs = [(float(v), float(e)) for v, e in zip(values, found.columns[error], strict=True)]
    power = _power(max((abs(v) for v, _ in pairs), default=0.0), unit)
    if unit == "rad" and max((abs(v) for v, _ in pairs), default=0) > _LARGE_ANGLE_RAD:
        scale, shown = math.pi / 180, "°"
    elif power:
        scale, shown = 10.0**power, f"{_ten_to(power)} {_written(unit)}".strip()
    else:
        exponent = min((prefix_exponent(v, e, unit) for v, e in pairs), default=0)
        scale, shown = 10.0**exponent, prefixed_unit(exponent, unit)
    header = f"{words(name)}\n({shown})" if shown else words(name)
    return header, [format_measurement(v / scale, e / scale, "") for v, e in pairs]


def _measured(value: FitValue) -> str:
    """A value with its error; large ones that no prefix helps in powers of ten."""
    power = _power(value.value, value.unit)
    if not power or not value.error > 0:
        return format_measurement(value.value, value.error, value.unit)
    scaled = format_measurement(value.value / 10.0**power, value.error / 10.0**power, "")
    return f"({scaled}) · {_ten_to(power)} {_written(value.unit)}".rstrip()


def _power(value: float, unit: str) -> int:
    """Power of ten to write before a value that no prefix shortens; 0 where it is short."""
    if unit in PREFIXED or not value or not math.isfinite(value):
        return 0
    exponent = math.floor(math.log10(abs(value)))
    return exponent if abs(exponent) >= _POWERS else 0


def _ten_to(power: int) -> str:
    return "10" + str(power).translate(_RAISED)


def _written(unit: str) -> str:
    return unit.replace("^2", "²")


def _true(name: str, unit: str, truth: Truth) -> str:
    if name not in truth or truth[name][1] != unit:
        return ""
    flat = np.asarray(truth[name][0], dtype=np.float64).ravel()
    return format_quantity(float(flat[0]), unit) if flat.size == 1 else ""
