"""Contracts of what acts on the diamond: microwave, laser, trap, electromagnet."""

import pytest

from labctl.core import Rig
from labctl.errors import DeviceError, LimitError
from labctl.hal import FrequencyList


def test_microwave_is_off_after_open(rig: Rig) -> None:
    rig.microwave.output = True
    rig.microwave.close()
    rig.microwave.open()
    assert rig.microwave.output is False


def test_microwave_settings_hold(rig: Rig) -> None:
    rig.microwave.frequency_hz = 2.812345e9
    rig.microwave.power_dbm = -12.5
    rig.microwave.output = True
    assert rig.microwave.frequency_hz == pytest.approx(2.812345e9, abs=1.0)
    assert rig.microwave.power_dbm == pytest.approx(-12.5, abs=0.01)
    assert rig.microwave.output is True


def test_setting_frequency_or_power_does_not_switch_on(rig: Rig) -> None:
    rig.microwave.frequency_hz = 2.9e9
    rig.microwave.power_dbm = -20.0
    assert rig.microwave.output is False


def test_frequency_list_steps_by_itself(rig: Rig) -> None:
    source = rig.microwave
    if not isinstance(source, FrequencyList):
        pytest.skip("this generator has no list mode")
    source.load_frequency_list([2.70e9, 2.75e9, 2.80e9], dwell_s=0.01)
    with pytest.raises(DeviceError, match="output must be on"):
        source.start_frequency_list()
    source.output = True
    source.start_frequency_list()
    visited = []
    for _ in range(4):
        rig.clock.sleep_s(0.005)
        visited.append(source.frequency_hz)
        rig.clock.sleep_s(0.005)
    assert visited == pytest.approx([2.70e9, 2.75e9, 2.80e9, 2.80e9], abs=1.0)
    source.start_frequency_list()
    rig.clock.sleep_s(0.005)
    source.stop_frequency_list()
    rig.clock.sleep_s(0.02)
    assert source.frequency_hz == pytest.approx(2.70e9, abs=1.0)


def test_frequency_list_refuses_what_a_single_frequency_would(rig: Rig) -> None:
    source = rig.microwave
    if not isinstance(source, FrequencyList):
        pytest.skip("this generator has no list mode")
    for bad in ([], [2.8e9, source.limits["frequency_hz"].maximum * 2]):
        with pytest.raises(LimitError):
            source.load_frequency_list(bad, dwell_s=0.01)
    for bad_s in (0.0, -1.0, float("nan"), source.limits["list_dwell_s"].maximum * 2):
        with pytest.raises(LimitError):
            source.load_frequency_list([2.8e9], dwell_s=bad_s)


def test_a_list_is_played_with_the_dwell_that_was_asked_for(rig: Rig) -> None:
    """Also on its first pass, also where it is short: what it plays is what an axis says."""
    source = rig.microwave
    if not isinstance(source, FrequencyList):
        pytest.skip("this generator has no list mode")
    source.output = True
    frequencies = [2.7e9 + 1e6 * n for n in range(100)]
    source.load_frequency_list(frequencies, dwell_s=0.8e-3)
    world = rig.simulation
    assert world is not None
    source.start_frequency_list()
    rig.clock.sleep_s(79.6e-3)
    assert world.controls.microwave_hz == frequencies[99]  # type: ignore[attr-defined]
    source.start_frequency_list()
    rig.clock.sleep_s(40.4e-3)
    assert world.controls.microwave_hz == frequencies[50]  # type: ignore[attr-defined]


def test_laser_gate_is_closed_after_open(rig: Rig) -> None:
    rig.laser.gate = True
    rig.laser.close()
    rig.laser.open()
    assert rig.laser.gate is False


def test_laser_settings_hold(rig: Rig) -> None:
    rig.laser.power_w = 50e-6
    rig.laser.gate = True
    assert rig.laser.power_w == pytest.approx(50e-6, rel=0.01)
    assert rig.laser.gate is True


def test_opening_and_closing_leave_the_trap_driven(rig: Rig) -> None:
    rig.trap.amplitude_v = 1800.0
    assert rig.trap.output is True
    rig.trap.close()
    rig.trap.open()
    assert rig.trap.output is True
    assert rig.trap.amplitude_v == pytest.approx(1800.0, rel=1e-3)


def test_ramp_returns_after_arrival_and_takes_its_time(rig: Rig) -> None:
    magnet = rig.electromagnet
    magnet.ramp_to(0.0)
    magnet.ramp_rate_a_per_s = 4.0
    before_s = rig.clock.now_s()
    magnet.ramp_to(2.0)
    assert magnet.current_a == pytest.approx(2.0, abs=1e-3)
    assert rig.clock.now_s() - before_s == pytest.approx(0.5, rel=0.1)


def test_a_refused_ramp_leaves_the_current(rig: Rig) -> None:
    magnet = rig.electromagnet
    magnet.ramp_to(1.0)
    with pytest.raises(LimitError, match="current_a"):
        magnet.ramp_to(magnet.limits["current_a"].maximum + 1)
    assert magnet.current_a == pytest.approx(1.0, abs=1e-3)


def test_closing_the_magnet_does_not_cut_the_current(rig: Rig) -> None:
    rig.electromagnet.ramp_to(1.5)
    rig.electromagnet.close()
    rig.electromagnet.open()
    assert rig.electromagnet.current_a == pytest.approx(1.5, abs=1e-3)
