"""Protocols: chains of runs with decisions between them, and the record that links them."""

import json
from pathlib import Path

import h5py
import pytest

import labctl
from labctl.errors import CatalogError, LabError, ParameterError
from labctl.protocol import find_protocol, run_protocol
from labctl.storage import read_record
from tests.system.command_line import call
from tests.system.toy_lab import SCAN, rig_text

Capture = pytest.CaptureFixture[str]

NIGHT = f'''"""Scan twice, narrower the second time.

More words.
"""

from labctl.parameters import SequenceParameters, quantity


class Parameters(SequenceParameters):
    points: int = quantity(30, unit="", label="Points", ge=2)
    span_hz: float = quantity(4e6, unit="Hz", label="Span")
    pace_s: float = quantity(0.0, unit="s", label="Pause after each point")


def main(night, parameters):
    coarse = night.run("{SCAN}", points=parameters.points, pace_s=parameters.pace_s)
    line_hz = coarse.fit.tables["resonances"].columns["frequency_hz"][0]
    night.note(f"line at {{line_hz:.6g}} Hz")
    if parameters.points == 13:
        raise ZeroDivisionError("unlucky")
    night.run(
        "{SCAN}",
        start_hz=line_hz - parameters.span_hz / 2,
        stop_hz=line_hz + parameters.span_hz / 2,
        points=parameters.points,
    )
'''


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    rig = tmp_path / "toy.toml"
    rig.write_text(rig_text(), encoding="utf-8")
    (tmp_path / "narrow.py").write_text(NIGHT, encoding="utf-8")
    return rig


def test_a_protocol_links_its_runs(capfd: Capture, lab: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    outcome = call(
        capfd, "protocol", tmp_path / "narrow.py", "points=25", "span_hz=2 MHz",
        "--rig", lab, "--out", out, "--particle", "D17",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "line at" in outcome.err
    path = Path(outcome.out.splitlines()[-1])
    record = read_record(path)
    assert (record.name, record.status, record.reason) == ("narrow", "finished", "")
    assert record.description == "Scan twice, narrower the second time."
    assert json.loads(record.parameters_json) == {
        "points": 25,
        "span_hz": 2e6,
        "pace_s": 0.0,
    }
    assert record.source == NIGHT
    first, note, second = record.steps
    assert note.text.startswith("line at")
    for step in (first, second):
        child = labctl.load(out / step.file)
        assert child.info.run_id == step.run_id
        assert child.info.part_of == record.record_id
        assert child.info.particle == "D17"
        assert (step.status, len(child)) == ("finished", 25)
    assert labctl.load(out / second.file).parameters["stop_hz"] == pytest.approx(
        labctl.load(out / second.file).parameters["start_hz"] + 2e6
    )
    with h5py.File(path) as file:  # any HDF5 reader follows the links
        steps = [group for group in file["entry/steps"].values() if "entry" in group]
        assert [len(group["entry/data/frequency_hz"]) for group in steps] == [25, 25]
    shown = call(capfd, "show", path)
    assert shown.code == 0
    assert first.file in shown.out
    assert call(capfd, "show", path, "--json").code == 0


def test_an_error_of_the_protocol_is_recorded_with_what_was_measured(
    capfd: Capture, lab: Path, tmp_path: Path
) -> None:
    outcome = call(capfd, "protocol", tmp_path / "narrow.py", "points=13", "--rig", lab,
                   "--out", tmp_path)  # fmt: skip
    assert outcome.code == 1
    assert "Traceback" not in outcome.err
    (path,) = tmp_path.glob("*_narrow.h5")
    record = read_record(path)
    assert record.status == "failed"
    assert record.reason == "ZeroDivisionError: unlucky"
    assert [step.status for step in record.steps] == ["finished", ""]


def test_an_aborted_run_aborts_the_protocol(lab: Path, tmp_path: Path) -> None:
    with labctl.open_rig(lab) as rig:

        def impatient(handle: labctl.session.RunHandle) -> None:
            handle.stop("enough")
            handle.wait()

        module = find_protocol(str(tmp_path / "narrow.py"))
        with pytest.raises(LabError, match="enough"):
            run_protocol(
                module, rig, {"points": 3000, "pace_s": 0.01}, out=tmp_path, watch=impatient
            )
    (path,) = tmp_path.glob("*_narrow.h5")
    record = read_record(path)
    assert record.status == "aborted"
    assert [step.status for step in record.steps] == ["aborted"]


def test_the_record_is_whole_while_the_protocol_runs(lab: Path, tmp_path: Path) -> None:
    seen: list[str] = []

    def look(handle: labctl.session.RunHandle) -> None:
        handle.wait()
        (path,) = tmp_path.glob("*_narrow.h5")
        record = read_record(path)
        seen.append(f"{record.status}/{record.steps[-1].status}")

    with labctl.open_rig(lab) as rig:
        run_protocol(str(tmp_path / "narrow.py"), rig, {}, out=tmp_path, watch=look)
    assert seen == ["running/running", "running/running"]
    assert not list(tmp_path.glob(".*.new"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", "no function main"),
        ("import nothing_there", "Cannot load"),
        (None, "no protocol file"),
    ],
)
def test_what_is_no_protocol(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError, match=words):
        find_protocol(str(path))


def test_wrong_parameters_touch_nothing(capfd: Capture, lab: Path, tmp_path: Path) -> None:
    outcome = call(capfd, "protocol", tmp_path / "narrow.py", "point=3", "--rig", lab,
                   "--out", tmp_path)  # fmt: skip
    assert outcome.code == 2
    assert "Unknown parameter `point`" in outcome.err
    assert not list(tmp_path.glob("*.h5"))
    with labctl.open_rig(lab) as rig, pytest.raises(ParameterError):
        run_protocol(str(tmp_path / "narrow.py"), rig, {"points": 1}, out=tmp_path)


@pytest.mark.slow
def test_a_characterisation_night_finds_the_degeneracies_and_their_lifetimes(
    tmp_path: Path,
) -> None:
    """T1 is 1.61 ms alone and 1/(1/1.61 + 1/0.704) ms where two classes are resonant."""
    with labctl.open_rig("sim_t1") as rig:
        options = {"effort": 0.5, "odmr_dbm": -30, "degeneracies": 1}
        path = run_protocol("characterisation", rig, options, out=tmp_path)
    record = read_record(path)
    assert record.status == "finished"
    measured = [step.sequence for step in record.steps if step.sequence]
    assert measured == ["odmr", "rabi", "field_calibration", "odmr", "t1", "odmr", "t1", "psd"]
    runs = [labctl.load(tmp_path / step.file) for step in record.steps if step.sequence == "t1"]
    for run, true_s in zip(runs, (1.61e-3, 0.4898e-3), strict=True):
        assert run.fit is not None
        found = run.fit.values["t1_stretched_s"]
        assert found.error < 0.1 * true_s
        assert abs(found.value - true_s) < 3 * found.error
    assert runs[0].parameters["current_a"] == 0
    # Where the rig's field crosses its first {110} plane, |Bx| = |By|.
    crossing_a = (7.45 - 5.44) / (0.4 + 0.3)
    assert abs(runs[1].parameters["current_a"] - crossing_a) < 0.1
