"""The application behind the window: made where there is a screen, refused in words elsewhere."""

import os
import sys

from PyQt5.QtCore import QCoreApplication, Qt, QtMsgType, qInstallMessageHandler
from PyQt5.QtWidgets import QApplication


def open_application(name: str) -> QApplication:
    """Make the one QApplication of this process.

    Without a screen, or with a platform that it does not know, Qt calls abort(): a core dump and
    no word from us. The fault is caught before that: one line on stderr, exit code 1.
    """
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
    heard: list[str] = []

    def hear(kind: QtMsgType, _: object, text: str | None) -> None:
        heard.append(" ".join(str(text).split()))
        if kind == QtMsgType.QtFatalMsg:
            print(f"error: No window can be opened: {_reason(heard)}", file=sys.stderr, flush=True)
            os._exit(1)

    before = qInstallMessageHandler(hear)
    try:
        return QApplication([name])
    finally:
        qInstallMessageHandler(before)
        for text in heard:
            print(text, file=sys.stderr)


def _reason(heard: list[str]) -> str:
    first = heard[0].rstrip(".")
    if "could not connect to display" in first:
        shown = os.environ.get("DISPLAY") or "none; DISPLAY is not set"
        return (
            f"there is no screen ({shown}). Log in at one, use `ssh -X`, or measure "
            "with `labctl run`."
        )
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    hint = f"; is QT_QPA_PLATFORM={platform} right?" if platform else "."
    return first + hint
