"""Colours of the window: one light and one dark set, for Qt's widgets and for plots."""

from dataclasses import dataclass

import pyqtgraph as pg
from PyQt5.QtGui import QColor, QPalette
from PyQt5.QtWidgets import QApplication, QWidget


@dataclass(frozen=True)
class Theme:
    """A set of colours, "#rrggbb" each.

    Attributes:
        window, field: behind labels, and behind what can be typed in.
        plot: behind a plot.
        text, quiet: for what matters and for what does not; both readable on `window`.
        accent: selection, the run button.
        done: the part of a progress bar that is done, under `text`.
        data, model, truth, earlier: measured points, fit, simulated truth, overlaid run.
        warning, error, good: with `on_colour` as the text on top of them.
    """

    name: str
    window: str
    field: str
    plot: str
    text: str
    quiet: str
    border: str
    accent: str
    done: str
    data: str
    model: str
    truth: str
    earlier: str
    warning: str
    error: str
    good: str
    on_colour: str


LIGHT = Theme(
    name="light", window="#f3f4f6", field="#ffffff", plot="#ffffff", text="#1b1f24",
    quiet="#59636e", border="#c4cad1", accent="#2f6f9f", done="#a8cbe4",
    data="#33658a", model="#c8553d",
    truth="#3f7f3e", earlier="#8a6fb0", warning="#b7791f", error="#b3261e", good="#2e7d4f",
    on_colour="#ffffff",
)  # fmt: skip
DARK = Theme(
    name="dark", window="#24272c", field="#1a1c20", plot="#16181b", text="#e6e8eb",
    quiet="#a3abb5", border="#464c55", accent="#3f86bb", done="#2b587a",
    data="#7db4dc", model="#f0876b",
    truth="#8fc98c", earlier="#bda4e0", warning="#c58a2b", error="#c9423a", good="#3d8f60",
    on_colour="#ffffff",
)  # fmt: skip
POINTS = 9.5
"""Largest font; 1366 x 768 pixels hold every panel with it."""
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def apply(application: QApplication, theme: Theme) -> None:
    """Give every widget, made or to be made, the colours of a theme; plots take them when made."""
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: theme.window,
        QPalette.ColorRole.Base: theme.field,
        QPalette.ColorRole.AlternateBase: theme.window,
        QPalette.ColorRole.Button: theme.window,
        QPalette.ColorRole.WindowText: theme.text,
        QPalette.ColorRole.Text: theme.text,
        QPalette.ColorRole.ButtonText: theme.text,
        QPalette.ColorRole.BrightText: theme.on_colour,
        QPalette.ColorRole.ToolTipBase: theme.field,
        QPalette.ColorRole.ToolTipText: theme.text,
        QPalette.ColorRole.PlaceholderText: theme.quiet,
        QPalette.ColorRole.Highlight: theme.accent,
        QPalette.ColorRole.HighlightedText: theme.on_colour,
        QPalette.ColorRole.Link: theme.accent,
        QPalette.ColorRole.Mid: theme.border,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (
        QPalette.ColorRole.WindowText,
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
    ):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.quiet))
    application.setStyle("Fusion")  # looks the same everywhere
    font = application.font()
    if font.pointSizeF() > POINTS:  # where the system's own is large, panels would not fit
        font.setPointSizeF(POINTS)
        application.setFont(font)
    application.setPalette(palette)
    application.setStyleSheet(_style(theme))
    pg.setConfigOptions(background=theme.plot, foreground=theme.text, antialias=False)


def repolish(widget: QWidget) -> None:
    """Let Qt look again at the properties that the style goes by."""
    style = widget.style()
    if style is not None:
        style.unpolish(widget)
        style.polish(widget)


def _style(theme: Theme) -> str:
    return f"""
QToolTip {{ color: {theme.text}; background: {theme.field}; border: 1px solid {theme.border}; }}
QDockWidget {{ font-weight: bold; }}
QDockWidget::title {{ padding: 3px 6px; background: {theme.window}; text-align: left; }}
QGroupBox {{ border: 1px solid {theme.border}; border-radius: 4px; margin-top: 9px; }}
QGroupBox::title {{ subcontrol-origin: margin; left: 8px; padding: 0 3px; font-weight: bold; }}
QHeaderView::section {{ background: {theme.window}; color: {theme.text}; padding: 2px 4px;
    border: none; border-bottom: 1px solid {theme.border}; }}
QLineEdit {{ border: 1px solid {theme.border}; border-radius: 3px; padding: 1px 3px; }}
QLineEdit:focus {{ border: 1px solid {theme.accent}; }}
QCheckBox::indicator, QListView::indicator {{ width: 12px; height: 12px; border-radius: 2px;
    border: 1px solid {theme.quiet}; background: {theme.field}; }}
QCheckBox::indicator:checked, QListView::indicator:checked {{ border-color: {theme.accent};
    background: {theme.accent}; }}
QLineEdit[state="wrong"] {{ border: 2px solid {theme.error}; }}
QLabel[state="quiet"] {{ color: {theme.quiet}; }}
QLabel[state="wrong"] {{ color: {theme.error}; font-weight: bold; }}
QLabel[state="good"] {{ color: {theme.good}; }}
QLabel[state="off"] {{ background: {theme.warning}; color: {theme.on_colour};
    border-radius: 3px; padding: 0 3px; }}
QLabel#simulated_banner {{ background: {theme.warning}; color: {theme.on_colour};
    font-weight: bold; padding: 3px 10px; border-radius: 4px; }}
QFrame#alarm_bar {{ background: {theme.warning}; border-radius: 4px; }}
QFrame#alarm_bar QLabel {{ color: {theme.on_colour}; font-weight: bold; }}
QFrame#error_bar {{ background: {theme.error}; border-radius: 4px; }}
QFrame#error_bar QLabel, QFrame#error_bar QToolButton {{ color: {theme.on_colour}; }}
QPushButton#emergency_button {{ background: {theme.error}; color: {theme.on_colour};
    font-weight: bold; padding: 5px 14px; border: 1px solid {theme.text}; border-radius: 4px; }}
QPushButton#run_button {{ background: {theme.accent}; color: {theme.on_colour};
    font-weight: bold; padding: 4px 14px; border: none; border-radius: 4px; }}
QPushButton#run_button:disabled {{ background: {theme.border}; color: {theme.quiet}; }}
QProgressBar {{ border: 1px solid {theme.border}; border-radius: 3px; text-align: center; }}
QProgressBar::chunk {{ background: {theme.done}; }}
"""
