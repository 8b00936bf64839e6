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
    return plug_in_names(ENTRY_POINT_GROUP)


def plug_in_names(group: str) -> list[str]:
    """Names of every installed plug-in of an entry point group, sorted."""
    return sorted(entry_points(group=group).names)


def find_plug_in(group: str, name: str) -> Any:
    """Load an installed plug-in of an entry point group, or what a dotted path names.

    Raises:
        CatalogError: unknown or not importable.
    """
    kind = group.rpartition(".")[2].removesuffix("s")
    found = entry_points(group=group, name=name)
    if ":" not in name and not found:
        known = plug_in_names(group)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean `{near[0]}`?" if near else ""
        raise CatalogError(f"No {kind} is called `{name}`; known: {', '.join(known)}.{hint}")
    try:
        return next(iter(found)).load() if ":" not in name else load_object(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise CatalogError(f"Cannot load {kind} `{name}`: {error}.") from error


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
    cls = find_plug_in(ENTRY_POINT_GROUP, name)
    missing = [item for item in _REQUIRED if not hasattr(cls, item)]
    if missing:
        raise CatalogError(f"`{name}` is no sequence: it lacks {', '.join(missing)}.")
    return cls
