"""Which instrument keeps somebody waiting, found out without asking it anything."""

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from labctl.core.rig import Rig
from labctl.hal import Device

SILENT_S = 1.5
"""So long after its call should have returned a device is silent; told as 2 s."""


@dataclass
class _Call:
    """One call into a device: the frame it is in, and since when nothing has come of it."""

    role: str
    frame: FrameType
    since_s: float


class DeviceWatch:
    """Looks at what every thread of the program is doing, and for how long.

    A call that hangs can tell nothing itself, and a driver that is asked by a second thread may
    hang that one as well; so the watch reads the stacks: a thread inside a method of a device
    waits for that device. What a method is given to take (`duration_s` of a count, the bins of a
    stream, a ramp, a pulse program) is allowed for.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self._devices = {id(device): role for role, device in rig}
        self._codes = {code for _, device in rig for code in _codes(type(device))}
        self._calls: dict[int, _Call] = {}
        self._world_s = -1.0

    def look(self) -> dict[str, float]:
        """Role -> seconds for which it has been silent, of those that are; call this regularly.

        Empty while the simulation itself, not an instrument in it, keeps one waiting.
        """
        now_s = time.monotonic()
        moving = self._world_moves()
        found: dict[int, _Call] = {}
        for thread, frame in self._frames():
            before = self._calls.get(thread)
            same = before is not None and before.frame is frame and not moving
            role = self._devices[id(frame.f_locals["self"])]
            found[thread] = before if same and before else _Call(role, frame, now_s)
        self._calls = found
        silent: dict[str, float] = {}
        for call in found.values():
            waited_s = now_s - call.since_s - self._allowed_s(call)
            if waited_s >= SILENT_S:
                silent[call.role] = max(waited_s, silent.get(call.role, 0.0))
        return silent

    def _frames(self) -> Iterator[tuple[int, FrameType]]:
        """(thread, its outermost frame inside a device) of every thread that is in one."""
        for thread, innermost in sys._current_frames().items():
            if thread == threading.get_ident():
                continue
            outermost: FrameType | None = None
            frame: FrameType | None = innermost
            while frame is not None:
                if frame.f_code in self._codes and id(frame.f_locals.get("self")) in self._devices:
                    outermost = frame
                frame = frame.f_back
            if outermost is not None:
                yield thread, outermost

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

    def _allowed_s(self, call: _Call) -> float:
        """How long the call takes by what it was told."""
        given = call.frame.f_locals
        allowed_s = 0.0
        match call.frame.f_code.co_name:
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


def _codes(cls: type[Device]) -> Iterator[CodeType]:
    """The code of everything that a class and its bases define."""
    for base in cls.__mro__:
        for item in vars(base).values():
            parts = (item.fget, item.fset) if isinstance(item, property) else (item,)
            for part in parts:
                code = getattr(getattr(part, "__wrapped__", part), "__code__", None)
                if isinstance(code, CodeType):
                    yield code
