"""Stanford Research Systems SG382, SG384 and SG386."""

from typing import Any, ClassVar

from pymeasure.instruments import Instrument
from pymeasure.instruments.srs.sg380 import SG380
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from drivers.microwave import VisaMicrowave
from labctl.hal import Limits


class SG384(SG380):
    """pymeasure's SG380 with the type-N output, which upstream leaves out."""

    power = Instrument.control(
        "AMPR?",
        "AMPR%.2f",
        """Control the power at the type-N output in dBm (float strictly from -110 to 16.5).""",
        validator=strict_range,
        values=[-110, 16.5],
    )

    output_enabled = Instrument.control(
        "ENBR?",
        "ENBR%d",
        """Control whether the type-N output is on (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )

    last_error = Instrument.measurement(
        "LERR?",
        """Get and remove the latest error code (int); 0 is none, 10 to 255 are in the manual.""",
        cast=int,
    )


class SG384Microwave(VisaMicrowave):
    """The type-N output of an SG384 (or SG382, SG386; narrow the limits in the rig file)."""

    TABLE = SG384
    MAKERS = ("Stanford Research Systems",)
    MODELS = ("SG384", "SG386", "SG382")
    LIMITS: ClassVar = {
        "frequency_hz": Limits(950e3, 6.075e9, "Hz"),
        "power_dbm": Limits(-110.0, 16.5, "dBm"),
    }

    def _error_entries(self, instrument: Any) -> list[tuple[int, str]]:
        # The SRS dialect has no SYST:ERR?; its queue is read by LERR?, code by code.
        entries: list[tuple[int, str]] = []
        while len(entries) < 20 and (code := int(instrument.last_error)):
            entries.append((code, "see LERR? in the manual"))
        return entries
