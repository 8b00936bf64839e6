"""What somebody wrote about a run afterwards."""

from datetime import UTC, datetime

import h5py

from labctl.storage import layout
from labctl.storage.layout import add_group, add_value, group_at, value_at


def write_note(entry: h5py.Group, text: str) -> None:
    """Put a note in place of an earlier one; an empty text leaves none."""
    if layout.NOTES in entry:
        del entry[layout.NOTES]
    if not text:
        return
    group = add_group(entry, layout.NOTES, "NXnote")
    add_value(group, "type", "text/plain")
    add_value(group, "date", datetime.now(UTC).isoformat(timespec="seconds"))
    add_value(group, "data", text)


def read_note(entry: h5py.Group) -> str:
    """The note stored in an entry, or ""."""
    return value_at(group_at(entry, layout.NOTES), "data") if layout.NOTES in entry else ""
