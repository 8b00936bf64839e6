"""However a run ends, the lab is safe afterwards and the file tells why."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labctl.data import RunStatus
from labctl.storage import read_run
from tests.system.command_line import Outcome, call, finish, spawn
from tests.system.toy_lab import SCAN, rig_text, unsafe_traces

POINTS = 40


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.txt"


def toy(folder: Path, journal: Path, **world: object) -> Path:
    rig = folder / "toy.toml"
    rig.write_text(rig_text(journal, world=world), encoding="utf-8")
    return rig


def wait_for_points(journal: Path, count: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while not journal.exists() or journal.read_text().count("counter count") < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def slow_scan(folder: Path, journal: Path) -> subprocess.Popen[str]:
    settings = ["points=100000", "pace_s=10 ms", "--out", folder / "data"]
    return spawn("run", SCAN, "--rig", toy(folder, journal), *settings)


def check_file(outcome: Outcome, status: RunStatus, reason: str) -> None:
    run = read_run(outcome.path)
    assert run.status is status
    assert reason in run.reason
    assert len(run) > 0
    assert run.end_time


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent the POSIX way")
@pytest.mark.parametrize(
    ("number", "times", "reason"),
    [
        (signal.SIGINT, 1, "interrupted from the keyboard"),
        (signal.SIGINT, 4, "interrupted from the keyboard"),
        (signal.SIGTERM, 1, "terminated by the system"),
        (signal.SIGHUP, 1, "the terminal was closed"),
    ],
)
def test_signal_stops_after_the_current_point(
    tmp_path: Path, journal: Path, number: int, times: int, reason: str
) -> None:
    process = slow_scan(tmp_path, journal)
    wait_for_points(journal, random.Random().randint(1, 60), process)
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.003)
    outcome = finish(process)
    assert outcome.code == 1
    assert outcome.complaint.startswith(f"Run aborted ({reason})")
    check_file(outcome, RunStatus.ABORTED, reason)
    assert len(read_run(outcome.path)) == journal.read_text().count("counter count")
    assert not unsafe_traces(journal)


@pytest.mark.parametrize("error", ["driver", "timeout", "device"])
@pytest.mark.parametrize("verb", ["counter.count", "microwave.frequency_hz"])
@pytest.mark.parametrize("draw", range(3))
def test_failing_device(
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    journal: Path,
    verb: str,
    error: str,
    draw: int,
) -> None:
    after = random.Random(f"{verb}{error}{draw}").randrange(1, POINTS)
    rig = toy(tmp_path, journal, fault=verb, after=after, error=error)
    outcome = call(capfd, "run", SCAN, f"points={POINTS}", "--rig", rig, "--out", tmp_path / "data")
    assert outcome.code == 1
    words = {
        "driver": "ZeroDivisionError: bug in the driver",
        "timeout": "TimeoutError: counter: no answer within 2 s".replace(
            "counter", verb.partition(".")[0]
        ),
        "device": "the read-back disagrees",
    }[error]
    assert outcome.complaint.startswith("Run failed: ")
    assert words in outcome.complaint
    check_file(outcome, RunStatus.FAILED, words)
    assert len(read_run(outcome.path)) == after
    assert not unsafe_traces(journal)


def test_first_point_fails(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, journal: Path
) -> None:
    rig = toy(tmp_path, journal, fault="counter.count")
    outcome = call(capfd, "run", SCAN, "--rig", rig, "--out", tmp_path / "data")
    assert outcome.code == 1
    assert "read-back" in outcome.complaint
    run = read_run(outcome.path)
    assert run.status is RunStatus.FAILED
    assert len(run) == 0
    assert not unsafe_traces(journal)


def test_device_that_refuses_its_safe_state_does_not_stop_the_others(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, journal: Path
) -> None:
    # Set off on opening and on by the sequence; what fails is switching it off at the end.
    rig = toy(tmp_path, journal, fault="microwave.output", after=2)
    outcome = call(capfd, "run", SCAN, "--rig", rig, "--out", tmp_path / "data")
    assert outcome.code == 1
    assert "microwave.output could not be made safe" in outcome.complaint
    check_file(outcome, RunStatus.FAILED, "microwave.output could not be made safe")
    assert len(read_run(outcome.path)) == 71
    assert unsafe_traces(journal) == ["('microwave', 'output') is True"]


@pytest.mark.parametrize("role", ["trap", "laser", "counter"])
def test_interrupt_while_opening_closes_what_is_open(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, journal: Path, role: str
) -> None:
    rig = toy(tmp_path, journal, fault=f"{role}.open", error="interrupt")
    outcome = call(capfd, "run", SCAN, "--rig", rig, "--out", tmp_path / "data")
    assert outcome.code == 1
    assert outcome.complaint == "Interrupted; no measurement was under way."
    assert not (tmp_path / "data").exists()
    told = journal.read_text().split("\n")
    opened = {line.split()[0] for line in told if " open" in line}
    closed = {line.split()[0] for line in told if " close" in line}
    assert closed == opened | {role}
    assert not [line for line in told if line.startswith("trap") and "open" not in line][1:]


def test_devices_that_do_not_open_are_told_in_one_line(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, journal: Path
) -> None:
    rig = toy(tmp_path, journal, fault="laser.open", error="timeout")
    for command in (["check", rig], ["run", SCAN, "--rig", rig, "--out", tmp_path / "data"]):
        outcome = call(capfd, *command)
        assert outcome.code == 1
        assert "does not open: laser: no answer within 2 s" in outcome.complaint
    assert not (tmp_path / "data").exists()
    assert "microwave output True" not in journal.read_text()


def test_device_that_does_not_tell_who_it_is_fails_the_check(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, journal: Path
) -> None:
    rig = toy(tmp_path, journal, fault="laser.identity")
    outcome = call(capfd, "check", rig)
    assert outcome.code == 1
    assert "does not answer: laser: " in outcome.complaint
    assert not unsafe_traces(journal)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
def test_full_disk(tmp_path: Path, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the run's file nor the log can grow: one line all the same."""
    import resource

    monkeypatch.setenv("LABCTL_LOG_DIR", str(tmp_path))
    (tmp_path / "labctl.log").write_bytes(b"\n" * 600_000)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))

    rig = toy(tmp_path, journal, brief=True)
    process = spawn(
        "run", SCAN, "points=1000000", "--rig", rig, "--out", tmp_path / "data", preexec_fn=limit
    )
    outcome = finish(process)
    assert outcome.code == 1
    assert "Cannot write" in outcome.complaint
    check_file(outcome, RunStatus.FAILED, "Cannot write")
    assert len(read_run(outcome.path)) > 1000
    assert not unsafe_traces(journal)


def test_analysis_that_fails_leaves_a_finished_run(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, journal: Path
) -> None:
    rig = toy(tmp_path, journal)
    outcome = call(
        capfd, "run", "tests.system.toy_lab:ToyScanWithoutAnalysis", "--rig", rig, "--out", tmp_path
    )
    assert outcome.code == 0
    assert outcome.err.count("\n") == 1
    assert outcome.err.startswith("warning: The analysis failed (ValueError: no idea)")
    assert read_run(outcome.path).status is RunStatus.FINISHED
    again = call(capfd, "fit", outcome.path)
    assert again.code == 1
    assert "no idea" in again.complaint


def test_a_lost_particle_ends_the_run_and_a_resumed_one_takes_its_points_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rig = tmp_path / "dim.toml"
    rig.write_text('extends = "sim"\n[particle_present]\npl = "1 GHz"\n', encoding="utf-8")
    command = ("run", "mdmr", "points=21", "sweeps=2", "--rig", rig, "--out", tmp_path)
    ended = call(capfd, *command)
    assert ended.code == 1
    told, error = ended.err.splitlines()
    assert told.startswith("warning: the particle may be lost: no light on pl")
    assert f"labctl resume {ended.path}" in told
    assert error.startswith("error: Run aborted (no light on pl")
    run = read_run(ended.path)
    assert [(mark.first, mark.last) for mark in run.marks] == [(0, len(run) - 1)]
    assert run.fit is None
    assert "no light on pl" in call(capfd, "show", ended.path).out
    rig.write_text('extends = "sim"\n', encoding="utf-8")
    resumed = call(capfd, "resume", ended.path, "--rig", rig)
    assert resumed.code == 0
    whole = read_run(resumed.path)
    assert (len(whole), list(whole.marks)) == (42, [])
