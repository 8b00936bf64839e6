"""Other people's tools understand the files."""

import re
import subprocess
import sys
from pathlib import Path

import h5py
import nexusformat.nexus as nx
import numpy as np
import pytest
import silx.io
from silx.io.nxdata import get_default

from labctl.data import PlotHint, RunStatus
from labctl.storage import RunWriter, append_fit, recover
from tests.system.storage_process import scan
from tests.system.storage_samples import (
    FIT,
    INFO,
    INSTRUMENTS,
    INSTRUMENTS_AT_END,
    MADE,
    SCAN,
    TRACE,
    open_scan,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def punx_errors(path: Path) -> int:
    """Number of ERROR findings, from the tool's own statistics."""
    punx = Path(sys.executable).with_name("punx")
    done = subprocess.run(
        [punx, "validate", "--report", "ERROR", path], capture_output=True, text=True, check=True
    )
    return int(re.search(r"^ERROR\s+(\d+)\s+violates", done.stdout, re.MULTILINE)[1])


@pytest.fixture
def written(tmp_path):
    writer = open_scan(tmp_path / "run.h5")
    for index in range(40):
        writer.append((index, 0.1 * index, index**2))
    writer.close(RunStatus.FINISHED, "", "2025-01-01T10:01:00+01:00", INSTRUMENTS_AT_END)
    return tmp_path / "run.h5"


def silx_default(path):
    with silx.io.open(str(path)) as file:
        data = get_default(file)
        assert data is not None
        assert data.is_valid
        axes = [axis if axis is None else np.asarray(axis) for axis in data.axes]
        errors = None if data.errors is None else np.asarray(data.errors)
        return data.signal_dataset_name, np.asarray(data.signal), axes, errors


def nexusformat_default(path):
    plot = nx.nxload(str(path)).plottable_data
    return plot.nxsignal.nxname, plot.nxsignal.nxdata, [axis.nxname for axis in plot.nxaxes]


def test_the_raw_data_is_the_default_plot(written):
    assert punx_errors(written) == 0
    name, signal, axes, errors = silx_default(written)
    np.testing.assert_array_equal(signal, np.arange(40) ** 2)
    np.testing.assert_array_equal(axes[0], 0.1 * np.arange(40))
    assert (name, errors) == ("counts", None)
    name, signal, axes = nexusformat_default(written)
    np.testing.assert_array_equal(signal, np.arange(40) ** 2)
    assert (name, axes) == ("counts", ["made_s"])
    with h5py.File(written) as file:
        assert file["entry/data/counts"].attrs["units"] == "counts"
        assert file["entry/data/made_s"].attrs["long_name"] == "Time of the point"


def test_the_fit_becomes_the_default_plot_and_the_raw_data_stays(written):
    append_fit(written, FIT)
    append_fit(written, FIT)
    assert punx_errors(written) == 0
    name, signal, axes, errors = silx_default(written)
    assert name == "angle_counts"
    np.testing.assert_array_equal(signal, FIT.curve.y)
    np.testing.assert_array_equal(axes[0], FIT.curve.x)
    np.testing.assert_array_equal(errors, FIT.curve.y_error)
    name, signal, axes = nexusformat_default(written)
    np.testing.assert_array_equal(signal, FIT.curve.y)
    assert (name, axes) == ("angle_counts", ["frequency_hz"])
    with h5py.File(written) as file:
        np.testing.assert_array_equal(file["entry/data/counts"][:], np.arange(40) ** 2)


@pytest.mark.parametrize("plot", [PlotHint("trace", ("made_s",)), PlotHint("trace", ("trace",))])
def test_traces_are_plotted_too(tmp_path, plot):
    writer = RunWriter(tmp_path / "run.h5", INFO, (MADE, TRACE), plot, INSTRUMENTS)
    for index in range(4):
        writer.append((0.1 * index, np.arange(500) + index))
    writer.close(RunStatus.FINISHED, "", "2025-01-01T10:01:00+01:00")
    assert punx_errors(tmp_path / "run.h5") == 0
    assert silx_default(tmp_path / "run.h5")[1].shape == (4, 500)
    assert nexusformat_default(tmp_path / "run.h5")[1].shape == (4, 500)


@pytest.mark.parametrize("points", [0, 1])
def test_hardly_any_points(tmp_path, points):
    writer = RunWriter(tmp_path / "run.h5", INFO, SCAN, PlotHint("counts", ("index",)), ())
    for index in range(points):
        writer.append((index, 0.0, 7))
    writer.close(RunStatus.ABORTED, "stopped", "2025-01-01T10:01:00+01:00")
    assert punx_errors(tmp_path / "run.h5") == 0
    if points:
        assert silx_default(tmp_path / "run.h5")[1].shape == (1,)
    assert nexusformat_default(tmp_path / "run.h5")[1].shape == (points,)


def test_a_recovered_file_is_as_good(tmp_path):
    with scan(tmp_path / "run.h5", 1000, 0.01) as process:
        process.stdout.readline()
    clean = recover(tmp_path / "run.h5")
    assert punx_errors(clean) == 0
    assert silx_default(clean)[0] == "counts"
    assert nexusformat_default(clean)[0] == "counts"


def test_punx_would_find_an_error(written):
    with h5py.File(written, "r+") as file:
        del file["entry/data"]
    assert punx_errors(written) > 0
