"""`labctl protocol`: a whole night of measurements from one Python file."""

from pathlib import Path
from typing import Annotated

import typer

from labctl.cli.catalog_commands import JsonFlag
from labctl.cli.console import print_json, print_line, report_note
from labctl.cli.request import RigOption, SetOption, SettingsArgument, parse_settings
from labctl.cli.run_command import (
    OutOption,
    ParticleOption,
    RealtimeOption,
    SeedOption,
    SpeedOption,
    build_rig,
)
from labctl.cli.stop_signals import StopSignals
from labctl.cli.watch import watch_run
from labctl.protocol import find_protocol, parameters_of, run_protocol
from labctl.session import RunHandle
from labctl.storage import read_record
from labctl.storage.run_folder import check_folder


def protocol(
    name: Annotated[str, typer.Argument(help="Installed name, or path of a .py file.")],
    settings: SettingsArgument = None,
    rig: RigOption = "sim",
    set_: SetOption = None,
    out: OutOption = Path("data"),
    seed: SeedOption = None,
    realtime: RealtimeOption = False,
    speed: SpeedOption = None,
    particle: ParticleOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Run a protocol: measurements with decisions between them; prints its record's path."""
    module = find_protocol(name)
    parameters = parse_settings(set_, settings)
    parameters_of(module).from_user(parameters)
    lab = build_rig(rig, seed, realtime, speed)
    check_folder(out)
    with StopSignals() as signals, lab:
        lab.open()
        signals.deferred = True

        def watch(handle: RunHandle) -> None:
            watch_run(handle, signals)

        path = run_protocol(
            module, lab, parameters, out=out, watch=watch, tell=report_note, particle=particle
        )
    if as_json:
        print_json({"path": path, "record": read_record(path)})
    else:
        print_line(path)
