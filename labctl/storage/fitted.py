"""Fitted values of earlier runs."""

import logging
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from labctl.data import instant_of
from labctl.errors import StorageError
from labctl.storage.reader import read_run
from labctl.storage.summary import read_origin

logger = logging.getLogger(__name__)


def newest_fitted(folder: Path, sequence: str, value: str) -> float | None:
    """A value from the newest file of a sequence in `folder` whose fit has it, or None.

    The newest is the one that began last, by the instant it holds: names follow the wall clock,
    which goes back once a year, and files are renamed.
    """
    for _, path in sorted(_runs_of(folder, sequence), reverse=True):
        try:
            fit = read_run(path).fit
        except StorageError:
            continue  # a damaged file is no source
        if fit is not None and value in fit.values:
            logger.info("Took %s = %g from %s", value, fit.values[value].value, path)
            return fit.values[value].value
    return None


def _runs_of(folder: Path, sequence: str) -> Iterator[tuple[datetime, Path]]:
    # The file of a sequence that is not installed tells its name by its own first name only.
    made_as = re.compile(rf"[\d_-]{{17}}_{re.escape(sequence)}(_\d+)?(_recovered)?\.h5")
    for path in folder.glob("*.h5"):
        try:
            origin = read_origin(path)
            if origin.sequence == sequence or made_as.fullmatch(origin.file_name):
                yield instant_of(origin.start_time), path
        except (StorageError, ValueError):
            continue  # nor is what another program wrote
