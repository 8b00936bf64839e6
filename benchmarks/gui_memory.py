"""Whether the window's memory stays flat while a scan runs, faster than in life (Linux only).

    python -m benchmarks.gui_memory [minutes [speed]]

An MDMR scan of the simulated lab without end, at `speed` (10) times the wall clock, watched for so
many minutes (30). Prints the resident memory every half minute, and how far it ever was from its
mean once the first two minutes were over.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

EVERY_S = 30.0
SETTLING_S = 120.0


def resident_mb() -> float:
    """Memory of this process that is not swapped out, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def watch(minutes: float, speed: float) -> None:
    """Run the scan and print what it takes."""
    from PyQt5.QtWidgets import QApplication

    from benchmarks.gui_lag import wait
    from labctl.gui.console_window import (
        SWITCH_INTERVAL_S,
        keep_collections_short,
        make_window,
    )

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    application = QApplication([])
    home = Path(tempfile.mkdtemp())
    window = make_window(None, home, "light", folder=home)
    keep_collections_short(window)
    station = window.station
    station.open_rig("sim_vacuum", speed=speed)
    wait(application, lambda: station.rig is not None)
    station.start("mdmr", {"points": 301, "sweeps": 1_000_000, "dwell_s": 10e-3})
    wait(application, lambda: station.handle is not None)
    begin_s, settled = time.monotonic(), []
    while (lived_s := time.monotonic() - begin_s) < 60 * minutes:
        wait(application, lambda: False, EVERY_S)
        size, handle = resident_mb(), station.handle
        done = handle.runner.done if handle is not None else 0
        print(f"{lived_s + EVERY_S:6.0f} s  {size:6.1f} MB  {done} points", flush=True)
        if lived_s >= SETTLING_S:
            settled.append(size)
    if settled:
        mean = sum(settled) / len(settled)
        most = max(abs(size - mean) for size in settled)
        print(f"{mean:.0f} MB, never more than {100 * most / mean:.1f} % away from it")
    window.close_without_asking()
    wait(application, lambda: not window.isVisible())


if __name__ == "__main__":
    given = [float(text) for text in sys.argv[1:]]
    watch(*(given + [30.0, 10.0][len(given) :]))
