"""Every instrument that the simulated lab can pretend to be."""

from collections.abc import Sequence
from typing import Protocol

from sim_backends.wire.bench import Bench
from sim_backends.wire.command_table import CommandTable
from sim_backends.wire.gauges import MKS937B, SmartlineV1
from sim_backends.wire.instrument import SCPIInstrument
from sim_backends.wire.pfeiffer import TPG362
from sim_backends.wire.tables.counter import KEYSIGHT_53220A, KEYSIGHT_53220A_2
from sim_backends.wire.tables.function_generator import KEYSIGHT_33522B
from sim_backends.wire.tables.generators import E8257D, N5183B, SGS100A, SMB100A
from sim_backends.wire.tables.srs import SG384, SG386
from sim_backends.wire.tables.supplies import E36312A, HMP4040, NGE103

MODELS: tuple[CommandTable | type[MKS937B] | type[SmartlineV1] | type[TPG362], ...] = (
    SG384, SG386, SMB100A, SGS100A, N5183B, E8257D,
    KEYSIGHT_33522B, HMP4040, NGE103, E36312A, KEYSIGHT_53220A,
    MKS937B, SmartlineV1, TPG362, KEYSIGHT_53220A_2,
)  # fmt: skip
"""In the order of their ports, which rig files name: new ones go to the end."""
TABLES = tuple(model for model in MODELS if isinstance(model, CommandTable))
BASE_PORT = 18500
"""Of the first instrument; the others follow in this order."""
HISLIP_OFFSET = 100
"""From an instrument's socket to its HiSLIP port."""


class WireInstrument(Protocol):
    """Whatever answers messages, by whatever protocol."""

    @property
    def dialect(self) -> str:
        """Name of the model."""
        ...

    @property
    def role(self) -> str:
        """Role of the simulated device behind it."""
        ...

    @property
    def line_end(self) -> bytes:
        """What ends a message to it."""
        ...

    def handle(self, message: bytes) -> bytes | None:
        """Carry out a message without its end; the answer has its own.

        Raises:
            SilentError: it does not answer.
        """
        ...

    def overrun(self) -> None:
        """A message was too long and was dropped."""
        ...


def build_instruments(bench: Bench, more: Sequence[CommandTable] = ()) -> dict[str, WireInstrument]:
    """One of each, then of `more`, by dialect, on the same bench, in the order of their ports."""
    made: dict[str, WireInstrument] = {}
    for model in (*MODELS, *more):
        is_table = isinstance(model, CommandTable)
        made[model.dialect] = SCPIInstrument(model, bench) if is_table else model(bench)
    return made


def dialects() -> tuple[str, ...]:
    """Names of all models, in the order of their ports."""
    return tuple(model.dialect for model in MODELS)


def port_of(dialect: str, base_port: int = BASE_PORT) -> int:
    """TCP port of a model's socket."""
    return base_port + dialects().index(dialect)


def socket_resource(host: str, port: int) -> str:
    """VISA resource name of a TCP socket."""
    return f"TCPIP::{host}::{port}::SOCKET"
