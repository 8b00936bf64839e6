"""How a sequence declares what it can be told.

One declaration serves the command line, the console's form, the file's attributes and the
documentation: a frozen pydantic model whose fields carry unit, range, label and, where a device
has the last word, the name of the device limit they must respect.
"""

import re
from collections.abc import Callable
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from labctl.errors import ParameterError, UnitError
from labctl.units import format_quantity, parse_quantity

_UNREADABLE = "unreadable_quantity"
_BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}
"""What pydantic calls a bound that is broken: in words, and where the bound stands."""


def quantity(
    default: Any = ...,
    *,
    unit: str,
    label: str,
    limited_by: str | None = None,
    taken_from: str | None = None,
    **constraints: Any,
) -> Any:
    """Declare a physical parameter.

    Args:
        default: the default in SI, or `...` where the user must say.
        unit: SI unit ("Hz", "s"), "dBm", or "" for a pure number.
        label: what a plot or a form calls it.
        limited_by: "role.setting" (such as "microwave.frequency_hz") whose device limits apply.
        taken_from: "sequence.value" (such as "rabi.pi_time_s"): where `session.start` takes it
            from while it is None, the newest file of that sequence whose fit has the value.
        constraints: pydantic's `gt`, `ge`, `lt`, `le`.
    """
    extra = {"unit": unit, "limited_by": limited_by, "taken_from": taken_from}
    return Field(default, title=label, json_schema_extra=extra, **constraints)


def label_of(name: str, field: FieldInfo) -> str:
    """What a plot or a form calls a field, without what it says of an empty one."""
    return (field.title or name).partition(" (none: ")[0]


def unit_of(field: FieldInfo) -> str:
    """The SI unit a field was declared with, "" if none."""
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def device_limit_of(field: FieldInfo) -> tuple[str, str] | None:
    """(role, setting) of the device limit that binds a field, or None."""
    return _pair(field, "limited_by")


def source_of(field: FieldInfo) -> tuple[str, str] | None:
    """(sequence, fitted value) that a field is taken from while it is None, or None."""
    return _pair(field, "taken_from")


def _pair(field: FieldInfo, key: str) -> tuple[str, str] | None:
    extra = field.json_schema_extra
    name = extra.get(key) if isinstance(extra, dict) else None
    if not name:
        return None
    first, _, second = str(name).partition(".")
    return first, second


class SequenceParameters(BaseModel):
    """Base of every parameter model: frozen, no unknown names, no NaN, text may carry a unit."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _read_units(cls, value: Any, info: Any) -> Any:
        field = cls.model_fields[info.field_name]
        kinds = get_args(field.annotation) or (field.annotation,)
        if not isinstance(value, str) or not {float, int} & set(kinds):
            return value
        if value.lower() == "none":
            return None
        try:
            number = parse_quantity(value, unit_of(field))
        except UnitError as error:  # pydantic gathers this kind, with the field's name
            raise PydanticCustomError(_UNREADABLE, "{why}", {"why": str(error)}) from error
        return int(number) if int in kinds and number.is_integer() else number

    @classmethod
    def from_user(cls, values: dict[str, Any]) -> Self:
        """Build the model from keyword arguments or text.

        Raises:
            ParameterError: one line that names every parameter at fault and what to change.
        """
        return cls._made(lambda: cls(**values))

    @classmethod
    def from_file(cls, text: str) -> Self:
        """Build the model from the JSON that a data file holds, perhaps of another version.

        Raises:
            ParameterError: as `from_user`.
        """
        return cls._made(lambda: cls.model_validate_json(text))

    @classmethod
    def _made(cls, make: Callable[[], Self]) -> Self:
        try:
            return make()
        except ValidationError as error:
            raise ParameterError("; ".join(cls._explain(e) for e in error.errors())) from error

    def shown(self, name: str) -> str:
        """The value of a numeric field with its unit, for messages."""
        return format_quantity(
            getattr(self, name), unit_of(type(self).model_fields[name]), digits=12
        )

    def require_below(self, low: str, high: str, *, hint: str = "") -> None:
        """For validators: raise ValueError unless the field `low` is below the field `high`."""
        if not getattr(self, low) < getattr(self, high):
            first, second = self.shown(low), self.shown(high)
            more = f"; {hint}" if hint else ""
            raise ValueError(
                f"Parameter `{low}` must be below `{high}`, but {first} >= {second}{more}."
            )

    @classmethod
    def in_labels(cls, message: str) -> str:
        """A message of `from_user` with the fields' labels in place of their names."""

        def label(match: re.Match[str]) -> str:
            field = cls.model_fields.get(match[1])
            return match[0] if field is None else label_of(match[1], field)

        return re.sub(r"(?:(?:Parameter|Argument)s? )?`(\w+)`", label, message)

    @classmethod
    def _explain(cls, error: ErrorDetails) -> str:
        name = ".".join(str(part) for part in error["loc"])
        if error["type"] == "extra_forbidden":
            return f"Unknown parameter `{name}`; known are {', '.join(cls.model_fields)}."
        if error["type"] == "missing":
            return f"Parameter `{name}` is missing."
        message = error["msg"].removeprefix("Value error, ")
        if not name:
            return message
        if error["type"] == _UNREADABLE:
            return f"Parameter `{name}`: {message}"
        field = cls.model_fields.get(name)
        unit = unit_of(field) if field else ""
        given = error["input"]
        numeric = isinstance(given, float | int) and not isinstance(given, bool)
        shown = format_quantity(given, unit, digits=12) if numeric else repr(given)
        if given is None:
            return f"Parameter `{name}` needs a value."
        context = error.get("ctx", {})
        if error["type"] in _BOUNDS:
            words, key = _BOUNDS[error["type"]]
            bound = format_quantity(context[key], unit, digits=12)
            return f"Parameter `{name}` must be {words} {bound}, but is {shown}."
        if error["type"] in ("enum", "literal_error"):
            return f"Parameter `{name}` must be {context['expected']}, but is {shown}."
        return f"Parameter `{name}`: {message}, but got {shown}."
