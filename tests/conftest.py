"""What holds for every test: no thread outlives it, and the user's log is left alone."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# One worker per core: threads of the linear algebra would only wait for each other. Children
# inherit this; it must be set before NumPy is imported.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

from labctl.gui.app import obstacle  # noqa: E402  it imports NumPy

# A shell without job control starts what ends in "&" with SIGINT ignored, and children inherit it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Under nohup the tests must survive a hangup, and the programs that they start must hear it: a
# handler, other than "ignore", is not inherited.
if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

NO_WINDOW = obstacle()
"""Why the tests of the window cannot run here; "" if they can."""
# pytest-qt ends every session on a machine that lacks a library of Qt, so it comes only here.
pytest_plugins = () if NO_WINDOW else ("pytestqt.plugin",)
collect_ignore = ["gui"] if NO_WINDOW else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if NO_WINDOW:
        terminalreporter.write_line(f"SKIPPED tests/gui: {NO_WINDOW}")


@pytest.fixture(autouse=True)
def _private_log(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_LOG_DIR", str(tmp_path_factory.getbasetemp() / "log"))


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 2
    while left := set(threading.enumerate()) - before:
        if time.monotonic() > deadline:
            pytest.fail(f"threads left running: {', '.join(sorted(t.name for t in left))}")
        time.sleep(0.01)


@pytest.fixture
def repository() -> Path:
    return Path(__file__).parents[1]
