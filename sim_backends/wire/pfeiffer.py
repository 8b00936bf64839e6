"""Pfeiffer TPG 362 gauge controller: mnemonics, acknowledgements and enquiries.

Pfeiffer, BG 5195 (TPG 261/262), section 5: a mnemonic ends with CR or CR LF and is acknowledged;
ENQ by itself asks for the string of the last mnemonic (p. 67 and 68), ETX by itself resets the
interface. The later TPG 36x speak the same with six units instead of three.
"""

import math
import threading
from collections.abc import Iterator

from sim_backends.wire.bench import Bench

ETX, ENQ, ACK, NAK = b"\x03", b"\x05", b"\x06", b"\x15"
END = b"\r\n"
SYNTAX_ERROR, PARAMETER_ERROR, NO_ERROR = "0001", "0010", "0000"
COM_INTERVALS_S = (0.1, 1.0, 60.0)
MOST_COM_LINES = 64
"""As many as a serial port keeps for a program that does not read."""
PA_PER_UNIT = (100.0, 101325 / 760, 1.0, 101325 / 760 / 1000, 100.0)
VOLT = 5
NO_SENSOR = "5,+2.0000E-02"


class ControlFramer:
    """Cuts at CR or CR LF, also in front of nothing; ENQ and ETX are messages by themselves."""

    def __init__(self) -> None:
        self.overruns = 0
        self._buffer = bytearray()
        self._after_return = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that `data` completes, without their ends."""
        for number in data:
            one = bytes((number,))
            if one in (ENQ, ETX):
                self._buffer.clear()
                yield one
            elif one == b"\r":
                yield bytes(self._buffer)
                self._buffer.clear()
            elif not (one == b"\n" and self._after_return) and len(self._buffer) < 256:
                self._buffer += one
            self._after_return = one == b"\r"


class TPG362:
    """A TPG 362 with the chamber's gauge on channel 1 and nothing on channel 2.

    `COM` makes it send its readings by itself, until it hears anything. Those lines come in front
    of the next answer: a program finds them where it did not expect them, as on a real line.
    """

    dialect = "tpg362"
    role = "gauge"
    line_end = b"\r"

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._unit = 0
        self._asked = ""
        self._error = NO_ERROR
        self._com_s: float | None = None
        self._com_since_s = 0.0
        self._lock = threading.Lock()

    def framer(self) -> ControlFramer:
        """How its messages are cut out of the stream of bytes."""
        return ControlFramer()

    def overrun(self) -> None:
        """Nothing: what is too long is no mnemonic."""

    def handle(self, message: bytes) -> bytes | None:
        """Answer one message, behind whatever was sent by itself until now."""
        with self._lock:
            self._bench.check_cable(self.role)
            before = self._sent_by_itself()
            return before + self._answer(message) or None

    def _answer(self, message: bytes) -> bytes:
        if message == ETX:
            self._asked = ""
            return b""
        if message == ENQ:
            return self._told().encode() + END
        asked, fault = self._understand(message.decode("latin-1").replace(" ", ""))
        self._asked = "" if fault else asked
        self._error = fault or NO_ERROR
        return (NAK if fault else ACK) + END

    def _understand(self, text: str) -> tuple[str, str]:
        """What the next enquiry asks for, and what is wrong with it."""
        mnemonic, *values = text.split(",")
        if mnemonic in ("AYT", "PR1", "PR2", "PRX", "ERR", "TID", "PNR") and not values:
            return mnemonic, ""
        if mnemonic == "UNI" and len(values) <= 1:
            return ("UNI", self._choose_unit(*values)) if values else ("UNI", "")
        if mnemonic == "COM" and len(values) <= 1:
            return "", self._send_by_itself(*values or ["1"])
        return "", SYNTAX_ERROR

    def _choose_unit(self, value: str) -> str:
        if value not in ("0", "1", "2", "3", "4", "5"):
            return PARAMETER_ERROR
        self._unit = int(value)
        return ""

    def _send_by_itself(self, value: str) -> str:
        if value not in ("0", "1", "2"):
            return PARAMETER_ERROR
        self._com_s = COM_INTERVALS_S[int(value)]
        self._com_since_s = self._bench.world.now_s()
        return ""

    def _sent_by_itself(self) -> bytes:
        if self._com_s is None:
            return b""
        lines = (self._bench.world.now_s() - self._com_since_s) / self._com_s
        self._com_s = None
        return (self._all().encode() + END) * min(int(lines) + 1, MOST_COM_LINES)

    def _told(self) -> str:
        told = {
            "AYT": "TPG 362,PTG28290,44990000,010100,010100",
            "PNR": "010100",
            "TID": "PKR,noSEn",
            "PR1": self._reading(),
            "PR2": NO_SENSOR,
            "PRX": self._all(),
            "UNI": str(self._unit),
        }
        return told.get(self._asked, self._error)

    def _all(self) -> str:
        return f"{self._reading()},{NO_SENSOR}"

    def _reading(self) -> str:
        pressure_pa = self._bench.gauge.pressure_pa
        if self._unit == VOLT:  # a PKR's law: p = 10^(1.667 U - 11.33) mbar
            value = (math.log10(pressure_pa / 100.0) + 11.33) / 1.667
        else:
            value = pressure_pa / PA_PER_UNIT[self._unit]
        mantissa, exponent = f"{value:+.4E}".split("E")
        return f"0,{mantissa}E{int(exponent):+03d}"
