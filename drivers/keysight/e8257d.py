"""Keysight (Agilent) PSG, MXG, EXG and ESG generators: E8257D, N5183B, N5171B, E4428C ..."""

from typing import ClassVar

from pymeasure.instruments import Instrument
from pymeasure.instruments.agilent.agilent8257D import Agilent8257D
from pymeasure.instruments.validators import strict_discrete_set

from drivers.microwave import VisaMicrowave
from labctl.hal import Limits


class E8257D(Agilent8257D):
    """pymeasure's Agilent8257D with the digits of the synthesiser.

    Upstream sends the frequency as `%e`, which rounds 2.87 GHz to the next kHz, and the power
    as `%g`; the instruments take 1 mHz and 0.01 dB.
    """

    frequency = Instrument.control(
        ":FREQ?",
        ":FREQ %.3f Hz",
        """Control the output frequency in Hz (float).""",
    )

    power = Instrument.control(
        ":POW?",
        ":POW %.2f dBm",
        """Control the output power in dBm (float).""",
    )

    output_enabled = Instrument.control(
        ":OUTP?",
        ":OUTP %d",
        """Control whether the RF output is on (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )


class E8257DMicrowave(VisaMicrowave):
    """The RF output of a Keysight E8257D or of its N51xx and E44xx relatives."""

    TABLE = E8257D
    MAKERS = ("Agilent Technologies", "Keysight Technologies")
    MODELS = (
        *("E8257D", "E8257C", "E4428C", "E4438C", "N5171B", "N5172B", "N5173B"),
        *("N5181A", "N5181B", "N5182A", "N5182B", "N5183A", "N5183B"),
    )
    FAMILY = "a PSG, MXG, EXG or ESG generator (E8257D, N5183B ...)"
    LIMITS: ClassVar = {
        "frequency_hz": Limits(100e3, 40e9, "Hz"),
        "power_dbm": Limits(-144.0, 26.0, "dBm"),
    }
