"""The result of an analysis inside a data file."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import h5py
import numpy as np

from labctl._version import __version__
from labctl.data import FitCurve, FitResult, FitValue, Table
from labctl.storage import layout
from labctl.storage.layout import (
    add_group,
    add_named_group,
    add_named_value,
    add_value,
    base_name,
    dataset_at,
    datasets,
    group_at,
    groups,
    text_attribute,
    value_at,
    value_of,
)

_ERRORS = "errors"


def write_fit(entry: h5py.Group, fit: FitResult) -> None:
    """Put a fit in place of an earlier one and make its curve the default plot."""
    for name in (layout.FIT, layout.FIT_DATA, layout.FIT_MODEL):
        if name in entry:
            del entry[name]
    group = add_group(entry, layout.FIT, "NXprocess")
    add_value(group, "program", layout.CREATOR)
    add_value(group, "version", __version__)
    add_value(group, "date", datetime.now(UTC).isoformat(timespec="seconds"))
    add_value(group, "model", fit.model)
    add_value(group, "covariance", np.asarray(fit.covariance, dtype=np.float64))
    add_value(group, "reduced_chi_square", float(fit.reduced_chi_square))
    add_value(group, "notes", np.array(fit.notes, dtype=object))
    values = add_group(group, "values", "NXcollection")
    for name, value in fit.values.items():
        _write_value(values, name, value)
    tables = add_group(group, "tables", "NXcollection")
    for name, table in fit.tables.items():
        rows = add_named_group(tables, name, "NXcollection")
        for key, cells in table.columns.items():
            dataset = add_named_value(rows, key, np.asarray(cells))
            if key in table.units:
                dataset.attrs["units"] = table.units[key]
    entry.attrs["default"] = layout.DATA
    if fit.curve is not None:
        _write_curve(entry, fit.curve)
        entry.attrs["default"] = layout.FIT_DATA


def read_fit(entry: h5py.Group) -> FitResult | None:
    """The fit stored in an entry, or None."""
    if layout.FIT not in entry:
        return None
    group = group_at(entry, layout.FIT)
    tables: dict[str, Table] = {}
    for name, rows in groups(group_at(group, "tables")):
        items = dict(datasets(rows))
        units = {
            key: text_attribute(item, "units")
            for key, item in items.items()
            if "units" in item.attrs
        }
        tables[name] = Table({key: value_of(item) for key, item in items.items()}, units)
    return FitResult(
        model=value_at(group, "model"),
        values=dict(read_values(group)),
        covariance=value_at(group, "covariance"),
        reduced_chi_square=value_at(group, "reduced_chi_square"),
        notes=tuple(str(note) for note in value_at(group, "notes")),
        tables=tables,
        curve=_read_curve(entry),
    )


def read_values(fit: h5py.Group) -> Iterator[tuple[str, FitValue]]:
    """(name, value) of a stored fit, one after the other."""
    stored = group_at(fit, "values")
    for name, dataset in datasets(stored):
        if _ERRORS in dataset.attrs:
            error = value_at(stored, text_attribute(dataset, _ERRORS))
            unit = text_attribute(dataset, "units")
            label = text_attribute(dataset, "long_name")
            yield name, FitValue(value_of(dataset), error, unit, label)


def fit_bytes(fit: FitResult) -> int:
    """Upper bound of the room a fit takes in a file."""
    arrays: list[Any] = [fit.covariance]
    arrays += [cells for table in fit.tables.values() for cells in table.columns.values()]
    if fit.curve is not None:
        arrays += [fit.curve.x] * 4 + [fit.curve.model_x] * 2
    text = sum(len(note) for note in fit.notes)
    objects = len(arrays) + 2 * len(fit.values) + len(fit.tables)
    return sum(8 * 64 + 64 * np.asarray(a).size for a in arrays) + 4 * text + 4096 * objects


def _write_value(parent: h5py.Group, name: str, value: FitValue) -> None:
    dataset = add_named_value(
        parent, name, float(value.value), units=value.unit, long_name=value.label
    )
    error = add_named_value(parent, f"{name}_errors", float(value.error), units=value.unit)
    dataset.attrs[_ERRORS] = base_name(error)


def _write_curve(entry: h5py.Group, curve: FitCurve) -> None:
    group = add_group(entry, layout.FIT_DATA, "NXdata")
    x = add_named_value(group, curve.x_name, curve.x, units=curve.x_unit, long_name=curve.x_label)
    y = add_named_value(group, curve.y_name, curve.y, units=curve.y_unit, long_name=curve.y_label)
    y_name = base_name(y)
    error = add_value(group, f"{y_name}_errors", curve.y_error, units=curve.y_unit)
    label = f"fit: {curve.y_label}"
    model = add_named_value(group, "model", curve.model, units=curve.y_unit, long_name=label)
    names = [base_name(item) for item in (x, y, error, model)]
    group.attrs["signal"] = names[1]
    group.attrs["axes"] = np.array(names[:1], dtype=object)
    group.attrs["auxiliary_signals"] = np.array(names[3:], dtype=object)
    group.attrs[f"{names[0]}_indices"] = [0]
    group.attrs["members"] = np.array(names, dtype=object)
    if curve.model_x.size:
        _write_model(entry, curve)


def _write_model(entry: h5py.Group, curve: FitCurve) -> None:
    group = add_group(entry, layout.FIT_MODEL, "NXdata")
    x = add_value(group, "x", curve.model_x, units=curve.x_unit, long_name=curve.x_label)
    label = f"fit: {curve.y_label}"
    y = add_value(group, "model", curve.model_y, units=curve.y_unit, long_name=label)
    group.attrs["signal"] = base_name(y)
    group.attrs["axes"] = np.array([base_name(x)], dtype=object)
    group.attrs["x_indices"] = [0]


def _read_curve(entry: h5py.Group) -> FitCurve | None:
    if layout.FIT_DATA not in entry:
        return None
    group = group_at(entry, layout.FIT_DATA)
    members = [str(name) for name in np.asarray(group.attrs["members"])]
    x, y, error, model = (dataset_at(group, name) for name in members)
    drawn = {}
    if layout.FIT_MODEL in entry:
        line = group_at(entry, layout.FIT_MODEL)
        drawn = {"model_x": value_at(line, "x"), "model_y": value_at(line, "model")}
    return FitCurve(
        x=value_of(x),
        y=value_of(y),
        y_error=value_of(error),
        model=value_of(model),
        x_name=layout.key_of(x),
        x_unit=text_attribute(x, "units"),
        x_label=text_attribute(x, "long_name"),
        y_name=layout.key_of(y),
        y_unit=text_attribute(y, "units"),
        y_label=text_attribute(y, "long_name"),
        **drawn,
    )
