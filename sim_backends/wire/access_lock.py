"""Who may talk to an instrument: the locks of HiSLIP and VXI-11, which are the same ones."""

import threading
import time
from collections.abc import Callable
from enum import IntEnum

SLICE_S = 0.05
"""How often a waiting client is asked whether it still waits."""


class LockAnswer(IntEnum):
    """Control code of HiSLIP's AsyncLockResponse (IVI-6.1, tables 19 and 20)."""

    FAILURE = 0
    SUCCESS = 1
    SHARED_RELEASED = 2
    ERROR = 3


class AccessLock:
    """One exclusive lock, and one shared lock for all who know its key (IVI-6.1, table 22).

    Clients are any hashable objects. A lock keeps the others' messages waiting; a client with the
    shared lock may take the exclusive one besides.
    """

    def __init__(self) -> None:
        self._exclusive: object | None = None
        self._shared: set[object] = set()
        self._key = b""
        self._changed = threading.Condition()

    @property
    def is_exclusive(self) -> bool:
        """Whether the exclusive lock is held."""
        return self._exclusive is not None

    @property
    def holders(self) -> int:
        """How many clients hold a lock; one with both counts once."""
        with self._changed:
            return len(self._shared | ({self._exclusive} - {None}))

    def admits(self, client: object) -> bool:
        """Whether a client's messages are carried out now."""
        if self._exclusive is not None:
            return self._exclusive is client
        return not self._shared or client in self._shared

    def wait_for_access(
        self, client: object, timeout_s: float, still_there: Callable[[], bool]
    ) -> bool:
        """Wait until a client's messages may be carried out; False if that does not happen."""
        if self.admits(client):
            return True
        return self._wait(lambda: self.admits(client), timeout_s, still_there)

    def request(
        self, client: object, key: bytes, timeout_s: float, still_there: Callable[[], bool]
    ) -> LockAnswer:
        """Ask for the exclusive lock with an empty key, otherwise for the shared one."""
        answer = self._try(client, key)
        if answer is not LockAnswer.FAILURE or timeout_s <= 0:
            return answer
        found = [answer]

        def granted() -> bool:
            found[0] = self._try(client, key)
            return found[0] is not LockAnswer.FAILURE

        self._wait(granted, timeout_s, still_there)
        return found[0]

    def release(self, client: object) -> LockAnswer:
        """Give one lock back, the exclusive one first."""
        with self._changed:
            if self._exclusive is client:
                self._exclusive = None
                answer = LockAnswer.SUCCESS
            elif client in self._shared:
                self._shared.discard(client)
                answer = LockAnswer.SHARED_RELEASED
            else:
                return LockAnswer.ERROR
            self._changed.notify_all()
            return answer

    def forget(self, client: object) -> None:
        """A client has left: its locks are free."""
        while self.release(client) is not LockAnswer.ERROR:
            pass

    def _try(self, client: object, key: bytes) -> LockAnswer:
        with self._changed:
            if not key:
                if self._exclusive is client:
                    return LockAnswer.ERROR
                if self._exclusive is not None or (self._shared and client not in self._shared):
                    return LockAnswer.FAILURE
                self._exclusive = client
                return LockAnswer.SUCCESS
            if client in self._shared or (self._exclusive is client):
                return LockAnswer.ERROR
            if self._shared:
                if key != self._key:
                    return LockAnswer.FAILURE
            elif self._exclusive is not None:
                return LockAnswer.FAILURE
            self._key = key
            self._shared.add(client)
            return LockAnswer.SUCCESS

    def _wait(
        self, reached: Callable[[], bool], timeout_s: float, still_there: Callable[[], bool]
    ) -> bool:
        end_s = time.monotonic() + timeout_s
        with self._changed:
            while not reached():
                left_s = end_s - time.monotonic()
                if left_s <= 0 or not still_there():
                    return False
                self._changed.wait(min(left_s, SLICE_S))
        return True
