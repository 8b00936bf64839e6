"""Calling `labctl`: in this process where that is enough, in one of its own where it is not."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labctl.cli.app import execute
from tests.system.toy_lab import SCAN, rig_text

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def path(self) -> Path:
        """The last line of stdout."""
        return Path(self.out.splitlines()[-1])

    @property
    def complaint(self) -> str:
        """The only line on stderr."""
        assert self.err.count("\n") == 1, self.err
        assert self.err.endswith("\n")
        assert self.err.startswith("error: ")
        return self.err.removeprefix("error: ").strip()


def call(capfd: pytest.CaptureFixture[str], *arguments: object) -> Outcome:
    """Run a command in this process."""
    capfd.readouterr()
    code = execute([str(argument) for argument in arguments])
    captured = capfd.readouterr()
    return Outcome(code, captured.out, captured.err)


def environment() -> dict[str, str]:
    """Of a process that finds `labctl` on its path and `tests` among its modules."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY)}


def spawn(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start a command as a process of its own."""
    program = shutil.which("labctl", path=Path(sys.executable).parent)
    assert program is not None
    return subprocess.Popen(
        [program, *(str(argument) for argument in arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        **options,
    )


def kill_a_run(folder: Path) -> Path:
    """Start a run of the toy lab, kill it after some points, and return what it left."""
    rig = folder / "killed.toml"
    rig.write_text(rig_text(folder / "killed.txt"), encoding="utf-8")
    process = spawn(
        "run", SCAN, "points=100000", "pace_s=5 ms", "--rig", rig, "--out", folder / "killed"
    )
    journal, deadline = folder / "killed.txt", time.monotonic() + 60
    while not journal.exists() or journal.read_text().count("counter count") < 150:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.communicate()
    (left,) = (folder / "killed").glob("*.h5")
    return left


def finish(process: subprocess.Popen[str], timeout_s: float = 60) -> Outcome:
    """Wait for a process that `spawn` started."""
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Outcome(process.returncode, out, err)
