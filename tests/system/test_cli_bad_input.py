"""Whatever is wrong with a request: one clear line, exit code 2, no file, nothing switched on."""

from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from tests.system.command_line import call
from tests.system.toy_lab import SCAN, rig_text

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.txt"


@pytest.fixture
def toy(tmp_path: Path, journal: Path) -> Path:
    return write(tmp_path, rig_text(journal))


def write(folder: Path, text: str) -> Path:
    rig = folder / "toy.toml"
    rig.write_text(text, encoding="utf-8")
    return rig


def nothing_happened(folder: Path, journal: Path) -> bool:
    switched = journal.read_text() if journal.exists() else ""
    return not list(folder.rglob("*.h5")) and "True" not in switched


BAD_VALUES = [
    pytest.param(["start_hz=2.9 GHz", "stop_hz=2.8 GHz"], "must be below `stop_hz`", id="order"),
    pytest.param(["start_hz=2.9 GHz", "stop_hz=2.9 GHz"], "must be below `stop_hz`", id="empty"),
    pytest.param(["stop_hz=40 GHz"], "outside the device's limits", id="limits"),
    pytest.param(["points=0"], "`points`", id="no points"),
    pytest.param(["points=1000000000"], "`points`", id="too many points"),
    pytest.param(["points=2.5"], "`points`", id="half a point"),
    pytest.param(["start_hz=nan"], "`start_hz`: Cannot read 'nan'", id="nan"),
    pytest.param(["start_hz=1e999"], "`start_hz`", id="overflow"),
    pytest.param(["start_hz=inf"], "`start_hz`", id="infinity"),
    pytest.param(["dwell_s=-1 ms"], "`dwell_s`", id="negative time"),
    pytest.param(["dwell_s=10 parsec"], "unknown unit 'parsec'", id="unit"),
    pytest.param(["start_hz=10 ms"], "unknown unit 'ms'", id="wrong dimension"),
    pytest.param(["start_hz="], "Cannot read ''", id="no value"),
    pytest.param(["direction=sideways"], "`direction`", id="choice"),
    pytest.param(["colour=red"], "Unknown parameter `colour`; known are", id="parameter"),
    pytest.param(["points"], "write it like", id="no equals sign"),
    pytest.param(["points=5", "points=6"], "twice", id="twice"),
    pytest.param(["points=0", "dwell_s=-1"], "`dwell_s`", id="two faults in one line"),
]


@pytest.mark.parametrize(("settings", "words"), BAD_VALUES)
def test_bad_value(
    capfd: Capture, toy: Path, journal: Path, tmp_path: Path, settings: list[str], words: str
) -> None:
    flags = [part for setting in settings for part in ("--set", setting)]
    outcome = call(capfd, "run", SCAN, "--rig", toy, "--out", tmp_path / "data", *flags)
    assert outcome.code == 2
    assert words in outcome.complaint
    assert outcome.out == ""
    assert not journal.exists(), "a device was touched"
    assert nothing_happened(tmp_path, journal)


@pytest.mark.parametrize(("settings", "words"), BAD_VALUES)
def test_bad_value_for_mdmr(
    capfd: Capture, tmp_path: Path, settings: list[str], words: str
) -> None:
    outcome = call(capfd, "run", "mdmr", *settings, "--out", tmp_path / "data")
    assert outcome.code == 2
    assert words in outcome.complaint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "mdrm"], "Did you mean `mdmr`?"),
        (["run", "nowhere:Sequence"], "Cannot load sequence"),
        (["run", "tests.system.toy_lab:ToyLaser"], "is no sequence"),
        (["run", "mdmr", "--rig", "sims"], "Did you mean `sim`?"),
        (["run", "mdmr", "--rig", "absent.toml"], "Cannot read rig file"),
        (["check", "sims"], "No rig is called"),
        (["run", "mdmr", "--seed", "-1"], "--seed"),
        (["run", "mdmr", "--speed", "0"], "positive"),
        (["run", "mdmr", "--speed", "nan"], "positive"),
        (["run", "mdmr", "--speed", "2", "--realtime"], "not both"),
        (["run"], "sequence"),
        (["run", "mdmr", "--colour"], "--colour"),
        (["measure"], "measure"),
        (["show"], "argument"),
        (["show", "absent.h5"], "absent.h5"),
        (["plot", "absent.h5"], "absent.h5"),
    ],
)
def test_bad_command(
    capfd: Capture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = call(capfd, *arguments)
    assert outcome.code == 2
    assert words in outcome.complaint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('title = "Toy lab"', "title = ", "not valid TOML"),
        ("ToyCounter", "AbsentCounter", "cannot load class"),
        ("ToyCounter", "CounterWithoutVerbs", "it lacks arm_gates, channels, count"),
        ("[devices.counter]", "[devices.teapot]", "unknown role `teapot`"),
        ('safe_state = "hold"', "safe_state = { output = false }", "loses the particle"),
        ("{ output = false }", "{ power_dbm = 90 }", "outside the device's limits"),
        ("{ output = false }", "{ volume = 3 }", "which the device does not have"),
        ("@world", "@moon", "names no [shared] object"),
        ('simulation = "world"', 'simulation = "moon"', "names no [shared] object"),
        ('title = "Toy lab"', 'title = "Toy lab"\ncolour = "red"', "colour"),
        ("arguments = { journal", "arguments = { colour = 1, journal", "refuses its arguments"),
    ],
)
def test_bad_rig_file(
    capfd: Capture, tmp_path: Path, journal: Path, old: str, new: str, words: str
) -> None:
    text = rig_text(journal)
    assert old in text
    rig = write(tmp_path, text.replace(old, new))
    for command in (["check", rig], ["run", SCAN, "--rig", rig, "--out", tmp_path / "data"]):
        outcome = call(capfd, *command)
        assert outcome.code == 2
        assert words in outcome.complaint
    assert nothing_happened(tmp_path, journal)


def test_seed_and_clock_of_a_real_lab_cannot_be_set(
    capfd: Capture, tmp_path: Path, journal: Path
) -> None:
    rig = write(tmp_path, rig_text(journal).replace('simulation = "world"\n', ""))
    outcome = call(capfd, "run", SCAN, "--rig", rig, "--seed", 3, "--out", tmp_path)
    assert outcome.code == 2
    assert "is a real lab" in outcome.complaint
    assert nothing_happened(tmp_path, journal)


def test_role_that_the_rig_lacks(capfd: Capture, tmp_path: Path, journal: Path) -> None:
    text = rig_text(journal)
    rig = write(tmp_path, text[: text.index("[devices.counter]")])
    outcome = call(capfd, "run", SCAN, "--rig", rig, "--out", tmp_path)
    assert outcome.code == 2
    assert "needs counter" in outcome.complaint
    assert nothing_happened(tmp_path, journal)


def test_output_folder_below_a_file(
    capfd: Capture, toy: Path, journal: Path, tmp_path: Path
) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    for folder in (blocker, blocker / "below"):
        outcome = call(capfd, "run", SCAN, "--rig", toy, "--out", folder)
        assert outcome.code == 2
        assert "output folder" in outcome.complaint
    assert not journal.exists(), "a device was touched"
    assert nothing_happened(tmp_path, journal)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder not even root can write")
def test_output_folder_that_cannot_be_written(
    capfd: Capture, toy: Path, journal: Path, tmp_path: Path
) -> None:
    for folder in ("/proc", "/proc/labctl"):
        outcome = call(capfd, "run", SCAN, "--rig", toy, "--out", folder)
        assert outcome.code == 2
        assert "output folder" in outcome.complaint
    assert not journal.exists(), "a device was touched"
    assert nothing_happened(tmp_path, journal)


def hdf5_of_another_program(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["a"] = 1


def cut_off(path: Path) -> None:
    hdf5_of_another_program(path)
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: path.write_text("not HDF5 at all"), id="text"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(hdf5_of_another_program, id="of another program"),
        pytest.param(cut_off, id="cut off"),
    ],
)
def test_file_that_is_not_ours(
    capfd: Capture, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    other = tmp_path / "other.h5"
    make(other)
    before = other.read_bytes()
    for command in (["show"], ["show", "--json"], ["fit"], ["plot"], ["recover"], ["resume"]):
        outcome = call(capfd, *command, other)
        assert outcome.code == 2
        assert str(other) in outcome.complaint
        assert outcome.out == ""
    assert other.read_bytes() == before
    assert list(tmp_path.iterdir()) == [other]
