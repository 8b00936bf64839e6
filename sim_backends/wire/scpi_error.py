"""The errors of SCPI 1999 (volume 2, chapter 21), as far as the simulated instruments use them."""

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
    -131: "Invalid suffix",
    -200: "Execution error",
    -221: "Settings conflict",
    -222: "Data out of range",
    -224: "Illegal parameter value",
    -230: "Data corrupt or stale",
    -241: "Hardware missing",
    -350: "Queue overflow",
    -363: "Input buffer overrun",
}


class SCPIError(Exception):
    """What an instrument puts into its error queue instead of doing what it was told.

    Attributes:
        number: of `MESSAGES`.
        message: the standard's words, then what this instrument adds.
    """

    def __init__(self, number: int, detail: str = "") -> None:
        words = MESSAGES[number]
        self.number = number
        self.message = f"{words};{detail}" if detail else words
        super().__init__(f"{number},{self.message}")

    @property
    def is_command_error(self) -> bool:
        """Whether the parser stumbled; it then drops the rest of the message."""
        return -200 < self.number <= -100


class SilentError(Exception):
    """The instrument is unplugged or hangs: it does not answer, and cannot say why."""
