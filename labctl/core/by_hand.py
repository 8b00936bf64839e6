"""Setting instruments by hand: the same checks as in a sequence, and never during one."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from labctl.core.rig import Rig
from labctl.core.runner import describe
from labctl.data import Setting
from labctl.errors import LimitError, RigError
from labctl.hal import Device, Electromagnet
from labctl.units import parse_quantity

_RAMPED = ("electromagnet", "current_a")
_TOLERANCES: Mapping[str, tuple[float, float]] = {
    "Hz": (1e-6, 1e-3),
    "dBm": (0.0, 0.1),
    "A": (1e-3, 2e-3),
    "V": (1e-2, 1.0),
    "W": (2e-2, 1e-6),
}
"""Unit -> (relative, absolute) difference of read-back and setpoint that is nothing to worry."""


@dataclass(frozen=True)
class DeviceState:
    """One open device at one moment.

    Attributes:
        settings: empty where it does not answer.
        error: why it does not answer, "" if it does.
    """

    identity: str
    settings: Mapping[str, Setting]
    error: str = ""


def roles_in_use(rig: Rig) -> tuple[str, ...]:
    """The roles that the run under way owns."""
    runner = getattr(rig.active, "runner", None)
    return tuple(runner.sequence.roles) if runner is not None else ()


def read_devices(rig: Rig) -> dict[str, DeviceState]:
    """Ask every open device for its state, except those that a run owns or that hang."""
    states: dict[str, DeviceState] = {}
    for role, device in rig.answering_devices():
        # Held for one device at a time, so that a run that is to begin waits hardly at all.
        with rig.idle() as idle:
            if not idle and role in roles_in_use(rig):
                continue
            try:
                states[role] = DeviceState(device.identity, dict(device.settings()))
                rig.known[role] = states[role].settings
            except Exception as error:  # noqa: BLE001  a broken device must not hide the others
                states[role] = DeviceState("", {}, describe(error))
    return states


def can_be_set(role: str, device: Device, setting: str) -> bool:
    """Whether a setting is one that a hand may change; others only read back."""
    found = inspect.getattr_static(type(device), setting, None)
    return (role, setting) == _RAMPED or getattr(found, "fset", None) is not None


def at_stake(rig: Rig, role: str) -> str:
    """What a change of this device by hand may lose, as a question asks; "" if nothing.

    The rig file says so: with `keeps`, and with a safe state that is "hold".
    """
    state = rig.safe_states[role]
    generic = f"whatever depends on the present state of the {role}"
    return state.keeps or (generic if state.held else "")


def refusal(rig: Rig, role: str, particle: str) -> str:
    """Why a device may not be changed by hand while a particle is declared; "" if it may."""
    lost = at_stake(rig, role)
    if not lost or not particle:
        return ""
    return (
        f"The {role} is locked while {particle} is in the trap: a change may lose {lost}. "
        f"Declare that no particle is there, then change it."
    )


def change(
    rig: Rig,
    role: str,
    setting: str,
    value: str | float | bool,
    *,
    particle: str = "",
    sure: bool = False,
) -> None:
    """Give one setting of an open device another value; returns when it has arrived.

    Args:
        rig: an open rig.
        role: such as "microwave".
        setting: such as "frequency_hz".
        value: a switch, a number in SI, or text with a unit ("2.87 GHz").
        particle: identifier of the particle that is declared to be there; "" for none.
        sure: whoever asks knows that what `at_stake` tells may be lost.

    Raises:
        RigError: a run owns the device, or it has no such setting; or something is at stake,
            and a particle is declared or nobody is `sure`.
        UnitError: the text cannot be read.
        LimitError: the device or the rig file forbids the value; nothing was sent.
        DeviceError: the device did not do it.
    """
    device = rig.devices[role]
    if not can_be_set(role, device, setting):
        raise RigError(f"The {role} has no `{setting}` that can be set.")
    locked, lost = refusal(rig, role, particle), at_stake(rig, role)
    if locked:
        raise RigError(locked)
    if lost and not sure:
        raise RigError(f"A change of the {role} by hand may lose {lost}; say that it is meant.")
    if isinstance(value, str):
        unit = device.limits[setting].unit if setting in device.limits else ""
        value = parse_quantity(value, unit)
    if setting in device.limits:
        try:
            device.limits.check(setting, value)
        except LimitError as error:
            raise LimitError(f"{role}: {error}") from error
    with rig.idle() as idle:
        if not idle and role in roles_in_use(rig):
            raise RigError(f"The {role} belongs to the run under way; pause does not free it.")
        _set(role, device, setting, value)


def _set(role: str, device: Device, setting: str, value: float | bool) -> None:
    if (role, setting) == _RAMPED:
        cast(Electromagnet, device).ramp_to(float(value))
    else:
        settable: Any = device
        setattr(settable, setting, value)


def deviates(setting: Setting) -> bool:
    """Whether a read-back is further from its setpoint than instruments are."""
    asked, actual = setting.setpoint, setting.readback
    if asked is None:
        return False
    if isinstance(asked, bool) or isinstance(actual, bool):
        return bool(asked) is not bool(actual)
    relative, absolute = _TOLERANCES.get(setting.unit, (1e-3, 1e-12))
    return not abs(actual - asked) <= relative * abs(asked) + absolute
