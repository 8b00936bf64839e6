"""The queue and the presets of the console, above all what is left of them after trouble."""

import json
import logging
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from labctl.console.presets import Presets
from labctl.console.queue import RunQueue
from labctl.errors import BadInputError, CatalogError, OutputError, ParameterError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "queue.json"


def filled(path: Path) -> RunQueue:
    queue = RunQueue(path)
    for points in (11, 21, 31):
        queue.add("mdmr", {"points": points})
    return queue


def points(queue: RunQueue) -> list[int]:
    return [item.parameters["points"] for item in queue.items]


def test_every_change_is_there_after_a_restart(path: Path) -> None:
    queue = filled(path)
    assert RunQueue(path).items == queue.items
    a, b, c = queue.items
    queue.move(c.id, 0)
    assert points(RunQueue(path)) == [31, 11, 21]
    queue.move(c.id, 99)
    assert points(RunQueue(path)) == [11, 21, 31]
    queue.set_repeats(b.id, 4)
    assert [item.repeats for item in RunQueue(path).items] == [1, 4, 1]
    queue.remove(a.id)
    assert points(RunQueue(path)) == [21, 31]
    assert RunQueue(path).warning == ""
    assert [file.name for file in path.parent.iterdir()] == ["queue.json"]


def test_taking_counts_down_and_ends_with_nothing(path: Path) -> None:
    queue = RunQueue(path)
    queue.add("psd", {"averages": 3}, repeats=3)
    last = queue.add("odmr", {})
    taken = [queue.take() for _ in range(4)]
    assert [item.sequence for item in taken if item] == ["psd", "psd", "psd", "odmr"]
    assert all(item.repeats == 1 for item in taken if item)
    assert taken[3] == last
    assert queue.take() is None
    queue.finish()
    assert RunQueue(path).items == ()


def test_putting_back_undoes_taking(path: Path) -> None:
    queue = RunQueue(path)
    queue.add("psd", {}, repeats=2)
    queue.add("mdmr", {})
    before = queue.items
    for _ in range(2):
        item = queue.take()
        assert item is not None
        queue.put_back(item)
        assert queue.items == before
    queue.take()
    item = queue.take()
    assert item is not None
    queue.put_back(replace(item, note="the laser was off"))
    first = RunQueue(path).items[0]
    assert (first.sequence, first.repeats, first.note) == ("psd", 1, "the laser was off")


def test_what_is_typed_is_kept_in_si_and_what_is_not_stays_open(path: Path) -> None:
    item = RunQueue(path).add("mdmr", {"start_hz": "2.8 GHz", "direction": "alternate"})
    assert item.parameters == {"start_hz": 2.8e9, "direction": "alternate"}


@pytest.mark.parametrize(
    ("sequence", "parameters", "error"),
    [
        ("mdmr", {"points": -3}, ParameterError),
        ("mdmr", {"colour": 1}, ParameterError),
        ("mdmr", {"start_hz": "2.8 kg"}, ParameterError),
        ("coffee", {}, CatalogError),
    ],
)
def test_bad_requests_are_refused_and_leave_no_trace(
    path: Path, sequence: str, parameters: dict[str, object], error: type[BadInputError]
) -> None:
    queue = RunQueue(path)
    with pytest.raises(error):
        queue.add(sequence, parameters)
    assert queue.items == ()
    assert not path.exists()


def test_impossible_repeats_and_unknown_runs(path: Path) -> None:
    queue = filled(path)
    for n in (0, -1):
        with pytest.raises(ParameterError, match="repeated"):
            queue.set_repeats(queue.items[0].id, n)
    for act in (
        queue.remove,
        lambda id_: queue.move(id_, 0),
        lambda id_: queue.set_repeats(id_, 2),
    ):
        with pytest.raises(KeyError):
            act("nobody")
    assert points(queue) == [11, 21, 31]


@pytest.mark.parametrize(
    "content", ["", "{", "[1, 2]", '{"a": 1}', '[{"id": "x", "sequence": 3, "parameters": {}}]']
)
def test_a_damaged_file_is_kept_aside_with_one_warning(
    path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_text(content)
    with caplog.at_level(logging.WARNING):
        queue = RunQueue(path)
    assert len(caplog.records) == 1
    assert str(path) in queue.warning
    assert queue.items == ()
    queue.add("mdmr", {})
    assert len(RunQueue(path)) == 1
    assert (path.parent / "queue.json.damaged").read_text() == content


def test_a_second_damage_does_not_bury_the_first(path: Path) -> None:
    path.parent.mkdir()
    for text in ("one", "two"):
        path.write_text(text)
        RunQueue(path)
    kept = sorted(file.read_text() for file in path.parent.glob("*.damaged*"))
    assert kept == ["one", "two"]


def test_a_change_that_cannot_be_written_does_not_happen(path: Path) -> None:
    queue = filled(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(OutputError, match=r"queue\.json"):
        queue.take()
    assert points(queue) == [11, 21, 31]
    assert list(path.parent.iterdir()) == [path]


def test_threads_do_not_lose_each_others_runs(path: Path) -> None:
    queue = RunQueue(path)
    threads = [
        threading.Thread(target=lambda: [queue.add("mdmr", {}) for _ in range(10)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(RunQueue(path)) == 40


def test_presets_of_any_name_come_back(tmp_path: Path) -> None:
    presets = Presets(tmp_path)
    names = ["wide", "../../etc", "a/b: c?", ".hidden", "Übersicht 2.87 GHz", "x.json", "50%"]
    for n, name in enumerate(names):
        presets.save("mdmr", name, {"points": 11 + n, "start_hz": "2.8 GHz"})
    assert presets.names("mdmr") == tuple(sorted(names))
    assert presets.names("psd") == ()
    for n, name in enumerate(names):
        assert Presets(tmp_path).load("mdmr", name) == {"points": 11 + n, "start_hz": 2.8e9}
    assert {path.parent for path in tmp_path.rglob("*.json")} == {tmp_path / "mdmr"}


def test_presets_are_replaced_and_deleted(tmp_path: Path) -> None:
    presets = Presets(tmp_path)
    presets.save("mdmr", "a", {"points": 5})
    presets.save("mdmr", "a", {"points": 7})
    assert presets.load("mdmr", "a") == {"points": 7}
    presets.delete("mdmr", "a")
    assert presets.names("mdmr") == ()
    for act in (presets.load, presets.delete):
        with pytest.raises(ParameterError, match="no preset called `a`"):
            act("mdmr", "a")


def test_presets_refuse_what_the_sequence_does(tmp_path: Path) -> None:
    presets = Presets(tmp_path)
    with pytest.raises(ParameterError, match="points"):
        presets.save("mdmr", "bad", {"points": 0})
    with pytest.raises(ParameterError, match="name"):
        presets.save("mdmr", "  ", {})
    assert not list(tmp_path.iterdir())


def test_a_damaged_preset_is_told(tmp_path: Path) -> None:
    presets = Presets(tmp_path)
    presets.save("mdmr", "a", {"points": 5})
    (file,) = tmp_path.rglob("*.json")
    file.write_text(json.dumps([1]))
    with pytest.raises(ParameterError, match="damaged"):
        presets.load("mdmr", "a")


def test_a_preset_from_a_windows_editor_is_read(tmp_path: Path) -> None:
    presets = Presets(tmp_path)
    presets.save("mdmr", "a", {"points": 5})
    (file,) = tmp_path.rglob("*.json")
    file.write_text(file.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert presets.load("mdmr", "a") == {"points": 5}


def test_a_run_that_was_taken_and_never_finished_comes_back_marked(path: Path) -> None:
    queue = filled(path)
    taken = queue.take()
    assert taken is not None
    assert points(queue) == [21, 31]
    after = RunQueue(path)
    assert points(after) == [11, 21, 31]
    assert after.items[0].note.startswith("interrupted")
    assert [item.note for item in after.items[1:]] == ["", ""]
    queue.finish()
    assert points(RunQueue(path)) == [21, 31]
