"""`labctl reproduce`: a paper's figures, measured again on the simulated lab."""

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from labctl._version import __version__
from labctl.cli.console import print_line, report_note
from labctl.cli.stop_signals import StopSignals
from labctl.cli.watch import watch_run
from labctl.paper import PaperFigure
from labctl.reproduction import Laboratory, find_reproduction
from labctl.reproduction import reproduce as measure
from labctl.session import RunHandle
from labctl.storage.run_folder import check_folder


def reproduce(
    name: Annotated[str, typer.Argument(help="Which paper: spin-cooling or dipolar-torque.")],
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Less averaging: minutes instead of a quarter of an hour."),
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for the report and the data.")] = Path("report"),
) -> None:
    """Measure the figures of a paper on the simulated lab; prints the path of the report."""
    from labctl.cli.report import write_report  # matplotlib takes a second to import

    module = find_reproduction(name)
    check_folder(out)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.html"
    figures: list[PaperFigure] = []
    began = time.monotonic()
    with StopSignals() as signals:
        signals.deferred = True

        def watch(handle: RunHandle) -> None:
            watch_run(handle, signals)

        data = out / "data"
        lab = Laboratory(data, quick=quick, watch=watch)
        for figure in measure(module, lab, out, report_note):
            figures.append(figure)
            minutes = (time.monotonic() - began) / 60
            facts = [
                f"labctl {__version__}, {datetime.now():%Y-%m-%d %H:%M},"
                f" {'quick' if quick else 'full'}, {minutes:.1f} min;"
                f" data files in {data}."
            ]
            write_report(path, module.TITLE, module.PAPER, facts, figures)
    print_line(path)
