"""Where the window stands: as it was left, but always on the screen and never wider than it."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

from collections.abc import Mapping

from PyQt5.QtCore import QEvent, QObject, QPoint, QRect, QSettings, QSize, Qt, QTimer
from PyQt5.QtGui import QGuiApplication, QScreen
from PyQt5.QtWidgets import QDockWidget, QMainWindow, QWidget

LEAST_WIDTH = 1180
"""Narrower than this the panels get in each other's way; a narrower screen still gets it all."""
WANTED = QSize(1600, 1000)
_FRAME = QSize(8, 40)
"""Room for a title bar, for as long as the window manager has not said how large it is."""
_SETTLE_MS = 100
_UNSEEN = QRect(0, 0, 1366, 768)
"""Stands for the screen where Qt draws without one; its own would be 800 x 600."""


class Placement(QObject):
    """Restores, keeps and saves geometry and layout of a main window.

    Args:
        window: complete, and not shown yet.
        settings: where both are remembered.
        widths, heights: of docks, by object name, while nothing is remembered.
    """

    def __init__(
        self,
        window: QMainWindow,
        settings: QSettings,
        widths: Mapping[str, int],
        heights: Mapping[str, int],
    ) -> None:
        super().__init__(window)
        self._window, self._settings = window, settings
        self._first: tuple[Mapping[str, int], Mapping[str, int]] | None = (widths, heights)
        self._screen: QScreen | None = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_SETTLE_MS)
        self._later.timeout.connect(self.fit)
        # Set by hand, because the minimum that the panels ask for could be wider than the screen.
        window.setMinimumWidth(min(LEAST_WIDTH, self._available().width()))
        window.resize(WANTED.boundedTo(self._available().size() - _FRAME))
        geometry, layout = settings.value("geometry"), settings.value("layout")
        if geometry is not None:
            window.restoreGeometry(geometry)
        if layout is not None and window.restoreState(layout):
            self._first = None
        self.fit()
        window.installEventFilter(self)

    def save(self) -> None:
        """Remember how everything stands."""
        self._settings.setValue("geometry", self._window.saveGeometry())
        self._settings.setValue("layout", self._window.saveState())
        self._settings.sync()

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:  # noqa: N802  Qt's name
        """Look again when the window is shown: its frame and its screen are known then."""
        if a1 is not None and a0 is self._window and a1.type() == QEvent.Type.Show:
            self._share()
            if self._screen is None:
                handle = self._window.windowHandle()
                handle.screenChanged.connect(self._screen_changed)
                self._screen_changed(handle.screen())
            self._later.start()
        return False

    def fit(self) -> None:
        """Bring window and floating panels onto the screen, smaller where they are too large."""
        window, available = self._window, self._available()
        window.setMinimumWidth(min(LEAST_WIDTH, available.width()))
        if _unseen():
            return  # whoever draws without a screen chooses the size of the picture
        if not window.isMaximized() and not window.isFullScreen():
            _fit(window, available)
        for dock in window.findChildren(QDockWidget):
            if dock.isFloating():
                _fit(dock, self._available(dock))

    def _available(self, widget: QWidget | None = None) -> QRect:
        if _unseen():
            return _UNSEEN
        place = (widget or self._window).frameGeometry().center()
        screen = QGuiApplication.screenAt(place) or QGuiApplication.primaryScreen()
        return screen.availableGeometry()

    def _screen_changed(self, screen: QScreen | None) -> None:
        if self._screen is not None:
            self._screen.availableGeometryChanged.disconnect(self._screen_resized)
        self._screen = screen
        if screen is not None:
            screen.availableGeometryChanged.connect(self._screen_resized)
        self._later.start()

    def _screen_resized(self) -> None:
        self._later.start()

    def _share(self) -> None:
        """Give the docks their first sizes; before the window is shown this would widen it."""
        if self._first is None:
            return
        (widths, heights), self._first = self._first, None
        for sizes, direction in (
            (widths, Qt.Orientation.Horizontal),
            (heights, Qt.Orientation.Vertical),
        ):
            docks = {name: self._window.findChild(QDockWidget, name) for name in sizes}
            found = [dock for dock in docks.values() if dock is not None]
            self._window.resizeDocks(found, [sizes[d.objectName()] for d in found], direction)


def _unseen() -> bool:
    return QGuiApplication.platformName() == "offscreen"


def _fit(widget: QWidget, available: QRect) -> None:
    """Move and shrink a window, its frame included, into a screen."""
    inner, outer = widget.geometry(), widget.frameGeometry()
    frame = outer.size() - inner.size()
    if widget.isWindow() and frame.isNull():
        frame = _FRAME
        outer = QRect(inner.topLeft(), inner.size() + frame)
    size = outer.size().boundedTo(available.size())
    if size != outer.size():
        widget.resize(size - frame)
    last = available.bottomRight() - QPoint(size.width() - 1, size.height() - 1)
    place = QPoint(
        max(available.left(), min(outer.left(), last.x())),
        max(available.top(), min(outer.top(), last.y())),
    )
    if place != outer.topLeft():
        widget.move(place)
