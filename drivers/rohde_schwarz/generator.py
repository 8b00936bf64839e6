"""The commands that the Rohde & Schwarz generators have in common."""

from pymeasure.instruments import Instrument, SCPIMixin
from pymeasure.instruments.validators import strict_discrete_set, strict_range


class RohdeSchwarzGenerator(SCPIMixin, Instrument):
    """One RF path of a Rohde & Schwarz signal generator, levels in dBm.

    Subclasses narrow `frequency_values` and `power_values` to their data sheet.
    """

    def __init__(self, adapter, name="Rohde & Schwarz signal generator", **kwargs):
        super().__init__(adapter, name, **kwargs)

    frequency = Instrument.control(
        ":SOUR:FREQ?",
        ":SOUR:FREQ %.3f",
        """Control the frequency of the carrier in Hz (float, strictly in range).""",
        validator=strict_range,
        values=[1e6, 12.75e9],
        dynamic=True,
    )

    power = Instrument.control(
        ":SOUR:POW?",
        ":SOUR:POW %.2f",
        """Control the level of the carrier in dBm (float, strictly in range).""",
        validator=strict_range,
        values=[-145, 30],
        dynamic=True,
    )

    output_enabled = Instrument.control(
        ":OUTP?",
        ":OUTP %d",
        """Control whether the RF output is on (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )

    pulse_modulation_enabled = Instrument.control(
        ":SOUR:PULM:STAT?",
        ":SOUR:PULM:STAT %d",
        """Control whether the carrier is gated by the pulse modulator (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )

    pulse_modulation_source = Instrument.control(
        ":SOUR:PULM:SOUR?",
        ":SOUR:PULM:SOUR %s",
        """Control where the gate comes from ("INT" or "EXT", strictly).""",
        validator=strict_discrete_set,
        values=["INT", "EXT"],
        cast=str,
    )
