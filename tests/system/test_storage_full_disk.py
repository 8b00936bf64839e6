"""A full disk costs the points that do not fit, and nothing else."""

import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from labctl.data import RunStatus
from labctl.errors import StorageError
from labctl.storage import append_fit, read_run, recover
from labctl.storage.space import Reservation
from tests.system.storage_process import run_scan
from tests.system.storage_samples import FIT, INFO, counts_of, open_scan

MEGABYTE = 1 << 20


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if not sys.platform.startswith("linux") or mount is None or umount is None:
        pytest.skip("only Linux mounts a tmpfs")
    command = [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run([umount, str(folder)], check=True)


def check_kept(path, last, *, at_least) -> None:
    """Readable by a plain open, `failed` with the reason, and most of the room used."""
    run = read_run(path)
    assert run.status is RunStatus.FAILED
    assert run.reason.startswith(f"Cannot write {path} beyond {len(run)} points")
    assert last["flushed"] == len(run) >= at_least
    assert last["flushed"] < last["appended"]
    assert run.reason.startswith(last["error"])
    np.testing.assert_array_equal(run["index"], np.arange(len(run)))
    np.testing.assert_array_equal(run["counts"], counts_of(run["index"]))
    assert run.info.rig_text == INFO.rig_text


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
@pytest.mark.parametrize("block", [False, True])
def test_a_file_size_limit(tmp_path, block):
    path = tmp_path / "run.h5"
    flags = ("block",) if block else ()
    last = run_scan(path, 10**7, f"limit={MEGABYTE}", *flags)
    check_kept(path, last, at_least=20 if block else 25_000)
    assert path.stat().st_size <= MEGABYTE


def test_a_full_disk(small_disk):
    path = small_disk / "run.h5"
    last = run_scan(path, 10**7)
    check_kept(path, last, at_least=25_000)
    # A second copy does not fit either, which must leave the first one alone.
    with pytest.raises(StorageError, match="No space left"):
        append_fit(path, FIT)
    check_kept(path, last, at_least=25_000)
    assert [p.name for p in small_disk.iterdir()] == ["run.h5"]


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_disk_that_breaks_its_promise_leaves_a_recoverable_file(tmp_path):
    path = tmp_path / "run.h5"
    last = run_scan(path, 10**7, "unclaimed", f"limit={MEGABYTE}", pause_s=1e-5)
    assert "labctl recover" in last["error"]
    assert read_run(path).status is RunStatus.RUNNING
    run = read_run(recover(path))
    assert len(run) >= last["flushed"] > 20_000
    np.testing.assert_array_equal(run["index"], np.arange(len(run)))
    np.testing.assert_array_equal(run["counts"], counts_of(run["index"]))


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_no_room_even_to_begin(tmp_path):
    path = tmp_path / "run.h5"
    last = run_scan(path, 10, "limit=100000")
    assert last["error"] == "OutputError"
    assert last["message"] == f"Cannot write {path}: File too large."
    assert not path.exists()


def test_a_disk_with_room_again_takes_what_was_staged(tmp_path, monkeypatch):
    writer = open_scan(tmp_path / "run.h5", flush_interval_s=0.02)
    claim = Reservation.claim

    def refuse(self, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Reservation, "claim", refuse)
    writer.append((0, 0.0, counts_of(0)))
    time.sleep(0.2)
    with pytest.raises(StorageError, match="No space left"):
        writer.append((1, 0.0, counts_of(1)))
    appended = writer.appended
    monkeypatch.setattr(Reservation, "claim", claim)
    writer.close(RunStatus.FAILED, "disk full")
    run = read_run(tmp_path / "run.h5")
    assert len(run) == appended == 1
    assert (run.status, run.reason) == (RunStatus.FAILED, "disk full")
