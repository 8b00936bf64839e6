"""Timed actions of instruments that run by themselves: pulse programs, frequency lists."""

import math
from collections.abc import Callable, Iterator

Event = tuple[float, Callable[[], None]]
"""(world time in s, what happens then)."""


class Timelines:
    """Named sources of events, each in rising time; the world asks for the next of all."""

    def __init__(self) -> None:
        self._pending: dict[str, tuple[Event, Iterator[Event]]] = {}
        self._at_once: dict[str, Callable[[], None]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._pending

    def __len__(self) -> int:
        return len(self._pending)

    def add(
        self, name: str, events: Iterator[Event], at_once: Callable[[], None] | None = None
    ) -> None:
        """Replace a timeline. `at_once` does all of it in one go, see `take_whole`."""
        self.cancel(name)
        first = next(events, None)
        if first is not None:
            self._pending[name] = (first, events)
            if at_once is not None:
                self._at_once[name] = at_once

    def cancel(self, name: str) -> None:
        """Forget what is left of a timeline."""
        self._pending.pop(name, None)
        self._at_once.pop(name, None)

    def next_s(self, name: str | None = None) -> float:
        """When the next event is due, of one timeline or of all; infinite without any."""
        if name is not None:
            return self._pending[name][0][0]
        return min((first[0] for first, _ in self._pending.values()), default=math.inf)

    def run_next(self) -> None:
        """Carry out the next event of all."""
        name = min(self._pending, key=lambda key: self._pending[key][0][0])
        (_, action), events = self._pending[name]
        self._at_once.pop(name, None)
        following = next(events, None)
        if following is None:
            del self._pending[name]
        else:
            self._pending[name] = (following, events)
        action()

    def take_whole(self, name: str) -> Callable[[], None] | None:
        """The short cut of a timeline that has not begun and is the only one; removes it."""
        if len(self._pending) != 1 or name not in self._at_once:
            return None
        whole = self._at_once[name]
        self.cancel(name)
        return whole
