"""Work that may take its time, away from the thread that draws."""

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from PyQt5.QtCore import QObject, pyqtSignal

logger = logging.getLogger(__name__)

Then = Callable[[Any], None]
_Task = tuple[Callable[[], Any], Then | None, Then | None]


class Lane(QObject):
    """One worker thread that does its tasks in order; the answers come back in the GUI thread.

    Args:
        name: of the thread.
        failed: called in the GUI thread with an exception that its task gave no place to go.

    Attributes:
        waiting: tasks handed in and not answered yet.
    """

    _answered = pyqtSignal(object, object)

    def __init__(self, name: str, failed: Then, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.waiting = 0
        self._failed = failed
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._answered.connect(self._deliver)
        # A driver that hangs must not keep the program from ending.
        self._thread = threading.Thread(target=self._work, name=f"gui-{name}", daemon=True)
        self._thread.start()

    def submit(
        self, task: Callable[[], Any], then: Then | None = None, failed: Then | None = None
    ) -> None:
        """Do `task` after those before it; then call `then` with what it returned, or `failed`."""
        self.waiting += 1
        self._tasks.put((task, then, failed))

    def close(self, timeout_s: float = 5.0) -> bool:
        """Finish what was handed in and end the thread; returns whether it has ended in time."""
        self._tasks.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (item := self._tasks.get()) is not None:
            task, then, failed = item
            try:
                answer, callback = task(), then
            except BaseException as error:  # noqa: BLE001  whatever it is, somebody must see it
                answer, callback = error, failed or self._failed
            try:
                self._answered.emit(callback, answer)
            except RuntimeError:  # the window has gone
                logger.debug("An answer came after the window was closed")

    def _deliver(self, callback: Then | None, answer: Any) -> None:
        self.waiting -= 1
        if callback is not None:
            callback(answer)
