"""Finding sequences: by entry point name, or by "package.module:Class"."""

import difflib
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from labctl.core.sequence import MeasurementSequence
from labctl.errors import CatalogError

ENTRY_POINT_GROUP = "labctl.sequences"
_REQUIRED = (
    "name", "title", "roles", "Parameters", "columns", "plot", "length", "duration_s", "run",
    "analyze",
)  # fmt: skip


def sequence_names() -> list[str]:
    """Names of every installed sequence, sorted."""
    return sorted(entry_points(group=ENTRY_POINT_GROUP).names)


def load_object(path: str) -> Any:
    """Import "package.module:Name".

    Raises:
        ImportError: no such module, or something it needs is missing.
        AttributeError: the module has no such name.
        ValueError: the text has no colon.
    """
    module, colon, name = path.partition(":")
    if not colon:
        raise ValueError(f"{path!r} should look like 'package.module:Class'")
    return getattr(import_module(module), name)


def find_sequence(name: str) -> type[MeasurementSequence]:
    """The sequence class of an installed name or a dotted path.

    Raises:
        CatalogError: unknown, not importable, or not a sequence.
    """
    path = name
    if ":" not in name:
        found = entry_points(group=ENTRY_POINT_GROUP, name=name)
        if not found:
            known = sequence_names()
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean `{near[0]}`?" if near else ""
            raise CatalogError(f"No sequence is called `{name}`; known: {', '.join(known)}.{hint}")
        path = next(iter(found)).value
    try:
        cls = load_object(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise CatalogError(f"Cannot load sequence `{name}`: {error}.") from error
    missing = [item for item in _REQUIRED if not hasattr(cls, item)]
    if missing:
        raise CatalogError(f"`{path}` is no sequence: it lacks {', '.join(missing)}.")
    return cls
