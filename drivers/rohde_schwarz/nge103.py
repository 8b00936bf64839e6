"""Rohde & Schwarz NGE103(B), the electromagnet's supply of the spin-cooling experiment."""

from typing import ClassVar

from pymeasure.instruments import Instrument, SCPIMixin
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from drivers.rohde_schwarz.hmp4040 import HMP4040Electromagnet
from labctl.hal import Limits


class NGE103(SCPIMixin, Instrument):
    """Represents the NGE103B, three outputs of 32 V and 3 A, in the dialect of the HMP series.

    The values below are those of the selected output. An output is on when it is active and
    the master switch (`output_enabled`) is on.
    """

    def __init__(self, adapter, name="Rohde & Schwarz NGE103B", **kwargs):
        super().__init__(adapter, name, **kwargs)

    selected_channel = Instrument.control(
        "INST:NSEL?",
        "INST:NSEL %d",
        """Control which output the other commands mean (int strictly in 1, 2, 3).""",
        validator=strict_discrete_set,
        values=[1, 2, 3],
        cast=int,
    )

    voltage = Instrument.control(
        "VOLT?",
        "VOLT %.2f",
        """Control the voltage set point in V (float strictly from 0 to 32, steps of 10 mV).""",
        validator=strict_range,
        values=[0, 32],
    )

    current = Instrument.control(
        "CURR?",
        "CURR %.3f",
        """Control the current set point in A (float strictly from 0 to 3, steps of 1 mA).""",
        validator=strict_range,
        values=[0, 3],
    )

    selected_channel_active = Instrument.control(
        "OUTP:SEL?",
        "OUTP:SEL %d",
        """Control whether the selected output follows the master switch (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )

    output_enabled = Instrument.control(
        "OUTP:GEN?",
        "OUTP:GEN %d",
        """Control the master switch of all active outputs (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )

    measured_voltage = Instrument.measurement(
        "MEAS:VOLT?",
        """Measure the voltage at the selected output in V (float).""",
    )

    measured_current = Instrument.measurement(
        "MEAS:CURR?",
        """Measure the current through the selected output in A (float).""",
    )


class NGE103Electromagnet(HMP4040Electromagnet):
    """A coil on one output of an NGE103B (or NGE102B)."""

    TABLE = NGE103
    MODELS = ("NGE103B", "NGE103", "NGE102B", "NGE102")
    LIMITS: ClassVar = {
        "current_a": Limits(0.0, 3.0, "A"),
        "ramp_rate_a_per_s": Limits(0.001, 10.0, "A/s"),
    }
    MAX_VOLTAGE_V = 32.0
