"""What goes into a data file comes out of it again, and nothing else goes in."""

import dataclasses
import sys
import threading
import time

import h5py
import numpy as np
import pytest

from labctl.data import Column, FitCurve, FitResult, PlotHint, RunStatus
from labctl.errors import OutputError, SequenceError, StorageError
from labctl.storage import RunWriter, append_fit, read_run, recover
from tests.system.storage_samples import (
    FIT,
    INFO,
    INSTRUMENTS,
    INSTRUMENTS_AT_END,
    PLOT,
    REAL_INFO,
    SCAN,
    open_scan,
)

X = Column("x_hz", "Hz", "x µ")
N = Column("n", "counts", "n", "int64")
BLOCK = Column("block", "V", "Trace", "float64", (3, 2))
INTEGERS = Column("integers", "counts", "Bins", "int64", (4,))


@pytest.fixture(autouse=True)
def _no_thread_stays():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.h5"


def assert_same(left, right):
    """Equality of records, also of the arrays and NaN in them, to the type."""
    if dataclasses.is_dataclass(left):
        assert type(left) is type(right)
        for field in dataclasses.fields(left):
            assert_same(getattr(left, field.name), getattr(right, field.name))
    elif isinstance(left, np.ndarray):
        assert left.dtype.kind == right.dtype.kind
        np.testing.assert_array_equal(left, right)
    elif isinstance(left, dict):
        assert list(left) == list(right)
        assert_same(tuple(left.values()), tuple(right.values()))
    elif isinstance(left, tuple):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    else:
        assert left == right or (left != left and right != right)
        assert type(left) is type(right)


@pytest.mark.parametrize("info", [INFO, REAL_INFO])
def test_everything_about_a_run_comes_back(path, info):
    writer = RunWriter(path, info, SCAN, PLOT, INSTRUMENTS)
    writer.append((1, 0.5, 3))
    end = "2025-01-01T10:01:00+01:00"
    writer.close(RunStatus.ABORTED, "stopped by Zoë", end, INSTRUMENTS_AT_END)
    run = read_run(path)
    assert_same(run.info, info)
    assert_same(run.specification, SCAN)
    assert_same(run.plot, PLOT)
    assert_same(run.instruments, INSTRUMENTS)
    assert_same(run.instruments_at_end, INSTRUMENTS_AT_END)
    assert (run.status, run.reason, run.end_time) == (RunStatus.ABORTED, "stopped by Zoë", end)
    assert (run.fit, run.path) == (None, path)


def test_the_truth_at_the_end_replaces_the_one_at_the_start(path):
    writer = open_scan(path)
    truth = {name: (values + 1.0, unit) for name, (values, unit) in INFO.truth.items()}
    writer.close(RunStatus.FINISHED, truth=truth)
    assert_same(read_run(path).info.truth, truth)


def test_columns_come_back_exactly(path):
    writer = RunWriter(path, INFO, (BLOCK, N, X, INTEGERS), PlotHint("block", ("x_hz",)), ())
    generator = np.random.default_rng(1)
    blocks = generator.normal(size=(5, 3, 2))
    bins = generator.integers(-(2**62), 2**62, size=(5, 4))
    whole = [2**53 + 1, -(2**63), 2**63 - 1, True, np.int16(-7)]
    numbers = [float("nan"), float("-inf"), 5e-324, np.float32(0.1), 3]
    for values in zip(blocks, whole, numbers, bins, strict=True):
        writer.append(values)
    writer.close(RunStatus.FINISHED)
    run = read_run(path)
    np.testing.assert_array_equal(run["block"], blocks)
    np.testing.assert_array_equal(run["integers"], bins)
    np.testing.assert_array_equal(run["x_hz"], np.array(numbers, dtype=float))
    assert run["n"].tolist() == whole
    assert run["n"].dtype == np.int64


def test_a_block_is_copied_when_it_is_taken(path):
    writer = RunWriter(path, INFO, (X, BLOCK), PlotHint("x_hz", ()), ())
    buffer = np.zeros((3, 2))
    for index in range(10):
        buffer[:] = index
        writer.append((index, buffer))
    buffer[:] = -1
    writer.close(RunStatus.FINISHED)
    np.testing.assert_array_equal(read_run(path)["block"][:, 2, 1], np.arange(10.0))


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (("1", 2, np.zeros((3, 2))), "x_hz"),
        ((None, 2, np.zeros((3, 2))), "x_hz"),
        ((1j, 2, np.zeros((3, 2))), "x_hz"),
        ((np.zeros(3), 2, np.zeros((3, 2))), "x_hz"),
        ((1.0, 2.0, np.zeros((3, 2))), "`n`"),
        ((1.0, np.float64(2), np.zeros((3, 2))), "`n`"),
        ((1.0, 2**63, np.zeros((3, 2))), "`n`"),
        ((1.0, 2, np.zeros((2, 3))), "block"),
        ((1.0, 2, 0.0), "block"),
        ((1.0, 2, [[1, 2], [3], [4, 5]]), "block"),
        ((1.0, 2, np.full((3, 2), "a")), "block"),
        ((1.0, 2, np.zeros((3, 2), dtype=complex)), "block"),
        ((1.0, 2), "x_hz, n, block"),
        ((1.0, 2, np.zeros((3, 2)), 4), "x_hz, n, block"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_the_run_goes_on(path, values, name):
    writer = RunWriter(path, INFO, (X, N, BLOCK), PlotHint("x_hz", ()), ())
    writer.append((1.0, 1, np.ones((3, 2))))
    with pytest.raises(SequenceError, match=name) as caught:
        writer.append(values)
    assert "\n" not in str(caught.value)
    writer.append((2.0, 2, np.ones((3, 2))))
    writer.close(RunStatus.FINISHED)
    run = read_run(path)
    assert run["n"].tolist() == [1, 2]
    assert run["block"].shape == (2, 3, 2)


@pytest.mark.parametrize("value", [np.zeros(4), np.full(4, 2**63, dtype=np.uint64)])
def test_a_block_of_integers_takes_nothing_else(path, value):
    writer = RunWriter(path, INFO, (INTEGERS,), PlotHint("integers", ()), ())
    with pytest.raises(SequenceError, match="integers"):
        writer.append((value,))
    writer.append((np.arange(4, dtype=np.uint64),))
    writer.close(RunStatus.FINISHED)


@pytest.mark.parametrize(
    ("columns", "plot"),
    [
        ((), PlotHint("x_hz", ())),
        ((X, X), PlotHint("x_hz", ())),
        ((X,), PlotHint("y", ())),
        ((X,), PlotHint("x_hz", ("y",))),
        ((Column("a b", "", ""),), PlotHint("a b", ())),
        ((Column("s", "", "", "str"),), PlotHint("s", ())),
        ((Column("s", "", "", "float64", (0,)),), PlotHint("s", ())),
    ],
)
def test_contradictory_columns_leave_no_file(path, columns, plot):
    with pytest.raises(SequenceError):
        RunWriter(path, INFO, columns, plot, ())
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path, path):
    path.write_bytes(b"precious")
    for bad in (path, tmp_path / "missing" / "run.h5", path / "run.h5", tmp_path / ("x" * 300)):
        with pytest.raises(OutputError) as caught:
            open_scan(bad)
        assert str(bad) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


def test_a_slow_sequence_is_on_disk_within_half_a_second(path):
    writer = open_scan(path)
    writer.append((1, 0.0, 1))
    assert writer.appended == 1
    deadline = time.monotonic() + 0.5
    while writer.flushed < 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert writer.flushed == 1
    with h5py.File(path) as file:  # the same process sees it too
        assert file["entry/data/counts"].shape == (1,)
    writer.close(RunStatus.FINISHED)


def test_closing_while_the_flusher_is_busy_loses_nothing(tmp_path):
    for attempt in range(20):
        path = tmp_path / f"{attempt}.h5"
        writer = open_scan(path, flush_interval_s=0.001)
        for index in range(2000 + 37 * attempt):
            writer.append((index, 0.0, -index))
        writer.close(RunStatus.FINISHED)
        writer.close(RunStatus.FAILED, "twice is fine")
        run = read_run(path)
        assert len(run) == writer.flushed == writer.appended == 2000 + 37 * attempt
        np.testing.assert_array_equal(run["counts"], -np.arange(len(run)))
        assert run.status is RunStatus.FINISHED
        with pytest.raises(StorageError, match="closed"):
            writer.append((0, 0.0, 0))


def test_points_are_counted_once_while_they_change_hands(path):
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    writer = open_scan(path, flush_interval_s=0.001)
    try:
        for index in range(20_000):
            writer.append((index, 0.0, 0))
            assert writer.appended == index + 1
    finally:
        sys.setswitchinterval(usual_s)
        writer.close(RunStatus.FINISHED)


def test_back_pressure_bounds_what_is_staged(path):
    column = Column("trace", "V", "", "float64", (1 << 18,))  # 2 MiB each, 32 MiB allowed
    writer = RunWriter(path, INFO, (column,), PlotHint("trace", ()), (), flush_interval_s=60.0)
    trace = np.zeros(1 << 18)
    for index in range(40):
        trace[0] = index
        writer.append((trace,))
        assert writer.appended - writer.flushed <= 16
    writer.close(RunStatus.FINISHED)
    np.testing.assert_array_equal(read_run(path)["trace"][:, 0], np.arange(40.0))


def test_a_reason_too_long_is_cut_at_a_character(path):
    writer = open_scan(path)
    writer.close(RunStatus.FAILED, "é" * 5000)
    reason = read_run(path).reason
    assert set(reason[:-1]) == {"é"}
    assert reason[-1] == "…"
    assert 1000 < len(reason) < 1025


def test_text_that_hdf5_cannot_hold_does_not_stop_a_run(path):
    writer = RunWriter(
        path, dataclasses.replace(INFO, user="a\0b\udce9", title=""), SCAN, PLOT, INSTRUMENTS
    )
    writer.close(RunStatus.FINISHED)
    assert read_run(path).info.user == "a␀b?"


FINE = dataclasses.replace(
    FIT.curve, model_x=np.linspace(2.8e9, 2.9e9, 50), model_y=np.linspace(0.1, 6.1, 50)
)


@pytest.mark.parametrize("curve", [FIT.curve, FINE, None])
def test_a_fit_comes_back_and_replaces_an_earlier_one(path, curve):
    writer = open_scan(path)
    writer.append((1, 0.5, 3))
    writer.close(RunStatus.FINISHED)
    append_fit(path, FIT)
    second = dataclasses.replace(FIT, model="another", curve=curve)
    append_fit(path, second)
    run = read_run(path)
    assert run.fit is not None
    assert_same(run.fit, second)
    assert_same(run.info, INFO)
    assert run["counts"].tolist() == [3]
    assert [p.name for p in path.parent.iterdir()] == ["run.h5"]


def test_the_fine_curve_of_a_fit_goes_with_it_and_older_files_open(path):
    open_scan(path).close(RunStatus.FINISHED)
    append_fit(path, dataclasses.replace(FIT, curve=FINE))
    with h5py.File(path, "r+") as file:
        line = file["entry/fit_model"]
        assert line[line.attrs["signal"]].attrs["units"] == "counts"
        np.testing.assert_array_equal(line[line.attrs["axes"][0]], FINE.model_x)
        del file["entry/fit_model"]  # as files before had none
    old = read_run(path).fit
    assert_same(old, FIT)
    assert_same(old.curve.drawn, (FIT.curve.x, FIT.curve.model))
    append_fit(path, dataclasses.replace(FIT, curve=FINE))
    append_fit(path, FIT)
    assert_same(read_run(path).fit, FIT)


def test_an_empty_fit_and_names_that_clash_come_back(path):
    open_scan(path).close(RunStatus.FINISHED)
    empty = np.array([])
    x = np.array([1.0])
    nothing = FitResult("nothing", {}, np.empty((0, 0)), float("nan"))
    clash = FitResult(
        "clash",
        {"a": FIT.values["f0_hz"], "a_errors": FIT.values["f0_hz"], "a/b": FIT.values["|B| / G"]},
        np.empty((0, 0)),
        1.0,
        curve=FitCurve(x, x, x, x, "model", "", "", "model", "", ""),
    )
    for fit in (nothing, clash, dataclasses.replace(nothing, curve=FitCurve(
        empty, empty, empty, empty, "x", "", "", "y", "", ""))):  # fmt: skip
        append_fit(path, fit)
        assert_same(read_run(path).fit, fit)


def test_a_run_that_goes_on_takes_no_fit(path):
    writer = open_scan(path)
    with pytest.raises(StorageError):
        append_fit(path, FIT)
    writer.close(RunStatus.FINISHED)
    assert read_run(path).fit is None


def test_a_clean_file_needs_no_recovery(path):
    open_scan(path).close(RunStatus.FINISHED)
    with pytest.raises(StorageError, match="needs no recovery"):
        recover(path)
    assert [p.name for p in path.parent.iterdir()] == ["run.h5"]


def test_what_is_not_ours_is_one_clear_line(tmp_path):
    (tmp_path / "garbage.h5").write_bytes(b"garbage" * 1000)
    (tmp_path / "damaged.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 1000)
    (tmp_path / "empty.h5").touch()
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["entry/data"] = 1.0
    with h5py.File(tmp_path / "hollow.h5", "w") as file:
        file.attrs["creator"] = "labctl"
        file.attrs["labctl_format"] = 1
        file.create_group("entry")
    names = ("garbage.h5", "damaged.h5", "empty.h5", "foreign.h5", "hollow.h5", "missing.h5", ".")
    before = sorted(tmp_path.iterdir())
    for name in names:
        for action in (read_run, recover, lambda bad: append_fit(bad, FIT)):
            with pytest.raises(StorageError) as caught:
                action(tmp_path / name)
            assert str(tmp_path / name) in str(caught.value)
            assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before
