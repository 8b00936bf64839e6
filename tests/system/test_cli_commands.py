"""What each command prints, and that a script can rely on it."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import labctl
from labctl._version import __version__
from labctl.cli import figure
from labctl.core import sequence_names
from labctl.data import RunStatus
from labctl.storage import read_run
from tests.system.command_line import Outcome, call, environment, finish, kill_a_run, spawn
from tests.system.toy_lab import SCAN, rig_text

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    rig = tmp_path / "toy.toml"
    rig.write_text(rig_text(), encoding="utf-8")
    return rig


@pytest.fixture
def ran(capfd: Capture, toy: Path, tmp_path: Path) -> Outcome:
    outcome = call(capfd, "run", SCAN, "--rig", toy, "--out", tmp_path / "data")
    assert outcome.code == 0, outcome.err
    return outcome


def parsed(outcome: Outcome) -> Any:
    """stdout as strict JSON."""
    assert outcome.code == 0, outcome.err

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(outcome.out, parse_constant=refuse)


def test_version_and_help_answer() -> None:
    for argument, words in (("--version", f"labctl {__version__}"), ("--help", "recover")):
        outcome = finish(spawn(argument))
        assert outcome.code == 0
        assert words in outcome.out
        assert outcome.err == ""


def test_starting_up_leaves_the_heavy_libraries_alone() -> None:
    heavy = "{'numba', 'scipy', 'lmfit', 'matplotlib', 'PyQt5', 'xarray', 'pyvisa'}"
    code = f"import sys, labctl.cli.app; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()
    )
    assert answer.stdout.strip() == "[]"


def test_without_a_command_there_is_help(capfd: Capture) -> None:
    outcome = call(capfd)
    assert outcome.code == 0
    assert "Exit codes" in outcome.out


def test_list(capfd: Capture) -> None:
    outcome = call(capfd, "list")
    assert outcome.code == 0
    for words in ("mdmr", "odmr", "start_hz", "First frequency", "2.6 GHz", "sim_dipolar"):
        assert words in outcome.out


def test_list_goes_on_past_a_broken_plug_in(
    capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "labctl.cli.catalog_commands.sequence_names", lambda: ["nowhere:Scan", "mdmr"]
    )
    outcome = call(capfd, "list")
    assert outcome.code == 0
    assert "mdmr" in outcome.out
    assert outcome.err.startswith("warning: Cannot load sequence `nowhere:Scan`")


def test_list_as_json(capfd: Capture) -> None:
    listed = parsed(call(capfd, "list", "--json"))
    (mdmr,) = (item for item in listed["sequences"] if item["name"] == "mdmr")
    (start,) = (item for item in mdmr["parameters"] if item["name"] == "start_hz")
    assert start["unit"] == "Hz"
    assert start["default"] == 2.6e9
    assert not start["required"]
    assert "the microwave's limits" in start["range"]
    assert "sim" in {rig["name"] for rig in listed["rigs"]}


def test_check(capfd: Capture) -> None:
    outcome = call(capfd, "check", "sim")
    assert outcome.code == 0
    for words in ("trap", "hold", "output off", "SimulatedLaserModulator", "1 GHz .. 4 GHz"):
        assert words in outcome.out


def test_check_as_json(capfd: Capture, toy: Path) -> None:
    checked = parsed(call(capfd, "check", toy, "--json"))
    assert checked["devices"][0]["role"] == "trap"
    (laser,) = (device for device in checked["devices"] if device["role"] == "laser")
    assert laser["identity"] == "Toy,laser,0,1.0"
    assert laser["limits"]["power_w"] == [0.0, 0.05, "W"]


def test_run_prints_truth_beside_measurement_and_the_path_last(ran: Outcome) -> None:
    assert ran.err == "", "no progress where stderr is no terminal"
    assert ran.path.suffix == ".h5"
    run = read_run(ran.path)
    assert run.status is RunStatus.FINISHED
    assert len(run) == 71
    for words in ("Resonances", "truth", "2870.000", "Contrast", "0.5"):
        assert words in ran.out


def test_run_as_json(capfd: Capture, toy: Path, tmp_path: Path) -> None:
    arguments = ("run", SCAN, "points=101", "--rig", toy, "--seed", 7, "--out", tmp_path)
    summary = parsed(call(capfd, *arguments, "--json"))
    assert summary["status"] == "finished"
    assert summary["points"] == 101
    assert summary["parameters"]["points"] == 101
    assert read_run(Path(summary["path"])).info.seed == 7
    (line,) = summary["comparison"]
    assert line["true_hz"] == 2.87e9
    assert line["deviation_hz"] == pytest.approx(line["measured_hz"] - 2.87e9)
    assert abs(line["sigmas"]) < 5
    assert summary["truth"]["contrast"] == {"values": 0.5, "unit": ""}


def test_failed_run_as_json(capfd: Capture, tmp_path: Path) -> None:
    rig = tmp_path / "toy.toml"
    rig.write_text(rig_text(world={"fault": "counter.count", "after": 12}), encoding="utf-8")
    outcome = call(capfd, "run", SCAN, "--rig", rig, "--out", tmp_path, "--json")
    assert outcome.code == 1
    assert "read-back" in outcome.complaint
    summary = json.loads(outcome.out)
    assert (summary["status"], summary["points"]) == ("failed", 12)
    assert "read-back" in summary["reason"]


def test_set_takes_units_in_every_spelling(capfd: Capture, toy: Path, tmp_path: Path) -> None:
    settings = ["--set", "start_hz=2.85 GHz", "stop_hz=2890MHz", "--set", "dwell_s = 20 ms"]
    outcome = call(capfd, "run", SCAN, *settings, "--rig", toy, "--out", tmp_path)
    assert outcome.code == 0
    parameters = read_run(outcome.path).parameters
    assert (parameters["start_hz"], parameters["stop_hz"]) == (2.85e9, 2.89e9)
    assert parameters["dwell_s"] == 0.02


def test_realtime_and_speed_reach_the_world(capfd: Capture, tmp_path: Path) -> None:
    rig, journal = tmp_path / "toy.toml", tmp_path / "journal.txt"
    rig.write_text(rig_text(journal), encoding="utf-8")
    for flags, speed in ((["--realtime"], 1.0), (["--speed", "12.5"], 12.5)):
        assert call(capfd, "run", SCAN, *flags, "--rig", rig, "--out", tmp_path).code == 0
        assert f"world speed {speed}" in journal.read_text()


def test_classes_beside_one_are_found(tmp_path: Path) -> None:
    """A sequence in the folder one works in needs no installation."""
    (tmp_path / "my_scan.py").write_text(
        "from tests.system.toy_lab import ToyScan\n\n\nclass MyScan(ToyScan):\n    name = 'mine'\n"
    )
    (tmp_path / "toy.toml").write_text(rig_text(), encoding="utf-8")
    outcome = finish(spawn("run", "my_scan:MyScan", "--rig", "toy.toml", cwd=tmp_path))
    assert outcome.code == 0, outcome.err
    assert (tmp_path / outcome.path).parent == tmp_path / "data"
    again = finish(spawn("fit", outcome.path, cwd=tmp_path))
    assert again.code == 0
    assert "Resonances" in again.out


def test_show(capfd: Capture, ran: Outcome) -> None:
    outcome = call(capfd, "show", ran.path)
    assert outcome.code == 0
    for words in ("finished", "Toy scan", "start_hz", "2.8 GHz", "angle_counts", "Toy,laser,0,1.0"):
        assert words in outcome.out


def test_show_as_json(capfd: Capture, ran: Outcome) -> None:
    shown = parsed(call(capfd, "show", ran.path, "--json"))
    assert shown["status"] == "finished"
    assert shown["points"] == 71
    assert shown["parameters"]["points"] == 71
    assert [column["name"] for column in shown["columns"]][:2] == ["frequency_hz", "angle_counts"]
    assert shown["fit"]["tables"]["resonances"]["columns"]["frequency_hz"]


def test_fit_gives_the_same_result_again(capfd: Capture, ran: Outcome) -> None:
    before = read_run(ran.path).fit
    again = parsed(call(capfd, "fit", ran.path, "--json"))
    assert before is not None
    assert again["fit"]["values"]["contrast"]["value"] == before.values["contrast"].value
    assert "Resonances" in call(capfd, "fit", ran.path).out


@pytest.mark.parametrize(
    ("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")]
)
def test_plot(capfd: Capture, ran: Outcome, tmp_path: Path, suffix: str, start: bytes) -> None:
    picture = tmp_path / f"picture{suffix}"
    outcome = call(capfd, "plot", ran.path, "-o", picture)
    assert outcome.code == 0, outcome.err
    assert outcome.path == picture
    assert picture.read_bytes().startswith(start)


def test_plot_goes_beside_the_file_and_refuses_other_formats(capfd: Capture, ran: Outcome) -> None:
    assert call(capfd, "plot", ran.path).path == ran.path.with_suffix(".png")
    outcome = call(capfd, "plot", ran.path, "-o", "picture.docx")
    assert outcome.code == 2
    assert ".png, .svg, .pdf" in outcome.complaint
    outcome = call(capfd, "plot", ran.path, "-o", ran.path / "below.png")
    assert outcome.code == 2


def test_picture_carries_data_fit_truth_and_frequencies(ran: Outcome) -> None:
    run = labctl.load(ran.path)
    (axes,) = figure.draw(run).axes
    assert axes.get_xlabel() == "Microwave frequency (GHz)"
    assert axes.get_ylabel() == "APD1 (kcounts)"
    assert axes.get_title("left") == "Toy scan"
    labels = axes.get_legend_handles_labels()[1]
    assert sorted(labels) == [
        "fit: 1 x lorentzian of known width",
        "measured ± 1σ",
        "truth (simulated)",
    ]
    (note,) = axes.texts
    assert note.get_text().startswith("28")
    assert note.get_text().endswith("MHz")
    (model,) = (line for line in axes.lines if line.get_label().startswith("fit"))
    assert run.fit is not None
    assert run.fit.curve is not None
    assert np.allclose(np.asarray(model.get_ydata()) * 1e3, run.fit.curve.model)


def test_picture_draws_the_model_between_the_points(ran: Outcome) -> None:
    run = labctl.load(ran.path)
    assert run.fit is not None
    assert run.fit.curve is not None
    x = np.linspace(run.fit.curve.x.min(), run.fit.curve.x.max(), 999)
    curve = dataclasses.replace(run.fit.curve, model_x=x, model_y=np.sin(x))
    fine = dataclasses.replace(run, fit=dataclasses.replace(run.fit, curve=curve))
    (axes,) = figure.draw(fine).axes
    (model,) = (line for line in axes.lines if line.get_label().startswith("fit"))
    assert np.allclose(np.asarray(model.get_xdata()) * 1e9, x)
    assert np.allclose(np.asarray(model.get_ydata()) * 1e3, np.sin(x))


def test_plot_of_a_run_without_fit_averages_repeats(
    capfd: Capture, toy: Path, tmp_path: Path
) -> None:
    outcome = call(capfd, "run", SCAN, "points=5", "--rig", toy, "--out", tmp_path)
    run = read_run(outcome.path)
    assert run.fit is None
    (axes,) = figure.draw(run).axes
    assert axes.get_ylabel() == "APD1 (kcounts)"
    assert call(capfd, "plot", outcome.path).code == 0
    place, mean, error = figure._averaged(np.array([2.0, 1.0, 2.0]), np.array([4.0, 7.0, 8.0]))
    assert place.tolist() == [1, 2]
    assert mean.tolist() == [7, 6]
    assert error.tolist() == [0, 2]


def test_recover(capfd: Capture, tmp_path: Path) -> None:
    killed = kill_a_run(tmp_path)
    assert call(capfd, "fit", killed).code == 2
    outcome = call(capfd, "recover", killed, "-o", tmp_path / "sound.h5")
    assert outcome.code == 0, outcome.err
    assert outcome.path == tmp_path / "sound.h5"
    with h5py.File(outcome.path) as file:
        assert file.attrs["default"]
    run = read_run(outcome.path)
    assert run.status is RunStatus.RECOVERED
    assert len(run) > 20
    assert call(capfd, "fit", outcome.path).code == 0


def test_unexpected_error_is_one_line_that_names_the_log(
    capfd: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LABCTL_LOG_DIR", str(tmp_path / "log"))

    def explode(path: Path) -> None:
        raise RuntimeError(f"two\nlines [markup] about {path}")

    monkeypatch.setattr("labctl.cli.file_commands.read_run", explode)
    outcome = call(capfd, "show", __file__)
    assert outcome.code == 1
    assert "Unexpected RuntimeError: two lines [markup] about" in outcome.complaint
    log = tmp_path / "log" / "labctl.log"
    assert str(log) in outcome.complaint
    assert "Traceback" in log.read_text()


def test_unwritable_log_does_not_stop_anything(
    capfd: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    monkeypatch.setenv("LABCTL_LOG_DIR", str(blocker / "below"))
    assert call(capfd, "check", "sim").code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe of a POSIX shell")
def test_reader_that_goes_away_is_no_error() -> None:
    answer = subprocess.run(
        "labctl list | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    assert answer.stdout.startswith(f"{sequence_names()[0]}: ")
    assert answer.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_progress_is_drawn_on_a_terminal(toy: Path, tmp_path: Path) -> None:
    import pty

    master, slave = pty.openpty()
    command = ["labctl", "run", SCAN, "points=60", "pace_s=10 ms", "--rig", str(toy)]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
        env={**environment(), "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(slave)
    drawn = b""
    while True:
        try:
            drawn += os.read(master, 65536)
        except OSError:
            break
    out, _ = process.communicate(timeout=30)
    os.close(master)
    assert process.returncode == 0
    for words in ("toy_scan", "/60", "points/s", "ETA"):
        assert words in drawn.decode()
    assert out.splitlines()[-1].endswith(".h5")


@pytest.mark.parametrize(
    ("places", "scale"),
    [(np.geomspace(1e-5, 1e-2, 12) + 1e-5, "log"), (np.linspace(1e-5, 1e-2, 12), "linear")],
)
def test_times_spread_by_ratio_are_drawn_so(ran: Outcome, places: np.ndarray, scale: str) -> None:
    run = read_run(Path(ran.out.splitlines()[-1]))
    assert run.fit is not None
    assert run.fit.curve is not None
    flat = np.ones_like(places)
    curve = dataclasses.replace(
        run.fit.curve, x=places, y=flat, y_error=flat, model=flat, x_unit="s"
    )
    drawn = figure.draw(dataclasses.replace(run, fit=dataclasses.replace(run.fit, curve=curve)))
    assert drawn.axes[0].get_xscale() == scale
    assert drawn.axes[0].get_yscale() == "linear"


def test_a_spectrum_is_drawn_over_decades(ran: Outcome) -> None:
    run = read_run(Path(ran.out.splitlines()[-1]))
    assert run.fit is not None
    assert run.fit.curve is not None
    curve = dataclasses.replace(run.fit.curve, y_unit="counts^2/s^2/Hz")
    drawn = figure.draw(dataclasses.replace(run, fit=dataclasses.replace(run.fit, curve=curve)))
    assert drawn.axes[0].get_yscale() == "log"
