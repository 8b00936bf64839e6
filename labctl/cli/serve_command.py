"""`labctl serve`: the simulated lab as instruments on the network."""

import json
import time
from typing import Annotated

import typer

from labctl.cli.console import output, print_line, report_note, report_warning, table
from labctl.cli.request import RigOption
from labctl.cli.stop_signals import StopSignals
from labctl.core.catalog import find_plug_in
from labctl.errors import RigError
from labctl.session import build

GROUP = "labctl.servers"
DEFAULT_SERVER = "scpi"
NAP_S = 0.2
PORT_MAPPER_PORT = 111


def serve(
    rig: RigOption = "sim",
    host: Annotated[
        str, typer.Option(help="Address to listen on; the default is this computer only.")
    ] = "127.0.0.1",
    base_port: Annotated[
        int | None, typer.Option(help="Port of the first instrument; 0 takes free ones.")
    ] = None,
    portmapper: Annotated[
        bool,
        typer.Option(
            "--portmapper",
            help="Answer for VXI-11 at port 111, where VISA asks; may need administrator's rights.",
        ),
    ] = False,
    speed: Annotated[float, typer.Option(help="Simulated seconds per second.")] = 1.0,
    seed: Annotated[int | None, typer.Option(help="Seed of the simulated world.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON when ready.")
    ] = False,
    server: Annotated[
        str, typer.Option(help='Installed name, or "package.module:Class".')
    ] = DEFAULT_SERVER,
) -> None:
    """Serve every instrument of a simulated lab in its own protocol until Ctrl-C."""
    make = find_plug_in(GROUP, server)
    lab = build(rig, seed=seed, speed=speed)
    if lab.simulation is None:
        raise RigError(f"Rig `{lab.name}` is a real lab; only a simulated one can be served.")
    options = {} if base_port is None else {"base_port": base_port}
    if portmapper:
        options["port_mapper"] = PORT_MAPPER_PORT
    with StopSignals() as signals:
        with make(lab.simulation, host=host, **options) as served:
            signals.deferred = True
            if served.is_public:
                report_warning(
                    f"Whoever reaches {host} can use these instruments; there is no password."
                )
            if as_json:
                print_line(
                    json.dumps({"rig": lab.name, "outlets": [o._asdict() for o in served.outlets]})
                )
            else:
                shown = table(f"Rig `{lab.name}` on the wire", "role", "model", "resource")
                for outlet in served.outlets:
                    shown.add_row(*outlet)
                output().print(shown)
                report_note("Ctrl-C ends it.")
            while not signals.reason:
                time.sleep(NAP_S)
        report_note("The lab is closed.")
