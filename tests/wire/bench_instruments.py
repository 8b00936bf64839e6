"""A bench with all simulated instruments, and how to ask one of them."""

from sim_backends.wire.bench import Bench
from sim_backends.wire.catalogue import WireInstrument, build_instruments
from sim_backends.world import World


class Lab:
    """One stepped world and every instrument on it."""

    def __init__(self, **world: object) -> None:
        self.world = World(seed=1, **world)
        self.bench = Bench(self.world)
        self.instruments: dict[str, WireInstrument] = build_instruments(self.bench)

    def tell(self, dialect: str, message: str) -> str | None:
        """The answer in text, without its end."""
        answer = self.instruments[dialect].handle(message.encode("latin-1"))
        return None if answer is None else answer.decode("latin-1").rstrip("\r\n")

    def ask(self, dialect: str, message: str) -> str:
        answer = self.tell(dialect, message)
        assert answer is not None, message
        return answer

    def error(self, dialect: str) -> int:
        """Code of the oldest error."""
        return int(self.ask(dialect, "SYST:ERR?").partition(",")[0])
