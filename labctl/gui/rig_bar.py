"""Which lab is open, and whether it is a simulated one."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import (
    QComboBox,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QWidget,
)

from labctl.core import Rig, rig_names

OTHER = "Other file…"


class RigBar(QToolBar):
    """Choose, open and close a rig; the banner says when nothing here is real.

    Attributes:
        rig_asked: a rig is to be opened, by name or path.
        close_asked, theme_asked: the button was pressed.
    """

    rig_asked = pyqtSignal(str)
    close_asked = pyqtSignal()
    theme_asked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Rig", parent)
        self.setObjectName("rig_bar")
        self.setMovable(False)
        self._choice = QComboBox()
        self._choice.setObjectName("rig_choice")
        self._choice.setEditable(True)
        self._choice.setMinimumWidth(150)
        self._choice.setToolTip("An installed rig, or the path of a .toml file")
        self._choice.addItems(rig_names())
        self._open = QPushButton("Open")
        self._open.setObjectName("open_button")
        self._open.clicked.connect(self._press)
        self._state = QLabel("No rig is open.")
        self._state.setObjectName("rig_state")
        self._banner = QLabel("SIMULATED")
        self._banner.setObjectName("simulated_banner")
        self._banner.setToolTip("No instrument is real here: a world behind them makes the data.")
        self._theme = QToolButton()
        self._theme.setObjectName("theme_button")
        self._theme.setText("◐")
        self._theme.setToolTip("Light or dark (Ctrl+T)")
        self._theme.clicked.connect(lambda _: self.theme_asked.emit())
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(QLabel(" Rig "))
        self.addWidget(self._choice)
        self.addWidget(self._open)
        self.addSeparator()
        self.addWidget(self._state)
        self.addWidget(space)
        self._shown_banner = self.addWidget(self._banner)
        self.addWidget(self._theme)
        self._is_open = False
        self.set_rig(None)

    def choose(self, rig: str) -> None:
        """Write a rig into the field."""
        self._choice.setCurrentText(rig)

    def show_state(self, text: str) -> None:
        """Say what happens with the rig."""
        self._state.setText(f" {text} ")

    def set_rig(self, rig: Rig | None) -> None:
        """Show which rig is open."""
        self._is_open = rig is not None
        self._open.setText("Close" if self._is_open else "Open")
        self._choice.setEnabled(not self._is_open)
        self._shown_banner.setVisible(rig is not None and rig.simulation is not None)
        if rig is not None:
            self._choice.setCurrentText(rig.name)
            self._state.setToolTip(rig.spec.title)

    def _press(self) -> None:
        if self._is_open:
            self.close_asked.emit()
        else:
            self.rig_asked.emit(self._choice.currentText().strip())
