"""Whether a measurement and a rig fit together, found out before any hardware is touched."""

from labctl.core.rig import Rig
from labctl.core.sequence import MeasurementSequence
from labctl.errors import LimitError, ParameterError, RigError
from labctl.parameters import SequenceParameters, device_limit_of
from labctl.units import format_quantity


def check_roles(cls: type[MeasurementSequence], rig: Rig) -> None:
    """Raise RigError if the rig lacks a role that the sequence uses."""
    missing = [role for role in cls.roles if role not in rig.devices]
    if missing:
        raise RigError(f"Sequence `{cls.name}` needs {', '.join(missing)}; `{rig.name}` has none.")


def check_limits(model: SequenceParameters, rig: Rig) -> None:
    """Raise ParameterError if a parameter is outside the limits of the device that binds it."""
    for name, field in type(model).model_fields.items():
        bound, value = device_limit_of(field), getattr(model, name)
        if bound is None or value is None or bound[0] not in rig.devices:
            continue
        role, setting = bound
        if setting not in rig.devices[role].limits:
            continue  # of a capability that this device lacks, such as a list
        try:
            rig.devices[role].limits.check(setting, value)
        except LimitError as error:
            limits = rig.devices[role].limits[setting]
            shown = format_quantity(value, limits.unit, digits=12)
            if limits.minimum <= value <= limits.maximum:  # so it is off the grid
                nearest = format_quantity(limits.nearest(value), limits.unit, digits=12)
                step = format_quantity(limits.step, limits.unit)
                raise ParameterError(
                    f"Parameter `{name}` = {shown} is not a multiple of {step}, the device's grid "
                    f"({role}); the nearest is {nearest}."
                ) from error
            raise ParameterError(
                f"Parameter `{name}` = {shown} is outside the device's limits {limits} ({role})."
            ) from error
