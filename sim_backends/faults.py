"""Faults of the simulated lab: cables that fall off and instruments that no longer answer."""

import threading

from labctl.errors import DeviceError, RigError
from labctl.hal import ROLES

DISCONNECTED, HANGS = "disconnected", "hangs"
PARTICLE_LOST = "particle lost"
FAULTS = (
    *(f"{role}: {kind}" for role in ROLES for kind in (DISCONNECTED, HANGS)),
    PARTICLE_LOST,
)
"""Everything that can be injected."""


class Faults:
    """What is wrong with a lab just now; its instruments ask before they answer."""

    def __init__(self) -> None:
        self._injected: set[str] = set()
        self._changed = threading.Condition()

    @property
    def faults(self) -> tuple[str, ...]:
        """Names of all faults that can be injected."""
        return FAULTS

    @property
    def injected(self) -> tuple[str, ...]:
        """Names of the faults in force."""
        return tuple(name for name in FAULTS if name in self._injected)

    def inject(self, name: str) -> None:
        """Let a fault happen; twice is fine. RigError if there is none of that name."""
        with self._changed:
            self._injected.add(_known(name))

    def clear(self, name: str) -> None:
        """Mend a fault; calls that hang because of it go on. Raises as `inject`."""
        with self._changed:
            self._injected.discard(_known(name))
            self._changed.notify_all()

    def meet_faults(self, role: str, model: str) -> None:
        """Pass, hang until the fault is cleared, or fail as a call to this role does now.

        Raises:
            DeviceError: it is disconnected.
        """
        if not self._injected:
            return
        with self._changed:
            self._changed.wait_for(lambda: f"{role}: {HANGS}" not in self._injected)
            if f"{role}: {DISCONNECTED}" in self._injected:
                raise DeviceError(f"{role} ({model}) does not answer (connection lost).")


def _known(name: str) -> str:
    if name not in FAULTS:
        raise RigError(f"No fault is called `{name}`; known are {', '.join(FAULTS)}.")
    return name
