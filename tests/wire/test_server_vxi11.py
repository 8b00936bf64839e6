"""VXI-11 and its port mapper in bytes (RFC 1057, VXI-11 revision 1.0), and through PyVISA-py."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest
import pyvisa
from pyvisa.resources import MessageBasedResource
from pyvisa_py.protocols import rpc as visa_rpc

from labctl.errors import DeviceError
from sim_backends.wire.catalogue import dialects
from sim_backends.wire.served_lab import ServedLab
from sim_backends.world import World

MAPPER, CORE, ASYNC, INTERRUPT = 100000, 0x0607AF, 0x0607B0, 0x0607B1
CREATE, WRITE, READ, STATUS, TRIGGER, CLEAR, REMOTE, LOCAL, LOCK, UNLOCK, ENABLE = range(10, 21)
COMMAND, DESTROY, CREATE_INTERRUPT, DESTROY_INTERRUPT = 22, 23, 25, 26
END = 8


@pytest.fixture(scope="module")
def served() -> Iterator[ServedLab]:
    with ServedLab(World(seed=1), base_port=0) as lab:
        yield lab


def mapper_port(lab: ServedLab) -> int:
    return int(lab.resource("port mapper", ":").partition(":")[2])


def uints(*values: int) -> bytes:
    return struct.pack(f"!{len(values)}I", *(v & 0xFFFFFFFF for v in values))


def opaque(data: bytes) -> bytes:
    return uints(len(data)) + data + bytes(-len(data) % 4)


def ints(data: bytes) -> list[int]:
    return list(struct.unpack(f"!{len(data) // 4}I", data))


class Caller:
    """A client of one remote program over TCP."""

    def __init__(self, port: int, program: int, version: int = 1) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.program, self.version = program, version
        self.number = 0

    def call(self, procedure: int, arguments: bytes = b"", *, cut: int = 0) -> bytes:
        """The results; the call goes out in one fragment or, with `cut`, in two."""
        accept, results = self.reply(procedure, arguments, cut=cut)
        assert accept == 0
        return results

    def reply(self, procedure: int, arguments: bytes = b"", *, cut: int = 0) -> tuple[int, bytes]:
        self.number += 1
        call = uints(self.number, 0, 2, self.program, self.version, procedure, 0, 0, 0, 0)
        call += arguments
        if cut:
            self.socket.sendall(uints(cut) + call[:cut])
        self.socket.sendall(uints(1 << 31 | len(call) - cut) + call[cut:])
        (mark,) = ints(self.exactly(4))
        answer = self.exactly(mark & 0x7FFFFFFF)
        assert ints(answer[:12]) == [self.number, 1, 0]
        return ints(answer[20:24])[0], answer[24:]

    def exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            piece = self.socket.recv(length - len(data))
            assert piece, "the server has hung up"
            data += piece
        return data

    def close(self) -> None:
        self.socket.close()


class Link(Caller):
    """A core channel with one link."""

    def __init__(self, lab: ServedLab, dialect: str = "smb100a", *, locked: int = 0) -> None:
        super().__init__(port_of(lab, CORE), CORE)
        self.error, self.link, self.abort_port, self.most = self.create(
            f"inst{dialects().index(dialect)}".encode(), locked
        )

    def create(self, device: bytes, locked: int = 0, lock_ms: int = 0) -> list[int]:
        return ints(self.call(CREATE, uints(7, locked, lock_ms) + opaque(device)))

    def write(self, text: bytes, flags: int = END, lock_ms: int = 0) -> list[int]:
        return ints(self.call(WRITE, uints(self.link, 1000, lock_ms, flags) + opaque(text)))

    def read(
        self, count: int = 4096, flags: int = 0, stop: int = 0, timeout_ms: int = 10_000
    ) -> tuple[int, int, bytes]:
        arguments = uints(self.link, count, timeout_ms, 0, flags, stop)
        answer = self.call(READ, arguments)
        error, reason, length = ints(answer[:12])
        return error, reason, answer[12 : 12 + length]

    def ask(self, text: bytes) -> bytes:
        assert self.write(text) == [0, len(text)]
        error, reason, data = self.read()
        assert (error, reason) == (0, 4)
        return data.rstrip(b"\n")

    def generic(self, procedure: int, flags: int = 0, lock_ms: int = 0) -> list[int]:
        return ints(self.call(procedure, uints(self.link, flags, lock_ms, 1000)))

    def poll(self) -> int:
        error, byte = self.generic(STATUS)
        assert error == 0
        return byte


def port_of(lab: ServedLab, program: int) -> int:
    with contextlib.closing(Caller(mapper_port(lab), MAPPER, 2)) as mapper:
        return ints(mapper.call(3, uints(program, 1, 6, 0)))[0]


@contextlib.contextmanager
def link(lab: ServedLab, dialect: str = "smb100a") -> Iterator[Link]:
    with contextlib.closing(Link(lab, dialect)) as made:
        assert made.error == 0
        made.ask(b"*CLS;*SRE 0;*ESE 0;*OPC?")
        yield made


# --- the port mapper and remote procedure calls -----------------------------------------------


def test_the_port_mapper_knows_both_programs_over_tcp_only(served: ServedLab) -> None:
    with contextlib.closing(Caller(mapper_port(served), MAPPER, 2)) as mapper:
        core = ints(mapper.call(3, uints(CORE, 1, 6, 0)))[0]
        assert core > 0
        for other in (uints(CORE, 1, 17, 0), uints(CORE, 2, 6, 0), uints(INTERRUPT, 1, 6, 0)):
            assert ints(mapper.call(3, other)) == [0]
        entries = ints(mapper.call(4))
        assert entries[:5] == [1, CORE, 1, 6, core]
        assert len(entries) == 11
        assert mapper.call(0) == b""
        for set_or_unset in (1, 2):
            assert ints(mapper.call(set_or_unset, uints(CORE, 1, 6, 4444))) == [0]


def test_the_port_mapper_answers_datagrams(served: ServedLab) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        place = ("127.0.0.1", mapper_port(served))
        client.sendto(b"no call", place)
        call = uints(99, 0, 2, MAPPER, 2, 3, 0, 0, 0, 0, CORE, 1, 6, 0)
        client.sendto(call, place)
        assert ints(client.recv(1000)) == [99, 1, 0, 0, 0, 0, port_of(served, CORE)]


def test_calls_that_do_not_fit_are_refused_as_rfc_1057_says(served: ServedLab) -> None:
    port = port_of(served, CORE)
    with contextlib.closing(Caller(port, 12345)) as one:
        assert one.reply(10) == (1, b"")
    with contextlib.closing(Caller(port, CORE, version=3)) as one:
        assert one.reply(10) == (2, uints(1, 1))
    with contextlib.closing(Caller(port, CORE)) as one:
        assert one.reply(77) == (3, b"")
        assert one.reply(CREATE, uints(1)) == (4, b"")
        one.socket.sendall(uints(1 << 31 | 40, 5, 0, 3, CORE, 1, 0, 0, 0, 0, 0))
        assert ints(one.exactly(28))[1:] == [5, 1, 1, 0, 2, 2]
        assert one.call(0, cut=13) == b""


# --- links ------------------------------------------------------------------------------------


def test_every_scpi_instrument_is_a_device(served: ServedLab) -> None:
    for dialect in ("sg384", "33522b", "nge103", "e36312a", "53220a"):
        with link(served, dialect) as one:
            assert one.ask(b"*IDN?").count(b",") >= 3


@pytest.mark.parametrize("device", [b"inst99", b"gpib0,5", b"inst11", b"\xff"])
def test_an_unknown_device_is_not_accessible(served: ServedLab, device: bytes) -> None:
    with link(served) as one:
        assert one.create(device)[0] == 3


def test_answers_come_in_pieces_with_their_reasons(served: ServedLab) -> None:
    with link(served) as one:
        one.write(b"*IDN")
        one.write(b"?;", flags=0)
        one.generic(CLEAR)
        one.write(b"*OPC", flags=0)
        one.write(b"?;*ESE?;*SRE?")
        assert one.read(count=2) == (0, 1, b"1;")
        assert one.read(flags=128, stop=ord(";")) == (0, 2, b"0;")
        assert one.read(count=2) == (0, 1 | 4, b"0\n")
        assert one.ask(b"*OPC?") == b"1"


def test_reading_what_was_not_asked_for_is_unterminated(served: ServedLab) -> None:
    with link(served) as one:
        begin_s = time.monotonic()
        assert one.read(timeout_ms=150) == (15, 0, b"")
        assert time.monotonic() - begin_s >= 0.15
        assert one.ask(b"SYST:ERR?;*ESR?") == b'-420,"Query UNTERMINATED";4'
        one.write(b"*OPC?", flags=0)  # no end: it is no message yet
        assert one.read(timeout_ms=0)[0] == 15
        one.write(b"")
        assert one.read()[2] == b"1\n"
        assert one.ask(b"SYST:ERR?").startswith(b"-420,")


def test_a_message_before_the_answer_was_read_interrupts(served: ServedLab) -> None:
    with link(served) as one:
        one.write(b"*OPC?;*ESE?")
        assert one.read(count=1)[2] == b"1"  # not the whole answer
        assert one.ask(b"SYST:ERR?") == b'-410,"Query INTERRUPTED"'
        one.write(b"*OPC?\n*ESE?\nSYST:ERR?")
        assert one.read()[2].startswith(b"-410,")


def test_too_much_at_once_is_deadlocked(served: ServedLab) -> None:
    with link(served) as one:
        flood = b";".join([b"FREQ?"] * 30_000)
        for start in range(0, len(flood), one.most):
            piece = flood[start : start + one.most]
            assert one.write(piece, flags=END if start + one.most >= len(flood) else 0)[0] == 0
        assert one.ask(b"*ESR?;SYST:ERR:ALL?") == b'4;-430,"Query DEADLOCKED"'


def test_a_waiting_answer_shows_in_the_status_byte(served: ServedLab) -> None:
    with link(served) as one, link(served) as other:
        one.write(b"*OPC?")
        end_s = time.monotonic() + 10
        while not one.poll() & 16:
            assert time.monotonic() < end_s
        assert other.poll() & 16 == 0  # its own queue is empty
        assert one.read()[2] == b"1\n"
        assert one.poll() & 16 == 0


def test_a_clear_forgets_and_a_trigger_triggers(served: ServedLab) -> None:
    with link(served) as one:
        one.write(b"*OPC?")
        assert one.generic(CLEAR) == [0]
        assert one.generic(TRIGGER) == [0]
        assert one.ask(b"SYST:ERR?").startswith(b"-211,")
        assert (one.generic(REMOTE), one.generic(LOCAL)) == ([0], [0])
        command = uints(one.link, 0, 0, 0, 0, 0, 0) + opaque(b"")
        assert ints(one.call(COMMAND, command))[0] == 8


def test_a_waiting_read_can_be_aborted(served: ServedLab) -> None:
    with link(served) as one, contextlib.closing(Caller(one.abort_port, ASYNC)) as other:
        assert ints(other.call(1, uints(9999))) == [4]
        timer = threading.Timer(0.2, lambda: other.call(1, uints(one.link)))
        timer.start()
        assert one.read(timeout_ms=20_000)[0] == 23
        timer.join()
        assert one.ask(b"*OPC?") == b"1"


def test_links_that_are_gone_are_invalid(served: ServedLab) -> None:
    with link(served) as one:
        gone = uints(one.link)
        assert ints(one.call(DESTROY, gone)) == [0]
        assert ints(one.call(DESTROY, gone)) == [4]
        assert one.write(b"*CLS")[0] == 4
        assert one.read()[0] == 4
        assert one.generic(STATUS)[0] == 4
        assert ints(one.call(UNLOCK, gone)) == [4]


def test_a_lock_refuses_the_others_at_once_or_after_their_patience(served: ServedLab) -> None:
    with link(served) as one, link(served) as other:
        lock = lambda who, flags=0, ms=0: ints(who.call(LOCK, uints(who.link, flags, ms)))  # noqa: E731
        assert lock(one) == [0]
        assert (lock(other), other.write(b"*CLS")[0], other.generic(CLEAR)) == ([11], 11, [11])
        assert other.generic(STATUS) == [11, 0]
        assert other.create(b"inst2", locked=1)[0] == 11
        begin_s = time.monotonic()
        assert other.write(b"*CLS", flags=END | 1, lock_ms=200)[0] == 11
        assert time.monotonic() - begin_s >= 0.2
        assert ints(other.call(UNLOCK, uints(other.link))) == [12]
        assert one.ask(b"*OPC?") == b"1"
        timer = threading.Timer(0.2, one.close)
        timer.start()
        assert lock(other, 1, 20_000) == [0]  # granted when its holder has left
        timer.join()


def test_hislip_and_vxi11_share_the_locks(served: ServedLab) -> None:
    manager = pyvisa.ResourceManager("@py")
    name = served.resource("smb100a", "hislip")
    with link(served) as one, contextlib.closing(manager.open_resource(name)) as other:
        assert ints(one.call(LOCK, uints(one.link, 0, 0))) == [0]
        interface = manager.visalib.sessions[other.session].interface  # type: ignore[attr-defined]
        assert interface.async_lock_request(0.0) == "failure"
        assert ints(one.call(UNLOCK, uints(one.link))) == [0]
        assert interface.async_lock_request(0.0) == "success"
        assert one.write(b"*CLS")[0] == 11


def test_service_requests_call_the_client_back(served: ServedLab) -> None:
    with link(served) as one, link(served) as other, socket.create_server(("127.0.0.1", 0)) as ours:
        ours.settimeout(10)
        home = int.from_bytes(socket.inet_aton("127.0.0.1"), "big")
        place = uints(home, ours.getsockname()[1], INTERRUPT, 1, 0)
        assert ints(one.call(DESTROY_INTERRUPT)) == [6]
        assert ints(one.call(CREATE_INTERRUPT, uints(home + 5, 80, INTERRUPT, 1, 0))) == [5]
        assert ints(one.call(CREATE_INTERRUPT, uints(home, 80, INTERRUPT, 1, 1))) == [8]
        assert ints(one.call(CREATE_INTERRUPT, place)) == [0]
        assert ints(one.call(CREATE_INTERRUPT, place)) == [29]
        called, _ = ours.accept()
        with called:
            called.settimeout(10)
            enable = uints(one.link, 1) + opaque(b"handle-7")
            assert ints(one.call(ENABLE, enable)) == [0]
            assert ints(one.call(ENABLE, uints(one.link, 1) + opaque(b"x" * 41))) == [5]
            one.ask(b"*SRE 4;*OPC?")
            other.write(b"NOSUCH")
            call = called.recv(1000)
        assert ints(call[:4])[0] & 0x7FFFFFFF == len(call) - 4
        assert ints(call[8:28]) == [0, 2, INTERRUPT, 1, 30]
        assert call.endswith(opaque(b"handle-7"))
        assert (one.poll() & 64, one.poll() & 64) == (64, 0)
        assert ints(one.call(DESTROY_INTERRUPT)) == [0]


# --- an ordinary VISA -------------------------------------------------------------------------


@pytest.fixture
def manager(served: ServedLab, monkeypatch: pytest.MonkeyPatch) -> Iterator[pyvisa.ResourceManager]:
    monkeypatch.setattr(visa_rpc, "PMAP_PORT", mapper_port(served))
    with contextlib.closing(pyvisa.ResourceManager("@py")) as made:
        yield made


def test_pyvisa_finds_and_drives_it(served: ServedLab, manager: pyvisa.ResourceManager) -> None:
    name = f"TCPIP::127.0.0.1::inst{dialects().index('53220a')}::INSTR"
    with contextlib.closing(manager.open_resource("TCPIP::127.0.0.1::INSTR")) as first:
        assert isinstance(first, MessageBasedResource)
        first.timeout = 30_000
        assert "SG384" in first.query("*IDN?")
    with contextlib.closing(manager.open_resource(name)) as one:
        assert isinstance(one, MessageBasedResource)
        one.timeout = 30_000
        assert "53220A" in one.query("*IDN?")
        one.write("CONF:TOT:TIM 1e-3,(@1);:SAMP:COUN 5000;:FORM REAL,64")
        counts = one.query_binary_values("READ?", datatype="d", is_big_endian=True)
        assert len(counts) == 5000
        one.clear()
        one.assert_trigger()
        one.lock_excl()
        one.unlock()
        assert one.read_stb() & 16 == 0


def test_port_111_is_told_by_its_names_or_refused_in_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        lab = ServedLab(World(seed=1), base_port=0, port_mapper=taken.getsockname()[1])
        with pytest.raises(DeviceError, match=r"No port mapper at port .* rights"), lab:
            pass
        free = taken.getsockname()[1]
    monkeypatch.setattr("sim_backends.wire.served_lab.STANDARD_PORT", free)
    with ServedLab(World(seed=1), base_port=0, port_mapper=free) as lab:
        assert lab.resource("sg384", "inst") == "TCPIP::127.0.0.1::inst0::INSTR"
        assert lab.resource("33522b", "inst") == "TCPIP::127.0.0.1::inst6::INSTR"
