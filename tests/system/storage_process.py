"""Start, follow and end the scans of `storage_scan`."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def scan(path: Path, points: int, pause_s: float, *flags: str) -> Iterator[subprocess.Popen]:
    """A running scan that has created its file; killed at the end unless it has ended."""
    command = [sys.executable, "-m", "tests.system.storage_scan", str(path), str(points)]
    process = subprocess.Popen(
        [*command, str(pause_s), *flags], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline()) == {"flushed": 0}
            yield process
        finally:
            process.kill()


def told_by(process: subprocess.Popen) -> list[dict]:
    """What a scan that has ended told after its first line."""
    assert process.stdout is not None
    return [json.loads(line) for line in process.stdout if line.endswith("}\n")]


def run_scan(path: Path, points: int, *flags: str, pause_s: float = 0.0) -> dict:
    """Run a scan to its end and return its last word; a crash, also at exit, is an error."""
    command = [sys.executable, "-m", "tests.system.storage_scan", str(path), str(points)]
    done = subprocess.run(
        [*command, str(pause_s), *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout.splitlines()[-1])
