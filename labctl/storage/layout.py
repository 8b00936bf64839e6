"""The NeXus schema of a data file: where things are, and how Python values become HDF5 ones.

::

    /                     NXroot        @default = entry
      entry               NXentry       @default = data, or fit_data once there is a fit
        data              NXdata        one dataset per column, all of the same first dimension
        instrument        NXinstrument  one group per role: settings [at start, at end], limits
        parameters        NXparameters  the sequence's parameters in SI
        run               NXcollection  status, rig file, seed, host, versions, parameters as JSON
        truth             NXcollection  simulated rigs only: what the measurement must find
        user              NXuser
        fit               NXprocess     values, covariance, tables
        fit_data          NXdata        what was fitted, and the model at its points
        fit_model         NXdata        the model on a finer grid, where the fit has one
        notes             NXnote        what somebody wrote about the run afterwards

`run` also holds `marks`, first and last number of points that are no good, and `mark_reasons`.

NeXus names are plain identifiers; where a key of ours is none, the object's attribute `key`
holds it.
"""

import re
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

FORMAT = 1
CREATOR = "labctl"
ENTRY = "entry"
DATA = "data"
INSTRUMENT = "instrument"
PARAMETERS = "parameters"
RUN = "run"
TRUTH = "truth"
USER = "user"
FIT = "fit"
FIT_DATA = "fit_data"
FIT_MODEL = "fit_model"
NOTES = "notes"

# Bounds of the file format: SWMR needs 1.10's, and 1.10 is what the oldest readers still open.
LIBVER = ("v110", "v110")

ROLE_CLASSES = {
    "microwave": "NXsource",
    "laser": "NXsource",
    "counter": "NXdetector",
    "gauge": "NXsensor",
}
"""Role -> NeXus base class; every other role is an NXcollection."""

# Bytes kept for what is only known at the end: nothing can be created once SWMR has begun.
STATUS_BYTES = 16
TIME_BYTES = 64
REASON_BYTES = 2048
MARK_BYTES = 128
MARKS, MARK_REASONS = "marks", "mark_reasons"

NO_COLUMN = "no_column"
"""Attribute of what stands among the columns without being one."""

# bool is stored as an enum and int beyond 64 bit as text; both remember what they were.
_KEY = "key"
_KIND = "kind"


def is_column_name(name: str) -> bool:
    """Whether a column can be a dataset of that very name."""
    return name.isascii() and name.isidentifier()


def add_group(parent: h5py.Group, name: str, nx_class: str) -> h5py.Group:
    """Create a group that remembers the order of its children."""
    group = parent.create_group(name, track_order=True)
    group.attrs["NX_class"] = nx_class
    return group


def add_named_group(parent: h5py.Group, key: str, nx_class: str) -> h5py.Group:
    """Create a group for any key, also one that is no NeXus name."""
    name = _free_name(parent, key)
    group = add_group(parent, name, nx_class)
    if name != key:
        group.attrs[_KEY] = _clean(key)
    return group


def add_value(parent: h5py.Group, name: str, value: Any, **attributes: Any) -> h5py.Dataset:
    """Store None, bool, int, float, str or an array (also of text) so that `value_of` finds it."""
    kind = ""
    if value is None:
        kind, value = "none", ""
    elif isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        kind, value = "int", str(value)
    array = np.asarray(_clean(value) if isinstance(value, str) else value)
    if array.dtype.kind in "UO":
        texts = np.array([_clean(str(text)) for text in array.flat], dtype=object)
        array = texts.reshape(array.shape)
        dataset = parent.create_dataset(name, data=array, dtype=h5py.string_dtype())
    else:
        dataset = parent.create_dataset(name, data=array)
    if kind:
        dataset.attrs[_KIND] = kind
    for attribute, text in attributes.items():
        dataset.attrs[attribute] = _clean(text) if isinstance(text, str) else text
    return dataset


def add_named_value(parent: h5py.Group, key: str, value: Any, **attributes: Any) -> h5py.Dataset:
    """Store a value under any key, also one that is no NeXus name."""
    name = _free_name(parent, key)
    dataset = add_value(parent, name, value, **attributes)
    if name != key:
        dataset.attrs[_KEY] = _clean(key)
    return dataset


def add_fixed_text(parent: h5py.Group, name: str, text: str, size: int) -> h5py.Dataset:
    """Store text in a field of `size` bytes that can be overwritten in SWMR mode."""
    dtype = h5py.string_dtype("utf-8", size)
    return parent.create_dataset(name, data=np.array(fixed_text(text, size), dtype=dtype))


def fixed_text(text: str, size: int) -> bytes:
    """Encode text into at most `size` bytes; what is too long ends in an ellipsis."""
    encoded = _clean(text).encode()
    if len(encoded) <= size:
        return encoded
    return encoded[: size - 3].decode(errors="ignore").encode() + "…".encode()


def value_of(dataset: h5py.Dataset) -> Any:
    """Read back what `add_value` or `add_fixed_text` stored."""
    kind = dataset.attrs.get(_KIND, "")
    if kind == "none":
        return None
    if h5py.check_string_dtype(dataset.dtype) is not None:
        if dataset.shape == ():
            text = bytes(dataset[()]).decode(errors="replace")
            return int(text) if kind == "int" else text
        return np.array(np.asarray(dataset.asstr()[:]).ravel().tolist(), dtype=str).reshape(
            dataset.shape
        )
    value = dataset[()]
    return value.item() if dataset.shape == () else value


def key_of(item: h5py.Group | h5py.Dataset) -> str:
    """The key under which a child was stored."""
    return str(item.attrs.get(_KEY, base_name(item)))


def base_name(item: h5py.Group | h5py.Dataset) -> str:
    """The last part of an object's path."""
    return str(item.name).rpartition("/")[2]


def group_at(parent: h5py.Group, name: str) -> h5py.Group:
    """The child group of that name; KeyError if there is none."""
    item = parent[name]
    if not isinstance(item, h5py.Group):
        raise KeyError(f"{name} is no group")
    return item


def dataset_at(parent: h5py.Group, name: str) -> h5py.Dataset:
    """The child dataset of that name; KeyError if there is none."""
    item = parent[name]
    if not isinstance(item, h5py.Dataset):
        raise KeyError(f"{name} is no dataset")
    return item


def value_at(parent: h5py.Group, name: str) -> Any:
    """The value of a child dataset; KeyError if there is none."""
    return value_of(dataset_at(parent, name))


def text_attribute(item: h5py.Group | h5py.Dataset, name: str) -> str:
    """A text attribute; KeyError if there is none."""
    return str(item.attrs[name])


def groups(parent: h5py.Group) -> Iterator[tuple[str, h5py.Group]]:
    """(key, group) of the child groups in the order they were stored."""
    for item in parent.values():
        if isinstance(item, h5py.Group):
            yield key_of(item), item


def datasets(parent: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    """(key, dataset) of the child datasets in the order they were stored."""
    for item in parent.values():
        if isinstance(item, h5py.Dataset):
            yield key_of(item), item


def _free_name(parent: h5py.Group, key: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_]", "_", key)[:63]
    if not re.match(r"[A-Za-z_]", name):
        name = f"_{name}"
    stem, count = name, 1
    while name in parent:
        count += 1
        name = f"{stem}_{count}"
    return name


def _clean(text: str) -> str:
    # HDF5 text ends at the first NUL, and a surrogate (a file name from the OS) is no UTF-8.
    return text.replace("\0", "␀").encode(errors="replace").decode()
