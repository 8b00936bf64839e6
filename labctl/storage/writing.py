"""Whether a program is writing a file just now, told apart from one that was killed.

HDF5 cannot say: a killed writer leaves the same marks as one at work. A lock on a small file beside
the data can, because the system lets go of it however the program ends.
"""

import contextlib
from pathlib import Path

from filelock import FileLock, Timeout


class Writing:
    """The claim of this program on a data file that it writes."""

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(_beside(path), thread_local=False)

    def begin(self) -> None:
        """Claim the file; where the file system knows no locks, nobody can tell."""
        with contextlib.suppress(OSError, NotImplementedError, Timeout):
            self._lock.acquire(timeout=0)

    def end(self) -> None:
        """Let go of it."""
        if self._lock.is_locked:
            self._lock.release(force=True)
            with contextlib.suppress(OSError):
                Path(self._lock.lock_file).unlink(missing_ok=True)


def is_being_written(path: Path) -> bool:
    """Whether a program, this one or another, claims a data file."""
    lock = FileLock(_beside(path), thread_local=False)
    if not Path(lock.lock_file).exists():
        return False
    try:
        lock.acquire(timeout=0)
    except (Timeout, RuntimeError):  # the latter where this very thread writes it
        return True
    except (OSError, NotImplementedError):
        return False
    lock.release()
    return False


def forget_writing(path: Path) -> None:
    """Remove what a killed program has left beside its file."""
    if not is_being_written(path):
        with contextlib.suppress(OSError):
            _beside(path).unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.writing")
