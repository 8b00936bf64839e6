"""Joins the instrument panel to the station: what a hand may change, and what is asked first."""

from collections.abc import Iterable

from PyQt5.QtCore import QObject
from PyQt5.QtWidgets import QMessageBox

from labctl.core.by_hand import at_stake, refusal
from labctl.gui.instrument_panel import InstrumentPanel
from labctl.gui.station import Station

RUN, PARTICLE = "run", "particle"


class HandControl(QObject):
    """Asks before something may be lost, and locks it while a particle is declared."""

    def __init__(self, station: Station, panel: InstrumentPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._station, self._panel = station, panel
        panel.changed.connect(self._change)
        station.devices_read.connect(panel.show_states)
        station.particle_declared.connect(lambda _: self._lock_held())
        station.rig_changed.connect(self._set_rig)
        station.run_begun.connect(lambda *_: self._lock_used(station.in_use))
        station.run_ended.connect(lambda _: self._lock_used(()))

    def _set_rig(self, rig: object) -> None:
        self._panel.set_rig(self._station.rig)
        self._lock_held()

    def _lock_used(self, roles: Iterable[str]) -> None:
        self._panel.lock(RUN, dict.fromkeys(roles, "in use by the run"))

    def _lock_held(self) -> None:
        rig, particle = self._station.rig, self._station.particle
        if rig is not None:
            held = [role for role, _ in rig if refusal(rig, role, particle)]
            self._panel.lock(PARTICLE, dict.fromkeys(held, f"holds {particle}"))

    def _change(self, role: str, setting: str, value: str | bool) -> None:
        rig = self._station.rig
        lost = at_stake(rig, role) if rig is not None else ""
        if lost and not self._sure(role, setting, value, lost):
            self._panel.restore(role, setting)
            return
        self._station.change(role, setting, value, sure=bool(lost))

    def _sure(self, role: str, setting: str, value: str | bool, lost: str) -> bool:
        box = QMessageBox(self._panel)
        box.setObjectName("held_question")
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(f"Change the {role}?")
        shown = ("on" if value else "off") if isinstance(value, bool) else value
        box.setText(f"Set {role}.{setting} to {shown}? This may lose {lost}.")
        box.setInformativeText(f"By its safe state the rig keeps the {role} as it is.")
        yes = box.addButton("Change it", QMessageBox.ButtonRole.DestructiveRole)
        leave = box.addButton("Leave it", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(leave)
        box.setEscapeButton(leave)
        box.exec_()
        return box.clickedButton() is yes
