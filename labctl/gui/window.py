"""The main window: panels in docks around the plots, joined to the station."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QSettings, Qt, QTimer
from PyQt5.QtGui import QCloseEvent, QKeySequence
from PyQt5.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QMessageBox,
    QShortcut,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from labctl.console.presets import Presets
from labctl.data import Run, RunInfo
from labctl.errors import BadInputError
from labctl.gui import theme as themes
from labctl.gui.alarm_bar import AlarmBar
from labctl.gui.alignment_view import AlignmentView
from labctl.gui.browser_control import BrowserControl
from labctl.gui.claim import Claim
from labctl.gui.error_bar import ErrorBar
from labctl.gui.fit_table import FitTable
from labctl.gui.hand_control import HandControl
from labctl.gui.instrument_panel import InstrumentPanel
from labctl.gui.interrupted import InterruptedRuns
from labctl.gui.live_data import LiveData
from labctl.gui.log_panel import LogPanel
from labctl.gui.monitor_panel import MonitorPanel
from labctl.gui.passport_control import PassportControl
from labctl.gui.passport_panel import PassportPanel
from labctl.gui.placement import Placement
from labctl.gui.plot_area import PlotArea
from labctl.gui.queue_control import QueueControl
from labctl.gui.queue_panel import QueuePanel
from labctl.gui.rig_bar import RigBar
from labctl.gui.run_browser import RunBrowser
from labctl.gui.run_control import RunControl
from labctl.gui.sequence_control import SequenceControl
from labctl.gui.sequence_panel import SequencePanel
from labctl.gui.station import WINDOW_CLOSED, Outcome, Station
from labctl.gui.watch_control import WatchControl
from labctl.gui.world_panel import WorldPanel
from labctl.run_handle import RunHandle

READ_DEVICES_MS = 1000
CLOSING_LOOK_MS = 100
_WIDTHS = {"dock_sequences": 352, "dock_fit": 300}
_HEIGHTS = {"dock_queue": 200}


class MainWindow(QMainWindow):
    """The working place: everything in view, nothing that waits.

    Args:
        station: what the window works on.
        settings: where layout, theme and rig are remembered.
        theme: "light" or "dark"; the remembered one where None.
    """

    def __init__(self, station: Station, settings: QSettings, *, theme: str | None = None) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.setWindowTitle("labctl")
        self.station = station
        self._settings = settings
        self._closing = False
        name = theme or str(settings.value("theme", "light"))
        self.theme = themes.THEMES.get(name, themes.LIGHT)
        self._apply_theme()
        self.setDockNestingEnabled(True)
        self.plots = PlotArea(self.theme)
        self.errors = ErrorBar(self.plots)
        self.control = RunControl()
        self.sequences = SequencePanel()
        self.fits = FitTable()
        self.instruments = InstrumentPanel()
        self.log = LogPanel()
        self.passport = PassportPanel()
        self.monitors = MonitorPanel(self.theme)
        self.queue_panel = QueuePanel()
        self.browser = RunBrowser()
        self.world = WorldPanel()
        self.alignment = AlignmentView(self.theme)
        self.rigs = RigBar()
        self._fill()
        self._connect()
        self.hand = HandControl(station, self.instruments, self)
        self.watch = WatchControl(station, AlarmBar(self.plots), self)
        folder = Path(settings.fileName()).parent
        presets = Presets(folder / "presets")
        self._sequence_control = SequenceControl(station, self.sequences, settings, presets, self)
        self.queue = QueueControl(station, self.queue_panel, folder / "queue.json", self)
        self.runs = BrowserControl(
            station, self.browser, self.plots, self.fits, self.sequences, self.theme, self
        )
        self.passports = PassportControl(station, self.passport, station.out, self)
        self.passport.runs_asked.connect(self._show_runs_of)
        self.sequences.queue_asked.connect(self.queue.add)
        self.queue_panel.edited.connect(self.sequences.select)
        self.interrupted = InterruptedRuns(station, settings, self)
        self._folder = Claim(station.out / ".labctl-window.lock", self)
        self._folder.changed.connect(self._show_folder)
        if self._folder.refused:
            self._show_folder()
        self._device_timer = QTimer(self)
        self._device_timer.timeout.connect(station.read_devices)
        self._device_timer.start(READ_DEVICES_MS)
        self._placement = Placement(self, settings, _WIDTHS, _HEIGHTS)

    def set_theme(self, name: str) -> None:
        """Change the colours of everything."""
        self.theme = themes.THEMES[name]
        self._settings.setValue("theme", name)
        self._apply_theme()
        self.plots.set_theme(self.theme)
        self.alignment.set_theme(self.theme)
        self.runs.set_theme(self.theme)
        self.monitors.set_theme(self.theme)

    def closeEvent(self, a0: QCloseEvent | None) -> None:  # noqa: N802  Qt's names
        """Ask if a run is under way; end it as an abort does before the window goes."""
        if a0 is None:
            return
        if self.station.handle is not None and not self._closing:
            if not self._sure():
                a0.ignore()
                return
            self.station.abort(WINDOW_CLOSED)
        if self.station.handle is None:
            self._leave()
            a0.accept()
            return
        self._closing = True
        a0.ignore()
        QTimer.singleShot(CLOSING_LOOK_MS, lambda: _call(self.close))

    def close_without_asking(self) -> None:
        """End a run as an abort does, then go."""
        self.station.abort(WINDOW_CLOSED)
        self._closing = True
        self.close()

    def _sure(self) -> bool:
        box = QMessageBox(self)
        box.setObjectName("close_question")
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("A run is under way")
        box.setText("A run is under way. Abort it and close?")
        box.setInformativeText("The points taken so far are kept.")
        yes = box.addButton("Abort and close", QMessageBox.ButtonRole.AcceptRole)
        stay = box.addButton("Go on measuring", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.exec_()
        return box.clickedButton() is yes

    def _leave(self) -> None:
        self._device_timer.stop()
        self._placement.save()
        self.monitors.close_monitors()
        self.log.close_log()
        self.station.close()
        for claim in (self._folder, self.queue.claim):
            claim.give_up()

    def _apply_theme(self) -> None:
        application = QApplication.instance()
        if isinstance(application, QApplication):
            themes.apply(application, self.theme)

    def _fill(self) -> None:
        centre = QWidget()
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.plots, 1)
        self.setCentralWidget(centre)
        self.statusBar()  # there from the beginning, so that its first message moves nothing
        self.addToolBar(self.rigs)
        self.addToolBarBreak()
        bar = QToolBar("Run", self)
        bar.setObjectName("run_bar")
        bar.setMovable(False)
        bar.addWidget(self.control)
        self.addToolBar(bar)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        left = Qt.DockWidgetArea.LeftDockWidgetArea
        self._dock_together(left, ("Sequences", self.sequences), ("Particle", self.passport))
        right, bottom = (
            Qt.DockWidgetArea.RightDockWidgetArea,
            Qt.DockWidgetArea.BottomDockWidgetArea,
        )
        self._dock_together(
            right,
            ("Fit", self.fits),
            ("Instruments", self.instruments),
            ("World", self.world),
            ("Alignment", self.alignment),
        )
        self._dock_together(
            bottom,
            ("Queue", self.queue_panel),
            ("Runs", self.browser),
            ("Monitors", self.monitors),
            ("Log", self.log),
        )

    def _dock_together(self, area: Qt.DockWidgetArea, *panels: tuple[str, QWidget]) -> None:
        docks = [self._dock(title, widget, area) for title, widget in panels]
        for dock in docks[1:]:
            self.tabifyDockWidget(docks[0], dock)
        docks[0].raise_()

    def _dock(self, title: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(f"dock_{title.lower()}")
        dock.setWidget(widget)
        self.addDockWidget(area, dock)
        return dock

    def _connect(self) -> None:
        station, control = self.station, self.control
        station.failed.connect(self.errors.show_error)
        station.told.connect(lambda text: self.statusBar().showMessage(text, 8000))
        station.rig_told.connect(self.rigs.show_state)
        station.rig_changed.connect(self._rig_changed)
        station.run_begun.connect(self._run_begun)
        station.ticked.connect(self._ticked)
        station.fitted.connect(lambda fit: self._show_fit(fit, live=True))
        station.run_ended.connect(self._run_ended)
        station.stopped_for_safety.connect(self._stopped_for_safety)
        self.plots.failed.connect(station.report)
        self.world.failed.connect(station.report)
        self.world.pace_asked.connect(station.set_pace)
        self.alignment.start_asked.connect(lambda: station.start("alignment", {"cycles": None}))
        self.rigs.rig_asked.connect(station.open_rig)
        self.rigs.close_asked.connect(station.close_rig)
        self.rigs.theme_asked.connect(
            lambda: self.set_theme("dark" if self.theme.name == "light" else "light")
        )
        control.pause_asked.connect(station.pause_or_resume)
        control.sweep_end_asked.connect(station.stop_after_sweep)
        control.abort_asked.connect(lambda: station.abort())
        control.emergency_asked.connect(station.emergency_stop)
        shortcuts: dict[str, Callable[[], Any]] = {
            "F5": self.sequences.ask_run,
            "F6": self.sequences.ask_queue,
            "F4": self.sequences.plan_button.click,
            "Shift+F5": self.queue_panel.toggle,
            "F7": station.pause_or_resume,
            "F8": station.stop_after_sweep,
            "F9": station.abort,
            "F10": self.alignment.start_asked.emit,
            "Ctrl+T": self.rigs.theme_asked.emit,
            "Ctrl+Shift+X": station.emergency_stop,
            "Ctrl+0": self.plots.fit_view,
            "Esc": self.errors.hide,
            "Ctrl+Q": self.close,
        }
        for keys, action in shortcuts.items():
            self._shortcut(keys, action)

    def _shortcut(self, keys: str, action: Callable[[], Any]) -> None:
        QShortcut(QKeySequence(keys), self).activated.connect(lambda: _call(action))

    def _rig_changed(self, rig: Any) -> None:
        self.rigs.set_rig(rig)
        self.sequences.set_rig(rig)
        self.monitors.set_rig(rig)
        self.world.set_world(rig.simulation if rig is not None else None)
        self._update_busy()

    def _run_begun(self, handle: RunHandle, data: Any) -> None:
        self.errors.hide()
        self.log.set_run(handle.info.run_id)
        self._show_data(data, handle.info, handle.path.name)
        self.control.begin(handle)
        self.alignment.begin()
        self._show_fit(None, live=True)
        self._update_busy()

    def _show_data(self, data: LiveData, info: RunInfo, name: str) -> None:
        dwell_s = next((p.value for p in info.parameters if p.name == "dwell_s"), None)
        self.plots.show_data(
            data,
            f"{info.title}  ·  {name}",
            dwell_s=dwell_s if isinstance(dwell_s, float) else None,
        )
        self.plots.show_truth(info.truth)

    def _ticked(self) -> None:
        data = self.station.data
        sweep = None
        if data is not None and data.kept and any(c.name == "sweep" for c in data.specification):
            sweep = int(data["sweep"][-1])
        self.control.show_progress(sweep)
        self.plots.refresh()
        if data is not None:
            self.alignment.show_data(data)

    def _show_fit(self, fit: Any, *, live: bool) -> None:
        handle, data = self.station.handle, self.station.data
        self.plots.show_fit(fit)
        dropped = data is not None and data.kept < data.points
        of = f"last {data.kept} points" if data is not None and dropped else "points so far"
        truth = handle.info.truth if handle is not None else {}
        self.fits.show_fit(fit, truth, live=live, of=of)

    def _run_ended(self, outcome: Outcome | None) -> None:
        self.log.set_run("")
        self._update_busy()
        if outcome is None:
            return
        if outcome.data is not None and outcome.run is not None:
            self._show_data(outcome.data, outcome.run.info, outcome.path.name)
        self.plots.refresh(force=True)
        run: Run | None = outcome.run
        if run is None:
            self.control.end("Failed")
            return
        self.control.end(f"{run.info.sequence}: {run.status}, {len(run)} points")
        self.plots.show_fit(run.fit)
        self.fits.show_fit(run.fit, run.info.truth, live=False)
        self.statusBar().showMessage(f"Saved: {outcome.path}")

    def _show_folder(self) -> None:
        out, second = self.station.out, self._folder.refused
        self.setWindowTitle(f"labctl — second window on {out}" if second else "labctl")
        if second:
            self.station.failed.emit(f"Another labctl window works in the folder {out}.", "")

    def _stopped_for_safety(self, failures: list[str]) -> None:
        if failures:
            text = "Emergency stop, but not everything is safe: " + "; ".join(failures)
            self.station.failed.emit(text, "\n".join(failures))
        else:
            self.statusBar().showMessage("Emergency stop: every device is in its safe state.")
        self.station.read_devices_soon()

    def _show_runs_of(self, particle: str) -> None:
        self.browser.filter_by(particle)
        dock = self.findChild(QDockWidget, "dock_runs")
        if dock is not None:
            dock.raise_()

    def _update_busy(self) -> None:
        self.sequences.set_busy(self.station.why_busy)


def _call(action: Callable[[], Any]) -> None:
    action()


def remembered(folder: Path) -> QSettings:
    """The file in which the window remembers its layout.

    Raises:
        BadInputError: the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"Cannot make the folder {folder}: {error.strerror}.") from error
    return QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)
