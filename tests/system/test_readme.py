"""Whatever the README prints, works."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from labctl.core.rig_file import RigFile
from tests.system.command_line import environment, kill_a_run

INSTALLS = ("python3 -m venv ", ".venv/bin/")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)\)")


def blocks(language: str) -> list[str]:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    return [body for found, body in BLOCK.findall(text) if found == language]


def commands() -> list[str]:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines), "a console block holds commands only"
    return [line.removeprefix("$ ") for line in lines]


def test_every_block_is_of_a_kind_that_is_tested(repository: Path) -> None:
    text = (repository / "README.md").read_text(encoding="utf-8")
    assert {language for language, _ in BLOCK.findall(text)} == {"console", "python", "toml", "bat"}


@pytest.mark.skipif(sys.platform == "win32", reason="the README's commands are for a POSIX shell")
def test_every_command_runs(tmp_path: Path, repository: Path) -> None:
    """In one shell and one folder with nothing but the samples, in the order they are printed."""
    shutil.copytree(repository / "tests" / "data", tmp_path / "tests" / "data")
    script = "\n".join(line for line in commands() if not line.startswith((*INSTALLS, "make ")))
    assert script.count("labctl ") > 10
    kill_a_run(tmp_path).rename(tmp_path / "killed.h5")
    answer = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-x", "-c", script],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert answer.returncode == 0, answer.stderr
    assert "error:" not in answer.stderr
    for name in ("scan.png", "scan.json", "sound.h5"):
        assert (tmp_path / name).stat().st_size > 0


@pytest.mark.parametrize("target", ["demo", "test", "check", "gui", "clean"])
def test_make_target_exists(repository: Path, target: str) -> None:
    answer = subprocess.run(
        ["make", "-n", target], cwd=repository, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert f"make {target}" in (repository / "README.md").read_text() or target == "clean"


def test_install_lines_name_extras_and_paths_that_exist(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    lines = [line for line in commands() if line.startswith(INSTALLS)]
    lines += [line for block in blocks("bat") for line in block.splitlines()]
    extras = {name for line in lines for name in re.findall(r"\.\[(\w+)\]", line)}
    assert extras
    assert extras <= set(project["optional-dependencies"])


@pytest.mark.parametrize("code", blocks("python"))
def test_python_block_runs(tmp_path: Path, code: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    if "labctl.run" in code:
        assert answer.stdout.count("MHz") >= 6
        assert "<xarray.Dataset>" in answer.stdout
    else:
        damping_hz, angle, _ = answer.stdout.splitlines()
        assert float(damping_hz) == pytest.approx(60.0, rel=0.01)
        assert float(angle.split()[0]) == pytest.approx(2.94e-3, rel=0.05)


def test_rig_example_is_part_of_the_simulated_lab(repository: Path) -> None:
    whole = tomllib.loads((repository / "configs" / "sim.toml").read_text(encoding="utf-8"))
    for block in blocks("toml"):
        for role, device in tomllib.loads(block)["devices"].items():
            assert whole["devices"][role] == device


def test_rig_example_of_the_docs_is_valid(repository: Path) -> None:
    text = (repository / "docs" / "rig-files.md").read_text(encoding="utf-8")
    bodies = [body for kind, body in BLOCK.findall(text) if kind == "toml"]
    RigFile.model_validate(tomllib.loads("\n".join(bodies)))


@pytest.mark.parametrize(
    "page", ["README.md", "docs/index.md", "docs/rig-files.md", "docs/files.md"]
)
def test_links_lead_somewhere(repository: Path, page: str) -> None:
    path = repository / page
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        assert (path.parent / link).exists(), link
