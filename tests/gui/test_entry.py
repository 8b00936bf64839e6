"""`labctl-gui` says what a window needs before it opens one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labctl.gui import app


def test_help_needs_no_screen() -> None:
    program = Path(sys.executable).parent / "labctl-gui"
    answer = subprocess.run(
        [program, "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    assert answer.returncode == 0
    assert all(option in answer.stdout for option in ("--rig", "--out", "--theme"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent the POSIX way")
def test_what_the_window_tells_is_in_the_log_and_sigterm_closes_it(tmp_path: Path) -> None:
    program = Path(sys.executable).parent / "labctl-gui"
    places = {name: str(tmp_path) for name in ("LABCTL_LOG_DIR", "XDG_CONFIG_HOME", "HOME")}
    log = tmp_path / "labctl.log"
    with subprocess.Popen(
        [program, "--rig", "nowhere", "--out", tmp_path / "data"],
        env={**os.environ, **places, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as window:  # fmt: skip
        deadline_s = time.monotonic() + 60
        while not (log.is_file() and "nowhere" in log.read_text()):
            assert window.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        window.send_signal(signal.SIGTERM)
        assert window.wait(30) == 0
    assert "ERROR labctl.gui.station" in log.read_text()


def test_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["labctl-gui"])
    monkeypatch.setattr(app, "missing_packages", lambda: ["libgl1"])
    with pytest.raises(SystemExit) as ending:
        app.main()
    assert ending.value.code == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1


def test_missing_library_names_its_debian_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(
        app, "QT_LIBRARIES", {"libabsent.so.9": "libabsent9", "libnone.so.1": "libnone1"}
    )
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert app.missing_packages() == ["libabsent9", "libnone1"]
    monkeypatch.setattr(app, "QT_LIBRARIES", {"libxcb-absent.so.9": "libxcb-absent9"})
    assert app.missing_packages() == []
    monkeypatch.delenv("QT_QPA_PLATFORM")
    assert app.missing_packages() == ["libxcb-absent9"]
    assert app.obstacle().endswith("sudo apt-get install libxcb-absent9")


def test_other_systems_bring_their_own_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert app.missing_packages() == []


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "missing_packages", list)
    monkeypatch.setitem(sys.modules, "PyQt5.QtWidgets", None)
    assert "pip install -e '.[gui]'" in app.obstacle()


def test_table_is_what_the_wheel_of_qt_links_to() -> None:
    """Every xcb library outside the wheel that the platform plugin asks for."""
    qt = pytest.importorskip("PyQt5")
    plugin = Path(qt.__file__).parent / "Qt5" / "plugins" / "platforms" / "libqxcb.so"
    if not plugin.exists():
        pytest.skip("no Linux wheel")
    needed = subprocess.run(["ldd", plugin], capture_output=True, text=True, check=True).stdout
    asked = {line.split()[0] for line in needed.splitlines() if "libxcb-" in line}
    # libxcb-util, -render and -shm come with the packages that need them.
    assert asked - {"libxcb-util.so.1", "libxcb-render.so.0", "libxcb-shm.so.0"} <= set(
        app.QT_LIBRARIES
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have a screen")
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "there is no screen (none; DISPLAY is not set)"),
        ({"DISPLAY": ":83"}, "there is no screen (:83)"),
        ({"QT_QPA_PLATFORM": "absent"}, "is QT_QPA_PLATFORM=absent right?"),
    ],
)
def test_without_a_screen_one_line_and_exit_code_1(
    tmp_path: Path, variables: dict[str, str], words: str
) -> None:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    rest = {name: value for name, value in os.environ.items() if name not in hidden}
    # So that what is missing is the screen and not a library of X on a machine without one.
    rest["PYTHONPATH"] = str(Path(app.__file__).parents[2])
    program = (
        "import labctl.gui.app as app, sys; app.missing_packages = list; "
        "sys.argv = ['labctl-gui']; app.main()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env={**rest, **variables},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr.startswith("error: No window can be opened: ")
    assert answer.stderr.count("\n") == 1
    assert words in answer.stderr or "Could not load the Qt platform plugin" in answer.stderr
