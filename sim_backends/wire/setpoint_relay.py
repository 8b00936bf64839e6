"""One set point relay of an MKS 937B."""

HYSTERESIS = 0.1
"""Between set and reset value, as a share of the set value, until told otherwise."""
DIRECTIONS, MODES = ("ABOVE", "BELOW"), ("CLEAR", "ENABLE", "SET")


class SetpointRelay:
    """Energized on one side of a pressure, until another pressure is crossed on the way back.

    The reset value follows the set value and the direction with 10 % of hysteresis; one that is
    set afterwards stays (MKS 937B operation manual, relay set point commands SP, SH, SD, EN, SS).
    """

    def __init__(self) -> None:
        self._set, self._reset = 1.0, 1.1
        self._direction, self._mode = "BELOW", "CLEAR"
        self._energized = False

    def ask(self, name: str, pressure: float) -> str | None:
        """Answer to SP, SH, SD, EN or SS at a pressure in the display's unit; None to others."""
        if name == "SS":
            return "SET" if self._closed(pressure) else "CLEAR"
        told = {
            "SP": f"{self._set:.2E}",
            "SH": f"{self._reset:.2E}",
            "SD": self._direction,
            "EN": self._mode,
        }
        return told.get(name)

    def tell(self, name: str, value: str) -> bool:
        """Carry SP, SH, SD or EN out; whether it was understood."""
        if name == "EN" and value in MODES:
            self._mode = value
        elif name == "SD" and value in DIRECTIONS:
            self._direction = value
            self._follow()
        elif name in ("SP", "SH") and (number := _positive(value)) is not None:
            if name == "SP":
                self._set = number
                self._follow()
            elif (number > self._set) == (self._direction == "BELOW"):
                self._reset = number
            else:
                return False
        else:
            return False
        return True

    def _follow(self) -> None:
        sign = 1 if self._direction == "BELOW" else -1
        self._reset = self._set * (1 + sign * HYSTERESIS)

    def _closed(self, pressure: float) -> bool:
        if self._mode != "ENABLE":
            self._energized = self._mode == "SET"
            return self._energized
        below = self._direction == "BELOW"
        threshold = self._reset if self._energized else self._set
        self._energized = pressure < threshold if below else pressure > threshold
        return self._energized


def _positive(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None
