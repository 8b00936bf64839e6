"""Safe states: every device gets its own, whatever the others do."""

import pytest

import labctl
from labctl.hal import PL, Pulse, SafeState
from labctl.safety.safe_state import make_safe
from tests.system.toy_lab import ToyElectromagnet, ToyLaser, ToyMicrowave, ToyTrap, ToyWorld

STATES = {
    "trap": SafeState(),
    "electromagnet": SafeState({"current_a": 0.5}, {"current_a": "A"}),
    "laser": SafeState({"power_w": 1e-3, "gate": False}, {"power_w": "W"}),
    "microwave": SafeState({"output": False}),
}


def lab(**fault: str) -> dict[str, ToyTrap | ToyElectromagnet | ToyLaser | ToyMicrowave]:
    good, bad = ToyWorld(), ToyWorld(**fault)  # type: ignore[arg-type]
    faulty = fault.get("fault", "").partition(".")[0]
    kinds = (ToyTrap, ToyElectromagnet, ToyLaser, ToyMicrowave)
    devices = {kind.role: kind(good) for kind in kinds}
    devices["microwave"].output = True
    devices["laser"].gate = True
    if faulty:
        devices[faulty]._world = bad
    return devices


def test_each_device_reaches_its_own_and_the_trap_is_held() -> None:
    devices = lab()
    assert make_safe(devices.items(), STATES) == []
    assert devices["microwave"].output is False
    assert devices["laser"].gate is False
    assert devices["laser"].power_w == 1e-3
    assert devices["electromagnet"].current_a == 0.5
    assert devices["trap"].settings() == ToyTrap(ToyWorld()).settings()


@pytest.mark.parametrize("verb", ["power_w", "gate"])
def test_one_refusal_is_told_and_stops_nothing_else(verb: str) -> None:
    devices = lab(fault=f"laser.{verb}")
    (failure,) = make_safe(devices.items(), STATES)
    assert failure == f"laser.{verb} could not be made safe: laser: the read-back disagrees"
    assert devices["microwave"].output is False
    assert devices["electromagnet"].current_a == 0.5
    assert devices["laser"].gate is (verb == "gate")


def test_magnet_that_does_not_tell_who_it_is_is_ramped_all_the_same() -> None:
    devices = lab(fault="electromagnet.identity")
    assert make_safe(devices.items(), STATES) == []
    assert devices["electromagnet"].current_a == 0.5


def test_it_reads_as_the_rig_file_says_it() -> None:
    assert str(STATES["trap"]) == "hold"
    assert str(STATES["laser"]) == "power_w 1 mW, gate off"


def test_a_program_that_plays_on_is_stopped_so_that_the_idle_light_is_back() -> None:
    """An error between start and read-out leaves a program running with the laser line low."""
    with labctl.open_rig("sim") as rig:
        rig.sequencer.load([Pulse.of(100.0)])
        rig.sequencer.start()
        assert rig.counter.count(0.01)[PL] < 100
        assert rig.make_safe() == []
        assert rig.counter.count(0.01)[PL] > 1000
