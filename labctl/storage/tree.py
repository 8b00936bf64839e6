"""What stands in a data file before its first point."""

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from labctl.data import Column, InstrumentRecord, PlotHint, RunInfo, RunStatus, Setting
from labctl.storage import layout
from labctl.storage.layout import add_fixed_text, add_group, add_named_group, add_value

_CHUNK_BYTES = 8192
_BLOCK_CHUNK_BYTES = 1 << 17
_COMPRESSED_BYTES = 1 << 15
_COMPRESSED_CHUNK_SAMPLES = 1 << 17
_GZIP: Mapping[str, Any] = {"compression": "gzip", "compression_opts": 4, "shuffle": True}

Ends = Mapping[tuple[str, str], tuple[h5py.Dataset, h5py.Dataset]]
"""(role, setting) -> the datasets of setpoint and readback, [at start, at end] each."""

Truth = Mapping[str, tuple[NDArray[np.float64], str]]
"""What a simulated world knows: name -> (values, unit)."""

_PROVENANCE = (
    "sequence", "rig_name", "rig_text", "simulated", "seed", "host", "git_revision", "resumed_from",
    "imported_from",
    "part_of", "particle",
)  # fmt: skip

logger = logging.getLogger(__name__)


def write_tree(
    file: h5py.File,
    info: RunInfo,
    columns: Sequence[Column],
    plot: PlotHint,
    instruments: Sequence[InstrumentRecord],
) -> Ends:
    """Write everything that is known before the first point; columns are left empty."""
    file.attrs["NX_class"] = "NXroot"
    file.attrs["default"] = layout.ENTRY
    file.attrs["creator"] = layout.CREATOR
    file.attrs["labctl_format"] = layout.FORMAT
    file.attrs["file_name"] = os.path.basename(file.filename)  # noqa: PTH119  h5py gives text
    file.attrs["file_time"] = info.start_time
    file.attrs["HDF5_Version"] = h5py.version.hdf5_version
    file.attrs["h5py_version"] = h5py.version.version
    entry = add_group(file, layout.ENTRY, "NXentry")
    entry.attrs["default"] = layout.DATA
    add_value(entry, "title", info.title)
    add_value(entry, "experiment_description", info.description)
    add_value(entry, "entry_identifier", info.run_id)
    add_value(entry, "start_time", info.start_time)
    add_fixed_text(entry, "end_time", "", layout.TIME_BYTES)
    version = str(info.versions.get("labctl", ""))
    add_value(entry, "program_name", layout.CREATOR, version=version)
    add_value(add_group(entry, layout.USER, "NXuser"), "name", info.user)
    _write_run(entry, info)
    _write_parameters(entry, info)
    _write_data(entry, columns, plot)
    if info.truth:
        truth = add_group(entry, layout.TRUTH, "NXcollection")
        for name, (values, unit) in info.truth.items():
            layout.add_named_value(truth, name, values, units=unit)
    return _write_instruments(entry, info.rig_name, instruments)


def write_end(dataset: h5py.Dataset, value: float | None) -> None:
    """Fill in the second of [at start, at end], also in SWMR mode."""
    dataset[1] = np.nan if value is None else float(value)


def write_truth_at_end(entry: h5py.Group, truth: Truth) -> None:
    """Replace the truth a run began with, also in SWMR mode; nothing new can be added then."""
    known = dict(
        layout.datasets(layout.group_at(entry, layout.TRUTH)) if layout.TRUTH in entry else ()
    )
    for name, (values, _) in truth.items():
        dataset = known.get(name)
        if dataset is not None and dataset.shape == np.shape(values):
            dataset[...] = values
        else:
            logger.warning("Truth %s was not there, or of another shape, at the start", name)


def _write_run(entry: h5py.Group, info: RunInfo) -> None:
    run = add_group(entry, layout.RUN, "NXcollection")
    add_fixed_text(run, "status", RunStatus.RUNNING, layout.STATUS_BYTES)
    add_fixed_text(run, "reason", "", layout.REASON_BYTES)
    for name in _PROVENANCE:
        add_value(run, name, getattr(info, name))
    add_value(run, "parameters_json", info.parameters_json)
    run.create_dataset(layout.MARKS, (0, 2), "int64", maxshape=(None, 2), chunks=(16, 2))
    text = h5py.string_dtype("utf-8", layout.MARK_BYTES)
    run.create_dataset(layout.MARK_REASONS, (0,), text, maxshape=(None,), chunks=(4,))
    versions = add_group(run, "versions", "NXcollection")
    for name, version in info.versions.items():
        layout.add_named_value(versions, name, version)


def _write_parameters(entry: h5py.Group, info: RunInfo) -> None:
    group = add_group(entry, layout.PARAMETERS, "NXparameters")
    for record in info.parameters:
        layout.add_named_value(
            group, record.name, record.value, units=record.unit, long_name=record.label
        )


def _write_data(entry: h5py.Group, columns: Sequence[Column], plot: PlotHint) -> None:
    data = add_group(entry, layout.DATA, "NXdata")
    for column in columns:
        dataset = data.create_dataset(
            column.name,
            shape=(0, *column.shape),
            maxshape=(None, *column.shape),
            chunks=(chunk_points(column), *_chunk_block(column)),
            dtype=column.dtype,
            **(_GZIP if compressed(column) else {}),
        )
        dataset.attrs["units"] = column.unit
        dataset.attrs["long_name"] = column.label
    shapes = {column.name: column.shape for column in columns}
    data.attrs["signal"] = plot.signal
    # NeXus wants exactly one axis per dimension; this is the hint as the sequence gave it.
    data.attrs["plot_axes"] = np.array(plot.axes, dtype=h5py.string_dtype())
    for name in plot.axes:
        if len(shapes[name]) <= len(shapes[plot.signal]):
            data.attrs[f"{name}_indices"] = list(range(1 + len(shapes[name])))
    first = [name for name in plot.axes if shapes[name] == ()][:1]
    if first:
        # "." would do for a dimension without axis, but punx 0.3.5 takes it for an error.
        bins = [_write_bins(data, size) for size in shapes[plot.signal]]
        data.attrs["axes"] = np.array([*first, *bins], dtype=object)


def _write_bins(data: h5py.Group, size: int) -> str:
    bins = layout.add_named_value(data, "bin", np.arange(size), units="", long_name="Bin")
    bins.attrs[layout.NO_COLUMN] = True
    return layout.base_name(bins)


def compressed(column: Column) -> bool:
    """Whether a column is gzipped: long integer blocks, such as raw counts, shrink to an eighth."""
    return np.dtype(column.dtype).kind == "i" and _point_bytes(column) >= _COMPRESSED_BYTES


def chunk_points(column: Column) -> int:
    """Points per HDF5 chunk: small files for short runs, few chunks for long ones.

    A compressed chunk is written once: written again it would need room anew each time.
    """
    if compressed(column):
        return 1
    target = _CHUNK_BYTES if column.shape == () else _BLOCK_CHUNK_BYTES
    return max(1, target // _point_bytes(column))


def _chunk_block(column: Column) -> tuple[int, ...]:
    """How much of a point's block one chunk holds; a compressed one is unpacked as a whole."""
    if not compressed(column):
        return column.shape
    return (*column.shape[:-1], min(column.shape[-1], _COMPRESSED_CHUNK_SAMPLES))


def _point_bytes(column: Column) -> int:
    return 8 * int(np.prod(column.shape))


def _write_instruments(
    entry: h5py.Group, rig_name: str, instruments: Sequence[InstrumentRecord]
) -> Ends:
    parent = add_group(entry, layout.INSTRUMENT, "NXinstrument")
    add_value(parent, "name", rig_name)
    ends: dict[tuple[str, str], tuple[h5py.Dataset, h5py.Dataset]] = {}
    for record in instruments:
        nx_class = layout.ROLE_CLASSES.get(record.role, "NXcollection")
        group = add_named_group(parent, record.role, nx_class)
        add_value(group, "identity", record.identity)
        add_value(group, "class_path", record.class_path)
        add_value(group, "safe_state", record.safe_state)
        settings = add_group(group, "settings", "NXcollection")
        for name, setting in record.settings.items():
            ends[record.role, name] = _write_setting(settings, name, setting)
        limits = add_group(group, "limits", "NXcollection")
        for name, (low, high, unit) in record.limits.items():
            layout.add_named_value(limits, name, [float(low), float(high)], units=unit)
    return ends


def _write_setting(
    parent: h5py.Group, name: str, setting: Setting
) -> tuple[h5py.Dataset, h5py.Dataset]:
    group = add_named_group(parent, name, "NXcollection")
    datasets = []
    for which, value in (("setpoint", setting.setpoint), ("readback", setting.readback)):
        start = np.nan if value is None else float(value)
        datasets.append(add_value(group, which, [start, np.nan], units=setting.unit))
    # A switch stays a bool when it is read back; NaN stands for "not set" and "not recorded".
    group.attrs["switch"] = isinstance(setting.readback, bool | np.bool_)
    group.attrs["elements"] = np.array(["at start", "at end"], dtype=object)
    return datasets[0], datasets[1]
