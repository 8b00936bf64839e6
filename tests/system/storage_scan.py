"""A scan in its own process, to be watched, killed or starved of disk space.

Usage: python -m tests.system.storage_scan PATH POINTS PAUSE_S [block] [unclaimed] [open] [limit=N]

Prints one JSON line per change of the number of flushed points and one at the end.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from labctl.data import RunStatus
from labctl.errors import LabError, StorageError
from labctl.storage.space import Reservation
from tests.system.storage_samples import SCAN, TRACE, counts_of, open_scan


def tell(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


def main(path: str, points: str, pause_s: str, *flags: str) -> None:
    if "unclaimed" in flags:  # a file system where claiming room promises nothing
        Reservation.claim = lambda self, size: None
    block = "block" in flags
    limits = [int(flag.partition("=")[2]) for flag in flags if flag.startswith("limit=")]
    if limits:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limits[0], limits[0]))
    try:
        writer = open_scan(Path(path), (*SCAN, TRACE) if block else SCAN)
    except LabError as error:
        tell(error=type(error).__name__, message=str(error))
        return
    tell(flushed=0)
    told, trace, status, reason = 0, np.arange(500), RunStatus.FINISHED, ""
    try:
        for index in range(int(points)):
            values = (index, time.time(), counts_of(index))
            writer.append((*values, trace + index) if block else values)
            if writer.flushed != told:
                told = writer.flushed
                tell(flushed=told)
            if float(pause_s):
                time.sleep(float(pause_s))
    except StorageError as error:
        status, reason = RunStatus.FAILED, str(error)
    if "open" in flags:
        tell(appended=writer.appended)
        return
    try:
        writer.close(status, reason, "2025-01-01T10:01:00+01:00")
        tell(flushed=writer.flushed, appended=writer.appended, reason=reason)
    except StorageError as error:
        tell(flushed=writer.flushed, appended=writer.appended, error=str(error), reason=reason)


if __name__ == "__main__":
    main(*sys.argv[1:])
