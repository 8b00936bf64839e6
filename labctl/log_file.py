"""The log file of the program: everything the screen leaves out."""

import logging
import os
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs

ENVIRONMENT_VARIABLE = "LABCTL_LOG_DIR"
_FORMAT = "%(asctime)s %(process)d %(threadName)s %(levelname)s %(name)s: %(message)s"


def open_log() -> Path | None:
    """Send every log record and Python warning to `labctl.log`.

    The folder is `$LABCTL_LOG_DIR`, or the platform's own place for logs.

    Returns:
        Path of the file, or None where it cannot be written: that must not stop a measurement.
    """
    # A second process that rotates the file on Windows must not print a traceback.
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    folder = Path(os.environ.get(ENVIRONMENT_VARIABLE) or platformdirs.user_log_dir("labctl"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            folder / "labctl.log", maxBytes=1_000_000, backupCount=5, encoding="utf-8"
        )
    except OSError:
        root.addHandler(logging.NullHandler())
        return None
    handler.setFormatter(logging.Formatter(_FORMAT))
    root.addHandler(handler)
    return folder / "labctl.log"


def close_log() -> None:
    """Close and detach what `open_log` attached."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, RotatingFileHandler | logging.NullHandler):
            root.removeHandler(handler)
            with suppress(OSError):  # what a full disk did not take
                handler.close()
    logging.captureWarnings(False)
