"""Fitted values of earlier runs."""

import logging
import re
from pathlib import Path

from labctl.errors import StorageError
from labctl.storage.reader import read_run

logger = logging.getLogger(__name__)


def newest_fitted(folder: Path, sequence: str, value: str) -> float | None:
    """A value from the newest file of a sequence in `folder` whose fit has it, or None."""
    named = re.compile(rf"(\d{{4}}-\d\d-\d\d_\d{{6}})_{re.escape(sequence)}(?:_(\d+))?\.h5")
    found = ((named.fullmatch(path.name), path) for path in folder.glob("*.h5"))
    dated = ((match[1], int(match[2] or 1), path) for match, path in found if match)
    for _, _, path in sorted(dated, reverse=True):
        try:
            fit = read_run(path).fit
        except StorageError:
            continue  # a damaged file is no source
        if fit is not None and value in fit.values:
            logger.info("Took %s = %g from %s", value, fit.values[value].value, path)
            return fit.values[value].value
    return None
