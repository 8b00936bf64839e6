"""The served lab against clients as they are: many, rude, gone, or not reading."""

import contextlib
import socket
import struct
import sys
import threading
import tracemalloc
from collections.abc import Iterator

import pytest
import pyvisa

from labctl.errors import DeviceError, RigError
from sim_backends.wire.catalogue import TABLES
from sim_backends.wire.framing import LONGEST_MESSAGE
from sim_backends.wire.served_lab import ServedLab
from sim_backends.wire.tcp_server import TCPServer
from sim_backends.world import World


@pytest.fixture
def lab() -> Iterator[ServedLab]:
    with ServedLab(World(seed=1), base_port=0) as served:
        yield served


class Client:
    """A bare socket to one instrument."""

    def __init__(self, lab: ServedLab, dialect: str) -> None:
        _, host, port, _ = lab.resource(dialect).split("::")
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.lines = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, message: bytes) -> bytes:
        self.send(message + b"\n")
        return self.lines.readline()

    def close(self) -> None:
        self.lines.close()
        self.socket.close()

    def vanish(self) -> None:
        """Go with a reset instead of a farewell."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


@contextlib.contextmanager
def client(lab: ServedLab, dialect: str = "smb100a") -> Iterator[Client]:
    made = Client(lab, dialect)
    try:
        yield made
    finally:
        made.close()


def test_partial_and_pipelined_messages(lab: ServedLab) -> None:
    with client(lab) as one:
        for piece in (b"FRE", b"Q 2.8", b"e9\nFREQ?\r\nPOW", b"?;*OPC?\n*IDN?\n"):
            one.send(piece)
        answers = [one.lines.readline() for _ in range(3)]
    assert answers[:2] == [b"2800000000.0\n", b"-30.0;1\n"]
    assert b"SMB100A" in answers[2]


def test_two_clients_at_once_on_one_instrument_get_their_own_answers(lab: ServedLab) -> None:
    wrong: list[bytes] = []

    def talk(query: bytes, wanted: bytes) -> None:
        with client(lab) as one:
            wrong.extend(a for a in (one.ask(query) for _ in range(500)) if a != wanted)

    threads = [
        threading.Thread(target=talk, args=item)
        for item in ((b"FREQ? MAX", b"6000000000.0\n"), (b"*OPC?", b"1\n"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_all_instruments_at_once(lab: ServedLab) -> None:
    scpi = [table.dialect for table in TABLES]
    assert len(scpi) >= 10
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(client(lab, name)) for name in scpi]
        for one in clients:
            one.send(b"*IDN?\n")
        answers = [one.lines.readline() for one in clients]
    assert len(set(answers)) == len(scpi)
    assert all(answers)


def test_a_client_that_leaves_in_the_middle_of_a_reply(lab: ServedLab) -> None:
    counting = b"CONF:TOT:TIM 1e-4,(@1);:SAMP:COUN 20000;:FORM REAL,64;:READ?\n"
    for _ in range(3):
        rude = Client(lab, "53220a")
        rude.send(counting)
        rude.socket.recv(100)
        rude.vanish()
    with client(lab, "53220a") as one:
        assert one.ask(b"SYST:ERR?") == b'+0,"No error"\n'


def test_a_client_that_never_reads_holds_up_nobody(lab: ServedLab) -> None:
    with client(lab) as deaf, client(lab) as one:
        deaf.socket.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            for _ in range(10_000):
                deaf.send(b"*IDN?\n" * 1000)
        for _ in range(20):
            assert one.ask(b"*OPC?") == b"1\n"


def test_garbage_is_answered_by_errors_only(lab: ServedLab) -> None:
    with client(lab) as one:
        one.send(bytes(range(256)) * 50 + b"\n")
        one.send(b"\x16\x03\x01\x02\x00\x01\x00\n")
        assert one.ask(b"*CLS;*OPC?") == b"1\n"
        assert one.ask(b"SYST:ERR?") == b'0,"No error"\n'


def test_a_line_of_ten_megabytes_is_dropped_and_memory_stays(lab: ServedLab) -> None:
    with client(lab) as one:
        assert one.ask(b"*CLS;*OPC?") == b"1\n"
        tracemalloc.start()
        for _ in range(160):
            one.send(b"F" * 65536)
        one.send(b"\n")
        assert one.ask(b"SYST:ERR?").startswith(b"-363,")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 4 * LONGEST_MESSAGE


def test_ten_thousand_queries_leave_memory_as_it_is(lab: ServedLab) -> None:
    with client(lab) as one:
        for n in range(500):
            one.ask(b"FREQ %d;:FREQ?;:SYST:ERR?" % (2_000_000_000 + n))
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for n in range(10_000):
            assert one.ask(b"FREQ %d;:FREQ?" % (2_000_000_000 + n)) == b"%d.0\n" % (
                2_000_000_000 + n
            )
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert after - before < 100_000


def test_an_unplugged_instrument_is_silent_until_the_cable_is_back(lab: ServedLab) -> None:
    world = lab.bench.world
    with client(lab) as one:
        world.inject("microwave: disconnected")
        one.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            one.ask(b"*IDN?")
    world.clear("microwave: disconnected")
    with client(lab) as one:
        assert b"SMB100A" in one.ask(b"*IDN?")


def test_closing_frees_the_ports_and_hangs_up() -> None:
    with ServedLab(World(seed=1), base_port=0) as lab:
        one = Client(lab, "smb100a")
        one.ask(b"*OPC?")
        port = int(lab.resource("smb100a").split("::")[2])
    assert one.lines.readline() == b""
    one.close()
    server = TCPServer("127.0.0.1")
    assert server.listen(port, lambda connection: None) == port
    server.close()


def test_a_taken_port_is_an_error_that_says_so() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        server = TCPServer("127.0.0.1")
        with pytest.raises(DeviceError, match="--base-port"):
            server.listen(other.getsockname()[1], lambda connection: None)
        server.close()


def test_only_worlds_and_real_ports_are_served() -> None:
    with pytest.raises(RigError, match="simulated"):
        ServedLab(object())
    with pytest.raises(RigError, match="base port"):
        ServedLab(World(seed=1), base_port=80)


def test_who_can_reach_it() -> None:
    world = World(seed=1)
    hosts = {"127.0.0.1": False, "localhost": False, "::1": False, "0.0.0.0": True}
    assert {host: ServedLab(world, host=host).is_public for host in hosts} == hosts


def test_hislip_through_pyvisa(lab: ServedLab) -> None:
    manager = pyvisa.ResourceManager("@py")
    with contextlib.closing(manager.open_resource(lab.resource("smb100a", "hislip"))) as one:
        assert isinstance(one, pyvisa.resources.MessageBasedResource)
        assert "SMB100A" in one.query("*IDN?")
        one.write("FREQ 2.7 GHZ")
        assert float(one.query("FREQ?")) == 2.7e9
        one.write("NOSUCH")
        assert one.query("*OPC?").strip() == "1"
        assert one.read_stb() & 4
        one.clear()
        assert one.query("SYST:ERR:COUN?").strip() == "1"
    assert lab.bench.world.controls.microwave_hz == 2.7e9


def test_hislip_hangs_up_on_who_does_not_speak_it(lab: ServedLab) -> None:
    host = lab.resource("smb100a", "hislip").split("::")[1]
    port = int(lab.resource("smb100a", "hislip").split(",")[1].split("::")[0])
    with socket.create_connection((host, port), timeout=5) as one:
        one.sendall(b"GET / HTTP/1.0\r\n\r\n" * 10)
        with contextlib.suppress(ConnectionResetError):
            answer = one.recv(100)
            assert answer[:3] in (b"", b"HS\x02")


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_a_gauge_on_a_serial_line(lab: ServedLab) -> None:
    device = lab.resource("mks937b", "ASRL").removeprefix("ASRL").partition("::")[0]
    for _ in range(2):  # whoever closes it can open it again
        with open(device, "r+b", buffering=0) as line:  # noqa: PTH123 - a Path cannot do this
            for asked, told in (
                (b"@253PR1?;FF", b"@253ACK7.50E+2;FF"),
                (b"@253MD?;FF", b"@253ACK937B;FF"),
            ):
                line.write(asked)
                answer = b""
                while not answer.endswith(b";FF"):
                    answer += line.read(64)
                assert answer == told
