"""Qt without a screen; a Qt warning fails the test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PyQt5.QtCore import QtMsgType, qInstallMessageHandler
from pytestqt.qtbot import QtBot

from labctl.gui.console_window import make_window
from labctl.gui.window import MainWindow

# The platform without a screen says so for every window that is shown.
HARMLESS = (
    "This plugin does not support propagateSizeHints",
    "This plugin does not support raise()",
    "This plugin does not support grabbing the keyboard",
    "XDG_RUNTIME_DIR not set",
)


@pytest.fixture(autouse=True)
def _no_qt_warning() -> Iterator[None]:
    said: list[str] = []

    def hear(kind: QtMsgType, _: object, text: str | None) -> None:
        if kind != QtMsgType.QtDebugMsg and not any(part in str(text) for part in HARMLESS):
            said.append(str(text))

    before = qInstallMessageHandler(hear)
    yield
    qInstallMessageHandler(before)
    assert said == []


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def open_window(qtbot: QtBot, tmp_path: Path, out: Path) -> Iterator[Callable[..., MainWindow]]:
    """Make windows; at the end each is closed, its run ended, its threads gone."""
    made: list[MainWindow] = []

    def make(
        rig: str | None = "sim", *, folder: Path | None = None, theme: str | None = "light"
    ) -> MainWindow:
        window = make_window(rig, folder or out, theme, folder=tmp_path / "settings")
        made.append(window)
        qtbot.addWidget(window)
        if rig is not None:
            qtbot.waitUntil(lambda: window.station.rig is not None, timeout=20_000)
        return window

    yield make
    for window in made:
        window.close_without_asking()
        qtbot.waitUntil(lambda window=window: not window.isVisible(), timeout=20_000)


@pytest.fixture
def window(open_window: Callable[..., MainWindow]) -> MainWindow:
    return open_window()
