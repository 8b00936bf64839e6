"""HiSLIP in bytes (IVI-6.1): initialisation, delivery, interruption, locks, service requests."""

import contextlib
import socket
import struct
import time
from collections.abc import Iterator

import pytest
import pyvisa
from pyvisa.resources import MessageBasedResource

from sim_backends.wire.served_lab import ServedLab
from sim_backends.world import World

HEADER = struct.Struct("!2sBBIQ")
(FATAL, ERROR, LOCK, LOCKED, DATA, DATA_END, CLEARED, CLEAR_OK) = range(2, 10)
TRIGGER, INTERRUPTED, ASYNC_INTERRUPTED, MAX_SIZE, MAX_SIZE_OK = range(12, 17)
ASYNC_CLEAR, SERVICE, STATUS, STATUS_OK, ASYNC_CLEAR_OK, INFO, INFO_OK = range(19, 26)
FIRST_ID = 0xFFFFFF00


@pytest.fixture(scope="module")
def served() -> Iterator[ServedLab]:
    with ServedLab(World(seed=1), base_port=0) as lab:
        yield lab


class Client:
    """Both channels of one session, message by message."""

    def __init__(self, lab: ServedLab, dialect: str = "smb100a", address: bytes = b"hislip0"):
        name = lab.resource(dialect, "hislip")
        self.place = name.split("::")[1], int(name.split(",")[1].split("::")[0])
        self.sync = socket.create_connection(self.place, timeout=10)
        self.id = FIRST_ID
        self.delivered = 0
        self.send(self.sync, 0, 0, 0x0100 << 16 | 0x5858, address)
        self.opened = self.receive(self.sync)

    def join(self) -> "Client":
        self.asynchronous = socket.create_connection(self.place, timeout=10)
        self.send(self.asynchronous, 17, 0, self.opened[2] & 0xFFFF)
        assert self.receive(self.asynchronous)[0] == 18
        return self

    @staticmethod
    def send(
        channel: socket.socket, kind: int, control: int, parameter: int, payload: bytes = b""
    ) -> None:
        channel.sendall(HEADER.pack(b"HS", kind, control, parameter, len(payload)) + payload)

    @staticmethod
    def receive(channel: socket.socket) -> tuple[int, int, int, bytes]:
        def exactly(length: int) -> bytes:
            data = b""
            while len(data) < length:
                piece = channel.recv(length - len(data))
                assert piece, "the server has hung up"
                data += piece
            return data

        prologue, kind, control, parameter, length = HEADER.unpack(exactly(16))
        assert prologue == b"HS"
        return kind, control, parameter, exactly(length)

    def write(self, text: bytes, kind: int = DATA_END) -> int:
        number = self.id
        self.send(self.sync, kind, self.delivered, number, text)
        self.id, self.delivered = (number + 2) & 0xFFFFFFFF, 0
        return number

    def read(self) -> bytes:
        kind, control, _, payload = self.receive(self.sync)
        assert (kind, control) == (DATA_END, 0)
        self.delivered = 1
        return payload.rstrip(b"\n")

    def ask(self, text: bytes) -> bytes:
        self.write(text)
        return self.read()

    def control(
        self, kind: int, control: int = 0, parameter: int = 0, payload: bytes = b""
    ) -> tuple[int, int, int, bytes]:
        self.send(self.asynchronous, kind, control, parameter, payload)
        return self.receive(self.asynchronous)

    def status(self) -> int:
        kind, byte, _, _ = self.control(STATUS, self.delivered, (self.id - 2) & 0xFFFFFFFF)
        self.delivered = 0
        assert kind == STATUS_OK
        return byte

    def lock(self, key: bytes = b"", timeout_ms: int = 0) -> int:
        kind, control, _, _ = self.control(LOCK, 1, timeout_ms, key)
        assert kind == LOCKED
        return control

    def release(self) -> int:
        return self.control(LOCK, 0, (self.id - 2) & 0xFFFFFFFF)[1]

    def close(self) -> None:
        self.sync.close()
        if hasattr(self, "asynchronous"):
            self.asynchronous.close()


@contextlib.contextmanager
def client(lab: ServedLab, dialect: str = "smb100a") -> Iterator[Client]:
    with contextlib.closing(Client(lab, dialect).join()) as made:
        made.ask(b"*CLS;*SRE 0;*OPC?")
        yield made


@pytest.mark.parametrize("address", [b"hislip1", b"inst0", b"\xff", b"hislip00"])
def test_an_unknown_sub_address_is_refused(served: ServedLab, address: bytes) -> None:
    with contextlib.closing(Client(served, address=address)) as one:
        assert one.opened[:2] == (FATAL, 3)
        assert one.sync.recv(1) == b""


@pytest.mark.parametrize("address", [b"", b"hislip0", b"HiSLIP0"])
def test_the_sub_address_may_be_left_out(served: ServedLab, address: bytes) -> None:
    with contextlib.closing(Client(served, address=address).join()) as one:
        assert one.opened[:2] == (1, 0)
        assert b"SMB100A" in one.ask(b"*IDN?")


def test_an_unknown_or_complete_session_cannot_be_joined(served: ServedLab) -> None:
    with client(served) as one:
        for number in (one.opened[2] & 0xFFFF, 54321, 0):
            with socket.create_connection(one.place, timeout=10) as other:
                one.send(other, 17, 0, number)
                assert one.receive(other)[:2] == (FATAL, 3)
        assert one.ask(b"*OPC?") == b"1"


def test_data_before_the_second_channel_is_fatal(served: ServedLab) -> None:
    with contextlib.closing(Client(served)) as one:
        one.write(b"*IDN?")
        assert one.receive(one.sync)[:2] == (FATAL, 2)


@pytest.mark.parametrize("dialect", ["33522b", "53220a", "e36312a", "hmp4040", "nge103"])
def test_every_scpi_instrument_has_it(served: ServedLab, dialect: str) -> None:
    with client(served, dialect) as one:
        assert one.ask(b"*IDN?").count(b",") >= 3


@pytest.mark.parametrize(
    ("kind", "control", "code"),
    [(99, 0, 1), (200, 0, 3), (LOCK, 7, 2), (10, 9, 2), (DATA, 0, 1), (MAX_SIZE, 0, 1)],
)
def test_what_is_not_understood_is_an_error_and_the_session_stays(
    served: ServedLab, kind: int, control: int, code: int
) -> None:
    with client(served) as one:
        assert one.control(kind, control, 0, b"xyz")[:2] == (ERROR, code)
        assert one.ask(b"*OPC?") == b"1"


def test_sizes_are_told_and_kept(served: ServedLab) -> None:
    with client(served) as one:
        kind, _, _, size = one.control(MAX_SIZE, 0, 0, (16 + 10).to_bytes(8, "big"))
        assert kind == MAX_SIZE_OK
        one.write(b"*OPC?;" * 9 + b"*OPC?")
        pieces = [one.receive(one.sync) for _ in range(2)]
        assert [(kind, len(text)) for kind, _, _, text in pieces] == [(DATA, 10), (DATA_END, 10)]
        one.delivered = 1
        one.control(MAX_SIZE, 0, 0, (1 << 20).to_bytes(8, "big"))
        one.write(b"x" * (int.from_bytes(size, "big") + 1))
        assert one.receive(one.sync)[:2] == (ERROR, 4)
        assert one.ask(b"SYST:ERR?").startswith(b"-363,")


def test_a_message_in_pieces(served: ServedLab) -> None:
    with client(served) as one:
        one.write(b"FREQ 2.7 GHZ;", DATA)
        one.write(b":FRE", DATA)
        assert one.ask(b"Q?;*OPC?") == b"2700000000.0;1"


def test_a_message_before_the_answer_was_read_interrupts(served: ServedLab) -> None:
    with client(served) as one:
        one.write(b"FREQ?")
        one.receive(one.sync)  # it has come, but nobody has read it
        assert one.ask(b"SYST:ERR?") == b'-410,"Query INTERRUPTED"'
        assert one.ask(b"*ESR?") == b"4"
        assert one.ask(b"SYST:ERR?") == b'0,"No error"'


def test_queued_input_interrupts_and_both_channels_say_so(served: ServedLab) -> None:
    world = served.bench.world
    world.hold_to_wall_clock(1.0)  # so that the count is still going on when the query comes
    with client(served, "53220a") as one:
        one.ask(b"CONF:TOT:TIM 1,(@1);*OPC?")
        one.write(b"READ?;*OPC?")
        second = one.write(b"SYST:ERR?")
        assert one.receive(one.sync)[:3] == (INTERRUPTED, 0, second)
        assert one.receive(one.asynchronous)[:3] == (ASYNC_INTERRUPTED, 0, second)
        assert one.read() == b'-410,"Query INTERRUPTED"'
    world.speed = None


def test_an_answer_waits_until_it_was_delivered(served: ServedLab) -> None:
    with client(served) as one:
        one.delivered = 1
        assert one.status() & 16 == 0
        one.write(b"FREQ?")
        one.receive(one.sync)
        assert one.status() & 16
        one.delivered = 1
        assert one.status() & 16 == 0
        assert one.ask(b"SYST:ERR?") == b'0,"No error"'
        one.delivered = 1
        assert one.control(STATUS, 0, FIRST_ID - 2)[1] & 16 == 0  # about an older message


def test_service_is_requested_once_for_every_new_reason(served: ServedLab) -> None:
    with client(served) as one, client(served) as other:
        one.write(b"*SRE 36;*ESE 32")
        other.write(b"NOSUCH")
        kind, byte, _, _ = one.receive(one.asynchronous)
        assert (kind, byte) == (SERVICE, 64 | 32 | 4)
        other.write(b"NOSUCH")  # no new reason
        assert other.ask(b"*OPC?") == b"1"
        assert one.status() == 64 | 32 | 4
        assert one.status() == 32 | 4  # RQS is told once
        other.ask(b"*CLS;*OPC?")
        other.write(b"FREQ 1 V")
        assert one.receive(one.asynchronous)[:2] == (SERVICE, 64 | 32 | 4)


def test_an_answer_may_be_the_reason_for_service(served: ServedLab) -> None:
    with client(served) as one:
        one.ask(b"*SRE 16;*OPC?")
        one.send(one.sync, DATA_END, 1, one.id, b"*OPC?")
        kinds = {one.receive(one.asynchronous)[:2]}
        assert kinds == {(SERVICE, 64 | 16)}


def test_an_exclusive_lock_keeps_the_others_waiting(served: ServedLab) -> None:
    with client(served) as one, client(served) as other:
        assert one.lock() == 1
        assert one.lock() == 3  # has it already
        assert (other.lock(), other.lock(b"key"), other.release()) == (0, 0, 3)
        assert other.control(INFO)[:3] == (INFO_OK, 1, 1)
        begin_s = time.monotonic()
        assert other.lock(timeout_ms=200) == 0
        assert time.monotonic() - begin_s >= 0.2
        other.write(b"FREQ 2.5 GHZ;FREQ?")
        assert one.ask(b"FREQ 2.6 GHZ;FREQ?") == b"2600000000.0"
        assert one.release() == 1
        assert other.read() == b"2500000000.0"
        assert one.control(INFO)[:3] == (INFO_OK, 0, 0)


def test_a_shared_lock_is_for_who_knows_the_key(served: ServedLab) -> None:
    with client(served) as one, client(served) as two, client(served) as three:
        assert (one.lock(b"key"), two.lock(b"key"), three.lock(b"other")) == (1, 1, 0)
        assert three.lock() == 0  # nor the exclusive one
        assert one.control(INFO)[:3] == (INFO_OK, 0, 2)
        assert two.lock() == 1  # both
        assert (one.lock(), one.lock(b"key")) == (0, 3)
        assert (two.release(), two.release(), two.release()) == (1, 2, 3)
        assert one.ask(b"*OPC?") == b"1"
        assert one.release() == 2
        assert three.lock(b"other") == 1


def test_a_lock_is_granted_as_soon_as_its_owner_leaves(served: ServedLab) -> None:
    with client(served) as other:
        with client(served) as one:
            assert one.lock() == 1
            other.send(other.asynchronous, LOCK, 1, 10_000)
            other.asynchronous.settimeout(0.2)
            with pytest.raises(TimeoutError):
                other.receive(other.asynchronous)
        other.asynchronous.settimeout(10)
        assert other.receive(other.asynchronous)[:2] == (LOCKED, 1)


def test_a_clear_drops_what_was_said_and_answered(served: ServedLab) -> None:
    with client(served) as one:
        one.write(b"FREQ 2.4", DATA)
        assert one.control(ASYNC_CLEAR)[:2] == (ASYNC_CLEAR_OK, 0)
        one.write(b"*IDN?")  # between the two it is dropped
        one.send(one.sync, CLEARED, 0, 0)
        assert one.receive(one.sync)[:2] == (CLEAR_OK, 0)
        one.id = FIRST_ID
        assert one.ask(b"*OPC?") == b"1"
        assert one.ask(b"SYST:ERR?") == b'0,"No error"'


def test_a_clear_ends_waiting_for_a_lock(served: ServedLab) -> None:
    with client(served) as one, client(served) as other:
        assert one.lock() == 1
        other.write(b"FREQ 2.3 GHZ")
        assert other.control(ASYNC_CLEAR)[0] == ASYNC_CLEAR_OK
        other.send(other.sync, CLEARED, 0, 0)
        assert other.receive(other.sync)[0] == CLEAR_OK
        assert one.ask(b"FREQ?") != b"2300000000.0"


def test_a_trigger_message_is_a_trigger(served: ServedLab) -> None:
    with client(served) as one:
        one.write(b"", TRIGGER)
        assert one.ask(b"SYST:ERR?").startswith(b"-211,")


def test_pyvisa_sees_the_locks_and_the_status(served: ServedLab) -> None:
    manager = pyvisa.ResourceManager("@py")
    name = served.resource("33522b", "hislip")
    with (
        contextlib.closing(manager.open_resource(name)) as one,
        contextlib.closing(manager.open_resource(name)) as other,
    ):
        assert isinstance(one, MessageBasedResource)
        assert isinstance(other, MessageBasedResource)
        other.write("*CLS")
        assert "33522B" in one.query("*IDN?")
        one.write("FREQ?")
        end_s = time.monotonic() + 10
        while not one.read_stb() & 16:
            assert time.monotonic() < end_s
        float(one.read())
        assert one.read_stb() & 16 == 0
        one.clear()
        assert one.query("SYST:ERR?").startswith("+0,")
        one.write("*OPC?")
        one.write("*OPC")
        assert one.query("SYST:ERR?").startswith("-410,")
