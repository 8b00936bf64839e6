"""A coil on a laboratory supply: the ramp that the supply does not make by itself."""

import math
import threading
from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.session import Session
from drivers.visa_device import VisaDevice
from labctl.errors import DeviceError, RigError
from labctl.hal import Clock, WallClock

STEP_S = 0.05
"""Between the steps of a ramp: longer than a set with its checks takes, shorter than the coil
and the particle's libration in its slow direction feel as a kick."""
ARRIVAL_S = 3.0
ARRIVAL_CHECK_S = 0.05
SAME_A = 1e-3
"""Resolution of these supplies: set points that agree to this are the same."""


class SupplyElectromagnet(VisaDevice):
    """One output of a supply as a current source that only ever ramps.

    Subclasses say how their table names things. `open` leaves a coil that carries current as it
    is, for cutting it would kick the particle; an output that is off is set to 0 A and switched
    on, so that it is ready to ramp.

    Args:
        resource: VISA resource name, or a shared `Session`.
        output: number of the output that feeds the coil.
        voltage_v: voltage limit while the current is regulated; above resistance times current.
        ramp_rate_a_per_s: speed of every change.
        tolerance_a: how far from the target the measured current may be after a ramp; what the
            supply's measurement is good for.
        clock: what times the ramp; the wall clock unless the lab is simulated.
        options: what `Session` takes.
    """

    ROLE = "electromagnet"
    SETTINGS: ClassVar[Mapping[str, str]] = {"current_a": "A", "ramp_rate_a_per_s": "A/s"}
    MAX_VOLTAGE_V: ClassVar[float]
    VOLTAGE: ClassVar[str]
    CURRENT: ClassVar[str]
    MEASURED: ClassVar[str]

    def __init__(
        self,
        resource: str | Session,
        *,
        voltage_v: float,
        output: int = 1,
        ramp_rate_a_per_s: float = 0.5,
        tolerance_a: float = 0.01,
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        super().__init__(resource, **options)
        if not 0 < voltage_v <= self.MAX_VOLTAGE_V:
            raise RigError(f"voltage_v must be above 0 and at most {self.MAX_VOLTAGE_V:g} V.")
        self._voltage_v = voltage_v
        self._number = output
        self._tolerance_a = tolerance_a
        self._clock = clock if clock is not None else WallClock()
        self._rate_a_per_s = self.limits.check("ramp_rate_a_per_s", ramp_rate_a_per_s)
        self._ticket = 0
        self._ticket_lock = threading.Lock()

    def _output(self, handle: Any) -> Any:
        """The part of the instrument that this role uses; selects it where that is the dialect."""
        raise NotImplementedError

    def _is_on(self, output: Any) -> bool:
        """Whether the coil is connected to the regulated current."""
        raise NotImplementedError

    def _switch_on(self, output: Any) -> None:
        """Connect the coil."""
        raise NotImplementedError

    def _prepare(self, handle: Any) -> None:
        output = self._output(handle)
        if not self._is_on(output):
            self._set(output, self.CURRENT, 0.0, within=SAME_A)
            self._set(output, self.VOLTAGE, self._voltage_v, within=0.01)
            self._switch_on(output)

    @property
    def current_a(self) -> float:
        with self._talk() as handle:
            return float(getattr(self._output(handle), self.MEASURED))

    @property
    def ramp_rate_a_per_s(self) -> float:
        self._require_open()
        return self._rate_a_per_s

    @ramp_rate_a_per_s.setter
    def ramp_rate_a_per_s(self, value: float) -> None:
        self._require_open()
        self._rate_a_per_s = self.limits.check("ramp_rate_a_per_s", value)
        self._setpoints["ramp_rate_a_per_s"] = self._rate_a_per_s

    def ramp_to(self, current_a: float) -> None:
        """Ramp in steps that are read back; a later call takes over from an earlier one."""
        target_a = self.limits.check("current_a", current_a)
        with self._ticket_lock:
            self._ticket += 1
            ticket = self._ticket
        with self._talk() as handle:
            start_a = float(getattr(self._output(handle), self.CURRENT))
        steps = max(math.ceil(abs(target_a - start_a) / (self._rate_a_per_s * STEP_S)), 1)
        begun_s = self._clock.now_s()
        whole_s = abs(target_a - start_a) / self._rate_a_per_s
        for n in range(1, steps + 1):
            due_s = begun_s + whole_s * n / steps
            self._clock.sleep_s(max(due_s - self._clock.now_s(), 0.0))
            # Rounded to what the supply resolves; the last step is the target itself.
            step_a = (
                target_a if n == steps else round(start_a + (target_a - start_a) * n / steps, 3)
            )
            with self._talk() as handle:
                if ticket != self._ticket:
                    raise DeviceError(f"Another ramp took over on the way to {target_a:g} A.")
                self._set(self._output(handle), self.CURRENT, step_a, within=SAME_A)
        self._setpoints["current_a"] = target_a
        self._wait_for(target_a)

    def _wait_for(self, target_a: float) -> None:
        deadline_s = self._clock.now_s() + ARRIVAL_S
        while abs((measured_a := self.current_a) - target_a) > self._tolerance_a:
            if self._clock.now_s() > deadline_s:
                raise DeviceError(
                    f"{self.ROLE} at {self._link.where}: {measured_a:g} A flow {ARRIVAL_S:g} s "
                    f"after the ramp to {target_a:g} A; is the coil connected, and its "
                    f"resistance below {self._voltage_v / max(target_a, SAME_A):.3g} ohm?"
                )
            self._clock.sleep_s(ARRIVAL_CHECK_S)
