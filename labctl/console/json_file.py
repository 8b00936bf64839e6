"""Small JSON files that survive a crash while they are written, and damage when they are read."""

import json
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from labctl.errors import OutputError

Content = TypeVar("Content")

logger = logging.getLogger(__name__)


def write_json(path: Path, content: Any) -> None:
    """Replace a file in one go; its folder is made if needed.

    Raises:
        OutputError: it cannot be written; an earlier version stays.
    """
    fresh: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            fresh = Path(file.name)
            json.dump(content, file, indent=1, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        if fresh is not None:
            fresh.unlink(missing_ok=True)
        raise OutputError(f"Cannot write {path}: {error.strerror}.") from error


def read_json(path: Path, parse: Callable[[Any], Content]) -> tuple[Content | None, str]:
    """What `parse` makes of a file, and a warning in words, "" if there is none.

    A file that is damaged is kept aside under another name. None where there is nothing.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors on Windows add a mark
    except FileNotFoundError:
        return None, ""
    except (OSError, UnicodeDecodeError) as error:
        return None, _set_aside(path, error)
    try:
        return parse(json.loads(text)), ""
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return None, _set_aside(path, error)


def _set_aside(path: Path, error: Exception) -> str:
    names = (path.with_name(f"{path.name}.damaged{n or ''}") for n in range(1000))
    aside = next(name for name in names if not name.exists())
    try:
        path.replace(aside)
        where = f"it is kept as {aside.name}"
    except OSError:
        where = "it is left as it is"
    warning = f"{path} is damaged ({' '.join(str(error).split())}); {where}."
    logger.warning(warning)
    return warning
