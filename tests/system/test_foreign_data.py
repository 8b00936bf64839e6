"""Tables of other programs: read in every form, their columns told, fitted, made into runs.

The two fixtures are synthetic, in the style of published tables: a defect's two dips at 2842.0 and
2898.0 MHz with errors, and an ensemble's eight lines at 112.0 G, two bare columns without.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import savemat

from labctl.storage import read_run, read_table
from tests.system.command_line import call

Capture = pytest.CaptureFixture[str]
Floats = NDArray[np.float64]
DATA = Path(__file__).parents[1] / "data"
DIPS, ENSEMBLE = DATA / "odmr_two_dips.csv", DATA / "odmr_ensemble.txt"


def dips() -> tuple[Floats, Floats, Floats]:
    """Frequency in GHz, PL and its errors, shape (141,) each."""
    table = np.array(list(csv.reader(DIPS.read_text().splitlines()[2:])), dtype=np.float64)
    return table[:, 0], table[:, 1], table[:, 2]


def german(path: Path) -> None:
    f, y, _ = dips()
    rows = (f"{1e3 * a:.4f};{b:.5f}".replace(".", ",") for a, b in zip(f, y, strict=True))
    path.write_text("\n".join(["Messung vom 3.4.", "Frequenz (MHz);Signal", *rows]), "utf-8-sig")


def spaced(path: Path) -> None:
    f, y, _ = dips()
    np.savetxt(path, np.stack([f * 1e9, y], axis=1))


def tabs_of_windows(path: Path) -> None:
    f, y, e = dips()
    rows = (f"{a:.6f}\t{b:.5f}\t{c}" for a, b, c in zip(f, y, e, strict=True))
    path.write_text("freq_GHz\tcounts\tsigma\r\n" + "\r\n".join(rows), encoding="utf-16")


def archive(path: Path) -> None:
    f, y, e = dips()
    np.savez(path, frequency_ghz=f, pl=y, pl_std=e, note=np.array(["free text"]))


def matlab(path: Path) -> None:
    f, y, _ = dips()
    savemat(path, {"f_MHz": f * 1e3, "sig": y, "comment": "free text"})


def matlab_7_3(path: Path) -> None:
    f, y, _ = dips()
    with h5py.File(path, "w", userblock_size=0) as file:
        file["f_Hz"], file["sig"] = f[None] * 1e9, y[None]


def hdf5(path: Path) -> None:
    f, y, _ = dips()
    with h5py.File(path, "w") as file:
        file["scan/frequency_hz"], file["scan/pl"] = f * 1e9, y
        file["scan/settings"] = np.arange(5.0)
        file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.csv", lambda path: path.write_bytes(DIPS.read_bytes())),
        ("b.csv", german),
        ("c.txt", spaced),
        ("d.dat", tabs_of_windows),
        ("e.npz", archive),
        ("f.mat", matlab),
        ("g.mat", matlab_7_3),
        ("h.h5", hdf5),
    ],
)
def test_every_form_gives_the_same_lines(
    capfd: Capture, tmp_path: Path, name: str, make: Callable[[Path], object]
) -> None:
    path = tmp_path / name
    make(path)
    before = path.read_bytes()
    outcome = call(capfd, "import", path, "--as", "mdmr", "--out", tmp_path / "data")
    assert outcome.code == 0, outcome.err
    assert outcome.err.startswith(f"{path}: axis `")
    fit = read_run(outcome.path).fit
    assert fit is not None
    found = fit.tables["resonances"].columns
    assert found["frequency_hz"] == pytest.approx([2842.0e6, 2898.0e6], abs=0.5e6)
    assert np.all(
        np.abs(found["frequency_hz"] - [2842e6, 2898e6]) < 4 * found["frequency_error_hz"]
    )
    assert path.read_bytes() == before


def test_an_ensemble_tells_its_field(capfd: Capture) -> None:
    outcome = call(capfd, "fit", ENSEMBLE, "--as", "odmr", "--json")
    assert outcome.code == 0
    assert "`column 1` taken to be in Hz by its size" in outcome.err
    assert "errors from the scatter from point to point" in outcome.err
    values = json.loads(outcome.out)["fit"]["values"]
    field = values["field_magnitude_t"]
    assert field["value"] == pytest.approx(112e-4, abs=4 * field["error"])
    assert field["error"] < 1e-4


def test_an_imported_run_is_fitted_shown_and_drawn_again(capfd: Capture, tmp_path: Path) -> None:
    made = call(capfd, "import", DIPS, "--as", "mdmr", "--out", tmp_path).path
    run = read_run(made)
    frequency, pl, error = dips()
    assert run["frequency_hz"] == pytest.approx(frequency * 1e9)
    assert run["signal"] == pytest.approx(pl)
    assert run["signal_error"] == pytest.approx(error)
    assert run.info.imported_from.startswith("odmr_two_dips.csv: axis `Frequency (GHz)` in GHz")
    assert "imported from" in call(capfd, "show", made).out
    first = run.fit
    assert call(capfd, "fit", made).code == 0
    again = read_run(made).fit
    assert first is not None
    assert again is not None
    assert again.values == first.values
    assert call(capfd, "plot", made).code == 0
    assert call(capfd, "resume", made).code == 2


def test_columns_may_be_named_or_numbered(capfd: Capture, tmp_path: Path) -> None:
    path = tmp_path / "four.csv"
    f, y, e = dips()
    rows = (f"{i},{b},{a},{c}" for i, (a, b, c) in enumerate(zip(f, y, e, strict=True)))
    path.write_text("index,signal,x,noise\n" + "\n".join(rows))
    wished = ("--x", "x", "--y", "2", "--error", "noise", "--x-unit", "GHz")
    outcome = call(capfd, "import", path, "--as", "mdmr", "--out", tmp_path / "data", *wished)
    assert outcome.code == 0, outcome.err
    assert "axis `x` in GHz, signal `signal`, errors `noise`; not used: `index`" in outcome.err
    assert read_run(outcome.path)["frequency_hz"] == pytest.approx(f * 1e9)


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        ("hello\nworld\n", (), "holds no table"),
        ("", (), "holds no table"),
        ("1,2\n", (), "holds no table"),
        ("t,y\n1,2\n2,3\n3,4\n", ("--as", "ring_down"), "give --x-unit"),
        ("x,y\n1,2\n2,3\n3,4\n", ("--x", "z"), "There is no column `z`; there are: x, y."),
        ("x,y\n1,2\n2,3\n3,4\n", ("--x-unit", "ms"), "unknown unit"),
        ("x,y\n1,2\n2,3\n3,4\n", ("--x", "x", "--y", "x", "--x-unit", "GHz"), "must be different"),
        ("x,y\n1,2\n2,3\n3,4\n", ("--as", "rabi"), "reads no tables; those that do: mdmr, odmr"),
        ("x,y\n1,2\n1,3\n1,4\n", ("--x-unit", "GHz"), "too few numbers"),
    ],
)
def test_what_is_no_table_is_told(
    capfd: Capture, tmp_path: Path, text: str, arguments: tuple[str, ...], words: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    given = arguments if "--as" in arguments else ("--as", "odmr", *arguments)
    outcome = call(capfd, "import", path, *given, "--out", tmp_path / "data")
    assert outcome.code == 2
    assert words in outcome.complaint
    assert not (tmp_path / "data").exists()


def test_nothing_in_a_table_is_run_or_followed(capfd: Capture, tmp_path: Path) -> None:
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, a=np.array([{"x": 1}, None], dtype=object), b=np.arange(9.0))
    assert call(capfd, "fit", pickled, "--as", "odmr").code == 2
    linked = tmp_path / "linked.h5"
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["x"], file["y"] = np.arange(9.0), np.arange(9.0)
    with h5py.File(linked, "w") as file:
        file["x"] = np.arange(5.0)
        file["y"] = np.arange(5.0)
        file["far"] = h5py.ExternalLink("other.h5", "/x")
        layout = h5py.VirtualLayout((9,), "f8")
        layout[:] = h5py.VirtualSource(str(other), "x", (9,))
        file.create_virtual_dataset("virtual", layout)
    assert set(read_table(linked).columns) == {"x", "y"}


def test_without_as_a_table_is_refused_with_a_hint(capfd: Capture) -> None:
    outcome = call(capfd, "fit", DIPS)
    assert outcome.code == 2
    assert "--as odmr" in outcome.complaint
