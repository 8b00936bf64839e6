"""`labctl list` and `labctl check`: what can be measured, and with what."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, Literal, get_args, get_origin

import annotated_types
import typer
from pydantic.fields import FieldInfo

from labctl import session
from labctl.cli.console import output, print_json, report_warning, table
from labctl.core import (
    MeasurementSequence,
    Rig,
    find_sequence,
    load_rig_file,
    rig_names,
    sequence_names,
)
from labctl.core.catalog import plug_in_names
from labctl.core.provenance import description_of
from labctl.core.side_by_side import ask_side_by_side
from labctl.data import InstrumentRecord, Setting
from labctl.errors import DeviceError, LabError, said_of
from labctl.hal import Device
from labctl.parameters import device_limit_of, unit_of
from labctl.protocol import GROUP, find_protocol
from labctl.units import format_quantity

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def list_all(as_json: JsonFlag = False) -> None:
    """List the sequences with their parameters, the protocols, and the rigs."""
    sequences: list[dict[str, Any]] = []
    for name in sequence_names():
        try:
            sequences.append(_describe(find_sequence(name)))
        except LabError as error:  # one broken plug-in must not hide the others
            report_warning(str(error))
    rigs = [{"name": name, "title": _title(name)} for name in rig_names()]
    protocols = [
        {"name": name, "description": description_of(find_protocol(name))}
        for name in plug_in_names(GROUP)
    ]
    if as_json:
        print_json({"sequences": sequences, "protocols": protocols, "rigs": rigs})
        return
    console = output()
    for item in sequences:
        made = table(
            f"{item['name']}: {item['description']}", "parameter", "meaning", "default", "range"
        )
        for row in item["parameters"]:
            made.add_row(row["name"], row["label"], _default(row), row["range"])
        console.print(made)
        console.print()
    made = table("Protocols", "protocol", "what it does")
    for protocol in protocols:
        made.add_row(protocol["name"], protocol["description"])
    console.print(made)
    console.print()
    made = table("Rigs", "rig", "title")
    for rig in rigs:
        made.add_row(rig["name"], rig["title"])
    console.print(made)


def check(
    rig: Annotated[str, typer.Argument(help='Installed rig ("sim") or path of a .toml file.')],
    as_json: JsonFlag = False,
) -> None:
    """Open every device of a rig, identify it, and close it again."""
    with session.open_rig(rig) as opened:
        records = _identify(opened)
    if as_json:
        print_json({"rig": opened.name, "title": opened.spec.title, "devices": records})
        return
    made = table(
        f"{opened.name}: {opened.spec.title}", "role", "class", "identity", "limits", "safe state"
    )
    for record in records:
        limits = (
            f"{name} {format_quantity(low, unit)} .. {format_quantity(high, unit)}"
            for name, (low, high, unit) in record.limits.items()
        )
        made.add_row(
            record.role,
            record.class_path,
            record.identity,
            "\n".join(limits),
            record.safe_state.replace(", ", "\n"),
            end_section=True,
        )
    output().print(made)


def _identify(rig: Rig) -> list[InstrumentRecord]:
    def told(device: Device) -> tuple[str, Mapping[str, Setting]]:
        return device.identity, device.settings()

    outcomes = ask_side_by_side((role, partial(told, device)) for role, device in rig)
    failures = [said_of(role, error) for role, error in outcomes.items() if error is not None]
    if failures:
        raise DeviceError(f"Rig `{rig.name}` does not answer: {'; '.join(failures)}")
    return rig.record()


def _title(rig: str) -> str:
    try:
        return load_rig_file(rig).title
    except LabError as error:
        return str(error)


def _describe(cls: type[MeasurementSequence]) -> dict[str, Any]:
    fields = cls.Parameters.model_fields
    return {
        "name": cls.name,
        "title": cls.title,
        "description": description_of(cls) or cls.title,
        "roles": cls.roles,
        "parameters": [_parameter(name, field) for name, field in fields.items()],
    }


def _parameter(name: str, field: FieldInfo) -> dict[str, Any]:
    return {
        "name": name,
        "label": field.title or name,
        "unit": unit_of(field),
        "required": field.is_required(),
        "default": None if field.is_required() else field.get_default(call_default_factory=True),
        "range": _range(field),
    }


def _range(field: FieldInfo) -> str:
    unit = unit_of(field)
    parts = [", ".join(choices)] if (choices := list(_choices(field.annotation))) else []
    signs = {
        annotated_types.Ge: (">=", "ge"),
        annotated_types.Gt: (">", "gt"),
        annotated_types.Le: ("<=", "le"),
        annotated_types.Lt: ("<", "lt"),
    }
    for item in field.metadata:
        if type(item) in signs:
            sign, attribute = signs[type(item)]
            parts.append(f"{sign} {_quantity(getattr(item, attribute), unit)}")
    limit = device_limit_of(field)
    if limit is not None:
        parts.append(f"within the {limit[0]}'s limits")
    return ", ".join(parts)


def _choices(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from (str(choice) for choice in get_args(annotation))
    elif hasattr(annotation, "__members__"):
        yield from (str(member.value) for member in annotation)


def _default(row: dict[str, Any]) -> str:
    if row["required"]:
        return "required"
    return "as it is" if row["default"] is None else _quantity(row["default"], row["unit"])


def _quantity(value: Any, unit: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(getattr(value, "value", value))
    return format_quantity(value, unit, digits=9)
