"""However a measurement of the simulated lab ends, the particle stays and the sources are safe."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import labctl
from labctl.core import Rig, RigFile, load_rig_file
from labctl.data import RunStatus
from labctl.errors import DeviceError, RunAbortedError, RunFailedError
from labctl.session import RunHandle
from sim_backends.devices.counter import SimulatedPhotonCounter
from sim_backends.devices.microwave import SimulatedMicrowaveSource
from sim_backends.world import World

IDLE_POWER_W = 100e-6
POINTS = 400


class SilentCounter(SimulatedPhotonCounter):
    """A counter whose hardware stops answering after some counts."""

    def __init__(self, world: World, after: int) -> None:
        super().__init__(world)
        self._left = after

    def count(self, duration_s: float) -> Mapping[str, int]:
        self._left -= 1
        if self._left < 0:
            raise DeviceError(f"SimAPD: no counts within {2 * duration_s:g} s.")
        return super().count(duration_s)


class CrashingMicrowave(SimulatedMicrowaveSource):
    """A generator whose driver has a bug that some frequency brings out."""

    def __init__(self, world: World, after: int) -> None:
        super().__init__(world)
        self._left = after

    @property
    def frequency_hz(self) -> float:
        return super().frequency_hz

    @frequency_hz.setter
    def frequency_hz(self, value: float) -> None:
        self._left -= 1
        if self._left < 0:
            raise IndexError("list index out of range")
        SimulatedMicrowaveSource.frequency_hz.fset(self, value)  # type: ignore[attr-defined]


Commands = list[dict[str, Any]]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Every command any device gives to the world, as it comes."""
    given: Commands = []
    plain_set, plain_ramp = World.set, World.ramp_current

    def spy_set(world: World, **controls: Any) -> Any:
        given.append(controls)
        return plain_set(world, **controls)

    def spy_ramp(world: World, current_a: float, rate: float) -> Any:
        given.append({"ramp_to_a": current_a, "rate_a_per_s": rate})
        return plain_ramp(world, current_a, rate)

    monkeypatch.setattr(World, "set", spy_set)
    monkeypatch.setattr(World, "ramp_current", spy_ramp)
    return given


def with_device(role: str, name: str, after: int) -> RigFile:
    rig = load_rig_file("sim")
    changes = {
        "class_path": f"{__name__}:{name}",
        "arguments": {"world": "@world", "after": after},
        "limits": {},
    }
    devices = {**rig.devices, role: rig.devices[role].model_copy(update=changes)}
    return rig.model_copy(update={"devices": devices})


def start(rig: Rig, out: Path) -> RunHandle:
    """A scan with the magnet up, so that there is something to ramp down."""
    return labctl.start("mdmr", rig, {"points": POINTS, "sweeps": 1, "current_a": 2.0}, out=out)


def check_safe(rig: Rig, commands: Commands) -> None:
    assert isinstance(rig.simulation, World)
    controls = rig.simulation.controls
    assert controls.microwave_on is False
    assert controls.laser_w == pytest.approx(IDLE_POWER_W)
    assert controls.current_a == 0
    assert controls.trap_on is True
    touched = {name for command in commands for name in command}
    assert not {name for name in touched if name.startswith("trap")}
    assert "current_a" not in touched, "the magnet was set, not ramped"
    ramps = [command for command in commands if "ramp_to_a" in command]
    assert [ramp["ramp_to_a"] for ramp in ramps if ramp["ramp_to_a"]] == [2.0]
    assert ramps[-1]["ramp_to_a"] == 0.0
    assert all(ramp["rate_a_per_s"] == 5.0 for ramp in ramps)


@pytest.mark.parametrize(
    ("role", "device", "words"),
    [
        ("counter", "SilentCounter", "no counts within"),
        ("microwave", "CrashingMicrowave", "IndexError: list index out of range"),
    ],
)
@pytest.mark.parametrize("draw", range(3))
def test_failure_at_a_random_point(
    tmp_path: Path, commands: Commands, role: str, device: str, words: str, draw: int
) -> None:
    after = random.Random(f"{device}{draw}").randrange(1, POINTS)
    with labctl.open_rig(with_device(role, device, after)) as rig:
        handle = start(rig, tmp_path)
        with pytest.raises(RunFailedError, match=words):
            handle.result()
        check_safe(rig, commands)
    run = labctl.load(handle.path)
    assert run.status is RunStatus.FAILED
    assert words in run.reason
    assert len(run) == after


@pytest.mark.parametrize("draw", range(3))
def test_stop_at_a_random_point(tmp_path: Path, commands: Commands, draw: int) -> None:
    wanted = random.Random(draw).randrange(1, POINTS - 50)
    with labctl.open_rig("sim", speed=20) as rig:
        handle = start(rig, tmp_path)
        while handle.runner.done < wanted:
            assert not handle.wait(0.001)
        handle.stop()
        with pytest.raises(RunAbortedError, match="stopped by the user"):
            handle.result()
        check_safe(rig, commands)
    run = labctl.load(handle.path)
    assert run.status is RunStatus.ABORTED
    assert run.reason == "stopped by the user"
    assert wanted <= len(run) < POINTS


def test_closing_the_rig_ends_the_run(tmp_path: Path, commands: Commands) -> None:
    with labctl.open_rig("sim", speed=20) as rig:
        handle = start(rig, tmp_path)
        while handle.runner.done < 10:
            assert not handle.wait(0.001)
    assert labctl.load(handle.path).status is RunStatus.ABORTED
    check_safe(rig, commands)


def test_truth_in_the_file_is_that_of_the_field_the_scan_had(tmp_path: Path) -> None:
    """The sequence sets the magnet after the file is made, and the rig's end resets it."""
    truths: list[Any] = []
    for current_a in (0.0, 2.0):
        with labctl.open_rig("sim") as rig:
            run = labctl.run("mdmr", rig, sweeps=1, points=9, current_a=current_a, out=tmp_path)
            assert isinstance(rig.simulation, World)
            rig.electromagnet.ramp_to(current_a)
            expected = rig.simulation.truth()["field_t"][0]
        assert run.info.truth["field_t"][0] == pytest.approx(expected, abs=5e-5)
        truths.append(run.info.truth["resonance_frequency_hz"][0])
    assert max(abs(truths[0] - truths[1])) > 1e6
