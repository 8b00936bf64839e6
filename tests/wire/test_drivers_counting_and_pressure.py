"""The 53220A counter and the gauges: their conversations, literally."""

from typing import Any

import numpy as np
import pytest
from pymeasure.instruments.thyracont.smartline_v1 import calculate_checksum

from drivers.keysight.counter_53220a import Keysight53220ACounter
from drivers.keysight.counter_pair import Keysight53220APair
from drivers.mks.mks937b import MKS937BGauge
from drivers.session import Session
from drivers.thyracont.smartline import SmartlineGauge, SmartlineV1Gauge
from labctl.errors import DeviceError, LimitError, RigError
from tests.wire.conversation import PLACE, Pair, SilentAdapter, conversation

FINE: Pair = ("SYST:ERR?", '+0,"No error"')


def sets(command: str, query: str, answer: str) -> list[Pair]:
    return [(command, None), FINE, (query, answer)]


def opens(number: int) -> list[Pair]:
    return [
        ("*IDN?", "Agilent Technologies,53220A,MY50001234,02.05"), ("*CLS", None), ("ABOR", None),
        *sets("FORM REAL,64", "FORM?", "REAL,64"),
        *sets("FORM:BORD NORM", "FORM:BORD?", "NORM"),
        *sets("OUTP 0", "OUTP?", "0"),
        ("SYST:TIM?", "+1.0E+000"), *sets("SYST:TIM INF", "SYST:TIM?", "+9.90000000E+037"),
        *sets(f"INP{number}:COUP DC", f"INP{number}:COUP?", "DC"),
        *sets(f"INP{number}:IMP 50", f"INP{number}:IMP?", "+5.0E+001"),
        *sets(f"INP{number}:SLOP POS", f"INP{number}:SLOP?", "POS"),
    ]  # fmt: skip


def configures(gate: str, number: int, *, kept: str = "") -> list[Pair]:
    """CONFigure, and behind it what it changes or leaves wrong."""
    return [
        (f"CONF:TOT:TIM {gate},(@{number})", None), FINE,
        *sets(f"INP{number}:LEV 0.5000", f"INP{number}:LEV?", "+5.0E-001"),
        (f"INP{number}:LEV:AUTO?", "0"),
        *sets("TOT:GATE:POL POS", "TOT:GATE:POL?", "POS"),
        ("TOT:GATE:TIME?", kept or gate),
    ]  # fmt: skip


def block(*counts: int) -> bytes:
    data = np.array(counts, dtype=">f8").tobytes()
    size = str(len(data))
    return f"#{len(size)}{size}".encode() + data + b"\n"


def test_counts_come_as_a_block_and_the_same_count_needs_no_new_configuration() -> None:
    pairs: list[Pair] = [
        *opens(1),
        *configures("0.05", 1), ("INIT", None), (b"FETC?", block(1234)),
        ("INIT", None), (b"FETC?", block(1235)),
        *configures("0.1", 1), ("INIT", None), (b"FETC?", block(2468)),
    ]  # fmt: skip
    with conversation(Keysight53220ACounter, pairs, inputs={"pl": 1}) as counter:
        assert counter.channels == ("pl",)
        counter.open()
        assert counter.count(0.05) == {"pl": 1234}
        assert counter.count(0.05) == {"pl": 1235}
        assert counter.count(0.1) == {"pl": 2468}


def test_a_stream_is_one_block() -> None:
    pairs: list[Pair] = [
        *opens(2),
        *configures("0.001", 2), *sets("SAMP:COUN 3", "SAMP:COUN?", "+3.0E+000"),
        ("INIT", None), (b"FETC?", block(7, 8, 9)),
        ("INIT", None), (b"FETC?", block(7, 8)),
    ]  # fmt: skip
    with conversation(Keysight53220ACounter, pairs, inputs={"angle": 2}) as counter:
        counter.open()
        trace = counter.stream(1e3, 3)["angle"]
        assert trace.tolist() == [7, 8, 9]
        assert trace.dtype == np.int64
        with pytest.raises(DeviceError, match="2 readings instead of 3"):
            counter.stream(1e3, 3)


@pytest.mark.parametrize(
    ("reading", "told"),
    [(9.91e37, "9.91e.37"), (9.9e37, "9.9e.37"), (float("nan"), "nan"), (float("inf"), "inf"),
     (-1.0, "-1"), (1.5, "1.5")],
)  # fmt: skip
def test_a_reading_that_is_no_count_is_an_error(reading: float, told: str) -> None:
    data = np.array([7, reading, 9], dtype=">f8").tobytes()
    pairs: list[Pair] = [
        *opens(2), *configures("0.001", 2), *sets("SAMP:COUN 3", "SAMP:COUN?", "+3.0E+000"),
        ("INIT", None), (b"FETC?", b"#224" + data + b"\n"),
    ]  # fmt: skip
    with conversation(Keysight53220ACounter, pairs, inputs={"angle": 2}) as counter:
        counter.open()
        with pytest.raises(
            DeviceError, match=rf"counter at .*`FETC\?` is answered {told} \(reading 2 of 3\)"
        ):
            counter.stream(1e3, 3)


def test_a_stream_tells_the_rate_of_its_gates() -> None:
    pairs: list[Pair] = [
        *opens(2), *configures("0.00143", 2), *sets("SAMP:COUN 2", "SAMP:COUN?", "+2.0E+000"),
        ("INIT", None), (b"FETC?", block(7, 8)),
    ]  # fmt: skip
    with conversation(Keysight53220ACounter, pairs, inputs={"angle": 2}) as counter:
        counter.open()
        assert counter.stream(700.0, 2).sample_rate_hz == pytest.approx(1 / 1.43e-3, rel=1e-12)


@pytest.mark.parametrize(
    ("spoiled", "complaint"),
    [
        (("INP1:LEV?", "+1.25E+000"), r"`level` reads back 1\.25 instead of 0\.5"),
        (("INP1:LEV?", "+9.91E+37"), r"`INP1:LEV\?` is answered 9\.91e.37"),
        (("INP1:LEV:AUTO?", "1"), r"after `INP1:LEV:AUTO\?` `auto_level` reads back True"),
        (("TOT:GATE:POL?", "NEG"), r"`TOT:GATE:POL POS` `gate_polarity` reads back 'NEG'"),
        (("TOT:GATE:TIME?", "+1.0E-001"), r"`gate_time` reads back 0\.1 instead of 0\.05"),
    ],
)
def test_what_configuring_changed_behind_the_driver_is_an_error(
    spoiled: Pair, complaint: str
) -> None:
    right = configures("0.05", 1)
    where = next(n for n, pair in enumerate(right) if pair[0] == spoiled[0])
    pairs = [*opens(1), *right[:where], spoiled]
    with conversation(Keysight53220ACounter, pairs, inputs={"pl": 1}) as counter:
        counter.open()
        with pytest.raises(DeviceError, match=complaint):
            counter.count(0.05)


def test_gates_are_armed_before_they_are_read() -> None:
    pairs: list[Pair] = [
        *opens(1),
        ("ABOR", None), *configures("0.1", 1),
        *sets("TOT:GATE:SOUR EXT", "TOT:GATE:SOUR?", "EXT"),
        *sets("SAMP:COUN 2", "SAMP:COUN?", "+2.0E+000"),
        ("INIT", None), FINE,
        (b"FETC?", block(50, 3)),
    ]  # fmt: skip
    with conversation(Keysight53220ACounter, pairs, inputs={"pl": 1}) as counter:
        counter.open()
        with pytest.raises(DeviceError, match="arm_gates"):
            counter.read_gates()
        counter.arm_gates(2)
        assert counter.read_gates()["pl"].tolist() == [50, 3]
        with pytest.raises(DeviceError, match="arm_gates"):
            counter.read_gates()


def test_gates_that_do_not_come_are_told_with_what_the_counter_says() -> None:
    class Counter(SilentAdapter):
        def _read_bytes(self, count: int, break_on_termchar: bool = False, **kwargs: Any) -> bytes:
            if self._read_buffer is None:
                return self._read(**kwargs).encode()  # raises the time-out
            return super()._read_bytes(count, break_on_termchar, **kwargs)

    pairs: list[Pair] = [
        *opens(1),
        ("ABOR", None), *configures("0.1", 1),
        *sets("TOT:GATE:SOUR EXT", "TOT:GATE:SOUR?", "EXT"),
        *sets("SAMP:COUN 3", "SAMP:COUN?", "+3.0E+000"),
        ("INIT", None), FINE,
        ("FETC?", None),
        ("SYST:ERR?", '-200,"2 of 3 gates"'), FINE, ("ABOR", None),
    ]  # fmt: skip
    session = Session(PLACE, adapter=Counter(pairs))
    counter = Keysight53220ACounter(session, inputs={"pl": 1}, gates_within_s=1.0)
    counter.open()
    counter.arm_gates(3)
    with pytest.raises(DeviceError, match=r"`FETC\?`: no answer.*Not all of 3 gates.*2 of 3"):
        counter.read_gates()


def test_the_counter_refuses_bad_requests_before_anything_is_sent() -> None:
    with conversation(Keysight53220ACounter, opens(1), inputs={"pl": 1}) as counter:
        counter.open()
        for call in (
            lambda: counter.count(0.0),
            lambda: counter.count(99e-6),
            lambda: counter.count(104e-6),
            lambda: counter.stream(2e3, 10),
            lambda: counter.stream(1e3, 0),
            lambda: counter.stream(1e3, 2_000_000),
            lambda: counter.arm_gates(0),
            lambda: counter.arm_gates(2_000_000),
        ):
            with pytest.raises(LimitError):
                call()
    for inputs in ({}, {"pl": 3}, {"pl": 1, "angle": 1}, {"angle": 1, "pl": 2}):
        with pytest.raises(RigError, match="one channel"):
            Keysight53220ACounter(PLACE, inputs=inputs)
    with pytest.raises(RigError, match="at most 10 kHz"):
        Keysight53220ACounter(PLACE, inputs={"pl": 1}, highest_rate_hz=1e6)


def test_a_pair_starts_both_before_it_reads_either() -> None:
    said: list[tuple[str, Any]] = []

    class Adapter(SilentAdapter):
        def __init__(self, name: str, pairs: list[Pair]) -> None:
            super().__init__(pairs)
            self.name = name

        def _write(self, command: str, **kwargs: Any) -> None:
            said.append((self.name, command))
            super()._write(command, **kwargs)

    def session(name: str, count: int) -> Session:
        pairs: list[Pair] = [
            *opens(1), *configures("0.05", 1), ("INIT", None),
            (b"FETC?", block(count)),
        ]  # fmt: skip
        return Session(name, adapter=Adapter(name, pairs))

    pair = Keysight53220APair({"angle": session("a", 10), "pl": session("b", 20)})
    assert pair.channels == ("angle", "pl")
    pair.open()
    assert "; " in pair.identity
    assert pair.settings() == {}
    assert pair.count(0.05) == {"angle": 10, "pl": 20}
    measured = [item for item in said if item[1] in ("INIT", "FETC?")]
    assert measured == [("a", "INIT"), ("b", "INIT"), ("a", "FETC?"), ("b", "FETC?")]
    pair.close()
    pair.close()
    with pytest.raises(RigError):
        Keysight53220APair({"pl": "TCPIP::b"})


# --- gauges ---------------------------------------------------------------------------------


def smartline(text: str) -> str:
    return text + calculate_checksum(text)


def test_the_smartline_tells_its_type_and_the_pressure_in_pascal() -> None:
    pairs: list[Pair] = [
        (smartline("001T"), smartline("001TVSP840")),
        (smartline("001M"), smartline("001M123418")),
        (smartline("001M"), smartline("001M123418")),
        (smartline("001M"), smartline("001M000000")),
    ]
    with conversation(SmartlineV1Gauge, pairs) as gauge:
        gauge.open()
        assert gauge.identity == "Thyracont,VSP840"
        assert gauge.pressure_pa == pytest.approx(1.234)
        assert gauge.settings()["pressure_pa"].readback == pytest.approx(1.234)
        with pytest.raises(DeviceError, match=r"gauge at .*`001M.` is answered 0.0, which is no"):
            _ = gauge.pressure_pa


def test_a_garbled_answer_is_an_error() -> None:
    pairs: list[Pair] = [
        (smartline("001T"), smartline("001TVSP840")),
        (smartline("001M"), "001M123418~"),
    ]
    with conversation(SmartlineV1Gauge, pairs) as gauge:
        gauge.open()
        with pytest.raises(DeviceError, match=r"gauge at .*checksum"):
            _ = gauge.pressure_pa


ONE_PAIR_IS_ONE_MESSAGE = pytest.mark.filterwarnings("ignore:Breaking on termination character")


def smartline_v2(command: str, answer: str, *, address: str = "001") -> Pair:
    return smartline(f"{address}0{command}00"), smartline(f"{address}{answer}")


@ONE_PAIR_IS_ONE_MESSAGE
def test_a_smartline_of_protocol_v2_tells_who_it_is_and_the_pressure_in_pascal() -> None:
    pairs = [
        smartline_v2(asked, told, address="016")
        for asked, told in (
            ("TD", "1TD06VSR205"), ("SD", "1SD0812345678"), ("VF", "1VF050.1.2"),
            ("MV", "1MV081.234e-2"), ("MV", "1MV02UR"), ("MV", "1MV02OR"),
        )
    ]  # fmt: skip
    with conversation(SmartlineGauge, pairs, address=16) as gauge:
        gauge.open()
        assert gauge.identity == "Thyracont,VSR205,12345678,0.1.2"
        assert gauge.pressure_pa == pytest.approx(1.234)
        for end_of_range in ("0.0", "inf"):
            with pytest.raises(DeviceError, match=rf"`0160MV00.` is answered {end_of_range}"):
                _ = gauge.pressure_pa


@ONE_PAIR_IS_ONE_MESSAGE
@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (smartline("0017MV06NO_DEF"), "Invalid command for this device"),
        (smartline("0011MR08H1200L10"), "Wrong response to MV"),
        ("0011MV081.234e-2~", "checksum"),
    ],
)
def test_a_smartline_of_protocol_v2_that_answers_something_else(
    answer: str, complaint: str
) -> None:
    pairs: list[Pair] = [
        smartline_v2("TD", "1TD06VSR205"), smartline_v2("SD", "1SD0812345678"),
        smartline_v2("VF", "1VF050.1.2"), (smartline("0010MV00"), answer),
    ]  # fmt: skip
    with conversation(SmartlineGauge, pairs) as gauge:
        gauge.open()
        with pytest.raises(DeviceError, match=rf"gauge at {PLACE} after `0010MV00.`.*{complaint}"):
            _ = gauge.pressure_pa


def test_the_mks_is_read_in_whatever_unit_it_shows() -> None:
    def mks(command: str, answer: str) -> list[Pair]:
        # ";" ends a message for VISA, and "FF" is read behind it.
        return [(f"@253{command}", f"@253ACK{answer}"), (None, b"FF")]

    pairs: list[Pair] = [
        *mks("MD?", "937B"), *mks("SN?", "1306101234"),
        *mks("U?", "TORR"), *mks("PR2?", "7.60E+2"),
        *mks("U?", "mBAR"), *mks("PR2?", "1.00E-2"),
        *mks("U?", "PASCAL"), *mks("PR2?", "LO<E-04"),
    ]  # fmt: skip
    with conversation(MKS937BGauge, pairs, channel=2) as gauge:
        gauge.open()
        assert gauge.identity == "MKS Instruments,937B,1306101234"
        assert gauge.pressure_pa == pytest.approx(101325)
        assert gauge.pressure_pa == pytest.approx(1.0)
        with pytest.raises(DeviceError, match=r"`@253PR2\?` is answered 'LO<E-04'"):
            _ = gauge.pressure_pa


@ONE_PAIR_IS_ONE_MESSAGE
@pytest.mark.parametrize(
    ("role", "pairs"),
    [
        (SmartlineV1Gauge, [(smartline("001T"), smartline("001TABC123"))]),
        (SmartlineGauge, [(smartline("0010TD00"), smartline("0011TD06ABC123"))]),
        (MKS937BGauge, [("@253MD?", "@253ACK946"), (None, b"FF")]),
    ],
)
def test_another_instrument_at_a_gauges_line_is_named(role: type[Any], pairs: list[Pair]) -> None:
    with (
        conversation(role, pairs) as gauge,
        pytest.raises(DeviceError, match=rf"gauge at {PLACE}: expected"),
    ):
        gauge.open()


def test_gauge_channels_that_do_not_exist_are_refused() -> None:
    with pytest.raises(RigError):
        MKS937BGauge(PLACE, channel=7)
