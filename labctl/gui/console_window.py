"""The life of the window: made, kept safe while it lives, closed."""

import gc
import logging
import signal
import sys
import threading
from pathlib import Path
from types import TracebackType

import platformdirs
from PyQt5.QtCore import QTimer

from labctl.errors import LabError
from labctl.gui.application import open_application
from labctl.gui.station import PROGRAM_ENDED, Station
from labctl.gui.window import MainWindow, remembered
from labctl.log_file import close_log, open_log

logger = logging.getLogger(__name__)

SWITCH_INTERVAL_S = 1e-4
"""Python hands over between threads after 5 ms by itself; every callback of Qt would wait that
long for a sequence that computes."""
TIDY_AFTER_MS = 300
LOOK_MS = 200
"""Python sees a signal only while it runs; Qt's own loop does not let it."""


def make_window(
    rig: str | None, out: Path, theme: str | None, *, folder: Path | None = None
) -> MainWindow:
    """Make the window with its station and show it; the rig opens behind it.

    Args:
        rig: to open at once, by name or path; None opens none.
        out: folder for the files.
        theme: "light", "dark", or None for the last one.
        folder: where layout, presets and queue are kept; the user's own where None.
    """
    folder = folder or Path(platformdirs.user_config_dir("labctl"))
    window = MainWindow(Station(out), remembered(folder), theme=theme)
    window.show()
    if rig is not None:
        window.rigs.choose(rig)
        window.station.open_rig(rig)
    return window


def run_window(rig: str | None, out: Path, theme: str | None) -> int:
    """Show the window until it is closed; returns the exit code."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    application = open_application("labctl-gui")
    open_log()
    try:
        window = make_window(rig, out, theme)
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        close_log()
        return 1
    guard(window)
    keep_collections_short(window)
    timer = QTimer()
    timer.timeout.connect(lambda: None)
    timer.start(LOOK_MS)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _end(window))
    code = application.exec_()
    close_log()
    return code


def keep_collections_short(window: MainWindow) -> None:
    """Let Python's garbage collector look only at what came since the last run.

    A full collection goes through everything that was ever imported, some 100 ms in which
    nothing moves; it is done when nobody waits: after a rig has opened and a run has ended.
    """

    def tidy() -> None:
        gc.unfreeze()
        gc.collect()
        gc.freeze()

    for moment in (window.station.rig_changed, window.station.run_ended):
        moment.connect(lambda _: QTimer.singleShot(TIDY_AFTER_MS, tidy))


def guard(window: MainWindow) -> None:
    """From now on a fault of the window itself ends the run and makes the lab safe.

    The window stays, so that one sees what happened; the file is closed as after an abort.
    """

    def fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.__excepthook__(kind, error, trace)
        if issubclass(kind, KeyboardInterrupt):
            _end(window)
            return
        station = window.station
        station.abort(f"the window failed: {kind.__name__}: {error}")
        station.emergency_stop()
        station.report(error)

    def fault_elsewhere(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            sys.__excepthook__(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
            logger.error("A thread failed", exc_info=arguments.exc_value)

    sys.excepthook = fault
    threading.excepthook = fault_elsewhere


def _end(window: MainWindow) -> None:
    window.station.abort(PROGRAM_ENDED)
    window.close_without_asking()
