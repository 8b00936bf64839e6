"""What goes to the screen: tables and paths on stdout, errors and progress on stderr."""

import dataclasses
import json
import math
import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

WIDE = 200
"""Columns of a table that goes into a pipe or a file, where no terminal sets the width."""


def output() -> Console:
    """The console on stdout. Text is printed as it stands: "[shared]" is no markup."""
    return _console(sys.stdout, stderr=False)


def progress_output() -> Console:
    """The console on stderr."""
    return _console(sys.stderr, stderr=True)


def _console(stream: Any, *, stderr: bool) -> Console:
    width = None if stream.isatty() else WIDE
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=width)


def table(title: str, *headers: str) -> Table:
    """An empty table in the house style."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for header in headers:
        made.add_column(header, overflow="fold")
    return made


def report_error(message: str) -> None:
    """Print one line on stderr, never wrapped, whatever `message` holds."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr, flush=True)


def report_warning(message: str) -> None:
    """Print one line on stderr about something that does not change the exit code."""
    print(f"warning: {' '.join(message.split())}", file=sys.stderr, flush=True)


def report_note(message: str) -> None:
    """Print one line on stderr about what goes on."""
    print(" ".join(message.split()), file=sys.stderr, flush=True)


def print_line(text: object) -> None:
    """Print one line on stdout, never wrapped: paths are for scripts to read."""
    print(text, flush=True)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout; NaN becomes null, as JSON has no word for it."""
    print(json.dumps(to_plain(value), indent=2, ensure_ascii=False, allow_nan=False), flush=True)


def to_plain(value: Any) -> Any:
    """Dataclasses, arrays, enums and paths as what JSON knows."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.ndarray | np.generic):
        return to_plain(value.tolist())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (field.name for field in dataclasses.fields(value))
        return {name: to_plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [to_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    return value
