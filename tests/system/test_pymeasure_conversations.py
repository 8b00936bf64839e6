"""The conversations of pymeasure's own tests, said to the served lab.

They come from the source package of the pymeasure that is installed, at test time. A conversation
holds if nothing it sets is refused, every answer has the form that pymeasure expects, and what was
set is what is answered afterwards. Reasons for the others stand in `REFUSED`.
"""

import contextlib
import importlib.metadata
import importlib.util
import inspect
import os
import re
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pymeasure.test
import pytest

from sim_backends.wire.served_lab import ServedLab
from sim_backends.world import World

pytestmark = pytest.mark.clients

TOO_FAST = "a 33522B ends at 30 MHz (its data sheet); 120 MHz are another model's"
TOO_FAR = "offset and half of the 100 mVpp after *RST are together above 5 V into 50 ohm"
CROSSED = "one level alone would lie on the wrong side of the other"
REFUSED = {
    "33522b: test_frequency[120000000.0]": TOO_FAST,
    "33522b: test_offset[-4.995]": TOO_FAR,
    "33522b: test_offset[4.995]": TOO_FAR,
    "33522b: test_voltage_high[-4.995]": CROSSED,
    "33522b: test_voltage_low[4.995]": CROSSED,
}
"""By model and test: why the instrument refuses what pymeasure's stand-in accepts."""


class File(NamedTuple):
    """A file of pymeasure's tests and the served model that it is about."""

    path: str
    dialect: str
    conversations: int
    write_end: bytes
    read_end: bytes


FILES = (
    File("agilent/test_agilent33500.py", "33522b", 31, b"\n", b"\n"),
    File("mksinst/test_mks937b.py", "mks937b", 9, b";FF", b";"),
    File("keysight/test_keysightE36312A.py", "e36312a", 4, b"\n", b"\n"),
    File("thyracont/test_smartline_v1.py", "smartline", 5, b"\r", b"\r"),
)
ERRORS = re.compile(rb"NAK|NO_DEF|_SYNTX")
NUMBER = re.compile(rb"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")


class HeardError(Exception):
    """Ends a test of pymeasure once it has said what it expects."""


@pytest.fixture(scope="module")
def tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of pymeasure's tests of instruments."""
    if "LABCTL_CLIENTS_PYTHON" not in os.environ:
        pytest.skip("`make clients` fetches pymeasure's source package")
    folder = tmp_path_factory.mktemp("pymeasure")
    version = importlib.metadata.version("pymeasure")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary",
         "pymeasure", "--dest", str(folder), f"pymeasure=={version}"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (package,) = folder.glob("*.tar.gz")
    with tarfile.open(package) as packed:
        packed.extractall(folder, filter="data")
    (found,) = folder.glob("*/tests/instruments")
    return found


def conversations(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, list[tuple[Any, Any]]]]:
    """Name and pairs of every test of a file that talks, or would if it were let."""
    heard: list[list[tuple[Any, Any]]] = []

    def expected_protocol(role: Any, pairs: list[tuple[Any, Any]], **options: Any) -> Any:
        del role, options
        heard.append(pairs)
        raise HeardError

    monkeypatch.setattr(pymeasure.test, "expected_protocol", expected_protocol)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, test in inspect.getmembers(module, inspect.isfunction):
        if not name.startswith("test_"):
            continue
        marks = [m for m in getattr(test, "pytestmark", []) if m.name == "parametrize"]
        names = [part.strip() for mark in marks for part in mark.args[0].split(",")]
        for values in marks[0].args[1] if marks else [()]:
            given = values if len(names) != 1 else (values,)
            heard.clear()
            with contextlib.suppress(HeardError):
                test(**dict(zip(names, given, strict=True)))
            if heard:
                yield f"{name}{list(given) if given else ''}", heard[0]


def as_bytes(said: Any) -> bytes:
    return said if isinstance(said, bytes) else str(said).encode()


def exchanges(pairs: list[tuple[Any, Any]], file: File) -> list[tuple[bytes, bytes | None]]:
    """What goes over the wire, with its ends; a read without a write goes on with the answer."""
    wire: list[tuple[bytes, bytes | None]] = []
    for write, read in pairs:
        if write is None:
            question, answer = wire.pop()
            wire.append((question, (answer or b"") + as_bytes(read)))
        else:
            answer = None if read is None else as_bytes(read) + file.read_end
            wire.append((as_bytes(write) + file.write_end, answer))
    return wire


def form(answer: bytes, file: File) -> bytes:
    """Numbers and words without their values; the Smartline's checksum left out."""
    text = answer[:-2] if file.dialect == "smartline" else answer
    return re.sub(rb"[A-Za-z]+", b"a", NUMBER.sub(b"#", text))


def same_value(one: bytes, other: bytes) -> bool:
    try:
        return float(one) == pytest.approx(float(other), rel=1e-6, abs=1e-6)
    except ValueError:
        return one.strip() == other.strip()


class Speaker:
    """A socket to a served model."""

    def __init__(self, lab: ServedLab, file: File) -> None:
        host, port = lab.resource(file.dialect).split("::")[1:3]
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.file = file

    def say(self, message: bytes) -> None:
        self.socket.sendall(message)

    def hear(self) -> bytes:
        end = b";FF" if self.file.dialect == "mks937b" else self.file.read_end
        answer = b""
        while not answer.endswith(end):
            piece = self.socket.recv(4096)
            assert piece, "the server has hung up"
            answer += piece
        return answer

    def errors(self) -> bytes:
        if self.file.dialect in ("mks937b", "smartline"):
            return b""
        self.say(b"SYST:ERR:ALL?\n")
        heard = self.hear().strip()
        return b"" if heard.endswith(b'"No error"') else heard


def trouble(speaker: Speaker, pairs: list[tuple[Any, Any]]) -> str:
    """Why a conversation does not hold; empty if it does."""
    file, wire = speaker.file, exchanges(pairs, speaker.file)
    told = {w.split(b" ")[0]: w.split(b" ", 1)[1] for w, r in wire if r is None and b" " in w}
    for again in (False, True):
        for message, expected in wire:
            speaker.say(message)
            if expected is None:
                continue
            heard = speaker.hear()
            if ERRORS.search(heard) and not ERRORS.search(expected):
                return f"{message!r}: {heard!r}"
            if form(heard, file) != form(expected, file):
                return f"{message!r}: {heard!r} is not like {expected!r}"
            set_to = told.get(message.split(b"?")[0])
            is_set = again and set_to is not None and same_value(set_to, expected)
            if is_set and not same_value(heard, expected):
                return f"{message!r}: {heard!r} instead of {expected!r}"
        if found := speaker.errors():
            return found.decode()
    return ""


@pytest.mark.parametrize("file", FILES, ids=[file.dialect for file in FILES])
def test_a_driver_s_own_conversations_hold(
    tests: Path, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[str, str] = {}
    total = 0
    for name, pairs in conversations(tests / file.path, monkeypatch):
        total += 1
        with ServedLab(World(seed=1), base_port=0) as lab:
            speaker = Speaker(lab, file)
            if file.dialect == "33522b":
                speaker.say(b"*RST;*CLS\n")  # the lab has set it up already
            with contextlib.closing(speaker.socket):
                if reason := trouble(speaker, pairs):
                    found[f"{file.dialect}: {name}"] = reason
    print("\n".join(f"{name}: {reason}" for name, reason in found.items()))
    assert total == file.conversations
    expected = {name for name in REFUSED if name.startswith(f"{file.dialect}:")}
    assert set(found) == expected, found
