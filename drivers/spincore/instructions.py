"""Instruction words of a PulseBlasterESR-PRO, whose upper three output bits time short pulses.

Bits 21 to 23 of the output word say for how many clock periods from the beginning of an
instruction the lines 0 to 20 follow their bits: 000 not at all, 001 to 101 for one to five periods,
111 for all of it (PulseBlasterESR-PRO owner's manual, "Short pulse feature"; `spinapi.h`:
ONE_PERIOD to FIVE_PERIOD and ON). No instruction may be shorter than five periods, six on some
boards.
"""

from collections.abc import Sequence

from labctl.errors import LimitError

LINES = 21
ON = 0b111 << LINES
MOST_SHORT = 5
"""Periods that the codes can tell."""

Step = tuple[int, int]
"""(length in clock periods, lines that are high as bits)."""


def instructions(steps: Sequence[Step], *, shortest: int) -> list[Step]:
    """(periods, output word) of the instructions that play `steps`.

    A pulse, or a dark time behind one, that is shorter than an instruction shares one with its
    neighbour.

    Raises:
        LimitError: a step is too short, and no dark time follows that could share its instruction.
    """
    words: list[Step] = []
    n = 0
    while n < len(steps):
        ticks, flags = steps[n]
        dark = steps[n + 1][0] if n + 1 < len(steps) and not steps[n + 1][1] else 0
        if flags and dark and min(ticks, dark) < shortest:
            words += _pulse_and_dark(ticks, dark, flags, shortest)
            n += 2
        elif ticks < shortest:
            raise LimitError(
                f"A pulse of {ticks} clock periods is shorter than the board's {shortest}, and no"
                " dark time that could share its instruction follows; make it longer."
            )
        else:
            words.append((ticks, ON | flags))
            n += 1
    return words


def _pulse_and_dark(ticks: int, dark: int, flags: int, shortest: int) -> list[Step]:
    """Instructions for a pulse and the darkness behind it, one of which is short."""
    coded = ticks if ticks < shortest else shortest - dark
    before, rest = ticks - coded, coded + dark
    if rest < shortest or 0 < before < shortest:
        raise LimitError(
            f"A pulse of {ticks} and a dark time of {dark} clock periods cannot be played with"
            f" instructions of {shortest} and more; make one of them longer."
        )
    length = rest if shortest < rest < 2 * shortest else shortest
    words = [(before, ON | flags)] if before else []
    words.append((length, coded << LINES | flags))
    if rest > length:
        words.append((rest - length, ON))
    return words
