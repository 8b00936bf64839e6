"""Instruments set by hand: what is let through, what is refused, what a read-back means."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import labctl
from labctl.core import Rig
from labctl.core.by_hand import can_be_set, change, deviates, read_devices, roles_in_use
from labctl.data import Setting
from labctl.errors import LimitError, RigError, UnitError


@pytest.fixture
def lab() -> Iterator[Rig]:
    with labctl.open_rig("sim", seed=5) as rig:
        yield rig


@pytest.mark.parametrize(
    ("role", "setting", "value", "expected"),
    [
        ("microwave", "frequency_hz", "2.75 GHz", 2.75e9),
        ("microwave", "power_dbm", -12.5, -12.5),
        ("laser", "power_w", "330 uW", 330e-6),
        ("electromagnet", "current_a", "250 mA", 0.25),
    ],
)
def test_a_value_arrives(
    lab: Rig, role: str, setting: str, value: str | float, expected: float
) -> None:
    change(lab, role, setting, value)
    assert getattr(lab.devices[role], setting) == pytest.approx(expected)
    assert read_devices(lab)[role].settings[setting].readback == pytest.approx(expected)


def test_a_switch_goes_on_and_off(lab: Rig) -> None:
    for on in (True, False):
        change(lab, "microwave", "output", on)
        assert lab.microwave.output is on


@pytest.mark.parametrize(
    ("role", "setting", "value", "error", "words"),
    [
        ("microwave", "frequency_hz", "99 GHz", LimitError, "microwave: .*frequency_hz"),
        ("laser", "power_w", 1.0, LimitError, "laser: .*power_w"),
        ("electromagnet", "current_a", "99 A", LimitError, "electromagnet: .*current_a"),
        ("microwave", "frequency_hz", "17 bananas", UnitError, "bananas"),
        ("gauge", "pressure_pa", 100.0, RigError, "gauge has no `pressure_pa` that can be set"),
        ("laser", "colour", 1.0, RigError, "laser has no `colour`"),
    ],
)
def test_a_wrong_value_is_refused_and_nothing_changes(
    lab: Rig, role: str, setting: str, value: str | float, error: type[Exception], words: str
) -> None:
    before = read_devices(lab)[role].settings
    with pytest.raises(error, match=words):
        change(lab, role, setting, value)
    after = read_devices(lab)[role].settings
    assert {n: s.setpoint for n, s in after.items()} == {n: s.setpoint for n, s in before.items()}


def test_what_a_run_owns_is_refused_and_the_rest_is_not(lab: Rig, tmp_path: Path) -> None:
    handle = labctl.start("mdmr", lab, {"sweeps": 100_000, "points": 11}, out=tmp_path)
    try:
        assert "microwave" in roles_in_use(lab)
        with pytest.raises(RigError, match="belongs to the run under way"):
            change(lab, "microwave", "power_dbm", -20.0)
        change(lab, "trap", "frequency_hz", 3600.0, sure=True)
        assert lab.trap.frequency_hz == 3600.0
        states = read_devices(lab)
        assert "trap" in states
        assert "microwave" not in states
    finally:
        handle.stop()
        handle.wait()
    change(lab, "microwave", "power_dbm", -20.0)
    assert roles_in_use(lab) == ()


@pytest.mark.parametrize(
    ("setting", "value"), [("output", False), ("amplitude_v", "1.2 kV"), ("frequency_hz", 3500)]
)
def test_what_the_rig_holds_is_changed_by_none_who_is_not_sure(
    lab: Rig, setting: str, value: str | float | bool
) -> None:
    before = getattr(lab.trap, setting)
    with pytest.raises(RigError, match="may lose the levitated particle"):
        change(lab, "trap", setting, value)
    with pytest.raises(RigError, match="locked while D17 is in the trap"):
        change(lab, "trap", setting, value, particle="D17", sure=True)
    assert getattr(lab.trap, setting) == before
    change(lab, "trap", setting, value, sure=True)
    assert getattr(lab.trap, setting) != before


def test_what_is_at_stake_is_said_by_the_rig_not_by_a_name(tmp_path: Path) -> None:
    tweezer = tmp_path / "tweezer.toml"
    tweezer.write_text(
        'extends = "sim"\n'
        '[devices.laser]\nsafe_state = { gate = true }\nkeeps = "the trapped bead"\n'
        '[devices.microwave]\nsafe_state = "hold"\n'
    )
    with labctl.open_rig(tweezer) as rig:
        with pytest.raises(RigError, match="may lose the trapped bead"):
            change(rig, "laser", "gate", False)
        with pytest.raises(RigError, match="depends on the present state of the microwave"):
            change(rig, "microwave", "output", True)
        change(rig, "electromagnet", "current_a", 0.1, particle="D17")
        change(rig, "laser", "gate", False, sure=True)
        assert rig.laser.gate is False


def test_a_device_that_does_not_answer_hides_no_other(lab: Rig) -> None:
    assert lab.simulation is not None
    lab.simulation.inject("gauge: disconnected")
    states = read_devices(lab)
    lab.simulation.clear("gauge: disconnected")
    assert "connection lost" in states["gauge"].error
    assert states["microwave"].error == ""
    assert set(states) == set(lab.devices)


def test_only_what_has_a_setter_can_be_set(lab: Rig) -> None:
    assert can_be_set("electromagnet", lab.electromagnet, "current_a")
    assert can_be_set("laser", lab.laser, "gate")
    assert not can_be_set("gauge", lab.devices["gauge"], "pressure_pa")


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        (Setting(2.87e9, 2.87e9 + 100.0, "Hz"), False),
        (Setting(2.87e9, 2.88e9, "Hz"), True),
        (Setting(1.0, 1.0025, "A"), False),
        (Setting(1.0, 1.1, "A"), True),
        (Setting(1.0, float("nan"), "A"), True),
        (Setting(None, 5.0, "Pa"), False),
        (Setting(True, False, ""), True),
        (Setting(True, 1, ""), False),
    ],
)
def test_a_read_back_is_judged_by_what_instruments_do(setting: Setting, wrong: bool) -> None:
    assert deviates(setting) is wrong
