"""What light an acousto-optic modulator passes at what voltage."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from labctl.errors import RigError


class AOMCalibration:
    """A measured table transmission -> volts, smooth and monotonic between its points.

    Args:
        table: pairs (transmission from 0 to 1, volts), the transmission rising from 0.
        full_power_w: optical power at the diamond at transmission 1, in W.

    Raises:
        RigError: fewer than two pairs, or not rising.
    """

    def __init__(self, table: Sequence[Sequence[float]], full_power_w: float) -> None:
        pairs = np.asarray(table, dtype=float)
        if pairs.ndim != 2 or pairs.shape[0] < 2 or pairs.shape[1] != 2:
            raise RigError("An AOM's calibration is a list of [transmission, volts], at least two.")
        transmission, volts = pairs.T
        rising = np.all(np.diff(transmission) > 0) and np.all(np.diff(volts) > 0)
        if not rising or transmission[0] != 0.0 or transmission[-1] > 1.0:
            raise RigError(
                "An AOM's calibration must rise, in transmission from 0 to at most 1 and in volts."
            )
        if not full_power_w > 0:
            raise RigError(f"full_power_w must be above 0, not {full_power_w:g}.")
        self._curve = PchipInterpolator(transmission, volts)
        self._full_power_w = full_power_w
        self._volts = (float(volts[0]), float(volts[-1]))
        self._highest = float(transmission[-1])

    @property
    def highest_power_w(self) -> float:
        """The most that the table reaches, in W."""
        return self._highest * self._full_power_w

    @property
    def dark_v(self) -> float:
        """Voltage at which no light passes."""
        return self._volts[0]

    @property
    def volts(self) -> tuple[float, float]:
        """Lowest and highest voltage of the table."""
        return self._volts

    def volts_for(self, power_w: float) -> float:
        """Voltage that lets `power_w` pass."""
        return float(self._curve(power_w / self._full_power_w))

    def power_at(self, volts: float) -> float:
        """Power in W that passes at `volts`; the table's ends beyond it."""
        low, high = self._volts
        if volts <= low:
            return 0.0
        if volts >= high:
            return self.highest_power_w
        found: Any = brentq(lambda t: float(self._curve(t)) - volts, 0.0, self._highest, xtol=1e-15)
        return float(found) * self._full_power_w
