"""What the program says about itself, by level and run."""

import logging
from collections import deque

from PyQt5.QtCore import QTimer
from PyQt5.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

LINES = 5000
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_Line = tuple[int, str]


class _Collector(logging.Handler):
    """Keeps records for the panel; any thread may log, only the window's own reads."""

    def __init__(self) -> None:
        super().__init__()
        self.fresh: deque[_Line] = deque(maxlen=LINES)
        self.run_id = ""
        self.setFormatter(logging.Formatter("%(asctime)s  %(levelname)-7s %(message)s", "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        brief = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None})
        run = f"[{self.run_id}]  " if self.run_id else ""
        head, _, rest = self.format(brief).partition("  ")
        self.fresh.append((record.levelno, f"{head}  {run}{rest}"))


class LogPanel(QWidget):
    """The last lines of the log, from a level on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("log_panel")
        self._lines: deque[_Line] = deque(maxlen=LINES)
        self._text = QPlainTextEdit()
        self._text.setObjectName("log_text")
        self._text.setReadOnly(True)
        self._text.setMaximumBlockCount(LINES)
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._level = QComboBox()
        self._level.setObjectName("log_level")
        self._level.addItems(LEVELS)
        self._level.setCurrentText("INFO")
        self._level.currentIndexChanged.connect(self._show_all)
        self._follow = QCheckBox("Follow")
        self._follow.setChecked(True)
        clear = QPushButton("Clear")
        clear.clicked.connect(self._clear)
        row = QHBoxLayout()
        row.addWidget(QLabel("From level"))
        row.addWidget(self._level)
        row.addWidget(self._follow)
        row.addStretch(1)
        row.addWidget(clear)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(row)
        layout.addWidget(self._text, 1)
        self._collector = _Collector()
        logger = logging.getLogger("labctl")
        logger.addHandler(self._collector)
        if logger.level in (logging.NOTSET, logging.WARNING):
            logger.setLevel(logging.INFO)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._drain)
        self._timer.start(250)

    def set_run(self, run_id: str) -> None:
        """Write the id of a run before each line from now on; "" ends that."""
        self._collector.run_id = run_id[:8]

    def close_log(self) -> None:
        """Listen no more."""
        self._timer.stop()
        logging.getLogger("labctl").removeHandler(self._collector)

    def _drain(self) -> None:
        fresh = self._collector.fresh
        new = [fresh.popleft() for _ in range(len(fresh))]
        self._lines.extend(new)
        self._show(new)

    def _show(self, lines: list[_Line]) -> None:
        least = getattr(logging, self._level.currentText())
        text = "\n".join(line for level, line in lines if level >= least)
        if text:
            bar = self._text.verticalScrollBar()
            self._text.appendPlainText(text)
            if self._follow.isChecked() and bar is not None:
                bar.setValue(bar.maximum())

    def _show_all(self) -> None:
        self._text.clear()
        self._show(list(self._lines))

    def _clear(self) -> None:
        self._lines.clear()
        self._text.clear()
