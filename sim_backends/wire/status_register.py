"""One branch of SCPI's status tree: a condition, what of it becomes an event, what is summed up."""

ALL_BITS = 0x7FFF
"""Bit 15 is never used, so that no reading is negative (SCPI 1999, volume 1, 9.3)."""


class StatusRegister:
    """STATus:OPERation or STATus:QUEStionable (SCPI 1999, volume 1, 9.3; volume 2, 20.1).

    Attributes:
        condition: what is the case now.
        event: latched transitions; reading takes them.
        enable: events that the summary bit tells of.
        positive: conditions whose rise is an event (PTRansition).
        negative: conditions whose fall is an event (NTRansition).
    """

    def __init__(self) -> None:
        self.condition = 0
        self.event = 0
        self.preset()

    def preset(self) -> None:
        """STATus:PRESet: rises are events, and none is summed up."""
        self.enable, self.positive, self.negative = 0, ALL_BITS, 0

    def update(self, condition: int) -> None:
        """Take note of the condition; its filtered transitions become events."""
        rises, falls = condition & ~self.condition, self.condition & ~condition
        self.condition = condition
        self.event |= (rises & self.positive) | (falls & self.negative)

    def read_event(self) -> int:
        """Take the events."""
        event, self.event = self.event, 0
        return event

    @property
    def summary(self) -> bool:
        """Whether an enabled event is waiting."""
        return bool(self.event & self.enable)
