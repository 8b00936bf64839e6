"""Rohde & Schwarz NGE102(B) and NGE103(B), the supply of the spin-cooling experiment."""

from typing import ClassVar

from pymeasure.instruments import Instrument

from drivers.rohde_schwarz.hmp4040 import HMP4040Electromagnet, Rating
from drivers.rohde_schwarz.supply import RohdeSchwarzSupply, SupplyOutput
from labctl.hal import Limits

RATING = Rating(highest_a=3.0, highest_w=33.6)
"""Of every output (R&S NGE100B data sheet, maximum output power): 3 A to 11.2 V, less above."""


class NGEOutput(SupplyOutput):
    """One output of an NGE: 0 to 32 V, 0 to 3 A, in the dialect of the HMP series."""

    voltage_values = (0, 32)
    current_values = (0, 3)


class NGE103(RohdeSchwarzSupply):
    """Represents the NGE103B (three outputs) or NGE102B (two)."""

    outputs = Instrument.MultiChannelCreator(
        NGEOutput,  # pyright: ignore[reportArgumentType]  as upstream's own classes
        [1, 2, 3],  # pyright: ignore[reportArgumentType]  likewise
        prefix="output_",
    )

    def __init__(self, adapter, name="Rohde & Schwarz NGE103B", **kwargs):
        super().__init__(adapter, name, **kwargs)


class NGE103Electromagnet(HMP4040Electromagnet):
    """A coil on one output of an NGE103B (or NGE102B)."""

    TABLE = NGE103
    MODELS = ("NGE103B", "NGE103", "NGE102B", "NGE102")
    RATINGS: ClassVar = {
        "NGE103B": (RATING,) * 3,
        "NGE103": (RATING,) * 3,
        "NGE102B": (RATING,) * 2,
        "NGE102": (RATING,) * 2,
    }
    LIMITS: ClassVar = {
        "current_a": Limits(0.0, 3.0, "A"),
        "ramp_rate_a_per_s": Limits(0.001, 10.0, "A/s"),
    }
    MAX_VOLTAGE_V = 32.0
