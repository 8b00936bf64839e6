"""Kinds of parameters: how a value is written to an instrument, and how it answers with it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sim_backends.wire.scpi_error import SCPIError
from sim_backends.wire.syntax import is_keyword, scale_of, short_form, split_suffix

LEVEL_OHM = 50.0
_DBM: dict[str, Callable[[float], float]] = {
    "W": lambda watts: dbm_of_volts(math.sqrt(watts * LEVEL_OHM), LEVEL_OHM),
    "V": lambda volts: dbm_of_volts(volts, LEVEL_OHM),
    "RMS": lambda volts: dbm_of_volts(volts, LEVEL_OHM),
    "VPP": lambda volts: dbm_of_volts(volts / math.sqrt(8), LEVEL_OHM),
    "DBUV": lambda level: dbm_of_volts(1e-6 * 10 ** (level / 20), LEVEL_OHM),
}
"""Effective volts (V and RMS), volts from peak to peak of a sine, and dB above 1 uV, in dBm."""
MINIMUM, MAXIMUM, DEFAULT = "MINimum", "MAXimum", "DEFault"


def dbm_of_volts(volts: float, load_ohm: float) -> float:
    """Level of effective volts across a load."""
    return 10 * math.log10(volts**2 / load_ohm / 1e-3)


def volts_of_dbm(dbm: float, load_ohm: float) -> float:
    """Effective volts across a load."""
    return math.sqrt(1e-3 * 10 ** (dbm / 10) * load_ohm)


class Parameter(Protocol):
    """One kind of value on the wire."""

    @property
    def default(self) -> Any:
        """Value after *RST."""
        ...

    def parse(self, text: str) -> Any:
        """Read a value. Raises SCPIError."""
        ...

    def show(self, value: Any) -> str:
        """Answer with a value."""
        ...


@dataclass(frozen=True)
class Number:
    """A decimal number in `unit`, refused outside [low, high]; MIN, MAX and DEF stand for values.

    Attributes:
        aliases: further units of the same size ("VPP" for "V").
        format: of the answer, as `format` takes it; empty gives what Python's `repr` shows.
    """

    unit: str = ""
    low: float = -9.9e37
    high: float = 9.9e37
    default: float = 0.0
    aliases: tuple[str, ...] = ()
    format: str = ""
    integer: bool = False

    def parse(self, text: str) -> float:
        found = split_suffix(text)
        if found is None:
            return self.named(text)
        value, suffix = found
        if suffix not in self.aliases:
            value *= scale_of(suffix, self.unit)
        if self.integer:
            value = round(value)
        if not self.low <= value <= self.high:
            raise SCPIError(-222, f"{text.strip()[:40]} not in {self.low:g}..{self.high:g}")
        return value

    def named(self, text: str) -> float:
        """The value that MIN, MAX or DEF stands for. Raises SCPIError: another word."""
        for word, value in ((MINIMUM, self.low), (MAXIMUM, self.high), (DEFAULT, self.default)):
            if is_keyword(text, word):
                return round(value) if self.integer else value
        raise SCPIError(-104, text.strip()[:40])

    def show(self, value: Any) -> str:
        if self.format:
            return format(value, self.format)
        return str(round(value)) if self.integer else repr(float(value))


@dataclass(frozen=True)
class PowerLevel(Number):
    """A level in dBm; further suffixes stand for the same power into 50 ohm.

    Attributes:
        suffixes: which of `_DBM` are understood beside DBM; multipliers may stand before them.
    """

    suffixes: tuple[str, ...] = ()

    def parse(self, text: str) -> float:
        found = split_suffix(text)
        suffix = found[1] if found is not None else ""
        unit = next((u for u in self.suffixes if suffix.endswith(u) and suffix != "DBM"), "")
        if found is None or not unit:
            return super().parse(text)
        value = found[0] if unit.startswith("DB") else found[0] * scale_of(suffix, unit)
        if not unit.startswith("DB") and value <= 0:
            raise SCPIError(-222, f"{text.strip()[:40]} has no level")
        return super().parse(repr(_DBM[unit](value)))


@dataclass(frozen=True)
class Boolean:
    """ON or OFF or a number, which is ON unless it rounds to 0; answered as 1 or 0."""

    default: bool = False

    def parse(self, text: str) -> bool:
        word = text.strip().upper()
        if word in ("ON", "OFF"):
            return word == "ON"
        found = split_suffix(text)
        if found is None or found[1]:
            raise SCPIError(-224, text.strip()[:40])
        return round(found[0]) != 0

    def show(self, value: Any) -> str:
        return "1" if value else "0"


@dataclass(frozen=True)
class Choice:
    """One of some words in short or long form; answered in the short form."""

    words: tuple[str, ...]

    @property
    def default(self) -> str:
        return short_form(self.words[0])

    def parse(self, text: str) -> str:
        for word in self.words:
            if is_keyword(text, word):
                return short_form(word)
        raise SCPIError(-224, text.strip()[:40])

    def show(self, value: Any) -> str:
        return str(value)


@dataclass(frozen=True)
class Text:
    """A string, quoted or not; answered as it was given."""

    default: str = ""
    longest: int = 4096

    def parse(self, text: str) -> str:
        return text.strip()[: self.longest]

    def show(self, value: Any) -> str:
        return str(value)


@dataclass(frozen=True)
class Numbers:
    """A list of numbers of one kind."""

    kind: Number
    longest: int = 100_000
    default: tuple[float, ...] = ()

    def parse_all(self, texts: Sequence[str]) -> list[float]:
        """Read them all. Raises SCPIError."""
        if len(texts) > self.longest:
            raise SCPIError(-222, f"at most {self.longest} values")
        return [self.kind.parse(text) for text in texts]

    def parse(self, text: str) -> list[float]:
        return [self.kind.parse(text)]

    def show(self, value: Any) -> str:
        return ",".join(self.kind.show(one) for one in value)
