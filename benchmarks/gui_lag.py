"""How long the window's event loop is held up while data pour in, and how soon it opens.

    python -m benchmarks.gui_lag [mdmr] [scan] [psd] [start]

`mdmr`: a scan of a million setpoints on the simulated lab. `scan`: one whose points cost nothing,
which takes all that Python's threads have. `psd`: a spectrum of a
stream of 1 MS/s of the simulated lab, in real time. A timer in the window's own thread ticks every
5 ms; its lateness is the lag. `start`: from a cold process to a window that takes input, against a
process that imports PyQt5 and pyqtgraph and shows an empty plot.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np

TICK_S = 5e-3
REPEATS = 5
EMPTY = """
import time; begin = time.perf_counter()
from PyQt5.QtWidgets import QApplication
import pyqtgraph as pg
app = QApplication([])
plot = pg.PlotWidget(); plot.resize(800, 500); plot.show(); app.processEvents(); plot.grab()
print(time.perf_counter() - begin)
"""
WINDOW = """
import sys, time; begin = time.perf_counter()
from pathlib import Path
from PyQt5.QtWidgets import QApplication
from labctl.gui.console_window import make_window
app = QApplication([])
window = make_window("sim", Path(sys.argv[1]), "light", folder=Path(sys.argv[1]))
app.processEvents(); window.grab()
shown = time.perf_counter() - begin
while window.station.rig is None:
    app.processEvents()
print(shown, time.perf_counter() - begin)
window.close_without_asking()
"""


def lag(sequence: Any, values: dict[str, Any], *, rig: str, seconds: float, speed: float | None
        ) -> None:  # fmt: skip
    """Run a sequence in the window and print how late the ticks came."""
    from PyQt5.QtCore import Qt, QTimer
    from PyQt5.QtWidgets import QApplication

    from labctl import session
    from labctl.gui.console_window import (
        SWITCH_INTERVAL_S,
        keep_collections_short,
        make_window,
    )

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    application = QApplication.instance() or QApplication([])
    home = Path(tempfile.mkdtemp())
    window = make_window(None, home, "light", folder=home)
    station = window.station
    keep_collections_short(window)
    station.open_rig(rig, speed=speed)
    wait(application, lambda: station.rig is not None)
    wait(application, lambda: False, 1.0)
    opened = station.rig
    assert opened is not None
    station.begin(lambda: session.start(sequence, opened, values, out=home))
    wait(application, lambda: station.handle is not None)
    handle = station.handle
    assert handle is not None
    late: list[float] = []
    due = [time.perf_counter() + TICK_S]
    draws = [0]

    def tick() -> None:
        now = time.perf_counter()
        late.append(max(now - due[0], 0.0))
        due[0] = now + TICK_S

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)
    station.ticked.connect(lambda: draws.__setitem__(0, draws[0] + 1))
    timer.start(round(TICK_S * 1e3))
    begin = time.perf_counter()
    wait(
        application,
        lambda: station.handle is None or time.perf_counter() - begin > seconds,
        seconds + 60,
    )
    timer.stop()
    took = time.perf_counter() - begin
    done = handle.runner.done
    station.abort()
    wait(application, lambda: station.handle is None)
    data = station.data
    assert data is not None
    ms = 1e3 * np.sort(late)
    name = sequence if isinstance(sequence, str) else sequence.name
    print(
        f"{name}: {done} points in {took:.1f} s, {data.points} of them plotted; lag median"
        f" {np.median(ms):.1f} ms, p99 {np.percentile(ms, 99):.1f} ms, max {ms[-1]:.1f} ms;"
        f" {draws[0] / took:.0f} redraws/s"
    )
    window.close_without_asking()
    wait(application, lambda: not window.isVisible())


def scan() -> None:
    """A million setpoints, whose points cost nothing."""
    from labctl.data import Column, PlotHint
    from labctl.parameters import SequenceParameters

    class MillionPoints:
        """A scan that waits for nothing."""

        name, title, roles, Parameters = "million", "A million points", (), SequenceParameters
        columns = (Column("frequency_hz", "Hz", "Frequency"), Column("counts", "counts", "C"))
        plot = PlotHint("counts", ("frequency_hz",))
        length, duration_s = 1_000_000, None

        def __init__(self, parameters: SequenceParameters) -> None:
            pass

        def run(self, rig: Any, *, done: int = 0) -> Iterator[dict[str, float]]:
            for n in range(done, self.length):
                yield {"frequency_hz": 1e9 + n, "counts": float(n % 997)}

        def analyze(self, run: Any) -> None:
            return None

    lag(MillionPoints, {}, rig="sim", seconds=60, speed=None)


def mdmr() -> None:
    """An MDMR scan of a million setpoints on the simulated lab."""
    values = {"points": 1_000_000, "sweeps": 1, "dwell_s": 20e-6}
    lag("mdmr", values, rig="sim", seconds=120, speed=None)


def psd() -> None:
    """A live spectrum of 1 MS/s, resolution 10 Hz, for 20 s."""
    lag(
        "psd",
        {"sample_rate_hz": 1e6, "segment_s": 0.1, "segments_per_point": 4, "averages": None},
        rig="sim_vacuum", seconds=20, speed=1.0,
    )  # fmt: skip


def start() -> None:
    """Cold start of the window against an empty plot."""
    empty = [_timed(EMPTY)[0] for _ in range(REPEATS)]
    opened = [_timed(WINDOW) for _ in range(REPEATS)]
    shown, ready = (float(np.median([times[i] for times in opened])) for i in (0, 1))
    base = float(np.median(empty))
    print(
        f"start: empty plot {base:.2f} s, window {shown:.2f} s ({shown / base:.1f} times),"
        f" rig open {ready:.2f} s"
    )


def _timed(script: str) -> list[float]:
    with tempfile.TemporaryDirectory() as home:
        answer = subprocess.run(
            [sys.executable, "-c", script, home], capture_output=True, text=True, check=True
        )
    return [float(text) for text in answer.stdout.split()]


def wait(application: Any, condition: Callable[[], bool], patience_s: float = 60.0) -> None:
    """Let Qt's own loop run, as it does in the program, and look every 10 ms."""
    from PyQt5.QtCore import QTimer

    end_s = time.monotonic() + patience_s
    look = QTimer()
    look.timeout.connect(
        lambda: application.exit() if condition() or time.monotonic() > end_s else None
    )
    look.start(10)
    application.exec_()
    look.stop()


def main() -> None:
    """Run what is named, or everything."""
    parts = {"mdmr": mdmr, "scan": scan, "psd": psd, "start": start}
    for name in sys.argv[1:] or parts:
        parts[name]()


if __name__ == "__main__":
    main()
