"""Data files: NeXus/HDF5, written crash-proof, read in any state."""

from labctl.storage.fitted import newest_fitted
from labctl.storage.reader import read_run
from labctl.storage.record import (
    ProtocolRecord,
    RecordedStep,
    is_record,
    read_record,
    write_record,
)
from labctl.storage.recover import append_fit, recover
from labctl.storage.writer import RunWriter

__all__ = [
    "ProtocolRecord",
    "RecordedStep",
    "RunWriter",
    "append_fit",
    "is_record",
    "newest_fitted",
    "read_record",
    "read_run",
    "recover",
    "write_record",
]
