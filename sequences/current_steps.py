"""The parameters every measurement at several magnet currents shares."""

from typing import Self

import numpy as np
from pydantic import model_validator

from labctl.hal import Instruments
from labctl.parameters import SequenceParameters, quantity


class CurrentSteps(SequenceParameters):
    """Equally spaced currents of the electromagnet, and the laser, which stays as it is."""

    laser_power_w: float | None = quantity(
        330e-6, unit="W", label="Laser power at the diamond", limited_by="laser.power_w", ge=0
    )
    start_a: float = quantity(
        0.0, unit="A", label="First current", limited_by="electromagnet.current_a"
    )
    stop_a: float = quantity(
        8.0, unit="A", label="Last current", limited_by="electromagnet.current_a"
    )
    currents: int = quantity(5, unit="", label="Currents", ge=2, le=10_000)

    @model_validator(mode="after")
    def _currents_differ(self) -> Self:
        if self.start_a == self.stop_a:
            raise ValueError(f"Parameters `start_a` and `stop_a` are both {self.shown('start_a')}.")
        return self

    @property
    def currents_a(self) -> list[float]:
        """The currents in the order they are visited."""
        return [float(value) for value in np.linspace(self.start_a, self.stop_a, self.currents)]

    def shine(self, rig: Instruments) -> None:
        """Switch the laser on."""
        if self.laser_power_w is not None:
            rig.laser.power_w = self.laser_power_w
        rig.laser.gate = True
