"""Rig files: what they may say, and what becomes of it."""

from pathlib import Path

import pytest

from labctl.core import load_rig_file, rig_names
from labctl.core.rig import Rig
from labctl.errors import DeviceError, LimitError, RigError
from labctl.hal import ROLES
from labctl.session import build, open_rig
from tests.system.toy_lab import SAFE_CURRENT_A, rig_text


def rig_in(folder: Path, text: str) -> Path:
    path = folder / "toy.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", rig_names())
def test_every_installed_rig_can_be_built(name: str) -> None:
    """The price of classes that are named in text: each is loaded and checked here."""
    rig = build(name)
    assert set(rig.devices) <= set(ROLES)
    assert str(rig.safe_states["trap"]) == "hold"
    assert rig.spec.text.strip()


def test_devices_are_attributes_and_open_in_the_order_of_roles(tmp_path: Path) -> None:
    with open_rig(rig_in(tmp_path, rig_text())) as rig:
        assert rig.microwave.output is False
        assert [role for role, _ in rig] == [
            "trap",
            "electromagnet",
            "laser",
            "microwave",
            "counter",
        ]
        with pytest.raises(RigError, match=r"has no `gauge`; add \[devices.gauge\]"):
            _ = rig.gauge


def test_text_in_a_rig_file_carries_units_and_limits_bind(tmp_path: Path) -> None:
    text = rig_text().replace(
        "safe_state = { output = false }",
        'safe_state = { output = false }\nlimits = { frequency_hz = ["1 GHz", "4 GHz"] }',
    )
    rig = build(rig_in(tmp_path, text))
    assert rig.devices["microwave"].limits["frequency_hz"].minimum == 1e9
    assert rig.safe_states["electromagnet"].settings == {"current_a": SAFE_CURRENT_A}
    with pytest.raises(LimitError):
        rig.microwave.frequency_hz = 0.9e9


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ('frequency_hz = ["1 GHz", "9 GHz"]', "exceed the device's own"),
        ('frequency_hz = ["3 GHz", "1 GHz"]', "must rise"),
        ('frequency_hz = ["1 s", "2 GHz"]', "unknown unit"),
        ("volume = [0, 1]", "no limit is called `volume`"),
    ],
)
def test_limits_can_only_be_narrowed(tmp_path: Path, limits: str, words: str) -> None:
    text = rig_text().replace(
        "safe_state = { output = false }",
        f"safe_state = {{ output = false }}\nlimits = {{ {limits} }}",
    )
    with pytest.raises(RigError, match=words) as caught:
        build(rig_in(tmp_path, text))
    assert "microwave" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = rig_text().replace("ToyLaser", "NoLaser").replace("ToyCounter", "NoCounter")
    with pytest.raises(RigError) as caught:
        build(rig_in(tmp_path, text))
    assert "laser: cannot load" in str(caught.value)
    assert "counter: cannot load" in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"devices = 3", b"[devices]\nlaser = 1\n"])
def test_nonsense_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "nonsense.toml"
    path.write_bytes(content)
    with pytest.raises(RigError) as caught:
        load_rig_file(path)
    assert "\n" not in str(caught.value)


def test_folder_is_no_rig_file(tmp_path: Path) -> None:
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    with pytest.raises(RigError, match="Cannot read rig file"):
        load_rig_file(folder)


def test_seed_replaces_the_rig_files_own(tmp_path: Path) -> None:
    path = rig_in(tmp_path, rig_text(world={"seed": 5}))
    assert build(path).simulation.seed == 5  # type: ignore[union-attr]
    assert build(path, seed=9).simulation.seed == 9  # type: ignore[union-attr]


def test_failures_to_open_are_gathered_and_everything_is_closed(tmp_path: Path) -> None:
    journal = tmp_path / "journal.txt"
    text = rig_text(journal, world={"fault": "laser.open"})
    rig = build(rig_in(tmp_path, text))
    with pytest.raises(DeviceError, match="does not open: laser: "):
        rig.open()
    lines = journal.read_text().split("\n")
    assert sum(" open" in line for line in lines) == sum(" close" in line for line in lines) == 4


def test_closing_twice_is_fine_and_safe_states_come_in_reverse(tmp_path: Path) -> None:
    journal = tmp_path / "journal.txt"
    rig = open_rig(rig_in(tmp_path, rig_text(journal)))
    journal.write_text("")
    rig.close()
    rig.close()
    roles = [line.split()[0] for line in journal.read_text().splitlines()]
    assert roles[:4] == ["microwave", "laser", "laser", "electromagnet"]
    assert isinstance(rig, Rig)


def test_a_rig_that_extends_another_says_only_what_differs(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(rig_text(), encoding="utf-8")
    over = 'extends = "base.toml"\ntitle = "Toy, changed"\n[devices.microwave]\nlimits = '
    rig = load_rig_file(rig_in(tmp_path, over + '{ frequency_hz = ["1 GHz", "2 GHz"] }\n'))
    base = load_rig_file(tmp_path / "base.toml")
    assert rig.title == "Toy, changed"
    assert rig.devices["laser"] == base.devices["laser"]
    assert rig.devices["microwave"].class_path == base.devices["microwave"].class_path
    assert rig.devices["microwave"].limits == {"frequency_hz": ("1 GHz", "2 GHz")}
    assert over in rig.text
    assert base.text in rig.text


def test_a_rig_can_extend_an_installed_one(tmp_path: Path) -> None:
    text = 'extends = "sim"\n[shared.world.arguments]\npressure_pa = 50.0\n'
    arguments = load_rig_file(rig_in(tmp_path, text)).shared["world"].arguments
    assert arguments == {**load_rig_file("sim").shared["world"].arguments, "pressure_pa": 50.0}


@pytest.mark.parametrize(
    ("extends", "words"),
    [
        ('"toy.toml"', "extends itself"),
        ('"nothing.toml"', "Cannot read rig file"),
        ('"smi"', "Did you mean `sim`"),
        ("3", "name or the path"),
    ],
)
def test_a_rig_that_cannot_extend(tmp_path: Path, extends: str, words: str) -> None:
    with pytest.raises(RigError, match=words):
        load_rig_file(rig_in(tmp_path, f"extends = {extends}\n"))


def test_a_device_of_another_class_inherits_limits_but_no_arguments(tmp_path: Path) -> None:
    text = (
        'extends = "sim"\n[devices.gauge]\nclass = "x:Y"\n[devices.laser]\narguments = { n = 1 }\n'
    )
    devices = load_rig_file(rig_in(tmp_path, text)).devices
    assert devices["gauge"].arguments == {}
    assert devices["gauge"].safe_state == "hold"
    assert devices["laser"].arguments == {"world": "@world", "n": 1}


def test_a_shared_object_may_be_built_on_one_above_it(tmp_path: Path) -> None:
    shared = '[shared.pair]\nclass = "builtins:dict"\narguments = { first = "@%s" }\n'
    build(rig_in(tmp_path, 'extends = "sim"\n' + shared % "world"))
    with pytest.raises(RigError, match=r"shared.pair: argument first = '@moon' names no \[shared"):
        build(rig_in(tmp_path, 'extends = "sim"\n' + shared % "moon"))
