"""Microwave generators: each role's conversation with its instrument, literally."""

import threading
import time
from typing import Any

import pytest
from pymeasure.adapters import ProtocolAdapter

from drivers.keysight.e8257d import E8257DMicrowave
from drivers.rohde_schwarz.sgs100a import SGS100AMicrowave
from drivers.rohde_schwarz.smb100a import SMB100AMicrowave
from drivers.session import Session
from drivers.srs.sg384 import SG384Microwave
from labctl.errors import DeviceError, LimitError, RigError
from labctl.hal import Limits, MicrowaveSource
from tests.wire.conversation import PLACE, Pair, SilentAdapter, conversation

NO_ERROR: Pair = ("SYST:ERR?", '0,"No error"')
SRS_FINE: Pair = ("LERR?", "0")


def opening(identity: str, *more: Pair) -> list[Pair]:
    return [("*IDN?", identity), ("*CLS", None), *more]


SG384_OPENS = opening(
    "Stanford Research Systems,SG384,s/n001013,ver1.21.26",
    ("ENBR0", None), SRS_FINE, ("ENBR?", "0"),
)  # fmt: skip
SMB100A_IDENTITY = "Rohde&Schwarz,SMB100A,1406.6000k03/101234,3.1.19.15"
SMB100A_OPENS = opening(
    SMB100A_IDENTITY,
    (":OUTP 0", None), NO_ERROR, (":OUTP?", "0"),
    (":SOUR:FREQ:MODE CW", None), NO_ERROR, (":SOUR:FREQ:MODE?", "CW"),
)  # fmt: skip
SGS100A_OPENS = opening(
    "Rohde&Schwarz,SGS100A,1416.0505k02/100123,3.1.19.1",
    (":OUTP 0", None), NO_ERROR, (":OUTP?", "0"),
)  # fmt: skip
N5183B_OPENS = opening(
    "Agilent Technologies,N5183B,MY53271234,B.01.86",
    (":OUTP 0", None), ("SYST:ERR?", '+0,"No error"'), (":OUTP?", "0"),
)  # fmt: skip

ROLES: list[tuple[type[Any], list[Pair], list[Pair]]] = [
    (
        SG384Microwave,
        SG384_OPENS,
        [
            ("OPTN? 2", "0"), ("FREQ2870000000.000000", None), SRS_FINE,
            ("FREQ?", "2870000000.000000"),
            ("AMPR-12.50", None), SRS_FINE, ("AMPR?", "-12.50"),
            ("ENBR1", None), SRS_FINE, ("ENBR?", "1"),
            ("FREQ?", "2870000000.000000"), ("AMPR?", "-12.50"), ("ENBR?", "1"),
        ],
    ),
    (
        SGS100AMicrowave,
        SGS100A_OPENS,
        [
            (":SOUR:FREQ 2870000000.000", None), NO_ERROR, (":SOUR:FREQ?", "2870000000"),
            (":SOUR:POW -12.50", None), NO_ERROR, (":SOUR:POW?", "-12.5"),
            (":OUTP 1", None), NO_ERROR, (":OUTP?", "1"),
            (":SOUR:FREQ?", "2870000000"), (":SOUR:POW?", "-12.5"), (":OUTP?", "1"),
        ],
    ),
    (
        SMB100AMicrowave,
        SMB100A_OPENS,
        [
            (":SOUR:FREQ 2870000000.000", None), NO_ERROR, (":SOUR:FREQ?", "2870000000"),
            (":SOUR:POW -12.50", None), NO_ERROR, (":SOUR:POW?", "-12.5"),
            (":OUTP 1", None), NO_ERROR, (":OUTP?", "1"),
            (":SOUR:FREQ?", "2870000000"), (":SOUR:POW?", "-12.5"), (":OUTP?", "1"),
        ],
    ),
    (
        E8257DMicrowave,
        N5183B_OPENS,
        [
            (":FREQ 2870000000.000 Hz", None), NO_ERROR, (":FREQ?", "+2.8700000000000E+09"),
            (":POW -12.50 dBm", None), NO_ERROR, (":POW?", "-1.25000000E+01"),
            (":OUTP 1", None), NO_ERROR, (":OUTP?", "1"),
            (":FREQ?", "+2.8700000000000E+09"), (":POW?", "-1.25000000E+01"), (":OUTP?", "1"),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("role", "opens", "sets"), ROLES)
def test_a_generator_is_opened_off_set_and_read_back(
    role: type[Any], opens: list[Pair], sets: list[Pair]
) -> None:
    with conversation(role, opens + sets) as source:
        source.open()
        source.open()  # an open one stays so
        source.frequency_hz = 2.87e9
        source.power_dbm = -12.5
        source.output = True
        told = source.settings()
        assert {name: item.readback for name, item in told.items()} == {
            "frequency_hz": 2.87e9,
            "power_dbm": -12.5,
            "output": True,
        }
        assert all(item.setpoint == item.readback for item in told.values())
        assert source.identity == opens[0][1]
        source.close()
        source.close()


@pytest.mark.parametrize("role", [row[0] for row in ROLES])
def test_constructing_says_nothing_and_plays_the_role(role: type[Any]) -> None:
    with conversation(role, []) as source:
        assert source.limits["frequency_hz"].unit == "Hz"
        for call in (source.settings, lambda: source.frequency_hz, lambda: source.identity):
            with pytest.raises(DeviceError, match=f"microwave at {PLACE} is not open"):
                call()
    for name in ("frequency_hz", "power_dbm", "output", "open", "close", "settings"):
        assert hasattr(role, name)


@pytest.mark.parametrize(("role", "opens", "_"), ROLES)
def test_values_beyond_the_limits_are_never_sent(
    role: type[Any], opens: list[Pair], _: list[Pair]
) -> None:
    with conversation(role, opens) as source:
        source.open()
        with pytest.raises(LimitError, match="frequency_hz"):
            source.frequency_hz = 50e9
        with pytest.raises(LimitError, match="power_dbm"):
            source.power_dbm = 31.0


def test_another_model_at_the_address_is_named() -> None:
    with (
        conversation(SG384Microwave, [("*IDN?", "HEWLETT-PACKARD,34401A,0,11-5-2")]) as source,
        pytest.raises(
            DeviceError,
            match=rf"microwave at {PLACE}: expected SG384 or .* `\*IDN\?` .*34401A.*address",
        ),
    ):
        source.open()


def test_after_the_wrong_model_the_right_one_can_be_opened() -> None:
    pairs = [("*IDN?", "HEWLETT-PACKARD,34401A,0,11-5-2"), *SGS100A_OPENS]
    with conversation(SGS100AMicrowave, pairs) as source:
        with pytest.raises(DeviceError):
            source.open()
        source.open()


def test_an_entry_in_the_error_queue_after_a_set_is_an_error() -> None:
    pairs: list[Pair] = [
        *SGS100A_OPENS,
        (":SOUR:POW 12.00", None),
        ("SYST:ERR?", '-222,"Data out of range; :SOUR:POW 12.00"'),
        ("SYST:ERR?", '-113,"Undefined header"'),
        NO_ERROR,
    ]
    with conversation(SGS100AMicrowave, pairs) as source:
        source.open()
        words = rf"microwave at {PLACE}: `:SOUR:POW 12.00` .*-222,.*out of range.*; -113,"
        with pytest.raises(DeviceError, match=words):
            source.power_dbm = 12.0


def test_an_error_queue_that_never_ends_does_not_hold_us_up() -> None:
    flood: list[Pair] = [("SYST:ERR?", '-350,"Queue overflow"')] * 32
    pairs: list[Pair] = [*SGS100A_OPENS, (":OUTP 1", None), *flood]
    with conversation(SGS100AMicrowave, pairs) as source:
        source.open()
        with pytest.raises(DeviceError, match="-350"):
            source.output = True


def test_the_srs_error_queue_is_read_in_its_own_dialect() -> None:
    pairs: list[Pair] = [
        *SG384_OPENS, ("OPTN? 2", "0"), ("FREQ5000000000.000000", None), ("LERR?", "11"), SRS_FINE,
    ]  # fmt: skip
    with conversation(SG384Microwave, pairs) as source:
        source.open()
        with pytest.raises(DeviceError, match=r"`FREQ5000000000.000000` .* error 11,"):
            source.frequency_hz = 5e9


def test_a_locked_front_panel_is_told_by_code_or_by_what_reads_back() -> None:
    protected: list[Pair] = [
        *SGS100A_OPENS, (":OUTP 1", None), ("SYST:ERR?", '-203,"Command protected"'), NO_ERROR,
    ]  # fmt: skip
    with conversation(SGS100AMicrowave, protected) as source:
        source.open()
        with pytest.raises(DeviceError, match=r"`:OUTP 1`.*-203.*Unlock its front panel"):
            source.output = True
    deaf: list[Pair] = [
        *SGS100A_OPENS,
        (":SOUR:FREQ 2870000000.000", None), NO_ERROR, (":SOUR:FREQ?", "1000000000"),
    ]  # fmt: skip
    with conversation(SGS100AMicrowave, deaf) as source:
        source.open()
        words = r"`:SOUR:FREQ 2870000000.000` `frequency` reads back 1000000000.0 .*front panel"
        with pytest.raises(DeviceError, match=words):
            source.frequency_hz = 2.87e9


def test_an_instrument_that_does_not_answer_in_time_is_named() -> None:
    adapter = SilentAdapter([*SGS100A_OPENS, (":SOUR:FREQ?", None), (":SOUR:POW?", "-3")])
    source = SGS100AMicrowave(Session(PLACE, adapter=adapter, timeout_s=2.5))
    source.open()
    with pytest.raises(DeviceError, match=rf"{PLACE} after `:SOUR:FREQ\?`: no answer within 2.5 s"):
        _ = source.frequency_hz
    assert not adapter.connection.clear.called
    # The late answer must not be taken for that of the next question.
    assert source.power_dbm == -3.0
    assert adapter.connection.clear.called


def test_nonsense_instead_of_a_number_is_an_error() -> None:
    pairs: list[Pair] = [*SGS100A_OPENS, (":SOUR:FREQ?", "hello")]
    with conversation(SGS100AMicrowave, pairs) as source:
        source.open()
        with pytest.raises(DeviceError, match=r"after `:SOUR:FREQ\?`.*hello"):
            _ = source.frequency_hz


def test_an_address_that_nobody_answers_is_an_error() -> None:
    source = SG384Microwave("TCPIP::127.0.0.1::1::SOCKET", visa_library="sim")
    with pytest.raises(DeviceError, match=r"microwave at TCPIP::127.0.0.1::1::SOCKET"):
        source.open()
    source.close()


def test_a_rig_file_narrows_the_limits() -> None:
    source = SG384Microwave(PLACE)
    source.limits.narrow({"frequency_hz": Limits(1e9, 4e9, "Hz")})
    with pytest.raises(RigError, match="exceed"):
        source.limits.narrow({"power_dbm": Limits(-110.0, 20.0, "dBm")})


def test_one_lock_keeps_conversations_apart() -> None:
    """Two threads that set the frequency never mix: a set, its error check and its read-back."""
    said: list[str] = []

    class Recorder(ProtocolAdapter):
        def _write(self, command: str, **kwargs: Any) -> None:
            said.append(command)
            time.sleep(1e-4)  # lets the other thread in, if it can get in
            self._last = command

        def _read(self, **kwargs: Any) -> str:
            if self._last == "*IDN?":
                return "Rohde&Schwarz,SGS100A,1,1"
            if self._last == "SYST:ERR?":
                return '0,"No error"'
            if self._last == ":OUTP?":
                return "0"
            return next(c for c in reversed(said) if " " in c).split()[-1]

    source: MicrowaveSource = SGS100AMicrowave(Session(PLACE, adapter=Recorder([])))
    source.open()
    del said[:]

    def work(frequency_hz: float) -> None:
        for _ in range(50):
            source.frequency_hz = frequency_hz

    threads = [threading.Thread(target=work, args=(f,)) for f in (2.7e9, 2.8e9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 300
    for n in range(0, 300, 3):
        assert said[n].startswith(":SOUR:FREQ ")
        assert said[n + 1 : n + 3] == ["SYST:ERR?", ":SOUR:FREQ?"]
