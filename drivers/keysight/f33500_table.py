"""Keysight (Agilent) 33500 and 33600 function generators, as a command table."""

from pymeasure.instruments import Instrument
from pymeasure.instruments.agilent.agilent33500 import Agilent33500, Agilent33500Channel
from pymeasure.instruments.validators import strict_discrete_set


class Channel33500(Agilent33500Channel):
    """pymeasure's channel with its ranges."""

    autorange = Instrument.control(
        "SOUR{ch}:VOLT:RANG:AUTO?",
        "SOUR{ch}:VOLT:RANG:AUTO %d",
        """Control whether the attenuators follow the amplitude (bool); False leaves them.""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )

    highest_amplitude = Instrument.measurement(
        "SOUR{ch}:VOLT? MAX",
        """Get the highest amplitude that can be set now, in the present unit (float).""",
    )


class Keysight33500(Agilent33500):
    """pymeasure's Agilent33500 with the ranges of its two channels."""

    # The ignored types are upstream's own doing.
    ch_1 = Instrument.ChannelCreator(Channel33500, 1)  # pyright: ignore[reportArgumentType]

    ch_2 = Instrument.ChannelCreator(Channel33500, 2)  # pyright: ignore[reportArgumentType]
