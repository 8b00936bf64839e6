"""Quantities at the edges of the program: "2.87 GHz" to 2.87e9 and back.

Inside labctl everything is SI and carries its unit in its name; this module is where text
meets numbers. The expected unit is always known, so "17 G" is 17 gauss where a field is asked
for and never 17 giga-something.
"""

import math
import re
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


def _factors(unit: str) -> dict[str, float]:
    factors = {unit: 1.0, **_ALIASES.get(unit, {})}
    if unit in PREFIXED:
        factors |= {prefix + unit: factor for prefix, factor in _PREFIXES.items()}
    return factors


def parse_quantity(text: str, unit: str) -> float:
    """Read `text` as a number in `unit` (an SI unit, "dBm", or "" for a pure number).

    A bare number is taken to be in `unit` already. Prefixes p n u m k M G are understood, and
    the field's habits: gauss, mbar, Torr, degrees, minutes.

    Raises:
        UnitError: the text is not a number, or its unit does not measure the same thing.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        example = f"2.5 {unit}" if unit else "2.5"
        raise UnitError(f"Cannot read {text!r} as a quantity; write it like {example!r}.")
    number, suffix = match.groups()
    factor = _factors(unit).get(suffix) if suffix else 1.0
    if factor is None:
        wanted = f"a quantity in {unit}" if unit else "a pure number"
        raise UnitError(f"Cannot read {text!r} as {wanted}: unknown unit {suffix!r} here.")
    # In decimal, "3 ns" is the double nearest to 3e-9 and "0.067 GHz" is 67 MHz exactly.
    try:
        value = float(Decimal(number) * Decimal(repr(factor)))
    except ArithmeticError:
        value = math.inf
    if math.isinf(value):
        raise UnitError(f"Cannot read {text!r}: the number is out of every range.")
    return value


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
