"""Vacuum gauges with protocols of their own: MKS 937B and Thyracont Smartline (protocol V1)."""

import math
import threading

from sim_backends.wire.bench import Bench
from sim_backends.wire.setpoint_relay import SetpointRelay

PA_PER_MBAR = 100.0
RELAYS = 12
"""Of an MKS 937B, two for each sensor; here all of them follow the chamber's."""
_MKS_UNITS = {"TORR": 101325 / 760, "MBAR": 100.0, "PASCAL": 1.0, "MICRON": 101325 / 760 / 1000}


class MKS937B:
    """MKS 937B controller at address 253: "@253PR1?;FF" -> "@253ACK7.50E+2;FF".

    The chamber's gauge is on channel 1; the other channels have none.
    """

    dialect = "mks937b"
    role = "gauge"
    line_end = b";FF"

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._unit = "TORR"
        self._power: dict[str, str] = {}
        self._relays = {str(n): SetpointRelay() for n in range(1, RELAYS + 1)}
        self._lock = threading.Lock()

    def overrun(self) -> None:
        """Nothing: it keeps no error queue."""

    def handle(self, message: bytes) -> bytes | None:
        """Answer one message; those to another address are not for it."""
        text = message.decode("latin-1").strip()
        if text[:4] not in ("@253", "@254", "@255"):
            return None
        with self._lock:
            self._bench.check_cable(self.role)
            answer = self._answer(text[4:])
        return f"@253{answer};FF".encode("latin-1", "replace")

    def _answer(self, command: str) -> str:
        name, asked, _ = command.partition("?")
        if asked:
            found = self._ask(name)
            return "NAK160" if found is None else f"ACK{found}"
        name, told, value = command.partition("!")
        relay = self._relays.get(name[2:])
        if told and relay is not None and name[:2] in ("SP", "SH", "SD", "EN"):
            return f"ACK{value}" if relay.tell(name[:2], value.upper()) else "NAK169"
        if told and name == "U":
            if value.upper() not in _MKS_UNITS:
                return "NAK169"
            self._unit = value.upper()
            return f"ACK{value}"
        if told and name[:2] == "CP" and value in ("ON", "OFF"):
            self._power[name[2:3]] = value
            return f"ACK{value}"
        return "NAK160"

    def _ask(self, name: str) -> str | None:
        fixed = {"MD": "937B", "SN": "1306101234", "FV1": "1.17", "AD": "253", "U": self._spelled()}
        if name in fixed:
            return fixed[name]
        if name in ("PR1", "PC1"):
            return self._pressure()
        if name in ("PR2", "PR3", "PR4", "PR5", "PR6", "PC2"):
            return "NOGAUGE"
        if name == "PRZ":
            return " ".join([self._pressure(), *["NOGAUGE"] * 5])
        if name[:2] == "CP" and name[2:] in "123456":
            return self._power.get(name[2:], "ON")
        if (relay := self._relays.get(name[2:])) is not None:
            return relay.ask(name[:2], self._in_unit())
        if name[:1] == "T" and name[1:] in ("1", "3", "5"):
            return "G" if name == "T1" else "N"
        return None

    def _spelled(self) -> str:
        return {"MBAR": "mBAR"}.get(self._unit, self._unit)

    def _pressure(self) -> str:
        mantissa, exponent = f"{self._in_unit():.2E}".split("E")
        return f"{mantissa}E{int(exponent):+d}"

    def _in_unit(self) -> float:
        return self._bench.gauge.pressure_pa / _MKS_UNITS[self._unit]


class SmartlineV1:
    """Thyracont Smartline at address 1: "001M" + checksum -> "001M100023" + checksum, CR."""

    dialect = "smartline"
    role = "gauge"
    line_end = b"\r"

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._unit = "000000"
        self._lock = threading.Lock()

    def overrun(self) -> None:
        """Nothing: it keeps no error queue."""

    def handle(self, message: bytes) -> bytes | None:
        """Answer one message; a wrong address or checksum gets no answer."""
        message = message.lstrip(b"\n")
        if len(message) < 5 or message[:3] != b"001" or message[-1] != checksum(message[:-1]):
            return None
        with self._lock:
            self._bench.check_cable(self.role)
            answer = b"001" + self._answer(message[3:-1].decode("latin-1")).encode()
        return answer + bytes([checksum(answer)]) + b"\r"

    def _answer(self, command: str) -> str:
        if command == "T":
            return "TVSP840"
        if command == "M":
            return f"M{mantissa_exponent(self._bench.gauge.pressure_pa / PA_PER_MBAR)}"
        if command == "U":
            return f"U{self._unit}"
        if command[0] == "u" and command[1:] in ("000000", "000001", "000002"):
            self._unit = command[1:]
            return f"u{self._unit}"
        if command[0] == "I":
            return "I000000"
        return "NO_DEF" if command[0].isalpha() else "_SYNTX"


def checksum(data: bytes) -> int:
    """Sum of the bytes modulo 64, shifted into what can be printed."""
    return sum(data) % 64 + 64


def mantissa_exponent(mbar: float) -> str:
    """Four digits d.ddd and the exponent plus 20, as the gauge writes a pressure in mbar."""
    if mbar <= 0:
        return "000000"
    exponent = math.floor(math.log10(mbar))
    mantissa = round(mbar / 10**exponent * 1000)
    if mantissa == 10_000:
        mantissa, exponent = 1000, exponent + 1
    return f"{mantissa:04d}{exponent + 20:02d}"
