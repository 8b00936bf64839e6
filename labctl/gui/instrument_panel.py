"""One card per instrument: what was asked of it, and what it does."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

from collections.abc import Mapping

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import (
    QGridLayout,
    QGroupBox,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from labctl.core import Rig
from labctl.core.by_hand import DeviceState, can_be_set, deviates
from labctl.data import Setting
from labctl.gui.quantity_edit import QuantityEdit
from labctl.gui.read_out import ReadOut
from labctl.gui.theme import repolish
from labctl.gui.upright_area import UprightArea
from labctl.hal import Device
from labctl.units import format_quantity

FIELD = 88


class InstrumentCard(QGroupBox):
    """One device: identity, connection, every setting as asked for and as read back.

    Attributes:
        changed: role, setting, and the text or switch position that the user gave.
    """

    changed = pyqtSignal(str, str, object)

    def __init__(self, role: str, device: Device, parent: QWidget | None = None) -> None:
        super().__init__(role.capitalize(), parent)
        self.setObjectName(f"card_{role}")
        self.role, self._device = role, device
        self._identity = QLabel("…")
        self._identity.setObjectName(f"identity_{role}")
        self._identity.setProperty("state", "quiet")
        self._identity.setWordWrap(True)
        self._grid = QGridLayout()
        self._grid.setColumnStretch(0, 1)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(3)
        self._asked: dict[str, QuantityEdit | QPushButton] = {}
        self._actual: dict[str, QLabel] = {}
        self._last: dict[str, Setting] = {}
        self._locks: dict[str, str] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 12, 8, 6)
        layout.setSpacing(3)
        layout.addWidget(self._identity)
        layout.addLayout(self._grid)

    def show_state(self, state: DeviceState) -> None:
        """Show what the device answered."""
        if state.error:
            self._identity.setText(f"● not answering: {state.error}")
            self._state(self._identity, "wrong")
        else:
            self._identity.setText(f"● {state.identity}")
            self._state(self._identity, "quiet")
        for name, setting in state.settings.items():
            if name not in self._actual:
                self._add_row(name, setting)
            self._last[name] = setting
            self._show(name, setting)

    def restore(self, name: str) -> None:
        """Show again what a setting is, after something else was typed or clicked."""
        asked = self._asked.get(name)
        if asked is not None and name in self._last:
            asked.clearFocus()
            self._show(name, self._last[name])

    def lock(self, who: str, why: str = "") -> None:
        """Let nobody touch the device for a reason of `who`; "" ends that one."""
        self._locks[who] = why
        reasons = [reason for reason in self._locks.values() if reason]
        self.setTitle(" — ".join([self.role.capitalize(), *reasons[:1]]))
        for widget in self._asked.values():
            widget.setEnabled(not reasons)

    def _add_row(self, name: str, setting: Setting) -> None:
        row = self._grid.rowCount()
        limits = self._device.limits.get(name)
        title = QLabel(_title(name))
        title.setToolTip(f"{name}: {limits}" if limits else name)
        self._grid.addWidget(title, row, 0)
        if can_be_set(self.role, self._device, name):
            widget = self._switch(name) if isinstance(setting.readback, bool) else (
                self._field(name, setting.unit)
            )  # fmt: skip
            widget.setObjectName(f"asked_{self.role}_{name}")
            widget.setToolTip(str(limits) if limits else "")
            widget.setEnabled(not any(self._locks.values()))
            self._asked[name] = widget
            self._grid.addWidget(widget, row, 1)
        actual = ReadOut()
        actual.setObjectName(f"actual_{self.role}_{name}")
        actual.setMinimumWidth(72)
        self._actual[name] = actual
        self._grid.addWidget(actual, row, 2)

    def _field(self, name: str, unit: str) -> QuantityEdit:
        field = QuantityEdit(unit)
        field.setFixedWidth(FIELD)
        field.changed.connect(lambda: self.changed.emit(self.role, name, field.text()))
        return field

    def _switch(self, name: str) -> QPushButton:
        switch = QPushButton("off")
        switch.setCheckable(True)
        switch.setFixedWidth(FIELD)
        switch.clicked.connect(lambda on: self.changed.emit(self.role, name, on))
        return switch

    def _show(self, name: str, setting: Setting) -> None:
        actual, asked = self._actual[name], self._asked.get(name)
        actual.setText(_text(setting.readback, setting.unit))
        self._state(actual, "off" if deviates(setting) else "")
        wanted = setting.readback if setting.setpoint is None else setting.setpoint
        if isinstance(asked, QPushButton):
            asked.setChecked(bool(wanted))
            asked.setText("on" if wanted else "off")
        elif asked is not None and not asked.hasFocus():
            asked.set_value(float(wanted))

    def _state(self, label: QLabel, state: str) -> None:
        if label.property("state") != state:
            label.setProperty("state", state)
            repolish(label)


class InstrumentPanel(UprightArea):
    """The cards of the open rig.

    Attributes:
        changed: role, setting and new value.
    """

    changed = pyqtSignal(str, str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("instrument_panel")
        self._cards: dict[str, InstrumentCard] = {}
        self.set_rig(None)

    def set_rig(self, rig: Rig | None) -> None:
        """Make the cards of another rig."""
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(6, 4, 6, 4)
        self._cards = {}
        if rig is None:
            label = QLabel("No rig is open.")
            label.setProperty("state", "quiet")
            layout.addWidget(label)
        else:
            for role, device in rig:
                card = InstrumentCard(role, device)
                card.changed.connect(self.changed)
                self._cards[role] = card
                layout.addWidget(card)
        layout.addStretch(1)
        self.setWidget(inner)

    def show_states(self, states: Mapping[str, DeviceState]) -> None:
        """Show what the devices answered."""
        for role, state in states.items():
            if role in self._cards:
                self._cards[role].show_state(state)

    def restore(self, role: str, setting: str) -> None:
        """Show again what a setting is, after something else was typed or clicked."""
        if role in self._cards:
            self._cards[role].restore(setting)

    def lock(self, who: str, why: Mapping[str, str]) -> None:
        """Lock the cards of these roles, each for its reason; `who` frees its others."""
        for role, card in self._cards.items():
            card.lock(who, why.get(role, ""))


def _title(name: str) -> str:
    stem, _, unit = name.removesuffix("_a_per_s").rpartition("_")
    if name.endswith("_a_per_s"):
        return f"{stem}_{unit}".replace("_", " ").capitalize()
    known = {"hz", "dbm", "w", "a", "v", "s", "pa", "k"}
    return (stem if unit in known and stem else name).replace("_", " ").capitalize()


def _text(value: float | bool, unit: str) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return format_quantity(float(value), unit, digits=7)
