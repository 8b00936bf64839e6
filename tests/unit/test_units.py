"""Text to SI and back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.errors import BadInputError, UnitError
from labctl.units import format_measurement, format_quantity, parse_quantity, prefix_exponent


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("2.87 GHz", "Hz", 2.87e9),
        ("2.87GHz", "Hz", 2.87e9),
        ("  2870 MHz ", "Hz", 2.87e9),
        ("2.87e9", "Hz", 2.87e9),
        ("0.067 GHz", "Hz", 67e6),
        ("10 ms", "s", 0.01),
        ("3 ns", "s", 3e-9),
        ("7 us", "s", 7e-6),
        ("7 µs", "s", 7e-6),
        ("2 min", "s", 120.0),
        ("17 G", "T", 17e-4),
        ("17 gauss", "T", 17e-4),
        ("1.5 mT", "T", 1.5e-3),
        ("1 mbar", "Pa", 100.0),
        ("760 Torr", "Pa", 101325.0),
        ("180 deg", "rad", math.pi),
        ("-10 dBm", "dBm", -10.0),
        ("-.5", "A", -0.5),
        ("+3 A/min", "A/s", pytest.approx(0.05)),
        ("5", "", 5.0),
    ],
)
def test_text_becomes_the_nearest_double(text: str, unit: str, value: float) -> None:
    assert parse_quantity(text, unit) == value


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("nan", "Hz"),
        ("inf", "Hz"),
        ("", "Hz"),
        ("GHz", "Hz"),
        ("1,5 GHz", "Hz"),
        ("1_000", "Hz"),
        ("10 s", "Hz"),
        ("17 G", "Hz"),
        ("5 Hz", ""),
        ("3 kdBm", "dBm"),
        ("1e999999999999999999999", "Hz"),
    ],
)
def test_what_is_no_such_quantity_is_refused_in_one_line(text: str, unit: str) -> None:
    with pytest.raises(UnitError) as caught:
        parse_quantity(text, unit)
    assert isinstance(caught.value, BadInputError)
    assert "\n" not in str(caught.value)
    assert repr(text) in str(caught.value)


def test_gauss_is_never_giga() -> None:
    assert parse_quantity("1 G", "T") == 1e-4
    with pytest.raises(UnitError):
        parse_quantity("1 G", "Hz")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2.87e9, "Hz", "2.87 GHz"),
        (1e9, "Hz", "1 GHz"),
        (0.01, "s", "10 ms"),
        (1e-3, "s", "1 ms"),
        (5e-13, "s", "0.5 ps"),
        (0.0, "Hz", "0 Hz"),
        (-2.5e-3, "A", "-2.5 mA"),
        (-10.0, "dBm", "-10 dBm"),
        (42.0, "", "42"),
        (1.9e6, "counts/s", "1.9 Mcounts/s"),
        (math.nan, "Hz", "nan Hz"),
    ],
)
def test_value_becomes_text_with_its_prefix(value: float, unit: str, text: str) -> None:
    assert format_quantity(value, unit) == text


@given(st.floats(1e-12, 1e12), st.sampled_from(["Hz", "s", "A", "V", "W", "T", "Pa", "rad", "m"]))
def test_text_and_back_is_the_same_value(value: float, unit: str) -> None:
    assert parse_quantity(format_quantity(value, unit, digits=17), unit) == pytest.approx(
        value, rel=1e-14
    )


@pytest.mark.parametrize(
    ("value", "error", "unit", "text"),
    [
        (2749.4123e6, 13e3, "Hz", "2749.412 ± 0.013 MHz"),
        (2.87e9, 2e8, "Hz", "2.87 ± 0.20 GHz"),
        (12.34, 0.45, "", "12.34 ± 0.45"),
        (-95.8e3, 6.5e3, "counts/s", "-95.8 ± 6.5 kcounts/s"),
        (0.0, 1e3, "Hz", "0.0 ± 1.0 kHz"),
        (123456.0, 350.0, "", "123460 ± 350"),
        (10199.0, 2053.0, "1/s", "10200 ± 2100 1/s"),
        (5.0, math.nan, "Hz", "5 Hz (no error)"),
        (5.0, 0.0, "", "5 (no error)"),
    ],
)
def test_measurement_shows_two_digits_of_its_error(
    value: float, error: float, unit: str, text: str
) -> None:
    assert format_measurement(value, error, unit) == text


def test_prefix_suits_the_larger_of_value_and_error() -> None:
    assert prefix_exponent(0.0, 0.0, "Hz") == 0
    assert prefix_exponent(1.0, 5e6, "Hz") == 6
    assert prefix_exponent(5e6, 1e5, "dBm") == 0
    assert prefix_exponent(math.nan, math.nan, "Hz") == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 870 MHz", 2.87e9),
        ("2\u202f870 MHz", 2.87e9),
        ("2\u00a0870\u00a0MHz", 2.87e9),
        ("2'870 MHz", 2.87e9),
        ("2 870 000 000", 2.87e9),
        ("1 234.5 kHz", 1.2345e6),
        ("\N{MINUS SIGN}5 kHz", -5e3),
    ],
)
def test_thousands_may_stand_apart(text: str, value: float) -> None:
    assert parse_quantity(text, "Hz") == value


@pytest.mark.parametrize(
    ("text", "unit", "words"),
    [
        ("2,87 GHz", "Hz", "write it with a point: '2.87 GHz'"),
        ("0,5", "s", "write it with a point: '0.5'"),
        ("2,870 MHz", "Hz", "write '2.870 MHz' or '2870 MHz': a comma can mean either"),
        ("1,234,567 Hz", "Hz", "write it without commas: '1234567 Hz'"),
        ("1.000,5 s", "s", "write it like '2.5 s', without commas"),
        ("2.87 ghz", "Hz", "unknown unit 'ghz' here; GHz?"),
        ("2.87 G", "Hz", "unknown unit 'G' here; GHz?"),
        ("5 mhz", "Hz", "mHz or MHz?"),
        ("5 dbm", "dBm", "dBm?"),
        ("10 msec", "s", "ms?"),
        ("3 parsec", "s", "known are s, min, h"),
        ("5 GHz", "", "write the number alone"),
        ("1 2870 MHz", "Hz", "write it like '2.5 Hz'"),
        ("5e3 100 Hz", "Hz", "write it like '2.5 Hz'"),
    ],
)
def test_what_to_write_instead_is_said(text: str, unit: str, words: str) -> None:
    with pytest.raises(UnitError) as caught:
        parse_quantity(text, unit)
    assert words in str(caught.value)
