"""The parser of program messages: what IEEE 488.2 and SCPI 1999 say about spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_backends.wire.framing import Framer
from sim_backends.wire.parameters import Boolean, Choice, Number
from sim_backends.wire.scpi_error import SCPIError
from sim_backends.wire.syntax import (
    channel_list,
    header_pattern,
    short_form,
    split_parameters,
    split_units,
)

FREQUENCY = Number("HZ", 1e3, 6e9, 1e9)


@pytest.mark.parametrize(
    ("header", "accepted", "refused"),
    [
        (
            "[SOURce<ch>:]FREQuency[:CW|:FIXed]",
            ["FREQ", "freq", "FREQUENCY:CW", "SOUR:FREQ:FIX", "SOURce2:FREQuency:FIXed"],
            ["FREQU", "FRE", "SOURC:FREQ", "FREQ:CW:FIX", "CW", "SOUR"],
        ),
        (
            "[SOURce<ch>:]VOLTage[:LEVel][:IMMediate][:AMPLitude]",
            ["VOLT", "VOLT:AMPL", "VOLT:LEV:IMM:AMPL", "SOUR1:VOLT:IMM"],
            ["VOLT:AMPL:LEV", "VOLT:OFFS"],
        ),
        ("OUTPut<ch>[:STATe]", ["OUTP", "OUTP2", "OUTPUT1:STATE"], ["OUTPUT1:STAT:STAT", "OUT"]),
    ],
)
def test_headers_have_two_forms_and_optional_nodes(
    header: str, accepted: list[str], refused: list[str]
) -> None:
    pattern = header_pattern(header)
    assert [text for text in accepted if pattern.fullmatch(text + ":") is None] == []
    assert [text for text in refused if pattern.fullmatch(text + ":")] == []


def test_a_short_form_keeps_its_number() -> None:
    assert [short_form(word) for word in ("FREQuency", "OUTPut1", "DC")] == ["FREQ", "OUTP1", "DC"]


@pytest.mark.parametrize(
    ("text", "hertz"),
    [
        ("2.87 GHZ", 2.87e9), ("2.87ghz", 2.87e9), ("2870 MHZ", 2.87e9), ("2870 mAhZ", 2.87e9),
        ("+2.87E+09", 2.87e9), ("2.87 E9", 2.87e9), (".5e9 Hz", 5e8), ("10 KHZ", 1e4),
        ("MIN", 1e3), ("maximum", 6e9), ("DEF", 1e9),
    ],
)  # fmt: skip
def test_numbers_may_carry_a_suffix(text: str, hertz: float) -> None:
    assert FREQUENCY.parse(text) == pytest.approx(hertz)


@pytest.mark.parametrize(
    ("text", "code"),
    [("7e9", -222), ("-1", -222), ("2 V", -131), ("abc", -104), ("1e999", -104), ("nan", -104),
     ("1 XHZ", -131), ("0x10", -104)],
)  # fmt: skip
def test_what_is_no_frequency_has_its_error(text: str, code: int) -> None:
    with pytest.raises(SCPIError) as caught:
        FREQUENCY.parse(text)
    assert caught.value.number == code


def test_milli_is_milli_except_for_hertz_and_ohm() -> None:
    assert Number("V").parse("5 MV") == pytest.approx(5e-3)
    assert Number("S").parse("5 MS") == pytest.approx(5e-3)
    assert Number("OHM").parse("1 MOHM") == pytest.approx(1e6)


@pytest.mark.parametrize(
    ("text", "value"), [("ON", True), ("off", False), ("1", True), ("0.4", False), ("-3", True)]
)
def test_booleans_are_words_or_numbers(text: str, value: bool) -> None:
    assert Boolean().parse(text) is value
    assert Boolean().show(value) == str(int(value))


def test_a_choice_answers_in_its_short_form() -> None:
    kind = Choice(("SINusoid", "SQUare"))
    assert kind.parse("sinusoid") == kind.parse("SIN") == "SIN"
    with pytest.raises(SCPIError):
        kind.parse("SINU")


def test_separators_in_quotes_and_brackets_do_not_separate() -> None:
    assert split_units("DISP 'a;b';FREQ 1;;") == ["DISP 'a;b'", "FREQ 1"]
    assert split_parameters('5, (@1,2), "x,y"') == ["5", "(@1,2)", '"x,y"']
    assert channel_list("(@1,3:4)") == [1, 3, 4]
    assert channel_list("1") is None
    with pytest.raises(SCPIError):
        channel_list("(@1,")


@given(
    messages=st.lists(st.binary(min_size=1, max_size=30).filter(lambda m: m.strip(b"\r\n"))),
    cuts=st.lists(st.integers(1, 7), min_size=1),
)
def test_messages_arrive_whole_however_the_stream_is_cut(
    messages: list[bytes], cuts: list[int]
) -> None:
    wanted = [m.replace(b"\n", b" ").strip(b"\r") for m in messages]
    wanted = [m for m in wanted if m]
    stream = b"".join(m + b"\r\n" for m in wanted)
    framer, got, n = Framer(b"\n"), [], 0
    while stream:
        size = cuts[n % len(cuts)]
        got += framer.feed(stream[:size])
        stream, n = stream[size:], n + 1
    assert got == wanted


@given(st.integers(1, 60), st.sampled_from([b"\n", b";FF"]))
def test_a_message_that_is_too_long_is_dropped_and_the_next_one_is_not(
    size: int, end: bytes
) -> None:
    framer = Framer(end, longest=100)
    stream = b"x" * 1000 + end + b"*IDN?" + end
    got = [m for n in range(0, len(stream), size) for m in framer.feed(stream[n : n + size])]
    assert got == [b"*IDN?"]
    assert framer.overruns == 1
