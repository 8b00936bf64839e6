"""The TPG 36x: its conversation byte by byte, and with the simulated one on both kinds of line."""

from collections.abc import Iterator
from typing import Any

import pytest
from pymeasure.test import expected_protocol
from pyvisa import VisaIOError
from pyvisa.constants import StatusCode

from drivers.pfeiffer.tpg366 import TPG366, TPG366Gauge
from drivers.session import Session
from labctl.errors import DeviceError, RigError
from sim_backends.wire.in_process import open_world_library, resource_name
from sim_backends.wire.pfeiffer import TPG362, ControlFramer
from sim_backends.wire.serial_line import SerialLine, serial_lines_exist
from tests.wire.bench_instruments import Lab
from tests.wire.conversation import PLACE, Pair, SilentAdapter

ETX, ENQ, ACK, NAK = "\x03", "\x05", "\x06", "\x15"
AYT: list[Pair] = [("AYT\r\n", ACK + "\r\n"), (ENQ, "TPG 362,PTG28290,44990000,010100,010100\r\n")]


class Line(SilentAdapter):
    """A line whose reads end at the line feed, or in a time-out."""

    def _write(self, command: str, **kwargs: Any) -> None:
        super()._write(command + "\r\n", **kwargs)  # as VISA does with its termination

    def _read(self, **kwargs: Any) -> str:
        return super()._read(**kwargs).removesuffix("\r\n")

    def _read_bytes(self, count: int, break_on_termchar: bool = False, **kwargs: Any) -> bytes:
        if self._read_buffer is None:
            raise VisaIOError(StatusCode.error_timeout)
        return super()._read_bytes(count, break_on_termchar, **kwargs)


def gauge_of(pairs: list[Pair], **arguments: Any) -> TPG366Gauge:
    return TPG366Gauge(Session(PLACE, adapter=Line(pairs)), **arguments)


def asks(mnemonic: str, answer: str) -> list[Pair]:
    return [(mnemonic + "\r\n", ACK + "\r\n"), (ENQ, answer + "\r\n")]


@pytest.mark.parametrize(
    "left_over",
    [None, "0,+1.2340E-02,5,+2.0000E-02\r\n" * 60, "E-02\r\n0,+9.9E", f"{ACK}\r\n", f"{NAK}\r\n"],
)
def test_it_is_reset_and_enquired_without_a_line_end(left_over: str | None) -> None:
    gauge = gauge_of(
        [(ETX, left_over), *AYT, *asks("UNI", "0"), *asks("PR1", "0,+1.2340E-02"),
         *asks("UNI", "1"), *asks("PR1", "0,+7.6000E+02"),
         *asks("UNI", "2"), *asks("PR1", "4,+2.0000E-02")]
    )  # fmt: skip
    gauge.open()
    assert gauge.identity.startswith("Pfeiffer,TPG 362,PTG28290")
    assert gauge.pressure_pa == pytest.approx(1.234)
    assert gauge.pressure_pa == pytest.approx(101325)
    with pytest.raises(DeviceError, match=r"`PR1` is answered `sensor off` \(4\)"):
        _ = gauge.pressure_pa


def test_volts_are_no_pressure() -> None:
    gauge = gauge_of([(ETX, None), *AYT, *asks("UNI", "5")])
    gauge.open()
    with pytest.raises(DeviceError, match=r"gauge at .*: it shows V instead of a pressure; choose"):
        _ = gauge.pressure_pa


def test_a_controller_that_never_falls_silent_is_told() -> None:
    gauge = gauge_of([(ETX, "0,+1.2340E-02,5,+2.0000E-02\r\n" * 1000)])
    with pytest.raises(DeviceError, match="goes on sending after ETX"):
        gauge.open()


def test_another_instrument_and_sensors_that_do_not_exist_are_refused() -> None:
    for other in ("MVC-3,1,2,3,4", "TPG 3600,1", "XTPG 362,1"):
        gauge = gauge_of([(ETX, None), *asks("AYT", other)])
        with pytest.raises(DeviceError, match=f"gauge at {PLACE}: expected TPG 361 or .*{other}"):
            gauge.open()
    with pytest.raises(RigError):
        TPG366Gauge(PLACE, sensor=0)


# --- the simulated one ----------------------------------------------------------------------


@pytest.fixture(params=["in process", "serial"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[Lab, Session]]:
    lab = Lab(pressure_pa=123.4)
    if request.param == "in process":
        library = open_world_library(lab.world)
        yield lab, Session(resource_name("tpg362"), visa_library=library, timeout_s=1.0)
        return
    if not serial_lines_exist():
        pytest.skip("this system has no pseudo-terminals")
    with SerialLine(lab.instruments["tpg362"]) as line:
        yield lab, Session(f"ASRL{line.device}::INSTR", visa_library="py", timeout_s=1.0)


def test_the_driver_reads_the_simulated_one_while_it_sends_by_itself(
    served: tuple[Lab, Session],
) -> None:
    lab, session = served
    with session.opening("gauge", lambda: session.connect_as(TPG366, ends_lines=True)) as table:
        table.write("COM,0")
    lab.world.sleep_s(2.0)
    gauge = TPG366Gauge(session)
    with session.talk("gauge") as table:
        table.reset_interface()
        table.unit = "micron"
    gauge.open()
    assert gauge.pressure_pa == pytest.approx(123.4, rel=1e-4)
    with session.talk("gauge") as table:
        table.unit = "V"
        status, volts = table.sensors[1].reading
        assert status == 0
        assert 100 * 10 ** (1.667 * volts - 11.33) == pytest.approx(123.4, rel=1e-3)
        assert table.sensors[2].reading == (5, 0.02)
    with pytest.raises(DeviceError, match="it shows V"):
        _ = gauge.pressure_pa
    gauge.close()
    session.close()


def test_the_simulated_one_is_as_strict_as_its_manual() -> None:
    line, framer = TPG362(Lab(pressure_pa=100.0).bench), ControlFramer()

    def say(data: bytes) -> bytes:
        return b"".join(line.handle(message) or b"" for message in framer.feed(data))

    assert say(b"PR1\r\n") == b"\x06\r\n"
    assert say(b"\x05") == b"0,+1.0000E+00\r\n"
    assert say(b"\x05\r\n") == b"0,+1.0000E+00\r\n\x15\r\n"  # the line end is an empty command
    assert say(b"\x05") == b"0001\r\n"
    assert say(b"U N I , 4\r") == b"\x06\r\n"  # spaces are ignored, LF is optional
    assert say(b"\x05") == b"4\r\n"
    assert say(b"UNI,6\r\n\x05") == b"\x15\r\n0010\r\n"
    assert say(b"PR\x03PR1\r\n") == b"\x06\r\n"  # ETX clears the input buffer
    assert say(b"PR9\r\n") == b"\x15\r\n"


def test_the_simulated_one_sends_by_itself_until_it_hears_something() -> None:
    lab = Lab()
    line = lab.instruments["tpg362"]
    assert line.handle(b"COM,1") == b"\x06\r\n"
    lab.world.sleep_s(2.5)
    told = line.handle(b"\x03")
    assert told is not None
    assert told.count(b"\r\n") == 3
    assert line.handle(b"\x03") is None


def test_the_table_sets_a_unit_and_reads_what_it_is_told() -> None:
    pairs = [("UNI,2", ACK), (ENQ, "2"), ("PR2", ACK), (ENQ, "0,+1.2340E-02"), ("UNI", NAK)]
    with expected_protocol(TPG366, pairs) as table:
        table.unit = "Pa"  # type: ignore[assignment]
        assert table.sensors[2].reading == (0, 0.01234)  # type: ignore[attr-defined]
        with pytest.raises(ConnectionError, match="not acknowledged"):
            _ = table.unit
