"""Quantities at the edges of the program: "2.87 GHz" to 2.87e9 and back.

Inside labctl everything is SI and carries its unit in its name; this module is where text
meets numbers. The expected unit is always known, so "17 G" is 17 gauss where a field is asked
for and never 17 giga-something.
"""

import difflib
import math
import re
from collections.abc import Mapping
from decimal import Decimal

from labctl.errors import UnitError

_PREFIXES = {
    "p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "": 1.0,
    "k": 1e3, "M": 1e6, "G": 1e9,
}  # fmt: skip
_PREFIX_OF = {-12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}

PREFIXED = {"Hz", "s", "A", "V", "W", "T", "Pa", "rad", "m", "K", "Hz/T", "T/A", "A/s", "counts/s"}
"""Units that are written with SI prefixes."""
# What else the lab writes for the same dimension.
_ALIASES = {
    "s": {"min": 60.0, "h": 3600.0},
    "T": {"G": 1e-4, "mG": 1e-7, "gauss": 1e-4},
    "Pa": {"mbar": 100.0, "bar": 1e5, "Torr": 101325 / 760},
    "rad": {"deg": math.pi / 180, "°": math.pi / 180},
    "A/s": {"A/min": 1 / 60},
    "1/s": {"Hz": 1.0, "kHz": 1e3},
}
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")
# Thousands set apart as ISO 80000-1 does, with any kind of space, or as the Swiss do.
_GROUPED = re.compile(r"\s*[-+]?\d{1,3}(?:[ \u00a0\u2009\u202f'\u2019]\d{3})+(?!\d)")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?![\d,])")


def _factors(unit: str) -> dict[str, float]:
    factors = {unit: 1.0, **_ALIASES.get(unit, {})}
    if unit in PREFIXED:
        factors |= {prefix + unit: factor for prefix, factor in _PREFIXES.items()}
    return factors


def parse_quantity(text: str, unit: str) -> float:
    """Read `text` as a number in `unit` (an SI unit, "dBm", or "" for a pure number).

    A bare number is taken to be in `unit` already. Prefixes p n u m k M G are understood, and
    the field's habits: gauss, mbar, Torr, degrees, minutes. Thousands may stand apart, as in
    "2 870 MHz"; a comma is refused, because it means a point to some and nothing to others.

    Raises:
        UnitError: the text is not a number, or its unit does not measure the same thing; the
            message says what to write instead.
    """
    match = _number(_ungrouped(text.replace("\N{MINUS SIGN}", "-")))
    if match is None:
        raise UnitError(f"Cannot read {text!r} as a quantity; {_instead(text, unit)}.")
    number, suffix = match.groups()
    factors = _factors(unit)
    factor = factors.get(suffix) if suffix else 1.0
    if factor is None:
        wanted = f"a quantity in {unit}" if unit else "a pure number"
        raise UnitError(
            f"Cannot read {text!r} as {wanted}: unknown unit {suffix!r} here"
            f"{_nearest_unit(suffix, unit, factors)}"
        )
    # In decimal, "3 ns" is the double nearest to 3e-9 and "0.067 GHz" is 67 MHz exactly.
    try:
        value = float(Decimal(number) * Decimal(repr(factor)))
    except ArithmeticError:
        value = math.inf
    if math.isinf(value):
        raise UnitError(f"Cannot read {text!r}: the number is out of every range.")
    return value


def _number(text: str) -> re.Match[str] | None:
    """Number and unit of a text; None where it goes on like a number behind its end."""
    match = _NUMBER.fullmatch(text)
    return None if match is None or match[2][:1] in set("0123456789.,") else match


def _ungrouped(text: str) -> str:
    head = _GROUPED.match(text)
    if head is None:
        return text
    return re.sub(r"(?<=\d)\D(?=\d)", "", head[0]) + text[head.end() :]


def _instead(text: str, unit: str) -> str:
    """What to write in place of a text that is no quantity."""
    text = text.strip()
    point, without = text.replace(",", "."), text.replace(",", "")
    thousands = _THOUSANDS.match(text) is not None
    if "," in text and "." not in text and _number(without) is not None:
        if text.count(",") == 1:
            both = f"{point!r} or {without!r}: a comma can mean either"
            return f"write {both}" if thousands else f"write it with a point: {point!r}"
        if thousands:
            return f"write it without commas: {without!r}"
    return f"write it like {f'2.5 {unit}'.strip()!r}" + (", without commas" if "," in text else "")


def _nearest_unit(suffix: str, unit: str, factors: Mapping[str, float]) -> str:
    """What may have been meant by an unknown unit, as the end of a sentence."""
    if not unit:
        return "; write the number alone."
    same = [name for name in factors if name.casefold() == suffix.casefold()]
    prefix_alone = [suffix + unit] if suffix + unit in factors else []
    near = same or prefix_alone or difflib.get_close_matches(suffix, factors, n=1)
    if near:
        return f"; {' or '.join(near)}?"
    return f"; known are {', '.join(name for name in factors if name[0] not in 'µμ')}."


def format_quantity(value: float, unit: str, *, digits: int = 6) -> str:
    """Write `value` (in `unit`) with the SI prefix that leaves 1 to 3 digits before the point."""
    if unit not in PREFIXED or value == 0 or not math.isfinite(value):
        return f"{value:.{digits}g} {unit}".rstrip()
    exponent = min(max(3 * math.floor(math.log10(abs(value)) / 3 + 1e-12), -12), 9)
    return f"{value / 10.0**exponent:.{digits}g} {_PREFIX_OF[exponent]}{unit}"


def format_measurement(value: float, error: float, unit: str) -> str:
    """Write `value` with its standard error to two digits, "2749.412 ± 0.013 MHz"."""
    exponent = prefix_exponent(value, error, unit)
    scaled, scaled_error = value / 10.0**exponent, error / 10.0**exponent
    shown_unit = prefixed_unit(exponent, unit)
    if not (math.isfinite(value) and math.isfinite(error) and error > 0):
        return f"{scaled:.6g} {shown_unit}".rstrip() + " (no error)"
    decimals = 1 - math.floor(math.log10(scaled_error))
    if decimals > 9:
        return f"{scaled:.9g} ± {scaled_error:.1e} {shown_unit}".rstrip()
    if decimals < 0:
        scaled, scaled_error, decimals = round(scaled, decimals), round(scaled_error, decimals), 0
    return f"{scaled:.{decimals}f} ± {scaled_error:.{decimals}f} {shown_unit}".rstrip()


def prefixed_unit(exponent: int, unit: str) -> str:
    """The unit with the prefix of a power of ten: (6, "Hz") is "MHz"."""
    return _PREFIX_OF[exponent] + unit


def prefix_exponent(value: float, error: float, unit: str) -> int:
    """Power of ten of the prefix that suits a value and its error; 0 where there is none."""
    sizes = [abs(v) for v in (value, error) if math.isfinite(v) and v != 0]
    if unit not in PREFIXED or not sizes:
        return 0
    exponent = min(max(3 * math.floor(math.log10(max(sizes)) / 3 + 1e-12), -12), 9)
    # A prefix lower reads better than an error that begins in the fourth decimal.
    small_error = math.isfinite(error) and error > 0 and error < 10.0 ** (exponent - 2)
    return exponent - 3 if small_error and exponent > -12 else exponent
