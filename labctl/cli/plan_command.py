"""`labctl plan`: what a run would do, without touching hardware."""

from labctl import session
from labctl.cli.catalog_commands import JsonFlag
from labctl.cli.console import output, print_json, print_line, report_warning, table
from labctl.cli.request import (
    RigOption,
    SequenceArgument,
    SetOption,
    SettingsArgument,
    parse_settings,
)
from labctl.core import find_sequence
from labctl.units import format_quantity


def plan(
    sequence: SequenceArgument,
    settings: SettingsArgument = None,
    rig: RigOption = "sim",
    set_: SetOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Print duration, points, file size and setpoints against the limits of a run to be."""
    cls = find_sequence(sequence)
    planned = session.plan(cls, rig, dict(parse_settings(set_, settings)))
    if as_json:
        print_json({"sequence": cls.name, "rig": rig, "plan": planned})
        return
    duration = "until stopped" if planned.points is None else "not known"
    if planned.duration_s is not None:
        duration = _clock(planned.duration_s)
    size = format_quantity(planned.file_bytes / 1e6, "", digits=3) + " MB"
    made = table(f"{cls.name} on {rig}", "what", "planned")
    made.add_row("points", "until stopped" if planned.points is None else str(planned.points))
    made.add_row("measuring time", duration)
    made.add_row("file", f"{size} per point" if planned.points is None else size)
    output().print(made)
    limits = table("Setpoints", "parameter", "value", "device", "limits")
    for item in planned.settings:
        value = format_quantity(item.value, item.limits.unit)
        limits.add_row(item.parameter, value, f"{item.role}.{item.setting}", str(item.limits))
    output().print(limits)
    for warning in planned.warnings:
        report_warning(warning)
    print_line("Nothing was switched on.")


def _clock(seconds: float) -> str:
    """1.5 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
