"""Rohde & Schwarz SGS100A."""

from typing import ClassVar

from drivers.microwave import VisaMicrowave
from drivers.rohde_schwarz.generator import RohdeSchwarzGenerator
from labctl.hal import Limits


class SGS100A(RohdeSchwarzGenerator):
    """Represents the SGS100A SGMA RF source (1 MHz to 12.75 GHz, -120 to 25 dBm)."""

    frequency_values = (1e6, 12.75e9)
    power_values = (-120, 25)

    def __init__(self, adapter, name="Rohde & Schwarz SGS100A", **kwargs):
        super().__init__(adapter, name, **kwargs)


class SGS100AMicrowave(VisaMicrowave):
    """The RF output of an SGS100A."""

    TABLE = SGS100A
    MAKERS = ("Rohde&Schwarz",)
    MODELS = ("SGS100A",)
    LIMITS: ClassVar = {
        "frequency_hz": Limits(1e6, 12.75e9, "Hz"),
        "power_dbm": Limits(-120.0, 25.0, "dBm"),
    }
