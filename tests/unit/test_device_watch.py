"""Who is silent, for how long, and who only does what it was told."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

import labctl
from labctl.core import Rig
from labctl.core.device_watch import DeviceWatch


@pytest.fixture
def lab() -> Iterator[Rig]:
    with labctl.open_rig("sim", seed=5) as rig:
        rig.counter.count(1e-3)
        yield rig


def silent_after(watch: DeviceWatch, act: Callable[[], object], wait_s: float) -> dict[str, float]:
    """What the watch says so long after a thread has begun to do something."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    end_s = time.monotonic() + wait_s
    silent: dict[str, float] = {}
    while time.monotonic() < end_s:
        silent = watch.look()
        time.sleep(0.05)
    return silent


@pytest.mark.parametrize(
    ("role", "act"),
    [
        ("counter", lambda rig: rig.counter.count(0.01)),
        ("microwave", lambda rig: setattr(rig.microwave, "frequency_hz", 2.9e9)),
        ("gauge", lambda rig: rig.devices["gauge"].settings()),
    ],
)
def test_whoever_hangs_is_named_within_two_seconds(
    lab: Rig, role: str, act: Callable[[Rig], object]
) -> None:
    assert lab.simulation is not None
    lab.simulation.inject(f"{role}: hangs")
    try:
        silent = silent_after(DeviceWatch(lab), lambda: act(lab), 1.9)
    finally:
        lab.simulation.clear(f"{role}: hangs")
    assert set(silent) == {role}
    assert silent[role] >= 1.5


def test_a_count_that_takes_its_time_is_no_silence(lab: Rig) -> None:
    assert lab.simulation is not None
    lab.simulation.speed = 1.0
    watch = DeviceWatch(lab)
    assert silent_after(watch, lambda: lab.counter.count(2.4), 2.2) == {}
    time.sleep(0.5)
    assert watch.look() == {}


def test_a_simulation_at_work_is_no_silence(lab: Rig) -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            lab.counter.stream(1e4, 20_000)

    watch = DeviceWatch(lab)
    assert silent_after(watch, work, 1.8) == {}
    stop.set()
    while watch.look() or threading.active_count() > 1:
        time.sleep(0.05)
