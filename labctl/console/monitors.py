"""What the lab does between measurements: count rates, pressure, trap and microwave."""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.core import Rig, describe
from labctl.errors import RigError, said_of

COUNT_S = 0.02
KEPT = 7200
"""Readings kept per name: two hours at one per second."""
SETTINGS = ("trap", "microwave", "electromagnet", "laser")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """One value as it was read; NaN where the device did not answer.

    Attributes:
        time_s: seconds since the epoch.
    """

    value: float
    unit: str
    time_s: float


class Monitors:
    """A background thread that samples a rig while no run owns it.

    Names are `angle_rate`, `pl_rate` (counts/s), `pressure_pa`, and "role.setting" of trap,
    microwave, electromagnet and laser. While a run is under way nothing is sampled, which leaves
    a gap in time; a device that fails leaves NaN, and a line in `messages`.

    Args:
        rig: may be open or not yet; closed devices are left out.
        interval_s: on the wall clock, between two rounds.
        count_s: length of a count, on the rig's clock.
        kept: readings kept per name, the oldest dropped first.
    """

    def __init__(
        self, rig: Rig, interval_s: float = 1.0, *, count_s: float = COUNT_S, kept: int = KEPT
    ) -> None:
        self._rig = rig
        self._interval_s, self._count_s, self._kept = interval_s, count_s, kept
        self._lock = threading.Lock()
        self._history: dict[str, deque[Reading]] = {}
        self._messages: dict[str, str] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether the thread is at work."""
        return self._thread is not None

    @property
    def messages(self) -> tuple[str, ...]:
        """What is wrong now, a line per device; empty when all answer."""
        with self._lock:
            return tuple(self._messages.values())

    def start(self) -> None:
        """Begin; twice is fine."""
        if self._thread is None:
            self._ended.clear()
            # A daemon, because a device may hang in a sample for ever.
            self._thread = threading.Thread(target=self._work, name="monitors", daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> bool:
        """End after the present sample; returns whether it has ended within `timeout_s`."""
        thread, self._thread = self._thread, None
        self._ended.set()
        if thread is None:
            return True
        thread.join(timeout_s)
        return not thread.is_alive()

    def latest(self) -> Mapping[str, Reading]:
        """The last reading of every name."""
        with self._lock:
            return {name: readings[-1] for name, readings in self._history.items()}

    def names(self) -> tuple[str, ...]:
        """What there is a history of."""
        with self._lock:
            return tuple(self._history)

    def history(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(seconds since the epoch, values) of a name, oldest first, shape (n,); none if unknown.

        NaN where the device did not answer.
        """
        with self._lock:
            readings = tuple(self._history.get(name, ()))
        times = np.array([reading.time_s for reading in readings], dtype=np.float64)
        return times, np.array([reading.value for reading in readings], dtype=np.float64)

    def sample(self) -> bool:
        """One round now, unless a run owns the rig; returns whether it was made."""
        made = False
        for role, device in list(self._rig.open_devices()):
            if self._ended.is_set():
                break
            # Held for one device at a time, so that a run that is to begin waits hardly at all.
            try:
                with self._rig.idle() as idle:
                    if not idle or role in self._rig.unresponsive:
                        continue
                    self._remember(role, list(self._read(role, device)))
                    made = True
            except RigError:
                continue  # somebody else has the devices
            except Exception as error:  # noqa: BLE001  a driver may raise anything; the others go on
                self._miss(role, error)
        return made

    def _read(self, role: str, device: object) -> Iterator[tuple[str, float, str]]:
        rig = self._rig
        if role == "counter":
            for channel, counts in rig.counter.count(self._count_s).items():
                yield f"{channel}_rate", counts / self._count_s, "counts/s"
        elif role == "gauge":
            yield "pressure_pa", rig.gauge.pressure_pa, "Pa"
        elif role in SETTINGS:
            for name, setting in rig.devices[role].settings().items():
                yield f"{role}.{name}", float(setting.readback), setting.unit

    def _remember(self, role: str, values: list[tuple[str, float, str]]) -> None:
        now_s = time.time()
        with self._lock:
            self._messages.pop(role, None)
            for name, value, unit in values:
                line = self._history.setdefault(name, deque(maxlen=self._kept))
                line.append(Reading(value, unit, now_s))

    def _miss(self, role: str, error: Exception) -> None:
        now_s, message = time.time(), said_of(role, describe(error))
        with self._lock:
            if self._messages.get(role) != message:  # told once, not every second
                logger.warning("Monitor of %s", message, exc_info=error)
            self._messages[role] = message
            for name, line in self._history.items():
                if _role_of(name) == role:
                    line.append(Reading(float("nan"), line[-1].unit, now_s))

    def _work(self) -> None:
        while not self._ended.is_set():
            begin_s = time.monotonic()
            self.sample()
            self._ended.wait(max(self._interval_s - (time.monotonic() - begin_s), 0.0))


def _role_of(name: str) -> str:
    role, dot, _ = name.partition(".")
    if dot:
        return role
    return "gauge" if name == "pressure_pa" else "counter"
