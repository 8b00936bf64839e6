"""A random conversation with a simulated generator, against a model of what it must remember."""

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.wire.bench_instruments import Lab

SPELLINGS = ("FREQ", "freq:cw", "SOURce:FREQuency", ":SOUR1:FREQ:FIXed", ":Frequency")
UNITS = {"": 1.0, " HZ": 1.0, " khz": 1e3, "MHZ": 1e6, " GHz": 1e9}
LOWEST_HZ, HIGHEST_HZ = 100e3, 6e9
LOWEST_DBM, HIGHEST_DBM = -145.0, 18.0
NO_FUZZ = ("*", "?", "FREQ", "POW", "OUTP", "SYST", "LIST")
"""What could be a command without parameters, or one the model follows."""


class Conversation(RuleBasedStateMachine):
    """The instrument may be told anything; it must obey what is right and count what is not."""

    def __init__(self) -> None:
        super().__init__()
        self.lab = Lab()
        self.frequency_hz = self.lab.world.controls.microwave_hz
        self.power_dbm = self.lab.world.controls.microwave_dbm
        self.output = False
        self.errors = 0

    def failed(self) -> None:
        self.errors = min(self.errors + 1, 30)

    @rule(
        spelling=st.sampled_from(SPELLINGS),
        unit=st.sampled_from(sorted(UNITS)),
        hertz=st.floats(1e3, 1e10, allow_nan=False),
    )
    def set_frequency(self, spelling: str, unit: str, hertz: float) -> None:
        text = f"{hertz / UNITS[unit]:.12g}"
        value = float(text) * UNITS[unit]
        assert self.lab.tell("smb100a", f"{spelling} {text}{unit}") is None
        if LOWEST_HZ <= value <= HIGHEST_HZ:
            self.frequency_hz = value
        else:
            self.failed()

    @rule(dbm=st.floats(-200, 50), output=st.booleans(), word=st.booleans())
    def set_power_and_output(self, dbm: float, output: bool, word: bool) -> None:
        dbm = round(dbm, 2)
        state = ("ON" if output else "OFF") if word else str(int(output))
        self.lab.tell("smb100a", f":POW {dbm:.2f} DBM;:OUTP {state};")
        if LOWEST_DBM <= dbm <= HIGHEST_DBM:
            self.power_dbm = dbm
        else:
            self.failed()
        self.output = output

    @rule(spelling=st.sampled_from(SPELLINGS))
    def ask(self, spelling: str) -> None:
        answer = self.lab.ask("smb100a", f"{spelling}?;:POW?;:OUTP:STAT?;*OPC?")
        hertz, dbm, state, complete = answer.split(";")
        assert math.isclose(float(hertz), self.frequency_hz, rel_tol=1e-12)
        assert float(dbm) == self.power_dbm
        assert (state, complete) == (str(int(self.output)), "1")

    @rule(
        noise=st.text(st.characters(max_codepoint=255), min_size=1, max_size=40).filter(
            lambda text: (
                text.strip(" ;\r\n\t\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0")
                and not any(word in text.upper() for word in NO_FUZZ)
                and ";" not in text
            )
        )
    )
    def say_something_else(self, noise: str) -> None:
        assert self.lab.tell("smb100a", noise) is None
        self.failed()

    @rule()
    @precondition(lambda self: self.errors)
    def take_an_error(self) -> None:
        assert self.lab.error("smb100a") != 0
        self.errors -= 1

    @rule()
    def clear(self) -> None:
        self.lab.tell("smb100a", "*CLS")
        self.errors = 0

    @rule()
    def reset(self) -> None:
        self.lab.tell("smb100a", "*RST")
        self.frequency_hz, self.power_dbm, self.output = 1e9, -30.0, False

    @invariant()
    def the_queue_has_what_went_wrong(self) -> None:
        assert self.lab.ask("smb100a", "SYST:ERR:COUN?") == str(self.errors)

    @invariant()
    def the_world_has_what_was_set(self) -> None:
        assert self.lab.world.controls.microwave_on is self.output


Conversation.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
TestConversation = Conversation.TestCase
