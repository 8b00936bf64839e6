"""docs/add-an-instrument.md, followed literally."""

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import labctl
from tests.contract import test_every_device, test_sources
from tests.system.command_line import environment, finish, spawn

FENCE = re.compile(r"```(?:python|toml)\n# (\S+)\n(.*?)```", re.DOTALL)
PROMISES = [
    promise
    for module in (test_every_device, test_sources)
    for name, promise in vars(module).items()
    if name.startswith("test_")
    and list(inspect.signature(promise).parameters) == ["rig"]
    and "list" not in name
]
"""Of the contract suite, without the list mode that a TONE6 does not have."""


@pytest.fixture
def folder(repository: Path, tmp_path: Path) -> Path:
    """A folder with every file of the page."""
    page = (repository / "docs" / "add-an-instrument.md").read_text(encoding="utf-8")
    files = FENCE.findall(page)
    assert [name for name, _ in files] == [
        "tone6_table.py", "tone6.py", "tone6.toml", "test_tone6.py",
    ]  # fmt: skip
    for name, text in files:
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_page_makes_a_working_device(folder: Path) -> None:
    checked = finish(spawn("check", "tone6.toml", cwd=folder))
    assert checked.code == 0, checked.err
    assert "TONE6" in checked.out
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_tone6.py"],
        cwd=folder, env=environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("promise", PROMISES)
def test_the_device_of_the_page_keeps_the_contract(
    folder: Path, monkeypatch: pytest.MonkeyPatch, promise: Callable[[object], None]
) -> None:
    monkeypatch.syspath_prepend(folder)
    with labctl.open_rig(folder / "tone6.toml") as rig:
        promise(rig)
