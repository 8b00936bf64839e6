"""The errors of SCPI 1999 (volume 2, chapter 21), as far as the simulated instruments use them."""

import unicodedata

MESSAGES = {
    0: "No error",
    -100: "Command error",
    -101: "Invalid character",
    -102: "Syntax error",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -114: "Header suffix out of range",
    -121: "Invalid character in number",
    -131: "Invalid suffix",
    -200: "Execution error",
    -211: "Trigger ignored",
    -221: "Settings conflict",
    -222: "Data out of range",
    -224: "Illegal parameter value",
    -226: "Lists not same length",
    -230: "Data corrupt or stale",
    -241: "Hardware missing",
    -290: "Memory use error",
    -350: "Queue overflow",
    -363: "Input buffer overrun",
    -410: "Query INTERRUPTED",
    -420: "Query UNTERMINATED",
    -430: "Query DEADLOCKED",
    -440: "Query UNTERMINATED after indefinite response",
}
LONGEST_DETAIL = 200
"""Characters; error and detail together must stay below 255 (SCPI 1999, volume 2, 21.8.1)."""


class SCPIError(Exception):
    """What an instrument puts into its error queue instead of doing what it was told.

    Attributes:
        number: of `MESSAGES`.
        message: the standard's words, then what this instrument adds; printable ASCII without
            double quotes, whatever the detail was.
    """

    def __init__(self, number: int, detail: str = "") -> None:
        words = MESSAGES[number]
        self.number = number
        self.message = f"{words};{_plain(detail)}" if detail else words
        super().__init__(f"{number},{self.message}")

    @property
    def is_command_error(self) -> bool:
        """Whether the parser stumbled; it then drops the rest of the message."""
        return -200 < self.number <= -100


class SilentError(Exception):
    """The instrument is unplugged or hangs: it does not answer, and cannot say why."""


_SPELLED = str.maketrans(
    {'"': "'", "\u00b5": "u", "\u03bc": "u", "\u03a9": "Ohm", "\u00b0": "deg", "\u2212": "-"}
)


def _plain(text: str) -> str:
    """In a string response only ASCII characters may stand (IEEE 488.2, 8.7.8)."""
    spelled = unicodedata.normalize("NFKD", " ".join(text.translate(_SPELLED).split()))
    kept = (c for c in spelled if not unicodedata.combining(c))
    return "".join(c if " " <= c <= "~" else "?" for c in kept)[:LONGEST_DETAIL]
