"""Windfreak SynthHD PRO v2 on a serial line: letters with numbers, and no ends of messages.

The letters are those of Windfreak's programming interface as its own package `windfreak` sends
them: "C0f2870.00000000W-10.000" sets, "f?" asks and is answered with a line.
"""

import re
import threading
from collections.abc import Iterator

from sim_backends.wire.bench import Bench

_COMMAND = re.compile(
    rb"v[0-2]|@\d+a(?:\?|[-+]?[\d.]+)|[-+VpzeG]|[^-+VpzeG@v\s](?:\?|[-+]?[\d.]+)", re.DOTALL
)
IDENTITY = {
    "+": "SynthHD PRO", "-": "1234", "v0": "Firmware Version 3.25", "v1": "Hardware Version 2.06",
    "v2": "HDPRO",
}  # fmt: skip
FREQUENCY, POWER, CHANNEL = "f", "W", "C"
SWITCHES = "hrE"
"""RF mute, amplifier and PLL: the output needs all three."""
PLACES = {"f": 8, "l": 8, "u": 8, "s": 8, "k": 8, "*": 8, "W": 3, "[": 3, "]": 3, "t": 3, "~": 3,
          "i": 1}  # fmt: skip
OF_CHANNEL = frozenset("fWhrEaZ~i") | frozenset("lust[]^knXgc")
INITIAL = {"f": 1000.0, "W": 0.0, "i": 100.0, "x": 1.0, "*": 27.0, "Z": 3.0, "t": 10.0}
RANGES = {FREQUENCY: (10.0, 24_000.0), POWER: (-70.0, 20.0)}
"""MHz and dBm of a SynthHD PRO v2, as its maker's package has them."""
CONNECTED = 0
"""Channel A goes to the diamond; nothing is connected to channel B."""
KNOWN = OF_CHANNEL | frozenset("CxwFqAPOR:jD<>,;/*")


class LetterFramer:
    """Cuts a stream at the letters; whatever a packet ends with is complete.

    Attributes:
        overruns: always 0: what is no command is dropped.
    """

    def __init__(self) -> None:
        self.overruns = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The commands of a packet."""
        for match in _COMMAND.finditer(data):
            yield match[0]


class SynthHD:
    """Two outputs, of which the first is another view of the simulated generator."""

    dialect = "synthhd"
    role = "microwave"
    line_end = b"\n"
    framer = LetterFramer

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._channel = 0
        self._values: dict[tuple[str, int], float] = {}
        self._switches = [dict.fromkeys(SWITCHES, False) for _ in range(2)]
        self._levelled = True
        self._lock = threading.Lock()

    def overrun(self) -> None:
        """Nothing: it keeps no error queue."""

    def handle(self, message: bytes) -> bytes | None:
        """Carry out one command; only questions are answered."""
        text = message.decode("latin-1")
        with self._lock:
            self._bench.check_cable(self.role)
            answer = self._carry_out(text)
        return None if answer is None else f"{answer}\n".encode()

    def _carry_out(self, text: str) -> str | None:
        if text in IDENTITY:
            return IDENTITY[text]
        if text == "V":
            return str(int(self._levelled))
        if text == "p":
            return str(int(self._switches[self._channel]["E"]))
        if text == "z":
            return "35.0"
        if text in ("e", "G"):
            return None
        letter, rest = text[0], text[1:]
        if letter == "@":  # a row of the table of amplitudes: "@12a-3.000"
            row, _, rest = rest.partition("a")
            letter = f"@{row}"
        elif letter not in KNOWN:
            return None
        if rest == "?":
            return self._shown(letter)
        try:
            self._set(letter, float(rest))
        except ValueError:
            return None  # two points in a number: it is ignored
        return None

    def _shown(self, letter: str) -> str:
        if letter == CHANNEL:
            return str(self._channel)
        if letter in SWITCHES:
            self._follow()
            return str(int(self._switches[self._channel][letter]))
        value = self._value(letter)
        places = 3 if letter[0] == "@" else PLACES.get(letter, 0)
        return f"{value:.{places}f}"

    def _value(self, letter: str) -> float:
        if self._channel == CONNECTED and letter == FREQUENCY:
            return self._bench.microwave.frequency_hz / 1e6
        if self._channel == CONNECTED and letter == POWER:
            return self._bench.microwave.power_dbm
        channel = self._channel if letter in OF_CHANNEL else 0
        return self._values.get((letter, channel), INITIAL.get(letter, 0.0))

    def _set(self, letter: str, value: float) -> None:
        if letter == CHANNEL:
            if value in (0, 1):
                self._channel = int(value)
        elif letter in SWITCHES:
            self._follow()
            self._switches[self._channel][letter] = value != 0
            if self._channel == CONNECTED:
                self._bench.microwave.output = all(self._switches[CONNECTED].values())
        elif self._channel == CONNECTED and letter in (FREQUENCY, POWER):
            self._levelled = self._set_tone(letter, value)
        else:
            channel = self._channel if letter in OF_CHANNEL else 0
            self._values[letter, channel] = value

    def _set_tone(self, letter: str, value: float) -> bool:
        """Whether the output could be levelled there; what is out of range is not taken."""
        low, high = RANGES[letter]
        if not low <= value <= high:
            return False
        if letter == FREQUENCY:
            self._bench.microwave.frequency_hz = round(value * 1e6, 1)
        else:
            self._bench.microwave.power_dbm = value
        return True

    def _follow(self) -> None:
        """Another view of the generator may have switched the output meanwhile."""
        switches, output = self._switches[CONNECTED], self._bench.microwave.output
        if all(switches.values()) != output:
            switches.update(dict.fromkeys(SWITCHES, output))
