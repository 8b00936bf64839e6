"""How far the run is, and what can be done with it; the emergency stop is always there."""

import time

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from labctl.data import RunStatus
from labctl.gui.read_out import ReadOut
from labctl.run_handle import RunHandle

STEPS = 1000


class RunControl(QWidget):
    """Progress with the time left, pause, stop after the sweep, abort, emergency stop.

    Attributes:
        pause_asked, sweep_end_asked, abort_asked, emergency_asked: a button was pressed.
    """

    pause_asked = pyqtSignal()
    sweep_end_asked = pyqtSignal()
    abort_asked = pyqtSignal()
    emergency_asked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("run_control")
        self._handle: RunHandle | None = None
        self._begun_s = 0.0
        self._first = 0
        self._what = QLabel("Idle")
        self._what.setObjectName("run_label")
        self._what.setMinimumWidth(90)
        self._bar = QProgressBar()
        self._bar.setObjectName("run_progress")
        self._bar.setRange(0, STEPS)
        self._bar.setFormat("")
        self._bar.setMinimumWidth(120)
        self._bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._left = ReadOut()
        self._left.setObjectName("run_left")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 2)
        layout.addWidget(self._what)
        layout.addWidget(self._bar, 1)
        layout.addWidget(self._left)
        made: list[QPushButton] = []
        for text, name, tip, signal in (
            ("Pause", "pause_button", "Hold after this point, or go on (F7)", self.pause_asked),
            ("Stop after sweep", "sweep_end_button", "End when this sweep is complete (F8)",
             self.sweep_end_asked),
            ("Abort", "abort_button", "End after this point; the data are kept (F9)",
             self.abort_asked),
            ("EMERGENCY STOP", "emergency_button",
             "Every device to its safe state, at once (Ctrl+Shift+X)", self.emergency_asked),
        ):  # fmt: skip
            button = QPushButton(text)
            button.setObjectName(name)
            button.setToolTip(tip)
            button.clicked.connect(lambda _, signal=signal: signal.emit())
            layout.addWidget(button)
            made.append(button)
        self._pause, self._sweep_end, self._abort, _ = made
        self.end("Idle")

    def begin(self, handle: RunHandle) -> None:
        """Show the progress of a run."""
        self._handle = handle
        self._begun_s = time.monotonic()
        self._first = handle.runner.done
        for button in (self._pause, self._abort):
            button.setEnabled(True)
        self._sweep_end.setEnabled(handle.has_sweeps)
        self.show_progress(None)

    def end(self, how: str) -> None:
        """Show how the run ended."""
        self._handle = None
        self._what.setText(how)
        self._left.setText("")
        self._pause.setText("Pause")
        self._bar.setRange(0, STEPS)
        for button in (self._pause, self._sweep_end, self._abort):
            button.setEnabled(False)

    def show_progress(self, sweep: int | None) -> None:
        """Show how far the run is; `sweep` counts from 0."""
        handle = self._handle
        if handle is None:
            return
        runner = handle.runner
        done, total = runner.done, runner.total
        state = "" if runner.status is RunStatus.RUNNING else ": finishing"
        state = ": aborting" if runner.stopping and not state else state
        state = ": paused" if runner.paused else state
        self._what.setText(f"<b>{runner.sequence.name}</b>{state}")
        self._pause.setText("Resume" if runner.paused else "Pause")
        counted = f"{done:,}".replace(",", "\u202f")
        if total is None:
            self._bar.setRange(0, 0 if not runner.paused else STEPS)
            self._left.setText(f"{counted} points")
            return
        self._bar.setRange(0, STEPS)
        self._bar.setValue(round(STEPS * done / max(total, 1)))
        whole = f"{total:,}".replace(",", "\u202f")
        self._bar.setFormat(f"{counted} of {whole} points")
        self._left.setText(", ".join(filter(None, (self._sweeps(sweep), self._time_left()))))

    def _sweeps(self, sweep: int | None) -> str:
        sweeps = getattr(getattr(self._handle, "info", None), "parameters", ())
        total = next((p.value for p in sweeps if p.name == "sweeps"), None)
        return "" if sweep is None else f"sweep {sweep + 1}" + (f" of {total}" if total else "")

    def _time_left(self) -> str:
        if self._handle is None:
            return ""
        runner = self._handle.runner
        new = runner.done - self._first
        if not new or runner.total is None or runner.paused:
            return ""
        left_s = (time.monotonic() - self._begun_s) * (runner.total - runner.done) / new
        return f"{in_words(left_s)} left"


def in_words(duration_s: float) -> str:
    """A duration as one says it: "12 s", "3 min 20 s", "2 h 5 min"."""
    seconds = round(duration_s)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
