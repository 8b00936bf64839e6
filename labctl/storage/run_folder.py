"""The folder that run files go to."""

import contextlib
import tempfile
from datetime import datetime
from pathlib import Path

from labctl.errors import OutputError


def check_folder(folder: Path) -> None:
    """Raise OutputError if no file can be made in `folder`, which need not exist yet."""
    try:
        existing = next(
            (path for path in (folder, *folder.absolute().parents) if path.exists()), folder
        )
        tempfile.TemporaryFile(dir=existing).close()  # asking for permissions says yes to root
    except (OSError, ValueError) as error:  # a NUL character is a ValueError
        raise OutputError(
            f"Cannot write into the output folder {folder}: "
            f"{getattr(error, 'strerror', None) or error}."
        ) from error


def new_file(folder: Path, name: str) -> Path:
    """A path in `folder`, made if needed, that no file has yet.

    Raises:
        OutputError: the folder cannot be made or written.
    """
    check_folder(folder)
    missing = [path for path in (folder, *folder.absolute().parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        for made in missing:  # as far as it came
            with contextlib.suppress(OSError):
                made.rmdir()
        raise OutputError(f"Cannot create the output folder {folder}: {error.strerror}.") from error
    stem = f"{datetime.now():%Y-%m-%d_%H%M%S}_{name}"
    candidates = (
        folder / f"{stem}{suffix}.h5" for suffix in ("", *(f"_{n}" for n in range(2, 999)))
    )
    return next(path for path in candidates if not path.exists())
