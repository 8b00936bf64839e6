"""Pictures of the window's main states, drawn without a screen.

    python docs/make_screenshots.py FOLDER [--small]

drives the window through idle, an MDMR scan with its fit, a live spectrum, a map, T1, the queue
and an error, at 1366 x 768 and 2560 x 1440, light and dark. `--small` makes only those that the
documentation shows.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PIL import Image
from PyQt5.QtWidgets import QApplication, QDockWidget, QTabWidget

from labctl.gui.console_window import make_window
from labctl.gui.window import MainWindow

SIZES = ((1366, 768), (2560, 1440))
KEPT = {
    ("idle", 1366, "light"), ("mdmr", 1366, "light"), ("mdmr", 1366, "dark"),
    ("psd", 1366, "light"), ("map", 1366, "dark"), ("t1", 1366, "light"),
    ("queue", 1366, "light"), ("error", 1366, "light"),
}  # fmt: skip
COLOURS = 128
PATIENCE_S = 120.0


class Photographer:
    """Drives one window and takes its picture."""

    def __init__(self, folder: Path, size: tuple[int, int], theme: str, *, small: bool) -> None:
        self.folder, self.size, self.theme, self.small = folder, size, theme, small
        self.home = Path(tempfile.mkdtemp())
        self.window: MainWindow = make_window(
            None, self.home / "data", theme, folder=self.home / "settings"
        )
        self.window.resize(*size)

    def wanted(self, state: str) -> bool:
        return not self.small or (state, self.size[0], self.theme) in KEPT

    def wait(self, condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> None:
        end_s = time.monotonic() + patience_s
        while not condition() and time.monotonic() < end_s:
            QApplication.processEvents()
            time.sleep(0.005)

    def settle(self, duration_s: float = 0.8) -> None:
        self.wait(lambda: False, duration_s)

    def open(self, rig: str) -> None:
        station = self.window.station
        station.open_rig(rig)
        self.wait(lambda: station.rig is not None)
        self.settle()

    def raise_dock(self, name: str) -> None:
        dock = self.window.findChild(QDockWidget, f"dock_{name}")
        if dock is not None:
            dock.raise_()

    def fill(self, sequence: str, **values: Any) -> None:
        panel = self.window.sequences
        panel.select(sequence, values)
        self.wait(lambda: panel.sequence == sequence, 20)
        self.settle(0.3)

    def run(self, sequence: str, *, until: int | None = None, **values: Any) -> None:
        """Run to the end, or until so many points have come."""
        station = self.window.station
        self.fill(sequence, **values)
        self.window.sequences.ask_run()
        self.wait(lambda: station.handle is not None)
        self.wait(
            lambda: (
                station.handle is None
                or (until is not None and station.data is not None and station.data.points >= until)
            )
        )
        self.settle(2.0)

    def stop(self) -> None:
        self.window.station.abort()
        self.wait(lambda: self.window.station.handle is None)
        self.settle(0.3)

    def take(self, state: str) -> None:
        if not self.wanted(state):
            return
        name = f"{state}-{self.size[0]}-{self.theme}.png"
        raw = self.home / name
        self.window.grab().save(str(raw))
        # Few colours, well compressed: these pictures live in the repository.
        with Image.open(raw) as image:
            image.convert("RGB").quantize(COLOURS).save(self.folder / name, optimize=True)

    def close(self) -> None:
        self.window.close_without_asking()
        self.wait(lambda: not self.window.isVisible())
        shutil.rmtree(self.home, ignore_errors=True)


def tour(photographer: Photographer) -> None:
    """Idle, MDMR, live spectrum, map, T1, queue, error."""
    p = photographer
    p.open("sim_vacuum")
    p.raise_dock("instruments")
    p.fill("mdmr", sweeps=20)
    p.take("idle")
    p.raise_dock("fit")
    if p.wanted("mdmr"):
        p.run("mdmr", sweeps=20)
        p.take("mdmr")
    if p.wanted("psd"):
        speed = p.window.station.rig.simulation if p.window.station.rig else None
        if speed is not None:
            speed.speed = 20.0
        p.run("psd", until=12, averages=None)
        p.take("psd")
        tabs = p.window.findChild(QTabWidget, "plot_tabs")
        if tabs is not None and not p.small:
            tabs.setCurrentIndex(2)
            p.raise_dock("world")
            p.settle()
            p.take("waterfall")
            tabs.setCurrentIndex(0)
        p.stop()
        if speed is not None:
            speed.speed = None
        p.raise_dock("fit")
    if p.wanted("map"):
        p.run("mdmr_map", points=101, sweeps=3, currents=17)
        p.take("map")
    if p.wanted("t1"):
        p.run("t1", pi_time_s=12e-6, sweeps=12)
        p.take("t1")
    if p.wanted("queue"):
        p.raise_dock("queue")
        for sequence, values in (("mdmr", {"sweeps": 40}), ("psd", {}), ("ring_down", {})):
            p.window.queue.add(sequence, values)
        p.settle()
        p.take("queue")
    if not p.small:
        p.raise_dock("alignment")
        p.raise_dock("runs")
        p.run("alignment", cycles=12)
        p.take("alignment")
    if p.wanted("error"):
        p.raise_dock("world")
        p.raise_dock("log")
        p.fill("mdmr", sweeps=4000)
        p.window.sequences.ask_run()
        p.wait(lambda: p.window.station.data is not None and p.window.station.data.points > 2000)
        rig = p.window.station.rig
        if rig is not None and rig.simulation is not None:
            rig.simulation.inject("counter: disconnected")
        p.wait(lambda: p.window.station.handle is None)
        p.settle()
        p.take("error")


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--theme", choices=("light", "dark"))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    application = QApplication(sys.argv[:1])
    for size in SIZES:
        for theme in ("light", "dark"):
            if arguments.theme not in (None, theme):
                continue
            if arguments.small and not any((size[0], theme) == kept[1:] for kept in KEPT):
                continue
            photographer = Photographer(arguments.folder, size, theme, small=arguments.small)
            tour(photographer)
            photographer.close()
    application.quit()


if __name__ == "__main__":
    main()
