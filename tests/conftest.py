"""What holds for every test: no thread outlives it, and the user's log is left alone."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


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
