"""The tutorial does what it prints."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.command_line import environment

BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")
MARK = "--- next block ---"


def test_the_tutorial_runs_and_prints_what_it_says(repository: Path, tmp_path: Path) -> None:
    blocks = BLOCK.findall((repository / "docs" / "tutorial.md").read_text(encoding="utf-8"))
    assert [kind for kind, _ in blocks] == ["python", "text"] * 5
    code = f"\nprint({MARK!r})\n".join(body for kind, body in blocks if kind == "python")
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env={**environment(), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stderr
    printed = answer.stdout.split(MARK)
    said = [body for kind, body in blocks if kind == "text"]
    for found, expected in zip(printed, said, strict=True):
        assert NUMBER.sub("#", found.strip()) == NUMBER.sub("#", expected.strip())
        for number, doc in zip(NUMBER.findall(found), NUMBER.findall(expected), strict=True):
            # The same seed on another machine differs by rounding, which grows to noise.
            assert float(number) == pytest.approx(float(doc), rel=0.25, abs=3)
    assert len(list((tmp_path / "data").glob("*.h5"))) == 5
