"""What the condition registers of the SCPI status tree tell of the bench (SCPI 1999, 20.1)."""

from sim_backends.wire.bench import Bench

SWEEPING = 8
"""OPERation, bit 3: the instrument steps through a list."""


def sweeping(bench: Bench) -> int:
    """OPERation of a generator."""
    return SWEEPING if bench.world.plays("frequency list") else 0
