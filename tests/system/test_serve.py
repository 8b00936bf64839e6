"""`labctl serve` as a program: ready, used, and ended."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from labctl.data import RunStatus
from labctl.storage import read_run
from tests.system.command_line import call, finish, spawn
from tests.wire.served_rig import served_rig

TWO_LINES = ("start_hz=2.60 GHz", "stop_hz=2.76 GHz", "points=81")


POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent the POSIX way")


def ready(process: subprocess.Popen[str]) -> dict[str, str]:
    """Resource name by model, of sockets."""
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    assert told["rig"] == "sim"
    return {o["dialect"]: o["resource"] for o in told["outlets"] if "SOCKET" in o["resource"]}


def ask(resource: str, message: str) -> str:
    _, host, port, _ = resource.split("::")
    with socket.create_connection((host, int(port)), timeout=20) as one:
        one.sendall(message.encode() + b"\n")
        with one.makefile() as lines:
            return lines.readline().strip()


def wait_for_a_scan(outlets: dict[str, str], run: subprocess.Popen[str]) -> None:
    """Return when the microwave generator has been stepped a few times."""
    seen, deadline = set[str](), time.monotonic() + 60
    while len(seen) < 10:
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < deadline
        seen.add(ask(outlets["smb100a"], "FREQ?"))


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process")
def test_it_serves_until_ctrl_c() -> None:
    process = spawn("serve", "--json", "--base-port", 0, "--speed", 2)
    try:
        outlets = ready(process)
        assert "SMB100A" in ask(outlets["smb100a"], "*IDN?")
        counts = ask(outlets["53220a"], "CONF:TOT:TIM 0.2,(@1);:READ?")
        assert float(counts) > 0
    finally:
        process.send_signal(signal.SIGINT)
    outcome = finish(process)
    assert outcome.code == 0
    assert outcome.err == "The lab is closed.\n"


def test_a_run_over_tcp_finds_the_lines_of_the_simulation(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyvisa_py")
    server = spawn("serve", "--json", "--base-port", 0)
    try:
        rigs = {"wire": served_rig(ready(server), tmp_path), "plain": "sim"}
        lines = {}
        for name, rig in rigs.items():
            outcome = call(
                capfd, "run", "mdmr", *TWO_LINES, "sweeps=8", "--rig", rig, "--out", tmp_path / name
            )
            assert outcome.code == 0, outcome.err
            fit = read_run(outcome.path).fit
            assert fit is not None
            table = fit.tables["resonances"].columns
            lines[name] = np.asarray([table["frequency_hz"], table["frequency_error_hz"]])
    finally:
        server.terminate()
        finish(server)
    difference_hz = lines["wire"][0] - lines["plain"][0]
    error_hz = np.hypot(lines["wire"][1], lines["plain"][1])
    assert len(difference_hz) == 2
    assert np.all(error_hz < 2e6)
    assert np.all(np.abs(difference_hz) < 4 * error_hz)


@pytest.mark.parametrize("terminate", [False, pytest.param(True, marks=POSIX)])
def test_a_server_that_dies_ends_the_run(tmp_path: Path, terminate: bool) -> None:
    pytest.importorskip("pyvisa_py")
    server = spawn("serve", "--json", "--base-port", 0)
    try:
        outlets = ready(server)
        rig = served_rig(outlets, tmp_path)
        run = spawn("run", "mdmr", "--rig", rig, "--out", tmp_path / "data")
        wait_for_a_scan(outlets, run)
    finally:
        server.kill()
        server.communicate()
    if terminate:
        run.terminate()
    outcome = finish(run)
    assert outcome.code not in (0, -signal.SIGTERM)
    facts = r"(counter|microwave) at TCPIP::127\.0\.0\.1::\d+::SOCKET after `[^`]+`: .*connected\?"
    *warnings, complaint = outcome.err.splitlines()
    assert all(line.startswith("warning: ") for line in warnings)
    assert complaint.startswith("error: ")
    assert re.search(facts, complaint)
    left = read_run(outcome.path)
    assert len(left) > 0
    # Which of the two a terminated run tells depends on what it noticed first.
    assert left.status in {RunStatus.FAILED, *((RunStatus.ABORTED,) if terminate else ())}


def test_bad_requests_are_one_line(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "No rig is called" in call(capfd, "serve", "--rig", "nosuch").complaint
    assert "base port" in call(capfd, "serve", "--base-port", 80).complaint
    assert "No server is called" in call(capfd, "serve", "--server", "nosuch").complaint
    assert "speed" in call(capfd, "serve", "--speed", 0).complaint
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        outcome = call(capfd, "serve", "--base-port", other.getsockname()[1])
    assert outcome.code == 1
    assert "Choose other ports" in outcome.complaint
