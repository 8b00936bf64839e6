"""The `labctl-gui` command: what it is called with, and whether a window can be opened."""

import argparse
import ctypes
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

QT_LIBRARIES: Mapping[str, str] = {
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
"""What PyQt5's wheel expects of a Linux system: library -> Debian package.

These are the entries outside the wheel of `ldd` on QtWidgets and on the xcb platform plugin.
"""

X_ONLY = ("libX11-", "libxcb-", "libxkbcommon-x11")
"""Names of those that only a screen of X needs, not Qt's platform "offscreen"."""


def missing_packages() -> list[str]:
    """Debian packages whose libraries Qt needs and the system lacks; empty elsewhere."""
    if not sys.platform.startswith("linux"):
        return []
    on_x = os.environ.get("QT_QPA_PLATFORM", "xcb").startswith("xcb")
    needed = {name: p for name, p in QT_LIBRARIES.items() if on_x or not name.startswith(X_ONLY)}
    return sorted({package for name, package in needed.items() if not _loads(name)})


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def obstacle() -> str:
    """Why no window can be opened here, in one line; "" when nothing is in the way."""
    packages = missing_packages()
    if packages:
        return (
            "Qt's system libraries are missing; on Debian or Ubuntu: "
            f"sudo apt-get install {' '.join(packages)}"
        )
    try:
        for module in ("PyQt5.QtWidgets", "pyqtgraph"):
            importlib.import_module(module)
    except ImportError as error:
        return f"The gui extra is missing ({error}); install it: pip install -e '.[gui]'"
    return ""


def main() -> None:
    """Open the window; exits with 1 where it cannot, with the reason in one line."""
    arguments = _arguments(sys.argv[1:])
    problem = obstacle()
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        sys.exit(1)
    # Sequences and drivers may live in the folder one works in; appended, it shadows nothing.
    sys.path.append(str(Path.cwd()))
    from labctl.gui.console_window import run_window

    sys.exit(run_window(arguments.rig, arguments.out, arguments.theme))


def _arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="labctl-gui", description="The window of a levitated-diamond lab, real or simulated."
    )
    parser.add_argument("--rig", help="Installed rig, or path of a .toml file, to open at once.")
    parser.add_argument("--out", type=Path, default=Path("data"), help="Folder for the files.")
    parser.add_argument("--theme", choices=("light", "dark"), help="Colours; the last where none.")
    return parser.parse_args(given)
