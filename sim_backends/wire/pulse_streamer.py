"""Swabian Pulse Streamer 8/2: JSON-RPC over HTTP, and the binary upload beside it.

Digital channel 0 gates the laser, 1 the microwave, 2 the counter; the others and both analogue
outputs are not connected.
"""

import base64
import binascii
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

from labctl.errors import LabError
from labctl.hal import Pulse, PulseChannel
from sim_backends.devices.sequencer import IDLE, SimulatedPulseSequencer
from sim_backends.timelines import Event
from sim_backends.wire.bench import Bench
from sim_backends.wire.hislip_message import receive_exactly
from sim_backends.wire.scpi_error import SilentError
from sim_backends.wire.tcp_server import send

RPC_PORT, BINARY_PORT = 8050, 21328
"""The vendor's client knows no others."""
WIRING = {0: PulseChannel.LASER, 1: PulseChannel.MICROWAVE, 2: PulseChannel.COUNT}
FOREVER = 100_000_000
"""Repeats that stand for "until something else is played"."""
TICK_S = 1e-9
LONGEST_BODY = 40_000_000
MAGIC = 0x53504953
BINARY_HEADER = struct.Struct("<4I2Q")
STREAM_HEADER = struct.Struct("<qQ2h4B")
STEP = struct.Struct("<IBhh")
STREAM, UPLOAD = 0x0, 0x100
SLOTS = (0, 1)
SOFTWARE_TRIGGER = 1
ERROR_CODE = -32000


class StreamerLines(SimulatedPulseSequencer):
    """The sequencer's lines, which keep a level of choice when nothing plays.

    Attributes:
        final: channels that are high then.
    """

    final: frozenset[PulseChannel] = IDLE

    def hold(self, high: frozenset[PulseChannel]) -> None:
        """End a program and hold these levels."""
        self.world.cancel("pulses")
        with self.world.lock:
            self.world.synchronise()
            self._apply(high)

    @property
    def playing(self) -> bool:
        """Whether a program plays."""
        return self.world.plays("pulses")

    def _events(self, start_s: float, program: list[Pulse], repeats: int) -> Iterator[Event]:
        end_s = start_s
        for event in super()._events(start_s, program, repeats):
            end_s = event[0]
            yield event
        yield end_s, self._action(self.final)

    def _at_once(self, program: list[Pulse], repeats: int) -> Callable[[], None]:
        run, final = super()._at_once(program, repeats), self.final

        def run_and_hold() -> None:
            run()
            self._apply(final)

        return run_and_hold


class PulseStreamer:
    """One Pulse Streamer; its two ports are two ways to the same instrument."""

    dialect = "pulse_streamer"
    role = "sequencer"

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._lines = StreamerLines(bench.world)
        self._lines.open()
        self._lock = threading.RLock()
        self._slots: dict[int, tuple[list[Pulse], int, frozenset[PulseChannel]]] = {}
        self._loaded = False
        self._trigger = (0, 0)
        self._clock = 0
        self._hostname = "pulsestreamer"
        self._methods: dict[str, Callable[..., Any]] = {
            "reset": self._reset,
            "constant": self._constant,
            "forceFinal": self._force_final,
            "stream": self._stream,
            "startNow": self._start_now,
            "start": self._start_slot,
            "setTrigger": self._set_trigger,
            "rearm": self._rearm,
            "isStreaming": lambda: self._lines.playing,
            "hasFinished": lambda: self._loaded and not self._lines.playing,
            "hasSequence": lambda: self._loaded,
            "isReadyForData": lambda slot=0: slot in SLOTS,
            "getTriggerStart": lambda: self._trigger[0],
            "getTriggerRearm": lambda: self._trigger[1],
            "selectClock": self._select_clock,
            "getClock": lambda: self._clock,
            "getSerial": lambda kind=1: "00:26:32:f0:12:34",
            "getFPGAID": lambda: "0x53494d",
            "getFirmwareVersion": lambda: "2.1.0",
            "getHardwareVersion": lambda: "2.0",
            "getTemperature": lambda: 41.0,
            "getUnderflow": lambda: 0,
            "getStatusRegister": lambda: 0,
            "getHostname": lambda: self._hostname,
            "setSquareWave125MHz": lambda mask=0: None,
            "getStreamingState": self._state,
        }

    # --- the two ports ------------------------------------------------------------------------

    def serve_rpc(self, connection: socket.socket) -> None:
        """Serve a client of the JSON-RPC port."""
        streamer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = self.headers.get("Content-Length", "")
                if not length.isdecimal() or int(length) > LONGEST_BODY:
                    self.send_error(413 if length.isdecimal() else 411)
                    return
                answer = streamer.answer(self.rfile.read(int(length)))
                if answer is None:
                    self.close_connection = True  # as if the cable were off
                    return
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - likewise
                del format, args

        Handler(connection, ("", 0), None)  # type: ignore[arg-type] - nothing asks the server

    def serve_binary(self, connection: socket.socket) -> None:
        """Serve a client of the binary port."""
        while (header := receive_exactly(connection, BINARY_HEADER.size)) is not None:
            magic, number, command, _, length, _ = BINARY_HEADER.unpack(header)
            if magic != MAGIC or length > LONGEST_BODY:
                return
            body = receive_exactly(connection, length)
            if body is None:
                return
            try:
                fault = self._receive(command, body)
            except SilentError:
                return
            extra = struct.pack("<8i", *[0] * 8) if command == UPLOAD and not fault else b""
            send(connection, BINARY_HEADER.pack(MAGIC, number, fault, 0, len(extra), 0) + extra)

    def answer(self, body: bytes) -> bytes | None:
        """Carry out one JSON-RPC request; None if the instrument does not answer."""
        number: Any = None
        try:
            request = json.loads(body)
            number = request.get("id")
            result = self._call(request["method"], request.get("params", []))
        except SilentError:
            return None
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            return _reply(number, error={"code": -32600, "message": f"Invalid request: {error}"})
        except LabError as error:
            return _reply(number, error={"code": ERROR_CODE, "message": str(error)})
        return _reply(number, result=result)

    def _call(self, method: str, parameters: list[Any] | dict[str, Any]) -> Any:
        if method not in self._methods:
            raise KeyError(f"no method {method!r}")
        with self._lock:
            self._bench.check_cable(self.role)
            if isinstance(parameters, dict):
                return self._methods[method](**parameters)
            return self._methods[method](*parameters)

    def _receive(self, command: int, body: bytes) -> int:
        """Carry out a binary command; returns the error code, 0 for none."""
        if command not in (STREAM, UPLOAD) or len(body) < STREAM_HEADER.size + 8:
            return 1
        runs, steps, _, _, final, *_ = STREAM_HEADER.unpack_from(body)
        slot = body[STREAM_HEADER.size] if command == UPLOAD else 0
        content = body[STREAM_HEADER.size + 8 :][: steps * STEP.size]
        with self._lock:
            self._bench.check_cable(self.role)
            try:
                self._store(slot, content, runs, final)
                if command == STREAM:
                    self._begin()
            except (LabError, ValueError):
                return 2
        return 0

    # --- what the methods do ------------------------------------------------------------------

    def _reset(self) -> int:
        self._slots.clear()
        self._loaded, self._trigger = False, (0, 0)
        self._lines.hold(frozenset())
        return 0

    def _constant(self, state: Any) -> int:
        self._lines.hold(_high(int(state[1])))
        self._loaded = False
        return 0

    def _force_final(self) -> int:
        self._lines.hold(self._lines.final if self._loaded else frozenset())
        return 0

    def _stream(self, data: str, runs: int = -1, final: Any = (0, 0, 0, 0)) -> int:
        try:
            content = base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise ValueError(str(error)) from error
        self._store(0, content, int(runs), int(final[1]))
        self._begin()
        return 0

    def _store(self, slot: int, content: bytes, runs: int, final: int) -> None:
        """Keep a sequence. Raises ValueError: cut off; LimitError: too long or too short."""
        if len(content) % STEP.size or slot not in SLOTS:
            raise ValueError("the sequence is cut off, or there is no such slot")
        program = list(_pulses(content))
        self._slots[slot] = program, FOREVER if runs < 0 else int(runs), _high(final)

    def _begin(self, slot: int = 0) -> None:
        program, runs, final = self._slots[slot]
        self._lines.hold(final if not program or not runs else frozenset())
        self._lines.final = final
        self._loaded = bool(program and runs)
        if self._loaded:
            self._lines.load(program, repeats=runs)
            if self._trigger[0] != SOFTWARE_TRIGGER:
                self._lines.start()

    def _start_now(self) -> int:
        if self._loaded and not self._lines.playing:
            self._lines.start()
        return 0

    def _start_slot(self, slot: int = 0, slots_to_run: int = -1) -> int:
        del slots_to_run  # one slot follows another only on the real one
        self._begin(slot)
        return 0

    def _set_trigger(self, start: int, rearm: int = 0) -> int:
        self._trigger = int(start), int(rearm)
        return 0

    def _rearm(self) -> bool:
        return self._loaded

    def _select_clock(self, source: int) -> int:
        self._clock = int(source)
        return 0

    def _state(self) -> dict[str, int]:
        state = 2 if self._lines.playing else 3 if self._loaded else 0
        return {"State": state, "StateCondition": 0, "Slot": 0}


def _pulses(content: bytes) -> Iterator[Pulse]:
    """Steps of some length; neighbours with equal levels on the wired channels are one pulse."""
    ticks, high = 0, frozenset[PulseChannel]()
    for step_ticks, mask, _, _ in STEP.iter_unpack(content):
        if not step_ticks:
            continue
        if ticks and _high(mask) != high:
            yield Pulse(ticks * TICK_S, high)
            ticks = 0
        ticks, high = ticks + step_ticks, _high(mask)
    if ticks:
        yield Pulse(ticks * TICK_S, high)


def _high(mask: int) -> frozenset[PulseChannel]:
    return frozenset(channel for bit, channel in WIRING.items() if mask >> bit & 1)


def _reply(number: Any, **content: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, **content}).encode()
