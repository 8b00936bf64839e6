"""The instruments as a run sees them: lent to its sequence, and taken back in an emergency."""

from typing import Any

from labctl.core.light import Light, LitCounter, TimedSequencer
from labctl.errors import RunAbortedError
from labctl.hal import ROLES, Instruments


class LentInstruments:
    """The devices of a rig and its clock as plain attributes, until they are taken back.

    Afterwards every access ends the sequence, so that it cannot switch on again what an
    emergency stop has just switched off.

    Args:
        rig: the lab.
        light: is shown what the counter counts; None where nobody asks for light.

    Attributes:
        timed: the sequencer, which knows how long its program lasts; None without one.
    """

    def __init__(self, rig: Instruments, light: Light | None = None) -> None:
        self._rig = rig
        self.timed: TimedSequencer | None = None
        self._reason = ""
        # Copied, so that an access costs a sequence nothing.
        for name in ("clock", *ROLES):
            if name in vars(rig):
                setattr(self, name, vars(rig)[name])
        if "sequencer" in vars(self):
            self.sequencer = self.timed = TimedSequencer(rig.sequencer)
        timed = self.timed
        if light is not None and "counter" in vars(self):
            gate_s = (lambda: 0.0) if timed is None else (lambda: timed.gate_s)
            self.counter = LitCounter(rig.counter, light, gate_s)

    def __getattr__(self, name: str) -> Any:
        if self._reason:
            raise RunAbortedError(self._reason)
        return getattr(self._rig, name)

    @property
    def taken_back(self) -> bool:
        """Whether they are."""
        return bool(self._reason)

    def take_back(self, reason: str) -> None:
        """From now on let every access raise RunAbortedError with this reason."""
        self._reason = reason
        for name in ("clock", *ROLES):
            vars(self).pop(name, None)
