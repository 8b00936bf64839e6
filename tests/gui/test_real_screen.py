"""The window on a real X server with a window manager, from a profile nobody has used."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from labctl.gui.app import missing_packages

PROGRAMS = ("Xvfb", "openbox")


@pytest.fixture(autouse=True)
def _needs_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("QT_QPA_PLATFORM", "xcb")
        lacking = [p.lower() for p in PROGRAMS if shutil.which(p) is None] + missing_packages()
    if lacking:
        pytest.skip(f"a real screen needs: apt-get install {' '.join(lacking)}")


@contextmanager
def screen(width: int, height: int) -> Iterator[str]:
    """An X server of that many pixels with a window manager; yields its display."""
    read_end, write_end = os.pipe()
    command = ["Xvfb", "-displayfd", str(write_end), "-screen", "0", f"{width}x{height}x24"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([*command, "-nolisten", "tcp"], pass_fds=(write_end,), **quiet)
    os.close(write_end)
    with os.fdopen(read_end) as answer:
        display = f":{answer.readline().strip()}"
    manager = subprocess.Popen(["openbox"], env={**os.environ, "DISPLAY": display}, **quiet)
    try:
        yield display
    finally:
        for process in (manager, server):
            process.terminate()
            process.wait()


def look(folder: Path, pixels: tuple[int, int], scale: str = "1", *options: str) -> dict[str, Any]:
    """Open and close the window there; returns where everything was."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    with screen(*pixels) as display:
        own = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR")}
        told = subprocess.run(
            [sys.executable, "-m", "tests.gui.on_screen", str(folder), *options],
            env={**os.environ, **own, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb",
                 "QT_SCALE_FACTOR": scale},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def inside(inner: list[int], outer: list[int]) -> bool:
    left, top, right, bottom = inner
    return outer[0] <= left <= right <= outer[2] and outer[1] <= top <= bottom <= outer[3]


@pytest.mark.parametrize(
    ("pixels", "scale"), [((1366, 768), "1"), ((1920, 1080), "1"), ((2560, 1440), "1.5")]
)
def test_a_fresh_profile_opens_on_the_screen(
    tmp_path: Path, pixels: tuple[int, int], scale: str
) -> None:
    seen = look(tmp_path, pixels, scale)
    assert inside(seen["window"], seen["screen"])
    assert inside(seen["button"], seen["window"])
    assert seen["least_width"] == 1180
    assert seen["asked_width"] <= 1180


def test_a_layout_of_a_larger_screen_fits_a_smaller_one(tmp_path: Path) -> None:
    large = look(tmp_path, (3000, 1600), "1", "--float")
    assert inside(large["button"], large["screen"])
    small = look(tmp_path, (1280, 720))
    assert inside(small["window"], small["screen"])
    assert inside(small["button"], small["screen"])
    assert len(small["floating"]) == 1
    assert inside(small["floating"][0], small["screen"])
