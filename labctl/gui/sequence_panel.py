"""What can be measured, and with which parameters."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

from collections.abc import Iterable, Mapping
from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from labctl.core import MeasurementSequence, Rig
from labctl.core.provenance import description_of
from labctl.gui.parameter_form import ParameterForm
from labctl.gui.theme import repolish

SequenceClass = type[MeasurementSequence]


class SequencePanel(QWidget):
    """The tree of sequences, the form of the chosen one, its presets, and the buttons to act.

    Attributes:
        chosen: name of a sequence whose class is wanted (`show_sequence` answers).
        run_asked, queue_asked, plan_asked: with the name and the values of the form.
        preset_asked, preset_saved, preset_deleted: with the sequence and the preset's name.
        file_asked: the values of an earlier run are wanted.
        module_asked: a sequence is to be loaded from a file.
    """

    chosen = pyqtSignal(str)
    run_asked = pyqtSignal(str, dict)
    queue_asked = pyqtSignal(str, dict)
    plan_asked = pyqtSignal(str, dict)
    preset_asked = pyqtSignal(str, str)
    preset_save_asked = pyqtSignal(str)
    preset_delete_asked = pyqtSignal(str, str)
    file_asked = pyqtSignal()
    module_asked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sequence_panel")
        self._sequence = ""
        self._wanted: Mapping[str, Any] | None = None
        self._busy = "No rig is open."
        self._tree = QTreeWidget()
        self._tree.setObjectName("sequence_tree")
        self._tree.setHeaderHidden(True)
        self._tree.setIndentation(12)
        self._groups: dict[str, QTreeWidgetItem] = {}
        self._tree.currentItemChanged.connect(self._choose)
        self._load = QTreeWidgetItem(self._tree, ["Load a .py file …"])
        self._load.setFlags(Qt.ItemFlag.ItemIsEnabled)
        self._tree.itemClicked.connect(self._clicked)
        self._about = QLabel("")
        self._about.setObjectName("sequence_about")
        self._about.setWordWrap(True)
        self._about.setProperty("state", "quiet")
        self.form = ParameterForm()
        self.form.changed.connect(self._update_buttons)
        self._plan_text = QLabel("")
        self._plan_text.setObjectName("plan_text")
        self._plan_text.setWordWrap(True)
        self._plan_text.hide()
        lower = QWidget()
        below = QVBoxLayout(lower)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(3)
        below.addWidget(self._about)
        below.addLayout(self._make_presets())
        below.addWidget(self.form, 1)
        below.addWidget(self._plan_text)
        below.addLayout(self._make_buttons())
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self._tree)
        splitter.addWidget(lower)
        splitter.setSizes([150, 460])
        splitter.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(splitter)
        self._update_buttons()

    def set_sequences(self, group: str, names: Iterable[str]) -> None:
        """List sequences under a heading."""
        if group not in self._groups:
            self._groups[group] = QTreeWidgetItem([group])
            self._tree.insertTopLevelItem(len(self._groups) - 1, self._groups[group])
            self._groups[group].setExpanded(True)
            self._groups[group].setFlags(Qt.ItemFlag.ItemIsEnabled)
        parent = self._groups[group]
        known = {_name(parent.child(i)) for i in range(parent.childCount())}
        for name in names:
            if name not in known:
                item = QTreeWidgetItem(parent, [name.rpartition(":")[2] or name])
                item.setData(0, Qt.ItemDataRole.UserRole, name)

    def describe(self, titles: Mapping[str, str]) -> None:
        """Show what each sequence is beside its name."""
        for parent in self._groups.values():
            for i in range(parent.childCount()):
                title = titles.get(_name(parent.child(i)))
                if title:
                    parent.child(i).setToolTip(0, title)

    def select(self, sequence: str, values: Mapping[str, Any] | None = None) -> None:
        """Choose a sequence as a click would, and fill in values."""
        self._wanted = values
        if sequence == self._sequence and values is not None:
            self.form.set_values(values)
            self._wanted = None
            return
        for parent in self._groups.values():
            for i in range(parent.childCount()):
                if _name(parent.child(i)) == sequence:
                    self._tree.setCurrentItem(parent.child(i))
                    return
        self.chosen.emit(sequence)

    def show_sequence(self, name: str, cls: SequenceClass, presets: Iterable[str]) -> None:
        """Show the form of the sequence that was chosen."""
        self._sequence = name
        self._about.setText(f"<b>{cls.title}</b>")
        self._about.setToolTip(description_of(cls))
        self._plan_text.hide()
        self.form.set_model(cls.Parameters)
        self.set_presets(presets)
        if self._wanted is not None:
            self.form.set_values(self._wanted)
            self._wanted = None

    def set_presets(self, names: Iterable[str]) -> None:
        """List the presets of the chosen sequence."""
        self._presets.blockSignals(True)
        self._presets.clear()
        self._presets.addItem("Defaults")
        self._presets.addItems(list(names))
        self._presets.blockSignals(False)

    @property
    def presets(self) -> list[str]:
        """Names of the presets that are listed, without the defaults."""
        return [self._presets.itemText(i) for i in range(1, self._presets.count())]

    @property
    def sequence(self) -> str:
        """Name of the sequence whose form is shown, "" before the first."""
        return self._sequence

    def choose_preset(self, name: str) -> None:
        """Show a preset as chosen; its values are in the form already."""
        self._presets.setCurrentText(name)

    def set_rig(self, rig: Rig | None) -> None:
        """Take the limits of another rig."""
        self.form.set_rig(rig)

    def set_busy(self, why: str) -> None:
        """Lock the run button and say why; "" unlocks it."""
        self._busy = why
        self._update_buttons()

    def show_plan(self, text: str, *, good: bool) -> None:
        """Show the outcome of a dry run."""
        self._plan_text.setText(text)
        self._plan_text.setProperty("state", "quiet" if good else "wrong")
        repolish(self._plan_text)
        self._plan_text.show()

    def ask_run(self) -> None:
        """What the run button does."""
        self.run_button.click()

    def ask_queue(self) -> None:
        """What the queue button does."""
        self.queue_button.click()

    def _make_presets(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        self._presets = QComboBox()
        self._presets.setObjectName("preset_choice")
        self._presets.setToolTip("Values to start from")
        self._presets.activated.connect(self._take_preset)
        row.addWidget(self._presets, 1)
        buttons = (
            ("Save…", "preset_save", "Keep these values under a name",
             lambda: self.preset_save_asked.emit(self._sequence)),
            ("Delete", "preset_delete", "Forget the preset that is shown",
             lambda: self.preset_delete_asked.emit(self._sequence, self._presets.currentText())),
            ("From run…", "from_run", "Take the values of an earlier file", self.file_asked.emit),
        )  # fmt: skip
        for text, name, tip, action in buttons:
            button = QToolButton()
            button.setText(text)
            button.setObjectName(name)
            button.setToolTip(tip)
            button.clicked.connect(lambda _, action=action: action())
            row.addWidget(button)
        return row

    def _make_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        made: list[QPushButton] = []
        for text, name, tip, signal in (
            ("Plan", "plan_button", "Dry run: how long, how much, how near the limits (F4)",
             self.plan_asked),
            ("Queue", "queue_button", "Append to the queue (F6)", self.queue_asked),
            ("Run", "run_button", "Start now (F5)", self.run_asked),
        ):  # fmt: skip
            button = QPushButton(text)
            button.setObjectName(name)
            button.setToolTip(tip)
            button.clicked.connect(lambda _, signal=signal: self._act(signal))
            row.addWidget(button)
            made.append(button)
        self.plan_button, self.queue_button, self.run_button = made
        return row

    def _act(self, signal: Any) -> None:
        if self._sequence and not self.form.error:
            signal.emit(self._sequence, self.form.values())

    def _choose(self, item: QTreeWidgetItem | None) -> None:
        name = _name(item) if item is not None else None
        if name:
            self.chosen.emit(name)

    def _clicked(self, item: QTreeWidgetItem | None) -> None:
        if item is self._load:
            self.module_asked.emit()

    def _take_preset(self, index: int) -> None:
        if self._sequence:
            self.preset_asked.emit(self._sequence, self._presets.itemText(index) if index else "")

    def _update_buttons(self) -> None:
        sound = bool(self._sequence) and not self.form.error
        for button in (self.plan_button, self.queue_button):
            button.setEnabled(sound)
        self.run_button.setEnabled(sound and not self._busy)
        self.run_button.setToolTip(self._busy or self.form.error or "Start now (F5)")


def _name(item: QTreeWidgetItem | None) -> str:
    return (item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None) or ""
