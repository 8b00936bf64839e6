"""Homes that cannot be written, names that are too long, files from other editors."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labctl.core import load_rig_file
from labctl.errors import RigError
from tests.system.command_line import REPOSITORY, call
from tests.system.toy_lab import SCAN, rig_text

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    rig = tmp_path / "toy.toml"
    rig.write_text(rig_text(), encoding="utf-8")
    return rig


@pytest.mark.parametrize("name", ["x" * 300, "a/" + "y" * 256, "z" * 4100])
def test_an_output_folder_that_no_system_takes(
    capfd: Capture, toy: Path, tmp_path: Path, name: str
) -> None:
    outcome = call(capfd, "run", SCAN, "--rig", toy, "--out", tmp_path / name)
    assert outcome.code == 2
    assert "the output folder" in outcome.complaint
    assert sorted(tmp_path.iterdir()) == [toy]


@pytest.mark.parametrize("name", ["x" * 300, "nul\0character"])
@pytest.mark.parametrize(
    "command",
    [
        ["run", SCAN, "--rig", "{}.toml"],
        ["check", "{}.toml"],
        ["check", "{}"],
        ["show", "{}.h5"],
        ["fit", "{}.h5"],
        ["plot", "{}.h5"],
        ["recover", "{}.h5"],
        ["protocol", "{}.py"],
        ["run", "{}"],
    ],
)
def test_other_names_that_no_system_takes(capfd: Capture, command: list[str], name: str) -> None:
    outcome = call(capfd, *(part.format(name) for part in command))
    assert outcome.code == 2
    assert outcome.complaint


def test_pictures_and_copies_go_only_where_a_file_can_be(
    capfd: Capture, toy: Path, tmp_path: Path
) -> None:
    measured = call(capfd, "run", SCAN, "points=5", "--rig", toy, "--out", tmp_path / "data").path
    for name in ("x" * 300, "absent/picture"):
        outcome = call(capfd, "plot", measured, "-o", tmp_path / f"{name}.png")
        assert outcome.code == 2
        assert "Cannot write the picture" in outcome.complaint
        outcome = call(capfd, "recover", measured, "-o", tmp_path / f"{name}.h5")
        assert outcome.code == 2
        assert f"Cannot write {tmp_path}" in outcome.complaint
    assert sorted(tmp_path.iterdir()) == [tmp_path / "data", toy]


def test_rig_files_of_windows_editors(tmp_path: Path) -> None:
    plain = tmp_path / "plain.toml"
    plain.write_text(rig_text(), encoding="utf-8")
    marked = tmp_path / "marked.toml"
    marked.write_text(rig_text(), encoding="utf-8-sig", newline="\r\n")
    assert load_rig_file(marked).devices == load_rig_file(plain).devices
    extending = tmp_path / "extending.toml"
    extending.write_text('extends = "marked.toml"\ntitle = "On top"', encoding="utf-8-sig")
    assert load_rig_file(extending).devices == load_rig_file(plain).devices
    wide = tmp_path / "wide.toml"
    wide.write_text(rig_text(), encoding="utf-16")
    with pytest.raises(RigError, match="save it as UTF-8"):
        load_rig_file(wide)


def test_kernels_compile_where_no_cache_can_be_kept(tmp_path: Path) -> None:
    """A copy of the physics in which every folder for machine code is taken by a file."""
    physics = tmp_path / "sim_backends" / "physics"
    shutil.copytree(
        REPOSITORY / "sim_backends" / "physics",
        physics,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for folder in (physics, physics.parent):
        (folder / "__pycache__").touch()
    (physics.parent / "__init__.py").touch()
    nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"), os.devnull)
    outcome = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sim_backends.physics.twin, sim_backends.physics.brief as b; print(b.__file__)",
        ],
        cwd=tmp_path,
        env={**os.environ, **nowhere, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert Path(outcome.stdout.strip()).parent == physics
