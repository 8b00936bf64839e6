"""The commands that the Rohde & Schwarz (Hameg) supplies HMP and NGE have in common.

One output is selected for everybody who talks to the instrument, over whatever interface, and for
its front panel (R&S HMP series, SCPI programmers manual 5800576002, INSTrument subsystem).
"""

from typing import Any

from pymeasure.instruments import Channel, Instrument, SCPIMixin
from pymeasure.instruments.validators import strict_discrete_set, strict_range


class SupplyOutput(Channel):
    """One output. Every message selects it, does one thing, and asks which one is selected.

    The instrument carries a message out as a whole, so that nobody else's selection comes between;
    where one did, the answer ends with another number, and that is a ConnectionError.
    """

    voltage_values = (0, 32.05)
    current_values = (0, 10)

    def write(self, command: str, **kwargs: Any) -> None:
        """Send one command to this output; a set is confirmed."""
        super().write(f"INST:NSEL {self.id};:{command};:INST:NSEL?", **kwargs)
        if "?" not in command:
            self._confirm(super().read(), command)

    def read(self, **kwargs: Any) -> str:
        """The answer of this output."""
        answer, _, selected = super().read(**kwargs).rpartition(";")
        self._confirm(selected, "a question")
        return answer

    def _confirm(self, selected: str, command: str) -> None:
        if selected.strip() != str(self.id):
            raise ConnectionError(
                f"output {selected.strip()} was selected instead of {self.id} meanwhile, and may "
                f"have got {command}; another program uses this supply"
            )

    voltage = Channel.control(
        "VOLT?",
        "VOLT %.2f",
        """Control the voltage set point in V (float, strictly in range, steps of 10 mV).""",
        validator=strict_range,
        values=voltage_values,
        dynamic=True,
    )

    current = Channel.control(
        "CURR?",
        "CURR %.3f",
        """Control the current set point in A (float, strictly in range, steps of 1 mA).""",
        validator=strict_range,
        values=current_values,
        dynamic=True,
    )

    active = Channel.control(
        "OUTP:SEL?",
        "OUTP:SEL %d",
        """Control whether the output follows the master switch (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )

    measured_voltage = Channel.measurement(
        "MEAS:VOLT?",
        """Measure the voltage at the output in V (float).""",
    )

    measured_current = Channel.measurement(
        "MEAS:CURR?",
        """Measure the current through the output in A (float).""",
    )


class RohdeSchwarzSupply(SCPIMixin, Instrument):
    """Represents an HMP2020, HMP2030, HMP4030 or HMP4040.

    An output is on when it is active and the master switch (`output_enabled`) is on.
    """

    outputs = Instrument.MultiChannelCreator(
        SupplyOutput,  # pyright: ignore[reportArgumentType]  as upstream's own classes
        [1, 2, 3, 4],  # pyright: ignore[reportArgumentType]  likewise
        prefix="output_",
    )

    def __init__(self, adapter, name="Rohde & Schwarz HMP", **kwargs):
        super().__init__(adapter, name, **kwargs)

    output_enabled = Instrument.control(
        "OUTP:GEN?",
        "OUTP:GEN %d",
        """Control the master switch of all active outputs (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )
