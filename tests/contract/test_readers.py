"""Contracts of what reads: counter, pulse sequencer with gated counts, gauge."""

import numpy as np
import pytest

from labctl.core import Rig
from labctl.errors import DeviceError, LimitError
from labctl.hal import ANGLE, PL, Pulse, PulseChannel, count_gates

LIGHT, COUNT = PulseChannel.LASER, PulseChannel.COUNT


@pytest.fixture(autouse=True)
def light(rig: Rig) -> None:
    rig.laser.power_w = 100e-6
    rig.laser.gate = True


def test_counter_has_both_channels(rig: Rig) -> None:
    assert {ANGLE, PL} <= set(rig.counter.channels)


def test_count_lasts_as_long_as_it_says(rig: Rig) -> None:
    before_s = rig.clock.now_s()
    counts = rig.counter.count(0.05)
    assert rig.clock.now_s() - before_s == pytest.approx(0.05, rel=0.01)
    assert set(counts) == set(rig.counter.channels)
    assert all(isinstance(n, int) and n > 0 for n in counts.values())


def test_stream_has_the_right_shape_type_and_duration(rig: Rig) -> None:
    before_s = rig.clock.now_s()
    trace = rig.counter.stream(7e3, 700)
    assert rig.clock.now_s() - before_s == pytest.approx(700 / trace.sample_rate_hz, rel=1e-3)
    assert trace.sample_rate_hz == pytest.approx(7e3, rel=0.03)
    for channel in rig.counter.channels:
        assert trace[channel].shape == (700,)
        assert trace[channel].dtype == np.int64
        assert trace[channel].min() >= 0


def test_stream_and_count_see_the_same_light(rig: Rig) -> None:
    rate = np.mean([rig.counter.count(0.1)[PL] for _ in range(10)]) / 0.1
    streamed = rig.counter.stream(10e3, 10_000)[PL].sum() / 1.0
    assert streamed == pytest.approx(rate, rel=0.01)


def test_bad_durations_and_rates_are_refused(rig: Rig) -> None:
    for call in (
        lambda: rig.counter.count(0.0),
        lambda: rig.counter.count(float("nan")),
        lambda: rig.counter.stream(1e12, 10),
        lambda: rig.counter.stream(1e3, 0),
        lambda: rig.counter.arm_gates(0),
    ):
        with pytest.raises(LimitError):
            call()


def test_reading_gates_without_arming_fails(rig: Rig) -> None:
    with pytest.raises(DeviceError, match="arm"):
        rig.counter.read_gates()


def test_sequencer_plays_for_as_long_as_its_program(rig: Rig) -> None:
    rig.sequencer.load([Pulse.of(2e-3, LIGHT), Pulse.of(3e-3)], repeats=7)
    before_s = rig.clock.now_s()
    rig.sequencer.start()
    rig.sequencer.wait()
    assert rig.clock.now_s() - before_s == pytest.approx(35e-3, rel=1e-3)


def test_gated_counts_follow_the_light_of_each_gate(rig: Rig) -> None:
    bright, dark = Pulse.of(5e-3, LIGHT, COUNT), Pulse.of(5e-3, COUNT)
    program = [bright, Pulse.of(1e-3, LIGHT), dark, Pulse.of(1e-3)]
    rig.sequencer.load(program, repeats=20)
    rig.counter.arm_gates(count_gates(program, 20))
    rig.sequencer.start()
    counts = rig.counter.read_gates()[PL]
    assert counts.shape == (40,)
    assert counts[0::2].min() > 100 * max(counts[1::2].max(), 1)


def test_gates_of_a_short_program_are_missed_loudly(rig: Rig) -> None:
    rig.sequencer.load([Pulse.of(1e-3, COUNT), Pulse.of(1e-3)], repeats=2)
    rig.counter.arm_gates(3)
    rig.sequencer.start()
    with pytest.raises(DeviceError, match="2 of 3"):
        rig.counter.read_gates()


def test_idle_lines_let_laser_and_microwave_through(rig: Rig) -> None:
    rig.sequencer.load([Pulse.of(1e-3)], repeats=3)
    rig.sequencer.start()
    rig.sequencer.wait()
    assert rig.counter.count(0.01)[PL] > 1000


def test_stopping_a_program_restores_the_idle_lines(rig: Rig) -> None:
    rig.sequencer.load([Pulse.of(10.0)])
    rig.sequencer.start()
    assert rig.counter.count(0.01)[PL] < 100
    rig.sequencer.stop()
    assert rig.counter.count(0.01)[PL] > 1000


def test_bad_programs_are_refused(rig: Rig) -> None:
    for program, repeats in (([], 1), ([Pulse.of(0.0)], 1), ([Pulse.of(1e-3)], 0)):
        with pytest.raises(LimitError):
            rig.sequencer.load(program, repeats=repeats)


def test_starting_without_a_program_fails(rig: Rig) -> None:
    with pytest.raises(DeviceError, match="loaded"):
        rig.sequencer.start()


def test_gauge_reads_a_plausible_pressure(rig: Rig) -> None:
    assert 1e-4 < rig.gauge.pressure_pa < 2e5
