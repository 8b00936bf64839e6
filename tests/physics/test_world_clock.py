"""A world held to a wall clock that it can, or cannot, follow."""

import logging
from typing import Any

import pytest

from labctl.hal import Pulse, PulseChannel
from sim_backends import pace, world
from sim_backends.devices.microwave import SimulatedMicrowaveSource
from sim_backends.devices.sequencer import SimulatedPulseSequencer
from sim_backends.world import CATCH_UP_S, World


class SlowComputer:
    """Stands for the module `time`: it passes only by simulating and sleeping.

    Attributes:
        cost: seconds that simulating one second takes.
    """

    def __init__(self, lab: World, cost: float) -> None:
        self.time_s = 0.0
        self.cost = cost
        self._advance = lab.diamond.advance
        lab.diamond.advance = self.advance  # type: ignore[method-assign]

    def monotonic(self) -> float:
        return self.time_s

    def sleep(self, duration_s: float) -> None:
        self.time_s += duration_s

    def advance(self, bin_s: float, bins: int, out: Any) -> None:
        self._advance(bin_s, bins, out)
        self.time_s += self.cost * bin_s * bins


@pytest.fixture
def lab() -> World:
    return World(seed=1)


def computer(lab: World, cost: float, monkeypatch: pytest.MonkeyPatch) -> SlowComputer:
    slow = SlowComputer(lab, cost)
    for module in (world, pace):
        monkeypatch.setattr(module, "time", slow)
    lab.hold_to_wall_clock(1.0)
    return slow


def test_a_program_that_is_too_fast_makes_the_clock_slip(
    lab: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slow = computer(lab, 4.0, monkeypatch)
    sequencer = SimulatedPulseSequencer(lab)
    sequencer.open()
    light = frozenset({PulseChannel.LASER})
    sequencer.load([Pulse(1e-3, light), Pulse(1e-3, frozenset())], repeats=1_000_000)
    sequencer.start()
    with caplog.at_level(logging.WARNING):
        for _ in range(10):
            slow.sleep(1.0)
            before_s, lived_s = slow.time_s, lab.now_s()
            lab.set(laser_gate=True)
            assert slow.time_s - before_s < CATCH_UP_S + 0.1
            lab.set(laser_gate=True)  # nothing is owed any more
            assert slow.time_s - before_s < 2 * CATCH_UP_S + 0.2
    assert lived_s < slow.time_s / 4
    assert caplog.messages == ["The simulation is slower than its clock, which now runs behind."]


def test_a_list_that_the_computer_can_follow_ends_on_time(
    lab: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slow = computer(lab, 0.01, monkeypatch)
    microwave = SimulatedMicrowaveSource(lab)
    microwave.open()
    microwave.output = True
    microwave.load_frequency_list([2.8e9 + 1e6 * n for n in range(30)], 1.0)
    microwave.start_frequency_list()
    slow.sleep(20.5)  # nobody looks
    assert lab.plays("frequency list")
    assert microwave.frequency_hz == 2.82e9
    assert lab.now_s() == pytest.approx(slow.time_s, abs=0.01)
    assert not caplog.messages
