"""Shows the window on a screen, says in JSON where it and its red button are, and closes it.

python -m tests.gui.on_screen FOLDER
"""

import json
import sys
import time
from pathlib import Path

from PyQt5.QtCore import QPoint, QRect, Qt
from PyQt5.QtWidgets import QApplication, QDockWidget, QPushButton

from labctl.gui.console_window import make_window

PATIENCE_S = 20.0


def corners(rect: QRect) -> list[int]:
    return [rect.left(), rect.top(), rect.right(), rect.bottom()]


def main() -> None:
    folder = Path(sys.argv[1])
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
    application = QApplication(sys.argv[:1])
    window = make_window(None, folder / "data", None, folder=folder / "settings")
    emergency = window.findChild(QPushButton, "emergency_button")
    (docks,) = ([d for d in window.findChildren(QDockWidget) if d.isFloating()],)
    end_s = time.monotonic() + PATIENCE_S
    while not window.frameGeometry().contains(window.geometry().adjusted(0, -5, 0, 0)):
        application.processEvents()  # until the window manager has framed it
        assert time.monotonic() < end_s, "no window manager has framed the window"
    settled_s = time.monotonic() + 0.6
    while time.monotonic() < settled_s:
        application.processEvents()
        time.sleep(0.01)
    screen = window.windowHandle().screen()
    answer = {
        "screen": corners(screen.availableGeometry()),
        "window": corners(window.frameGeometry()),
        "button": corners(QRect(emergency.mapToGlobal(QPoint(0, 0)), emergency.size())),
        "floating": [corners(dock.frameGeometry()) for dock in docks],
        "least_width": window.minimumWidth(),
        "asked_width": window.minimumSizeHint().width(),
    }
    if "--float" in sys.argv:
        dock = window.findChild(QDockWidget, "dock_world")
        dock.setFloating(True)
        dock.setGeometry(QRect(screen.geometry().bottomRight() - QPoint(500, 500), dock.size()))
    window.close_without_asking()
    while window.isVisible():
        application.processEvents()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
