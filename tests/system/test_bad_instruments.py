"""Instruments that are not what the rig file says, or disobey: one clear line."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labctl.data import RunStatus
from labctl.storage import read_run
from sim_backends.wire.bench import Bench
from sim_backends.wire.catalogue import WireInstrument, build_instruments
from sim_backends.wire.tcp_server import TCPServer, line_service
from sim_backends.world import World
from tests.system.command_line import call

pytest.importorskip("pyvisa_py")

RIG = """\
extends = "sim"
[devices.microwave]
class = "drivers.rohde_schwarz.smb100a:SMB100AMicrowave"
[devices.microwave.arguments]
resource = "{resource}"
visa_library = "py"
timeout_s = 0.5
"""
SHORT = ("points=3", "sweeps=1")
Spoil = Callable[[bytes], bytes | None]


class BadInstrument:
    """A simulated instrument that gets a message only where `spoil` is None; b"" is silence."""

    def __init__(self, good: WireInstrument, spoil: Spoil) -> None:
        self._good = good
        self._spoil = spoil
        self.dialect, self.role, self.line_end = good.dialect, good.role, good.line_end

    def handle(self, message: bytes) -> bytes | None:
        answer = self._spoil(message)
        return self._good.handle(message) if answer is None else answer or None

    def overrun(self) -> None:
        self._good.overrun()


@pytest.fixture
def finished() -> Iterator[threading.Event]:
    """Set when the test is over: whoever is late need not go on."""
    event = threading.Event()
    yield event
    event.set()


@contextlib.contextmanager
def bad_microwave(
    folder: Path, spoil: Spoil, dialect: str = "smb100a"
) -> Iterator[tuple[str, Path]]:
    """Resource name, and a rig whose microwave generator is bad."""
    good = build_instruments(Bench(World(seed=1)))[dialect]
    server = TCPServer("127.0.0.1")
    port = server.listen(0, line_service(BadInstrument(good, spoil)))
    resource = f"TCPIP::127.0.0.1::{port}::SOCKET"
    path = folder / "bad.toml"
    path.write_text(RIG.format(resource=resource), encoding="utf-8")
    with server:
        yield resource, path


def never(message: bytes) -> None:
    """Spoil nothing."""
    del message


@pytest.mark.parametrize("command", ["check", "run"])
def test_another_model_at_the_address(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    with bad_microwave(tmp_path, never, "e8257d") as (resource, rig):
        if command == "check":
            outcome = call(capfd, "check", rig)
        else:
            outcome = call(capfd, "run", "mdmr", *SHORT, "--rig", rig, "--out", tmp_path)
    assert outcome.code == 1
    assert f"microwave at {resource}: expected SMB100A" in outcome.complaint
    assert "`*IDN?` is answered 'Agilent Technologies,E8257D" in outcome.complaint
    assert not list(tmp_path.glob("*.h5"))


def protected(code: bytes) -> Spoil:
    """Refuses every frequency: it is not set, and the error queue says so."""
    queue: list[bytes] = []

    def spoil(message: bytes) -> bytes | None:
        if b"FREQ " in message:
            queue.append(code)
            return b""
        return queue.pop() + b"\n" if b"ERR" in message and queue else None

    return spoil


@pytest.mark.parametrize(
    ("answer", "hint"),
    [(b'-203,"Command protected"', "Unlock its front panel"), (b'-222,"Data out of range"', "")],
)
def test_a_set_that_leaves_an_error_in_the_queue(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], answer: bytes, hint: str
) -> None:
    with bad_microwave(tmp_path, protected(answer)) as (resource, rig):
        outcome = call(capfd, "run", "mdmr", *SHORT, "--rig", rig, "--out", tmp_path)
    told = answer.decode().replace('"', "")
    assert outcome.code == 1
    assert f"microwave at {resource}: `" in outcome.complaint
    assert "FREQ" in outcome.complaint
    assert told in outcome.complaint.replace('"', "")
    assert hint in outcome.complaint
    assert read_run(outcome.path).status is RunStatus.FAILED


def test_a_front_panel_that_wins_in_silence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def spoil(message: bytes) -> bytes | None:
        return b"1000000000\n" if b"FREQ?" in message else None

    with bad_microwave(tmp_path, spoil) as (resource, rig):
        outcome = call(capfd, "run", "mdmr", *SHORT, "--rig", rig, "--out", tmp_path)
    assert outcome.code == 1
    assert f"microwave at {resource}: after `" in outcome.complaint
    assert "reads back 1000000000.0 instead of" in outcome.complaint
    assert "front panel" in outcome.complaint


def test_an_answer_that_comes_late_ends_the_run_and_not_the_safe_state(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], finished: threading.Event
) -> None:
    switched: list[bytes] = []

    def spoil(message: bytes) -> bytes | None:
        if b"OUTP" in message:
            switched.append(message)
        if b"FREQ?" in message:
            finished.wait(1.0)
        return None

    with bad_microwave(tmp_path, spoil) as (resource, rig):
        outcome = call(capfd, "run", "mdmr", *SHORT, "--rig", rig, "--out", tmp_path)
    assert outcome.code == 1
    assert f"microwave at {resource} after `" in outcome.complaint
    assert "FREQ?`: no answer within 0.5 s" in outcome.complaint
    assert "made safe" not in outcome.complaint
    assert b"OUTP 0" in b" ".join(switched).rpartition(b"OUTP 1")[2]
    assert read_run(outcome.path).status is RunStatus.FAILED


SILENT_RIG = """\
title = "Five roles, four silent instruments"
[shared.generator]
class = "drivers.session:Session"
arguments = {{ resource = "{0}", visa_library = "py", timeout_s = 0.5 }}
[devices.trap]
class = "drivers.keysight.f33500:Agilent33500Trap"
arguments = {{ resource = "@generator", channel = 1, gain = 1000.0, highest_v = 3000.0 }}
safe_state = "hold"
[devices.laser]
class = "drivers.keysight.f33500:Agilent33500AOM"
safe_state = {{ gate = false }}
[devices.laser.arguments]
resource = "@generator"
channel = 2
full_power_w = 1e-3
calibration = [[0.0, 0.0], [1.0, 1.0]]
[devices.electromagnet]
class = "drivers.rohde_schwarz.hmp4040:HMP4040Electromagnet"
arguments = {{ resource = "{1}", voltage_v = 12.0, visa_library = "py", timeout_s = 0.5 }}
safe_state = {{ current_a = 0.0 }}
[devices.microwave]
class = "drivers.rohde_schwarz.smb100a:SMB100AMicrowave"
arguments = {{ resource = "{2}", visa_library = "py", timeout_s = 0.5 }}
safe_state = {{ output = false }}
[devices.counter]
class = "drivers.keysight.counter_pair:Keysight53220APair"
arguments = {{ resources = {{ angle = "{3}", pl = "{3}" }}, visa_library = "py", timeout_s = 0.5 }}
safe_state = "hold"
"""


class SilentInstrument:
    """A listener that reads everything, answers nothing, and knows when it was first asked."""

    def __init__(self, asked: list[float]) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._asked = asked
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        self.resource = f"TCPIP::127.0.0.1::{self._socket.getsockname()[1]}::SOCKET"

    def _listen(self) -> None:
        first = True
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection:
                    while connection.recv(100):
                        if first:
                            self._asked.append(time.monotonic())
                        first = False

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


def test_silent_instruments_are_asked_side_by_side(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """All four hear their first question before the first time-out has passed, 0.5 s each.

    Two roles share the first one: the second one of them shares the outcome as well.
    """
    asked: list[float] = []
    with contextlib.ExitStack() as stack:
        silent = [SilentInstrument(asked) for _ in range(4)]
        for instrument in silent:
            stack.callback(instrument.close)
        rig = tmp_path / "silent.toml"
        rig.write_text(SILENT_RIG.format(*(item.resource for item in silent)), encoding="utf-8")
        outcome = call(capfd, "check", rig)
    assert outcome.code == 1
    for role in ("trap", "laser", "electromagnet", "microwave", "counter"):
        assert f"{role} at TCPIP::127.0.0.1" in outcome.complaint
    assert outcome.complaint.count("no answer within 0.5 s") == 5
    assert len(asked) == 4
    assert max(asked) - min(asked) < 0.5
