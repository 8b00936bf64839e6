"""Whether numba is compiling just now, which it does once per machine."""

import threading

from numba.core import event


class Compilation(event.Listener):
    """Counts the compilations under way, in any thread."""

    def __init__(self) -> None:
        self._under_way = 0
        self._lock = threading.Lock()
        event.register("numba:compile", self)

    @property
    def under_way(self) -> bool:
        """Whether one is."""
        return self._under_way > 0

    def on_start(self, event: event.Event) -> None:
        """Numba begins."""
        with self._lock:
            self._under_way += 1

    def on_end(self, event: event.Event) -> None:
        """Numba has ended."""
        with self._lock:
            self._under_way -= 1


COMPILATION = Compilation()
"""The one of this process."""
