"""`labctl serve` as a program: ready, used, and ended."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.command_line import call, finish, spawn


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


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process")
def test_it_serves_until_ctrl_c() -> None:
    process = spawn("serve", "--json", "--base-port", 0, "--speed", 2)
    try:
        outlets = ready(process)
        assert "SMB100A" in ask(outlets["smb100a"], "*IDN?")
        counts = ask(outlets["53220a"], "CONF:TOT:TIM 0.2,(@1,2);:READ?")
        assert len(counts.split(",")) == 2
    finally:
        process.send_signal(signal.SIGINT)
    outcome = finish(process)
    assert outcome.code == 0
    assert outcome.err == "The lab is closed.\n"


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
