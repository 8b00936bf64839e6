"""Tells in the window which instrument is silent, and when the light is lost."""

from PyQt5.QtCore import QObject, QTimer

from labctl.core import Rig
from labctl.core.device_watch import DeviceWatch, silence
from labctl.gui.alarm_bar import AlarmBar
from labctl.gui.station import Station

LOOK_MS = 200


class WatchControl(QObject):
    """Looks five times a second at what the threads wait for, and at the light of the run."""

    def __init__(self, station: Station, alarms: AlarmBar, parent: QObject) -> None:
        super().__init__(parent)
        self._station, self._alarms = station, alarms
        self._watch: DeviceWatch | None = None
        station.rig_changed.connect(self._set_rig)
        station.rig_opening.connect(self._set_rig)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)
        self._timer.start(LOOK_MS)

    def look(self) -> None:
        """Look now."""
        lines = [self._preparing(), *self._silent(), self._dark()]
        self._alarms.show_lines([line for line in lines if line])

    def _set_rig(self, rig: Rig | None) -> None:
        self._watch = DeviceWatch(rig) if rig is not None else None

    def _preparing(self) -> str:
        world = self._watch.rig.simulation if self._watch is not None else None
        why = world.preparing if world is not None else ""
        return f"The simulated lab keeps us waiting: {why}." if why else ""

    def _silent(self) -> list[str]:
        silent = self._watch.look() if self._watch is not None else {}
        return [f"{silence(role, s)}. {self._what_helps(role)}" for role, s in silent.items()]

    def _what_helps(self, role: str) -> str:
        handle = self._station.handle
        safe = f"Emergency stop makes every other device safe at once and leaves the {role} alone"
        if handle is None:
            return f"Nothing can be measured until it answers. {safe}."
        if handle.runner.stopping:
            return f"The abort waits for it. {safe} and closes the file."
        return f"Abort ends the run when it answers. {safe} and closes the file."

    def _dark(self) -> str:
        handle = self._station.handle
        dark = handle.runner.dark if handle is not None else ""
        if not dark or handle is None:
            return ""
        marks = handle.runner.marks
        points = f" Points {marks[-1].first} to {marks[-1].last} are marked." if marks else ""
        return (
            f"The particle may be lost: {dark}. The run is paused.{points} Resume goes on with "
            f"what is in the trap then; Abort ends it, and what was good is kept."
        )
