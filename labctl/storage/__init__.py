"""Data files: NeXus/HDF5, written crash-proof, read in any state."""

from labctl.storage.fitted import newest_fitted
from labctl.storage.foreign_table import ForeignTable, read_table
from labctl.storage.reader import read_run
from labctl.storage.record import (
    ProtocolRecord,
    RecordedStep,
    is_record,
    read_record,
    write_record,
)
from labctl.storage.recover import add_note, append_fit, recover
from labctl.storage.summary import FileSummary, read_summary
from labctl.storage.writer import RunWriter
from labctl.storage.writing import is_being_written

__all__ = [
    "FileSummary",
    "ForeignTable",
    "ProtocolRecord",
    "RecordedStep",
    "RunWriter",
    "add_note",
    "append_fit",
    "is_being_written",
    "is_record",
    "newest_fitted",
    "read_record",
    "read_run",
    "read_summary",
    "read_table",
    "recover",
    "write_record",
]
