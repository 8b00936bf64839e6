"""Runs that wait for their turn, on disk, so that they survive a restart."""

import threading
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from labctl.console.json_file import read_json, write_json
from labctl.core import find_sequence
from labctl.errors import ParameterError

MOST_REPEATS = 1_000_000
UNDER_WAY = "under way"
INTERRUPTED = "interrupted; what it measured is under Runs"
"""Notes of a run that was taken, on disk, and of one that was never finished."""


@dataclass(frozen=True)
class QueuedRun:
    """A run that waits.

    Attributes:
        id: of this entry, for as long as it is in the queue.
        sequence: name as `session.start` takes it.
        parameters: what was asked for, in SI; what is not in it has its default.
        repeats: how often it is to be done.
        note: why it is where it is, such as what went wrong the last time; "" if nothing is.
    """

    id: str
    sequence: str
    parameters: dict[str, Any]
    repeats: int = 1
    note: str = ""


class RunQueue:
    """The queue of one console; every change is on disk before a method returns.

    Methods may be called from any thread.

    Attributes:
        warning: what was wrong with the file when it was read; "" if nothing was.

    Raises:
        OutputError: (every change) the file cannot be written; the queue stays as it was.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        found, self.warning = read_json(self.path, _parse)
        self._taken: QueuedRun | None = None
        self._items: tuple[QueuedRun, ...] = tuple(_after_a_kill(item) for item in found or ())

    @property
    def items(self) -> tuple[QueuedRun, ...]:
        """What waits, the next one first."""
        return self._items

    def __len__(self) -> int:
        return len(self._items)

    def add(self, sequence: str, parameters: dict[str, Any], repeats: int = 1) -> QueuedRun:
        """Put a run at the end.

        Raises:
            BadInputError: no such sequence, or a parameter that it does not take.
        """
        model = find_sequence(sequence).Parameters.from_user(parameters)
        values = model.model_dump(mode="json")
        given = {name: values[name] for name in parameters}
        item = QueuedRun(uuid.uuid4().hex, sequence, given, _checked(repeats))
        with self._lock:
            self._change((*self._items, item))
        return item

    def remove(self, id: str) -> None:  # noqa: A002  the field's name
        """Take a run out; KeyError if it is not there."""
        with self._lock:
            at = self._place(id)
            self._change(self._items[:at] + self._items[at + 1 :])

    def move(self, id: str, index: int) -> None:  # noqa: A002
        """Give a run another place; KeyError if it is not there."""
        with self._lock:
            at = self._place(id)
            others = [*self._items[:at], *self._items[at + 1 :]]
            others.insert(min(max(index, 0), len(others)), self._items[at])
            self._change(others)

    def set_repeats(self, id: str, n: int) -> None:  # noqa: A002
        """Change how often a run is to be done; KeyError if it is not there.

        Raises:
            ParameterError: less than once.
        """
        with self._lock:
            at = self._place(id)
            changed = replace(self._items[at], repeats=_checked(n))
            self._change((*self._items[:at], changed, *self._items[at + 1 :]))

    def take(self) -> QueuedRun | None:
        """The next run, to be done once; it leaves the queue when all its repeats are taken.

        Tell with `finish` or `put_back` what has become of it.
        """
        with self._lock:
            if not self._items:
                return None
            first, *rest = self._items
            if first.repeats > 1:
                rest.insert(0, replace(first, repeats=first.repeats - 1))
            once = replace(first, repeats=1)
            before, self._taken = self._taken, once
            try:
                self._change(rest)
            except BaseException:
                self._taken = before
                raise
            return once

    def finish(self) -> None:
        """The run that was taken is over; until then a killed program finds it here again."""
        with self._lock:
            if self._taken is not None:
                self._taken = None
                self._change(self._items)

    def put_back(self, item: QueuedRun) -> None:
        """Undo `take`, after a run that could not be begun, say; its note is kept."""
        with self._lock:
            self._taken = None
            first, rest = self._items[:1], self._items[1:]
            if first and first[0].id == item.id:
                item = replace(item, repeats=first[0].repeats + item.repeats)
                self._change((item, *rest))
            else:
                self._change((item, *self._items))

    def _place(self, wanted: str) -> int:
        for at, item in enumerate(self._items):
            if item.id == wanted:
                return at
        raise KeyError(wanted)

    def _change(self, items: Sequence[QueuedRun]) -> None:
        taken = [] if self._taken is None else [replace(self._taken, note=UNDER_WAY)]
        write_json(self.path, [asdict(item) for item in (*taken, *items)])
        self._items = tuple(items)


def _after_a_kill(item: QueuedRun) -> QueuedRun:
    """A run that was under way when the program was killed, as one that waits and says so."""
    if item.note != UNDER_WAY:
        return item
    return replace(item, id=uuid.uuid4().hex, note=INTERRUPTED)


def _checked(repeats: int) -> int:
    if not 1 <= repeats <= MOST_REPEATS:
        raise ParameterError(f"A run is repeated 1 to {MOST_REPEATS} times, not {repeats}.")
    return repeats


def _parse(content: Any) -> tuple[QueuedRun, ...]:
    items = tuple(QueuedRun(**item) for item in content)
    for item in items:
        if not (
            isinstance(item.id, str)
            and isinstance(item.sequence, str)
            and isinstance(item.parameters, dict)
            and isinstance(item.repeats, int)
            and item.repeats >= 1
        ):
            raise ValueError("an entry is no queued run")
    return items
