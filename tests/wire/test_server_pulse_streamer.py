"""The Pulse Streamer's two protocols byte by byte; test_foreign_clients has the vendor's client."""

import base64
import contextlib
import json
import socket
import struct
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from sim_backends.wire.pulse_streamer import MAGIC
from sim_backends.wire.served_lab import ServedLab
from sim_backends.world import World

LASER, MICROWAVE, COUNT = 1, 2, 4


def steps(*items: tuple[int, int]) -> bytes:
    return b"".join(struct.pack("<IBhh", ticks, mask, 0, 0) for ticks, mask in items)


class Client:
    """What the vendor's client sends, without it."""

    def __init__(self, lab: ServedLab) -> None:
        rpc, binary = (o.resource for o in lab.outlets if o.dialect == "pulse_streamer")
        self._url = f"http://{rpc}/json-rpc"
        host, port = binary.split(":")
        self.binary = socket.create_connection((host, int(port)), timeout=10)
        self._files = self.binary.makefile("rb")

    def call(self, method: str, *parameters: Any) -> dict[str, Any]:
        body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": parameters})
        with urllib.request.urlopen(self._url, body.encode(), timeout=10) as answer:
            content = json.load(answer)
        assert content["id"] == 7
        return content

    def upload(
        self, command: int, content: bytes, runs: int, *, final: int = 0, slot: int = 0
    ) -> int:
        """Returns the error code of a binary command."""
        head = (runs, len(content) // 9, 0, 0, final, 0, 0, 0)
        tail = struct.pack("<4BI", slot, 0, 0, 0, 0) if command else struct.pack("<Q", slot)
        body = struct.pack("<qQ2h4B", *head) + tail + content
        body += bytes(32 - len(content) % 32)
        self.binary.sendall(struct.pack("<4I2Q", MAGIC, 5, command, 0, len(body), 0) + body)
        magic, number, code, _, extra, _ = struct.unpack("<4I2Q", self._files.read(32))
        assert (magic, number) == (MAGIC, 5)
        self._files.read(extra)
        return code

    def close(self) -> None:
        self._files.close()
        self.binary.close()


@pytest.fixture
def world() -> World:
    return World(seed=1)


@pytest.fixture
def streamer(world: World) -> Iterator[Client]:
    with ServedLab(world, base_port=0) as lab:
        client = Client(lab)
        yield client
        client.close()


def lines(world: World) -> tuple[bool, bool, bool]:
    controls = world.controls
    return controls.laser_line, controls.microwave_line, controls.count_line


def test_constant_levels(streamer: Client, world: World) -> None:
    assert lines(world) == (True, True, False)
    assert streamer.call("constant", [0, MICROWAVE | 64, 0, 0])["result"] == 0
    assert lines(world) == (False, True, False)
    streamer.call("reset")
    assert lines(world) == (False, False, False)


@pytest.mark.parametrize("binary", [False, True])
def test_a_sequence_plays_and_leaves_its_final_state(
    streamer: Client, world: World, binary: bool
) -> None:
    content = steps((2_000_000, LASER), (0, COUNT), (1_000_000, LASER), (1_000_000, MICROWAVE))
    world.gates.armed = 0
    if binary:
        assert streamer.upload(0, content, 2, final=LASER) == 0
    else:
        text = base64.b64encode(content).decode()
        assert streamer.call("stream", text, 2, [0, LASER, 0, 0])["result"] == 0
    assert streamer.call("isStreaming")["result"] is True
    seen = []
    for _ in range(4):
        world.sleep_s(1.5e-3)
        seen.append(lines(world)[:2])
        world.sleep_s(0.5e-3)
    # 3 ms of laser and 1 ms of microwave, twice; looked at after 1.5, 3.5, 5.5 and 7.5 ms.
    assert seen == [(True, False), (False, True)] * 2
    assert streamer.call("hasFinished")["result"] is True
    assert lines(world) == (True, False, False)


def test_a_software_trigger_waits_for_start_now(streamer: Client, world: World) -> None:
    streamer.call("setTrigger", 1, 0)
    text = base64.b64encode(steps((1_000_000, LASER))).decode()
    streamer.call("stream", text, 1, [0, 0, 0, 0])
    assert streamer.call("isStreaming")["result"] is False
    streamer.call("startNow")
    assert streamer.call("isStreaming")["result"] is True
    world.sleep_s(2e-3)
    assert lines(world) == (False, False, False)


def test_an_uploaded_slot_plays_when_it_is_started(streamer: Client, world: World) -> None:
    assert streamer.upload(0x100, steps((1_000_000, MICROWAVE)), 1, final=LASER, slot=1) == 0
    assert streamer.call("isStreaming")["result"] is False
    streamer.call("start", 1)
    world.sleep_s(0.5e-3)
    assert lines(world) == (False, True, False)
    world.sleep_s(1e-3)
    assert lines(world) == (True, False, False)


def test_what_cannot_be_played_is_an_error(streamer: Client) -> None:
    assert streamer.call("stream", "!!!", 1, [0, 0, 0, 0])["error"]["code"] == -32600
    assert streamer.call("nosuch")["error"]["code"] == -32600
    short = base64.b64encode(steps((1, LASER))).decode()
    assert "pulse_duration_s" in streamer.call("stream", short, 1, [0, 0, 0, 0])["error"]["message"]
    assert streamer.upload(0x55, b"", 1) == 1
    assert streamer.upload(0, steps((1, LASER)), 1) == 2
    assert streamer.call("getSerial")["result"]


def test_garbage_on_either_port_harms_nobody(streamer: Client) -> None:
    streamer.binary.sendall(b"x" * 1000)
    with contextlib.suppress(ConnectionResetError):
        assert streamer.binary.recv(10) == b""
    assert "result" in streamer.call("getFirmwareVersion")
