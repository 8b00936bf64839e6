"""Which instrument keeps somebody waiting, found out without asking it anything."""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from labctl.core.calls import Call
from labctl.core.rig import Rig

SILENT_S = 1.5
"""So long after its call should have returned a device is silent; told as 2 s."""


class _Seen(NamedTuple):
    """A call into a device, and since when nothing has come of it."""

    call: Call
    since_s: float


class DeviceWatch:
    """Looks at which thread is inside a call to which device, and for how long.

    A call that hangs can tell nothing itself, and a driver that is asked by a second thread may
    hang that one as well; so nothing is asked. What a call is given to take (`duration_s` of a
    count, the bins of a stream, a ramp, a pulse program) is allowed for.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self._seen: dict[int, _Seen] = {}
        self._world_s = -1.0

    def look(self) -> dict[str, float]:
        """Role -> seconds for which it has been silent, of those that are; call this regularly.

        Empty while the simulation itself, not an instrument in it, keeps one waiting.
        """
        now_s = time.monotonic()
        moving = self._world_moves()
        found: dict[int, _Seen] = {}
        for thread, call in self.rig.calls.copy().items():
            before = self._seen.get(thread)
            same = before is not None and before.call is call and not moving
            found[thread] = before if same and before else _Seen(call, now_s)
        self._seen = found
        silent: dict[str, float] = {}
        for call, since_s in found.values():
            waited_s = now_s - since_s - self._allowed_s(call)
            if waited_s >= SILENT_S:
                silent[call.role] = max(waited_s, silent.get(call.role, 0.0))
        return silent

    def _world_moves(self) -> bool:
        """Whether a simulated lab is at work, which takes the computer's time, not its own."""
        world = self.rig.simulation
        if world is None:
            return False
        if world.preparing:
            return True
        if world.speed is not None:
            return False
        before, self._world_s = self._world_s, world.now_s()
        return self._world_s != before

    def _allowed_s(self, call: Call) -> float:
        """How long the call takes by what it was told."""
        given = call.given
        allowed_s = 0.0
        match call.function.__name__:
            case "count":
                allowed_s = _number(given, "duration_s")
            case "stream":
                allowed_s = _number(given, "n") / (_number(given, "sample_rate_hz") or 1.0)
            case "ramp_to":
                allowed_s = self._ramp_s(call.role)
            case "wait" | "read_gates":
                allowed_s = getattr(getattr(self.rig.active, "runner", None), "program_s", 0.0)
        speed = self.rig.simulation.speed if self.rig.simulation is not None else None
        return allowed_s / min(speed or 1.0, 1.0)

    def _ramp_s(self, role: str) -> float:
        """A ramp over the whole range at the rate that the device was last seen with."""
        limits = self.rig.devices[role].limits
        rate = self.rig.known.get(role, {}).get("ramp_rate_a_per_s")
        if rate is None or "current_a" not in limits or not rate.readback:
            return 0.0
        span_a = limits["current_a"].maximum - limits["current_a"].minimum
        return span_a / float(rate.readback)


def silence(role: str, silent_s: float) -> str:
    """The first half of what to say about a silent device."""
    return f"{role} has not answered for {max(round(silent_s), 2)} s"


def _number(given: Mapping[str, Any], name: str) -> float:
    value = given.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
