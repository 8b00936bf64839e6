"""What every device of every role must do."""

import math

import pytest

from labctl.core import Rig
from labctl.errors import LimitError, RigError
from labctl.hal import ROLES, Device, Limits


def test_every_role_of_the_lab_is_played(closed_rig: Rig) -> None:
    assert set(closed_rig.devices) == set(ROLES)


def test_devices_satisfy_the_protocol_of_their_role(rig: Rig) -> None:
    for role, device in rig:
        assert isinstance(device, Device), role
        assert isinstance(device, ROLES[role]), role


def test_limits_are_published_before_opening(closed_rig: Rig) -> None:
    for role, device in closed_rig:
        for name, limits in device.limits.items():
            assert limits.minimum <= limits.maximum, (role, name)
            assert limits.unit == "" or name.endswith(_suffix(limits.unit)), (role, name)


def _suffix(unit: str) -> str:
    return "_" + {"A/s": "a_per_s"}.get(unit, unit.lower())


def test_identity_names_something(rig: Rig) -> None:
    for role, device in rig:
        assert len(device.identity.split(",")) >= 2, role


def test_closing_twice_is_fine(rig: Rig) -> None:
    for _, device in rig:
        device.close()
        device.close()


def test_settings_are_attributes_and_read_back_what_was_set(rig: Rig) -> None:
    for role, device in rig:
        for name, setting in device.settings().items():
            assert getattr(device, name) == setting.readback, (role, name)
            if setting.setpoint is not None:
                assert setting.setpoint == pytest.approx(setting.readback), (role, name)


def test_values_beyond_the_limits_are_refused_and_change_nothing(rig: Rig) -> None:
    for role, device in rig:
        for name, limits in device.limits.items():
            if name not in device.settings() or (role, name) == ("electromagnet", "current_a"):
                continue
            before = getattr(device, name)
            for bad in (limits.maximum * 1.01 + 1, limits.minimum - 1, math.nan, math.inf):
                with pytest.raises(LimitError, match=name):
                    setattr(device, name, bad)
            assert getattr(device, name) == before, (role, name)


def test_limits_can_be_narrowed_but_not_widened(rig: Rig) -> None:
    for _, device in rig:
        for name, limits in list(device.limits.items()):
            with pytest.raises(RigError, match="exceed"):
                device.limits.narrow({name: Limits(limits.minimum, math.inf, limits.unit)})
            middle = 0.5 * (limits.minimum + limits.maximum)
            device.limits.narrow({name: Limits(limits.minimum, middle, limits.unit)})
            with pytest.raises(LimitError):
                device.limits.check(name, limits.maximum)
