"""Everything safe at once, whatever the devices are doing and whether or not they answer."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from labctl.errors import said_of
from labctl.hal import Device, SafeState
from labctl.safety.safe_state import ELECTROMAGNET, make_safe

DEADLINE_S = 0.2
WAITING_SHARE = 0.9
"""Of the deadline; the rest is for telling what has not answered by then."""
REASON = "emergency stop"

logger = logging.getLogger(__name__)


class CutOff(Protocol):
    """A run under way, as far as an emergency is concerned."""

    def stop(self, reason: str, *, at_once: bool = False) -> None:
        """End it; `at_once` takes its instruments away."""
        ...


class Lab(Protocol):
    """What an emergency stop needs of a rig."""

    safe_states: Mapping[str, SafeState]
    unresponsive: set[str]

    @property
    def active(self) -> CutOff | None:
        """The run that owns the devices."""
        ...

    def open_devices(self) -> Iterator[tuple[str, Device]]:
        """(role, device) of what is open."""
        ...


def emergency_stop(rig: Lab, deadline_s: float = DEADLINE_S) -> list[str]:
    """Bring every device into its declared safe state; returns within `deadline_s`.

    A run under way loses its instruments and ends as aborted. Every device has threads of its
    own, so that one that hangs holds up neither the others nor the caller; it is noted in
    `rig.unresponsive` until it answers, and made safe when it does. The magnet's ramp is begun
    but not waited for; the trap, like everything whose safe state is "hold", is left as it is.

    Returns:
        One line per device that does not answer and per setting that was refused; empty when
        all is well.
    """
    end_s = time.monotonic() + WAITING_SHARE * deadline_s
    if rig.active is not None:
        rig.active.stop(REASON, at_once=True)
    attempts = [_Attempt(rig, role, device) for role, device in reversed(list(rig.open_devices()))]
    for attempt in attempts:
        attempt.wait(end_s - time.monotonic())
    return [line for attempt in attempts for line in attempt.verdict()]


class _Attempt:
    """One device: a thread that makes it safe, and one that finds out whether it answers."""

    def __init__(self, rig: Lab, role: str, device: Device) -> None:
        self._rig, self._role, self._device = rig, role, device
        self._lock = threading.Lock()
        self._failures: list[str] = []
        self._answer = ""
        self._safe, self._answered = threading.Event(), threading.Event()
        self._begin(self._make_safe, self._safe)
        self._begin(self._ask, self._answered)

    def wait(self, timeout_s: float) -> None:
        """Wait for what can be expected within the deadline; a ramp goes on by itself."""
        end_s = time.monotonic() + timeout_s
        for event in (self._answered, *(() if self._role == ELECTROMAGNET else (self._safe,))):
            event.wait(max(end_s - time.monotonic(), 0.0))

    def verdict(self) -> list[str]:
        """What is wrong with the device, as it is known now."""
        with self._lock:
            waiting = not self._answered.is_set()
            if self._role != ELECTROMAGNET:
                waiting |= not self._safe.is_set()
            if waiting:
                self._rig.unresponsive.add(self._role)
                logger.error("Emergency stop: %s does not answer", self._role)
                return [f"{self._role} does not answer; it may not be in its safe state"]
        return self._failures or ([self._answer] if self._answer else [])

    def _begin(self, act: Callable[[], None], done: threading.Event) -> None:
        def work() -> None:
            try:
                act()
            finally:
                with self._lock:
                    done.set()
                    if self._safe.is_set() and self._answered.is_set():
                        self._rig.unresponsive.discard(self._role)

        threading.Thread(target=work, name=f"safe {self._role}", daemon=True).start()

    def _make_safe(self) -> None:
        self._failures = make_safe([(self._role, self._device)], self._rig.safe_states)

    def _ask(self) -> None:
        try:
            self._device.settings()
        except Exception as error:  # a driver may raise anything
            logger.exception("Emergency stop: %s answers with an error", self._role)
            self._answer = said_of(self._role, error)
