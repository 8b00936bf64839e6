"""The grammar of IEEE 488.2 program messages: units, headers, parameters, numbers with suffix."""

import math
import re

from sim_backends.wire.scpi_error import SCPIError

_NODE = re.compile(r"\[([^\[\]]+)\]|([^\[\]:]+)")
_NUMBER = re.compile(
    r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:\s*[eE]\s*[+-]?\d+)?)\s*([A-Za-z%][A-Za-z/%]*\d?)?\s*\Z"
)
_NON_DECIMAL = re.compile(r"\s*#([HQB])(\w*)\s*\Z", re.IGNORECASE | re.ASCII)
_BASES = {"H": 16, "Q": 8, "B": 2}
_CHANNEL_RANGE = re.compile(r"\s*(\d{1,3})(?:\s*:\s*(\d{1,3}))?\s*\Z")
MULTIPLIERS = {
    "": 1.0, "G": 1e9, "MA": 1e6, "K": 1e3, "M": 1e-3, "U": 1e-6, "N": 1e-9, "P": 1e-12,
}  # fmt: skip
MEGA = ("HZ", "OHM")
"""Units where M means mega (SCPI 1999, volume 1, 7.3)."""


def split_units(message: str) -> list[str]:
    """Cut a message at the semicolons that are not inside quotes; empty units are dropped."""
    if ";" not in message:
        return [message] if message.strip() else []
    if '"' not in message and "'" not in message:
        return [unit for unit in message.split(";") if unit.strip()]
    return [unit for unit in _split(message, ";") if unit.strip()]


def split_parameters(text: str) -> list[str]:
    """Cut at the commas outside quotes and brackets."""
    text = text.strip()
    if not text:
        return []
    if "," not in text:
        return [text]
    return [part.strip() for part in _split(text, ",")]


def _split(text: str, separator: str) -> list[str]:
    parts: list[str] = []
    start, depth, quote = 0, 0, ""
    for n, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "(":
            depth += 1
        elif character == ")":
            depth = max(depth - 1, 0)
        elif character == separator and not depth:
            parts.append(text[start:n])
            start = n + 1
    return [*parts, text[start:]]


def short_form(mnemonic: str) -> str:
    """What manuals print in capitals, and a number behind: FREQuency -> FREQ, OUTPut1 -> OUTP1."""
    return "".join(character for character in mnemonic if not character.islower())


def is_keyword(text: str, mnemonic: str) -> bool:
    """Whether `text` is the short or the long form of a mnemonic, in any case."""
    return text.strip().upper() in (short_form(mnemonic), mnemonic.upper())


def header_pattern(header: str) -> re.Pattern[str]:
    """A pattern for a header as manuals write it, ended by a colon: "[SOURce<ch>:]FREQ[:CW]".

    Group `ch`, if the header has one, is the numeric suffix, which may be empty.
    """
    pattern = ""
    for optional, plain in _NODE.findall(header):
        choices = (_mnemonic_pattern(one.strip(":")) for one in (optional or plain).split("|"))
        node = f"(?:{'|'.join(choices)}):"
        pattern += f"(?:{node})?" if optional else node
    return re.compile(pattern, re.IGNORECASE)


def _mnemonic_pattern(node: str) -> str:
    mnemonic, suffix, _ = node.partition("<ch>")
    short, long = short_form(mnemonic), mnemonic.upper()
    form = re.escape(short) + (f"(?:{re.escape(long[len(short) :])})?" if long != short else "")
    return form + (r"(?P<ch>\d{0,3})" if suffix else "")


def split_suffix(text: str) -> tuple[float, str] | None:
    """A number and the unit behind it in capitals; None if it is no number.

    Raises:
        SCPIError: -121, a digit that the base of #H, #Q or #B (IEEE 488.2, 7.7.4) does not have.
    """
    match = _NUMBER.match(text)
    if match is None:
        return _non_decimal(text) if "#" in text else None
    value = float(match[1].replace(" ", ""))
    return (value, (match[2] or "").upper()) if math.isfinite(value) else None


def _non_decimal(text: str) -> tuple[float, str] | None:
    match = _NON_DECIMAL.match(text)
    if match is None:
        return None
    try:
        return float(int(match[2].replace("_", "?"), _BASES[match[1].upper()])), ""
    except (ValueError, OverflowError) as error:
        raise SCPIError(-121, text.strip()[:40]) from error


def scale_of(suffix: str, unit: str) -> float:
    """What a number with `suffix` must be multiplied with to be in `unit`.

    Raises:
        SCPIError: -131, the suffix belongs to another quantity.
    """
    if not suffix or suffix == unit:
        return 1.0
    if unit and suffix.endswith(unit):
        prefix = suffix[: -len(unit)]
        if prefix == "M" and unit in MEGA:
            return 1e6
        if prefix in MULTIPLIERS:
            return MULTIPLIERS[prefix]
    raise SCPIError(-131, suffix)


def channel_list(text: str) -> list[int] | None:
    """Channels of "(@1,3:4)"; None if it is no channel list.

    Raises:
        SCPIError: -102, it begins like one and goes on differently.
    """
    text = text.strip()
    if not text.startswith("(@"):
        return None
    channels: list[int] = []
    for part in text[2:].removesuffix(")").split(","):
        match = _CHANNEL_RANGE.match(part)
        if match is None or not text.endswith(")"):
            raise SCPIError(-102, text[:40])
        first = int(match[1])
        channels += range(first, int(match[2] or first) + 1)
    return channels
