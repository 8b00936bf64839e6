"""The particle in the trap: who it is, what is known about it, and what of that is old."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

from collections.abc import Sequence

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from labctl.console.passport import Finding, Passport
from labctl.gui.quantity_edit import QuantityEdit
from labctl.units import format_measurement

NONE = "no particle"
_ROWS = (("loaded", "Loaded"), ("librations", "Librations"), ("field", "Field"), ("drift", "Drift"))


class PassportPanel(QWidget):
    """Choose or enter a particle, and read its passport.

    Attributes:
        selected: a known particle is the one in the trap; "" for none.
        loaded: a new particle was caught; with its name.
        described: particle, notes, charge in elementary charges (or None).
        runs_asked: the runs of a particle are to be listed.
    """

    selected = pyqtSignal(str)
    loaded = pyqtSignal(str)
    described = pyqtSignal(str, str, object)
    runs_asked = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("passport_panel")
        self._particle = ""
        self._choice = QComboBox()
        self._choice.setObjectName("particle_choice")
        self._choice.addItem(NONE)
        self._choice.activated.connect(self._select)
        self._new = QLineEdit()
        self._new.setObjectName("particle_new")
        self._new.setPlaceholderText("Name of a new particle")
        self._new.returnPressed.connect(self._load)
        load = QPushButton("Loaded")
        load.setObjectName("particle_load")
        load.setToolTip("This particle was caught just now")
        load.clicked.connect(lambda _: self._load())
        self._charge = QuantityEdit("")
        self._charge.setObjectName("particle_charge")
        self._charge.setPlaceholderText("not known")
        self._charge.changed.connect(self._describe)
        self._notes = QLineEdit()
        self._notes.setObjectName("particle_notes")
        self._notes.editingFinished.connect(self._describe)
        runs = QPushButton("Show its runs")
        runs.setObjectName("particle_runs")
        runs.clicked.connect(lambda _: self._ask_runs())
        self._warnings = QLabel("")
        self._warnings.setObjectName("particle_warnings")
        self._warnings.setWordWrap(True)
        self._warnings.setProperty("state", "wrong")
        form = QFormLayout()
        form.setVerticalSpacing(4)
        form.addRow("In the trap", self._choice)
        row = QHBoxLayout()
        row.addWidget(self._new, 1)
        row.addWidget(load)
        form.addRow("New", row)
        self._labels: dict[str, QLabel] = {}
        for name, title in _ROWS:
            label = QLabel("")
            label.setObjectName(f"particle_{name}")
            label.setWordWrap(True)
            form.addRow(title, label)
            self._labels[name] = label
        form.addRow("Charge (e)", self._charge)
        form.addRow("Notes", self._notes)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(form)
        layout.addWidget(self._warnings)
        layout.addWidget(runs)
        layout.addStretch(1)

    def show_passports(self, passports: Sequence[Passport], current: Passport | None) -> None:
        """List all particles and show the one in the trap."""
        names = [NONE, *(p.particle for p in passports)]
        self._choice.clear()
        self._choice.addItems(names)
        self._particle = current.particle if current is not None else ""
        self._choice.setCurrentText(self._particle or NONE)
        for widget in (self._charge, self._notes):
            widget.setEnabled(current is not None)
        if current is None:
            for label in self._labels.values():
                label.setText("")
            self._warnings.setText("")
            return
        self._labels["loaded"].setText(current.loaded_at[:16].replace("T", " "))
        for name in ("librations", "field", "drift"):
            self._labels[name].setText(_text(getattr(current, name)))
        self._charge.set_value(current.charge)
        if not self._notes.hasFocus():
            self._notes.setText(current.notes)
        self._warnings.setText("\n".join(f"⚠ {line}" for line in current.warnings()))

    def _ask_runs(self) -> None:
        if self._particle:
            self.runs_asked.emit(self._particle)

    def _select(self) -> None:
        name = self._choice.currentText()
        self.selected.emit("" if name == NONE else name)

    def _load(self) -> None:
        name = self._new.text().strip()
        self._new.clear()
        if name:
            self.loaded.emit(name)

    def _describe(self) -> None:
        if self._particle:
            charge = self._charge.value()
            known = float(charge) if isinstance(charge, int | float) else None
            self.described.emit(self._particle, self._notes.text(), known)


def _text(finding: Finding | None) -> str:
    if finding is None:
        return "not measured"
    values = [
        f"{value.label or name}: {format_measurement(value.value, value.error, value.unit)}"
        for name, value in finding.values.items()
    ]
    return "\n".join([*values, f"({finding.sequence}, {finding.time[:16].replace('T', ' ')})"])
