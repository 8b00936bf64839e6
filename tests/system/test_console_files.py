"""Notes on files, and the index of a folder in whatever state its files are."""

import os
import shutil
import time
from pathlib import Path

import h5py
import pytest

import labctl
from labctl.console.run_index import RunIndex, RunSummary
from labctl.core import load_rig_file
from labctl.data import RunStatus
from labctl.errors import StorageError
from labctl.protocol import find_protocol, run_protocol
from labctl.storage import add_note, append_fit
from tests.system.command_line import call, kill_a_run
from tests.system.toy_lab import SCAN, rig_text


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    rig = tmp_path / "toy.toml"
    rig.write_text(rig_text(), encoding="utf-8")
    return rig


def measured(rig: Path, out: Path, particle: str = "", **parameters: object) -> Path:
    with labctl.open_rig(load_rig_file(rig)) as lab:
        handle = labctl.start(SCAN, lab, parameters, out=out, particle=particle)
        handle.result()
    return handle.path


def by_name(index: RunIndex) -> dict[str, RunSummary]:
    return {item.path.name: item for item in index.refresh()}


def test_a_note_is_read_back_and_replaced_and_harms_nothing(toy: Path, tmp_path: Path) -> None:
    path = measured(toy, tmp_path / "data")
    before = labctl.load(path)
    assert before.note == ""
    text = "Trap at 2 kV;\nµ-wave loop moved → redo. \0 'quoted'"
    add_note(path, text)
    run = labctl.load(path)
    assert run.note == text.replace("\0", "␀")
    assert (run["angle_counts"] == before["angle_counts"]).all()
    assert run.fit is not None
    add_note(path, "other")
    assert labctl.load(path).note == "other"
    append_fit(path, run.fit)
    assert labctl.load(path).note == "other"
    add_note(path, "")
    assert labctl.load(path).note == ""
    with h5py.File(path) as file:
        assert "notes" not in file["entry"]


def test_a_file_that_is_written_takes_no_note(tmp_path: Path) -> None:
    with labctl.open_rig("sim") as lab:
        handle = labctl.start("mdmr", lab, {"points": 400, "sweeps": 500}, out=tmp_path)
        with pytest.raises(StorageError, match="was not closed: its run goes on"):
            add_note(handle.path, "too early")
        (item,) = RunIndex(tmp_path).refresh()
        assert (item.status, item.sequence, item.run_id) == ("running", "mdmr", handle.info.run_id)
        handle.stop()
        handle.wait()
    add_note(handle.path, "now")
    assert labctl.load(handle.path).note == "now"


def test_no_note_on_what_is_not_ours(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.h5"
    with h5py.File(foreign, "w") as file:
        file["a"] = 1
    before = foreign.read_bytes()
    for path in (foreign, tmp_path / "missing.h5"):
        with pytest.raises(StorageError):
            add_note(path, "hello")
    assert foreign.read_bytes() == before


def test_show_tells_note_and_particle(
    capfd: pytest.CaptureFixture[str], toy: Path, tmp_path: Path
) -> None:
    path = measured(toy, tmp_path / "data", particle="MD-17")
    assert labctl.load(path).info.particle == "MD-17"
    add_note(path, "a fine one")
    shown = call(capfd, "show", path).out
    assert "MD-17" in shown
    assert "a fine one" in shown
    plain = measured(toy, tmp_path / "data")
    assert "particle" not in call(capfd, "show", plain).out


def test_a_resumed_run_is_of_the_same_particle(toy: Path, tmp_path: Path) -> None:
    with labctl.open_rig(load_rig_file(toy)) as lab:
        settings = {"points": 200, "pace_s": 0.005}
        handle = labctl.start(SCAN, lab, settings, out=tmp_path / "data", particle="MD-8")
        handle.stop()
        handle.wait()
        assert labctl.resume(handle.path, lab).result().info.particle == "MD-8"


def test_the_index_tells_what_the_file_does(toy: Path, tmp_path: Path) -> None:
    path = measured(toy, tmp_path / "data", particle="MD-3", points=50, power_dbm=-3.5)
    add_note(path, "the good one")
    run = labctl.load(path)
    (item,) = RunIndex(tmp_path / "data").refresh()
    assert item.path == path
    assert item.sequence == run.info.sequence
    assert item.title == run.info.title
    assert item.start_time == run.info.start_time
    assert item.status == "finished"
    assert (item.rig, item.particle, item.points) == ("toy", "MD-3", 50)
    assert dict(item.parameters) == run.parameters
    assert (item.note, item.run_id) == ("the good one", run.info.run_id)
    assert run.fit is not None
    value = run.fit.values["contrast"]
    number = float(item.fit.removeprefix("Contrast ").split(" ± ")[0])
    assert number == pytest.approx(value.value, abs=0.01)


def test_newest_first_in_whatever_state_they_are(toy: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = measured(toy, data)
    killed = shutil.move(kill_a_run(tmp_path), data / "killed.h5")
    last = measured(toy, data)
    (data / "text.h5").write_text("no HDF5 at all")
    (data / "empty.h5").touch()
    (data / "cut.h5").write_bytes(first.read_bytes()[:20_000])
    broken = bytearray(first.read_bytes())
    broken[2_000:40_000] = os.urandom(38_000)
    (data / "broken.h5").write_bytes(broken)
    with h5py.File(data / "foreign.h5", "w") as file:
        file["a"] = 1
    (data / "folder.h5").mkdir()
    (data / "notes.txt").write_text("not mine")
    damaged = ("text.h5", "empty.h5", "cut.h5", "broken.h5", "foreign.h5")
    for name in damaged:
        os.utime(data / name, (0, 0))
    index = RunIndex(data)
    listed = index.refresh()
    assert [item.path for item in listed[:3]] == [last, Path(killed), first]
    found = {item.path.name: item for item in listed}
    assert set(found) == {last.name, Path(killed).name, first.name, *damaged}
    assert {found[name].status for name in damaged} == {"damaged"}
    assert all(found[name].note for name in damaged)
    assert found[Path(killed).name].status == "running"
    assert found[Path(killed).name].points == len(labctl.load(Path(killed)))


def test_a_protocol_is_listed_with_its_runs(toy: Path, tmp_path: Path) -> None:
    script = tmp_path / "two_scans.py"
    script.write_text(
        f"def main(night, parameters):\n    for _ in range(2):\n        night.run({SCAN!r})\n"
    )
    data = tmp_path / "data"
    with labctl.open_rig(load_rig_file(toy)) as lab:
        record = run_protocol(find_protocol(str(script)), lab, {}, out=data)
    index = RunIndex(data)
    item = by_name(index)[record.name]
    assert (item.sequence, item.title, item.status, item.points) == (
        "protocol", "two_scans", "finished", 2,
    )  # fmt: skip
    assert len(index.filtered("", sequence=SCAN)) == 2


def test_only_what_changed_is_read_again(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    paths = [measured(toy, data) for _ in range(3)]
    index = RunIndex(data)
    index.refresh()
    opened: list[str] = []
    plain = h5py.File.__init__

    def spy(self: h5py.File, name: object, *args: object, **options: object) -> None:
        opened.append(str(name))
        plain(self, name, *args, **options)

    monkeypatch.setattr(h5py.File, "__init__", spy)
    index.refresh()
    assert opened == []
    time.sleep(0.02)
    add_note(paths[1], "new")
    opened.clear()
    paths[2].unlink()
    found = by_name(index)
    assert found[paths[1].name].note == "new"
    assert set(found) == {paths[0].name, paths[1].name}
    assert {name for name in opened if name.endswith(".h5")} == {str(paths[1])}


def test_filters(toy: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    one = measured(toy, data, particle="MD-1", points=20)
    two = measured(toy, data, particle="MD-2", points=30)
    add_note(two, "Laser at 100 uW")
    (data / "bad.h5").write_text("no")
    index = RunIndex(data)
    assert index.filtered("") == []
    index.refresh()
    assert [item.path for item in index.filtered("md-1")] == [one]
    assert [item.path for item in index.filtered("LASER points=30")] == [two]
    assert index.filtered("laser points=20") == []
    assert [item.path for item in index.filtered("", status="damaged")] == [data / "bad.h5"]
    assert len(index.filtered("", sequence=SCAN, status=RunStatus.FINISHED)) == 2


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert RunIndex(tmp_path / "nowhere").refresh() == []
