"""A file is never worse than its last flush: watched while it grows, killed, recovered."""

import contextlib
import random
import time

import h5py
import numpy as np
import pytest

from labctl.data import RunStatus
from labctl.errors import StorageError
from labctl.storage import read_run, recover
from tests.system.storage_process import run_scan, scan, told_by
from tests.system.storage_samples import INFO, INSTRUMENTS, counts_of

MOMENTS_S = [random.Random(seed).uniform(0.0, 1.2) for seed in range(10)]


def check_values(run) -> None:
    index = run["index"]
    np.testing.assert_array_equal(index, np.arange(len(run)))
    np.testing.assert_array_equal(run["counts"], counts_of(index))
    assert np.all(np.diff(run["made_s"]) >= 0)
    if "trace" in run.columns:
        np.testing.assert_array_equal(run["trace"], np.arange(500) + index[:, None])


@pytest.mark.parametrize("pause_s", [0.0, 0.3], ids=["fast", "slow"])
def test_another_process_sees_every_point_within_a_second(tmp_path, pause_s):
    lags_s, seen = [], 0
    with scan(tmp_path / "run.h5", 10**9, pause_s):
        end_s = time.monotonic() + 2.5
        while time.monotonic() < end_s:
            run = read_run(tmp_path / "run.h5")
            now_s = time.time()
            assert run.status is RunStatus.RUNNING
            assert len(run) >= seen
            if pause_s:  # how old each point was when it first showed
                lags_s += list(now_s - run["made_s"][seen:])
            elif len(run):  # how far the file is behind a sequence that never rests
                lags_s.append(now_s - run["made_s"][-1])
            check_values(run)
            seen = len(run)
            time.sleep(0.02)
    assert seen > 3
    assert max(lags_s) < 1.0


@pytest.mark.parametrize("number", range(10))
def test_a_kill_at_any_moment_costs_one_flush_interval(tmp_path, number):
    path = tmp_path / "run.h5"
    flags = ("block",) if number % 3 == 2 else ()
    with scan(path, 10**9, (0.0, 0.001, 0.0005)[number % 3], *flags) as process:
        began_s = time.time()
        time.sleep(MOMENTS_S[number])
        killed_s = time.time()
        process.kill()
        process.wait()
        flushed = max([0, *(facts["flushed"] for facts in told_by(process))])

    left = read_run(path)
    assert left.status is RunStatus.RUNNING
    recovered = recover(path)

    assert recovered == tmp_path / "run_recovered.h5"
    with h5py.File(recovered) as file:
        assert file["entry/data/index"].shape[0] >= flushed
    run = read_run(recovered)
    check_values(run)
    assert len(run) == len(left) >= flushed
    last_s = run["made_s"][-1] if len(run) else began_s
    assert killed_s - last_s <= 0.5
    assert run.status is RunStatus.RECOVERED
    assert f"{len(run)} points" in run.reason
    assert run.info.parameters == INFO.parameters
    assert run.instruments == INSTRUMENTS
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.h5", "run_recovered.h5"]
    assert read_run(path).status is RunStatus.RUNNING  # the original is left as it was


def test_a_program_that_ends_without_closing_leaves_a_closed_file(tmp_path):
    path = tmp_path / "run.h5"
    assert run_scan(path, 1234, "open") == {"appended": 1234}
    run = read_run(path)
    check_values(run)
    assert (len(run), run.status) == (1234, RunStatus.FAILED)
    assert "without closing" in run.reason


def test_recover_never_overwrites(tmp_path):
    path = tmp_path / "run.h5"
    with scan(path, 10**9, 0.01):
        time.sleep(0.4)
    other = tmp_path / "other.h5"
    other.write_bytes(b"precious")
    with pytest.raises(StorageError, match="exists already"):
        recover(path, other)
    assert other.read_bytes() == b"precious"


@pytest.mark.parametrize("kept", [0, 4, 8, 40, 48, 500, 3000, 0.5, 0.9])
def test_a_file_cut_short_gives_an_error_or_what_it_has(tmp_path, kept):
    path = tmp_path / "run.h5"
    with scan(path, 10**9, 0.001):
        time.sleep(0.8)
    content = path.read_bytes()
    path.write_bytes(content[: kept if kept >= 1 or kept == 0 else int(kept * len(content))])
    for action in (read_run, lambda path: read_run(recover(path))):
        with contextlib.suppress(StorageError):
            check_values(action(path))
    left = {p.name for p in tmp_path.iterdir()} - {".run.h5.writing"}  # of the killed writer
    assert left <= {"run.h5", "run_recovered.h5"}
