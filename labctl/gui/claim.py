"""What only one window at a time may have, held by a lock that ends with the program."""

from pathlib import Path

from filelock import FileLock, Timeout
from PyQt5.QtCore import QObject, QTimer, pyqtSignal

RETRY_MS = 2000


class Claim(QObject):
    """A lock on a file; tried again and again until it is had.

    Args:
        path: of the lock's own file, whose folder need not exist yet.

    Attributes:
        changed: it was won, or found to be somebody else's.
    """

    changed = pyqtSignal()

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = FileLock(path, thread_local=False)
        self._folder = path.parent
        self.refused = False
        """Whether somebody else has it."""
        self._timer = QTimer(self)
        self._timer.setInterval(RETRY_MS)
        self._timer.timeout.connect(self._try)
        self._try()
        if not self.owned:
            self._timer.start()

    @property
    def owned(self) -> bool:
        """Whether this window has it."""
        return self._lock.is_locked

    def give_up(self) -> None:
        """Let the next one have it."""
        self._timer.stop()
        self._lock.release(force=True)

    def _try(self) -> None:
        if not self._folder.is_dir():
            return
        try:
            self._lock.acquire(timeout=0)
        except (Timeout, RuntimeError):
            before, self.refused = self.refused, True
            if not before:
                self.changed.emit()
            return
        except (OSError, NotImplementedError):
            # A folder that cannot be written, or a file system without locks: nobody can tell.
            self._timer.stop()
            return
        self.refused = False
        self._timer.stop()
        self.changed.emit()
