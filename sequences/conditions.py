"""What most measurements may change before they start: laser power and magnet current."""

from labctl.hal import Instruments
from labctl.parameters import SequenceParameters, quantity


class Conditions(SequenceParameters):
    """Laser and magnet during a measurement; None leaves the rig's present value.

    The default laser power is the one of `000`, Methods (MDMR and ODMR scans).
    """

    laser_power_w: float | None = quantity(
        330e-6, unit="W", label="Laser power at the diamond", limited_by="laser.power_w", ge=0
    )
    current_a: float | None = quantity(
        None, unit="A", label="Electromagnet current", limited_by="electromagnet.current_a"
    )

    def apply(self, rig: Instruments) -> None:
        """Bring laser and magnet to these conditions; returns when they have arrived."""
        if self.laser_power_w is not None:
            rig.laser.power_w = self.laser_power_w
        rig.laser.gate = True
        if self.current_a is not None:
            rig.electromagnet.ramp_to(self.current_a)
