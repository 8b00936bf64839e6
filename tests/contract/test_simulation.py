"""What a simulated world offers beside its instruments: faults, its state, its clock."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import labctl
from labctl.core import Rig
from labctl.errors import DeviceError, RigError
from labctl.hal import ANGLE, PL, ROLES, Pulse, PulseChannel, Simulation

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "count": (1e-3,),
    "stream": (1e3, 10),
    "arm_gates": (1,),
    "ramp_to": (0.5,),
    "load": ([Pulse.of(1e-3)],),
    "load_frequency_list": ([2.8e9], 1e-3),
}
HOST_SIDE = {"limits", "channels", "close"}


@pytest.fixture
def lab() -> Iterator[Rig]:
    with labctl.open_rig("sim", seed=2) as opened:
        yield opened
        assert opened.simulation is not None
        for name in opened.simulation.injected:
            opened.simulation.clear(name)


def world(lab: Rig) -> Simulation:
    assert lab.simulation is not None
    return lab.simulation


def calls(device: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Everything one can ask of a device: every read, every write of a setting, every verb."""
    for name in dir(type(device)):
        item = getattr(type(device), name)
        if name.startswith("_") or name in HOST_SIDE or name.isupper():
            continue
        if isinstance(item, property):
            yield name, lambda name=name: getattr(device, name)
            if item.fset is not None:
                value = getattr(device, name)
                yield f"set {name}", lambda name=name, value=value: setattr(device, name, value)
        elif name == "start_frequency_list":
            yield name, lambda: (setattr(device, "output", True), device.start_frequency_list())
        elif callable(item):
            yield name, lambda name=name: getattr(device, name)(*ARGUMENTS.get(name, ()))


@pytest.mark.parametrize("role", ROLES)
def test_every_call_of_a_disconnected_device_fails_and_no_other(lab: Rig, role: str) -> None:
    asked = list(calls(lab.devices[role]))
    assert len(asked) >= 3
    world(lab).inject(f"{role}: disconnected")
    for name, call in asked:
        print(name)
        with pytest.raises(DeviceError, match=r"does not answer \(connection lost\)"):
            call()
    for other, device in lab:
        if other != role:
            device.settings()
    world(lab).clear(f"{role}: disconnected")
    lab.devices[role].settings()


@pytest.mark.parametrize("role", ROLES)
def test_every_call_of_a_hanging_device_waits_for_the_cure(lab: Rig, role: str) -> None:
    done: list[str] = []

    def attempt(name: str, call: Callable[[], Any]) -> None:
        with contextlib.suppress(DeviceError):  # such as reading gates that nobody armed
            call()
        done.append(name)

    asked = [item for item in calls(lab.devices[role]) if item[0] != "open"]
    world(lab).inject(f"{role}: hangs")
    threads = [threading.Thread(target=attempt, args=item) for item in asked]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    assert done == []
    for other, device in lab:
        if other != role:
            device.settings()
    world(lab).clear(f"{role}: hangs")
    for thread in threads:
        thread.join(20)
    assert sorted(done) == sorted(name for name, _ in asked)


def test_faults_are_named_and_unknown_ones_refused(lab: Rig) -> None:
    simulation = world(lab)
    wanted = {f"{role}: {kind}" for role in ROLES for kind in ("disconnected", "hangs")}
    assert wanted | {"particle lost"} == set(simulation.faults)
    assert simulation.injected == ()
    simulation.inject("gauge: disconnected")
    simulation.inject("particle lost")
    assert set(simulation.injected) == {"gauge: disconnected", "particle lost"}
    for act in (simulation.inject, simulation.clear):
        with pytest.raises(RigError, match="coffee"):
            act("coffee: cold")


def test_without_the_particle_the_counters_are_dark(lab: Rig) -> None:
    bright = lab.counter.count(0.1)
    world(lab).inject("particle lost")
    assert world(lab).state()["particle"][0] == 0
    dark = lab.counter.count(0.1)
    for channel in (ANGLE, PL):
        assert dark[channel] < 0.01 * bright[channel]
    world(lab).clear("particle lost")
    assert lab.counter.count(0.1)[PL] > 0.5 * bright[PL]


def test_a_particle_that_fell_out_of_the_trap_is_a_fault_in_force(lab: Rig) -> None:
    lab.trap.output = False
    lab.clock.sleep_s(0.1)
    lab.trap.output = True
    assert world(lab).injected == ("particle lost",)


def test_the_state_follows_what_the_instruments_do(lab: Rig) -> None:
    simulation = world(lab)
    lab.laser.power_w, lab.laser.gate = 200e-6, True
    lab.clock.sleep_s(0.2)
    pumped = simulation.state()
    assert pumped["light_w"] == (pytest.approx(200e-6), "W")
    populations = pumped["populations"][0]
    assert populations.shape == (4, 3)
    assert populations.sum(axis=1) == pytest.approx(1)
    assert pumped["angle_rad"][0].shape == (3,)
    lab.laser.gate = False
    lab.clock.sleep_s(0.2)
    dark = simulation.state()
    assert dark["light_w"][0] == 0
    # What is pumped into the ground state relaxes to equal shares in the dark.
    assert np.all(populations[:, 0] > dark["populations"][0][:, 0])
    assert dark["populations"][0] == pytest.approx(1 / 3, abs=0.01)
    before = simulation.state()["field_t"][0]
    lab.electromagnet.ramp_to(4.0)
    lab.clock.sleep_s(0.1)
    moved = np.linalg.norm(simulation.state()["field_t"][0] - before)
    assert moved == pytest.approx(4.0 * np.linalg.norm([0.4e-3, 0.3e-3, 0.9e-3]), rel=0.05)


def test_the_temperature_of_the_state_is_that_of_the_gas() -> None:
    with labctl.open_rig("sim_vacuum", seed=5) as lab:
        assert lab.simulation is not None
        kelvin = []
        for _ in range(20):
            lab.clock.sleep_s(8.0)
            kelvin.append(lab.simulation.state()["temperature_k"][0])
        assert np.mean(kelvin) == pytest.approx(300, rel=0.15)


def test_the_clock_can_be_held_and_let_go(lab: Rig) -> None:
    simulation = world(lab)
    assert simulation.speed is None
    simulation.speed = 20.0
    assert simulation.speed == 20.0
    wall_s = time.monotonic()
    lab.counter.count(2.0)
    assert time.monotonic() - wall_s >= 0.09
    lab_s = simulation.now_s()
    simulation.speed = 0.5
    assert simulation.now_s() >= lab_s
    waiting = threading.Thread(target=lab.counter.count, args=(60.0,))
    waiting.start()
    time.sleep(0.05)
    simulation.speed = None
    waiting.join(10)
    assert not waiting.is_alive()
    for bad in (0.0, -1.0, float("inf")):
        with pytest.raises(RigError, match="speed"):
            simulation.speed = bad


def meanwhile(call: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=call)
    thread.start()
    time.sleep(0.05)
    return thread


def test_instruments_obey_while_another_one_is_busy(lab: Rig) -> None:
    simulation = world(lab)
    simulation.speed = 1.0
    busy = meanwhile(lambda: lab.counter.count(30.0))
    lab.microwave.output = True
    lab.microwave.output = False
    assert busy.is_alive()
    simulation.speed = None
    lab.laser.gate = False
    busy.join(20)
    program = [Pulse.of(1e-3), Pulse.of(1e-4, PulseChannel.COUNT)]
    lab.sequencer.load(program, repeats=50_000)
    lab.counter.arm_gates(50_000)
    lab.sequencer.start()
    short: list[DeviceError] = []

    def read() -> None:
        try:
            lab.counter.read_gates()
        except DeviceError as error:
            short.append(error)

    busy = meanwhile(read)
    lab.sequencer.stop()
    busy.join(20)
    assert len(short) == 1
    assert "of 50000 gates" in str(short[0])


def test_a_later_ramp_takes_over(lab: Rig) -> None:
    simulation = world(lab)
    simulation.speed = 1.0
    failures: list[str] = []

    def ramp() -> None:
        try:
            lab.electromagnet.ramp_to(8.0)
        except DeviceError as error:
            failures.append(str(error))

    first = meanwhile(ramp)
    lab.electromagnet.ramp_to(0.0)
    first.join(10)
    assert failures == ["Another ramp took over on the way to 8 A."]
    assert lab.electromagnet.current_a == 0


def test_a_long_count_has_the_light_of_all_its_slices(lab: Rig) -> None:
    rate = np.mean([lab.counter.count(0.1)[PL] for _ in range(20)]) / 0.1
    before_s = lab.clock.now_s()
    assert lab.counter.count(3.3)[PL] / 3.3 == pytest.approx(rate, rel=0.02)
    assert lab.clock.now_s() - before_s == pytest.approx(3.3, rel=1e-9)
    trace = lab.counter.stream(100.0, 331)[PL]
    assert trace.sum() / 3.31 == pytest.approx(rate, rel=0.02)
    assert trace.min() > 0
