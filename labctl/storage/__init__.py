"""Data files: NeXus/HDF5, written crash-proof, read in any state."""

from labctl.storage.fitted import newest_fitted
from labctl.storage.reader import read_run
from labctl.storage.recover import append_fit, recover
from labctl.storage.writer import RunWriter

__all__ = ["RunWriter", "append_fit", "newest_fitted", "read_run", "recover"]
