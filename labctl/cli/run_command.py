"""`labctl run` and `labctl resume`: from the command line to a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from labctl import session
from labctl.cli.catalog_commands import JsonFlag
from labctl.cli.console import output, print_json, print_line, report_warning
from labctl.cli.request import (
    RigOption,
    SequenceArgument,
    SetOption,
    SettingsArgument,
    parse_settings,
)
from labctl.cli.stop_signals import StopSignals
from labctl.cli.tables import compare_resonances, print_fit
from labctl.cli.watch import watch_run
from labctl.core import Rig, find_sequence
from labctl.core.checks import check_limits, check_roles
from labctl.data import Run
from labctl.errors import BadInputError, LabError
from labctl.storage import read_run
from labctl.storage.run_folder import check_folder

OutOption = Annotated[Path, typer.Option(help="Folder for the file.")]
SeedOption = Annotated[int | None, typer.Option(min=0, help="Seed of the simulated world.")]
RealtimeOption = Annotated[
    bool, typer.Option("--realtime", help="Hold the simulated world to the wall clock.")
]
SpeedOption = Annotated[
    float | None, typer.Option(help="Simulated seconds per second of the wall clock.")
]

ParticleOption = Annotated[
    str, typer.Option(help="Identifier of the particle in the trap, for the file.")
]

ReferenceOption = Annotated[
    Path | None, typer.Option(help="File of an earlier run of the sequence to compare with.")
]


def run(
    sequence: SequenceArgument,
    settings: SettingsArgument = None,
    rig: RigOption = "sim",
    set_: SetOption = None,
    out: OutOption = Path("data"),
    seed: SeedOption = None,
    realtime: RealtimeOption = False,
    speed: SpeedOption = None,
    particle: ParticleOption = "",
    reference: ReferenceOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure, save and analyse; the last line is the path of the file."""
    cls = find_sequence(sequence)
    parameters = parse_settings(set_, settings)
    if reference is not None:
        parameters = {**session.reference_parameters(cls, reference), **parameters}
    model = session.taken_from_files(cls.Parameters.from_user(parameters), out)
    lab = build_rig(rig, seed, realtime, speed)
    # All that can be wrong with the request is found before a connection is opened.
    check_roles(cls, lab)
    check_limits(model, lab)
    check_folder(out)
    _conduct(
        lab,
        lambda: session.start(cls, lab, parameters, out=out, particle=particle),
        as_json=as_json,
    )


def resume(
    file: Annotated[Path, typer.Argument(help="File of the run to go on with.")],
    rig: Annotated[
        str | None, typer.Option(help="Installed rig, or path of a .toml file; that of the file.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the new file.")] = None,
    seed: SeedOption = None,
    realtime: RealtimeOption = False,
    speed: SpeedOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Go on with an aborted run in a new file, which begins with the points of the old one."""
    lab = build_rig(rig or read_run(file).info.rig_name, seed, realtime, speed)
    session.check_resumable(file, lab)
    _conduct(lab, lambda: session.resume(file, lab, out=out), as_json=as_json)


def build_rig(rig: str, seed: int | None, realtime: bool, speed: float | None) -> Rig:
    """Construct a rig as the options of a command say; nothing is connected to."""
    if realtime and speed is not None:
        raise BadInputError("Give either --realtime or --speed, not both.")
    return session.build(rig, seed=seed, speed=1.0 if realtime else speed)


def _conduct(lab: Rig, begin: Callable[[], session.RunHandle], *, as_json: bool) -> None:
    """Open the lab, begin a run, wait for its end and tell the outcome."""
    with StopSignals() as signals, lab:
        lab.open()
        signals.deferred = True
        handle, error = _measure(begin, signals)
    path = handle.path
    recorded = _read(path, error)
    if handle.analysis_error:
        report_warning(
            f"The analysis failed ({handle.analysis_error}); the data are safe, "
            f"and `labctl fit {path}` repeats it."
        )
    if as_json:
        print_json(_summary(path, recorded, error))
    else:
        if recorded is not None:
            print_fit(output(), recorded.fit, recorded.info.truth)
        print_line(path)
    if error is not None:
        raise error


def _measure(
    begin: Callable[[], session.RunHandle], signals: StopSignals
) -> tuple[session.RunHandle, LabError | None]:
    handle = begin()
    watch_run(handle, signals)
    try:
        handle.result()
    except LabError as error:
        return handle, error
    return handle, None


def _read(path: Path, error: LabError | None) -> Run | None:
    try:
        return read_run(path)
    except LabError:
        if error is None:
            raise
        return None  # the failure of the run is what to tell


def _summary(path: Path, run: Run | None, error: LabError | None) -> dict[str, Any]:
    summary: dict[str, Any] = {"path": path, "status": "failed", "reason": str(error or "")}
    if run is not None:
        summary |= {
            "status": run.status,
            "reason": run.reason,
            "points": len(run),
            "run_id": run.info.run_id,
            "sequence": run.info.sequence,
            "rig": run.info.rig_name,
            "parameters": run.parameters,
            "fit": run.fit,
            "truth": {n: {"values": v, "unit": u} for n, (v, u) in run.info.truth.items()},
            "comparison": compare_resonances(run.fit, run.info.truth) if run.fit else [],
        }
    return summary
