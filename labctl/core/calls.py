"""Who is inside a call to a device just now, so that one that never returns can be named.

The stacks of other threads would tell as well, but CPython 3.11 and 3.12 may crash where one
thread looks into the locals of another's frame while that is being cleared.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from threading import get_ident
from typing import Any, NamedTuple

UNWATCHED = ("limits",)
"""What is known without asking the instrument."""


class Call(NamedTuple):
    """One call into a device."""

    role: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]

    @property
    def given(self) -> Mapping[str, Any]:
        """What the caller passed, by name."""
        bound = inspect.signature(self.function).bind_partial(*self.arguments, **self.named)
        return bound.arguments


Calls = dict[int, Call]
"""Thread -> its outermost call into a device."""


def watched(cls: type[Any], role: str, calls: Calls) -> type[Any]:
    """A class like `cls` whose public methods and properties enter `calls` while they run."""
    over: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    for name in dir(cls):
        item = inspect.getattr_static(cls, name)
        if name.startswith("_") or name in UNWATCHED:
            continue
        if isinstance(item, property):
            parts = (part and _told(part, role, calls) for part in (item.fget, item.fset))
            over[name] = property(*parts, doc=item.__doc__)
        elif inspect.isfunction(item):
            over[name] = _told(item, role, calls)
    return type(cls.__name__, (cls,), over)


def _told(function: Callable[..., Any], role: str, calls: Calls) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        thread = get_ident()
        if thread in calls:  # one method uses another
            return function(*arguments, **named)
        calls[thread] = Call(role, function, arguments, named)
        try:
            return function(*arguments, **named)
        finally:
            del calls[thread]

    return call
