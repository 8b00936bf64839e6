"""`labctl show`, `fit`, `import`, `plot` and `recover`: what can be done with a file afterwards."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from labctl import session
from labctl.cli.catalog_commands import JsonFlag
from labctl.cli.console import output, print_json, print_line, report_note, table
from labctl.cli.tables import print_fit
from labctl.data import Run
from labctl.errors import BadInputError, DataFileError
from labctl.foreign_data import ColumnWishes, fit_table, import_table
from labctl.storage import ProtocolRecord, is_record, read_record, read_run
from labctl.storage import recover as recover_run
from labctl.units import format_quantity

AS_FLAG = typer.Option("--as", metavar="SEQUENCE", help="What was measured, such as odmr.")
AsOption = Annotated[str | None, AS_FLAG]
XOption = Annotated[str | None, typer.Option("--x", help="Column of the axis, name or number.")]
YOption = Annotated[str | None, typer.Option("--y", help="Column of the signal.")]
ErrorOption = Annotated[str | None, typer.Option("--error", help="Column of its errors.")]
UnitOption = Annotated[str | None, typer.Option("--x-unit", help="Unit of the axis: GHz.")]
DataFile = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)]


def show(file: DataFile, as_json: JsonFlag = False) -> None:
    """Show what a file holds: parameters, columns, instruments, fit; or a protocol's steps."""
    if is_record(file):
        _show_record(read_record(file), as_json=as_json)
        return
    run = read_run(file)
    if as_json:
        print_json(_content(run, file))
        return
    console = output()
    info = run.info
    made = table(f"{info.title} ({info.sequence})", "", "")
    made.show_header = False
    seed = f", simulated, seed {info.seed}" if info.simulated else ""
    rows = {
        "file": str(file),
        "run": info.run_id,
        "status": f"{run.status}: {run.reason}" if run.reason else str(run.status),
        "points": str(len(run)),
        "start": info.start_time,
        "end": run.end_time or "unknown",
        **({"imported from": info.imported_from} if info.imported_from else {}),
        "rig": f"{info.rig_name}{seed}",
        "host": f"{info.user}@{info.host}",
        "git": info.git_revision or "no checkout",
        "versions": ", ".join(f"{name} {number}" for name, number in info.versions.items()),
    }
    if info.particle:
        rows["particle"] = info.particle
    if run.note:
        rows["note"] = run.note
    if run.marks:
        rows["marked"] = "; ".join(f"{m.first} to {m.last}: {m.reason}" for m in run.marks)
    for name, text in rows.items():
        made.add_row(name, text)
    console.print(made)
    _show_parameters(console, run)
    _show_columns(console, run)
    _show_instruments(console, run)
    print_fit(console, run.fit, info.truth)


def _show_record(record: ProtocolRecord, *, as_json: bool) -> None:
    if as_json:
        print_json({"record": record})
        return
    state = f"{record.status}: {record.reason}" if record.reason else record.status
    made = table(f"{record.name} on {record.rig_name}, {state}", "time", "step", "status", "file")
    for step in record.steps:
        ending = f"{step.status}: {step.reason}" if step.reason else step.status
        made.add_row(step.time[:19], step.text, ending, step.file)
    output().print(made)


def fit(
    file: DataFile,
    as_: AsOption = None,
    x: XOption = None,
    y: YOption = None,
    error: ErrorOption = None,
    x_unit: UnitOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Analyse a file again with the sequence that wrote it, and store the result in it.

    With --as, fit a table that another program wrote (.csv .txt .npz .mat .h5); the table stays
    as it is.
    """
    wishes = ColumnWishes(x, y, error, x_unit)
    if as_ is None:
        if wishes != ColumnWishes():
            raise BadInputError("Columns are chosen for tables of others; say --as as well.")
        try:
            result, truth = session.analyze(file), read_run(file).info.truth
        except DataFileError as foreign:
            raise DataFileError(
                f"{foreign} For a table of another program say what it is: --as odmr."
            ) from foreign
    else:
        result, words = fit_table(file, as_, wishes)
        truth = {}
        report_note(f"{file}: {words}.")
    if as_json:
        print_json({"path": file, "fit": result})
        return
    print_fit(output(), result, truth)


def import_file(
    file: DataFile,
    as_: Annotated[str, AS_FLAG],
    x: XOption = None,
    y: YOption = None,
    error: ErrorOption = None,
    x_unit: UnitOption = None,
    out: Annotated[Path, typer.Option(help="Folder for the run file.")] = Path("data"),
) -> None:
    """Make a run file of a table that another program wrote, fit it; prints its path."""
    made, words = import_table(file, as_, ColumnWishes(x, y, error, x_unit), out)
    report_note(f"{file}: {words}.")
    print_line(made)


def plot(
    file: DataFile,
    to: Annotated[
        Path | None, typer.Option("-o", "--output", help="Picture: .png, .svg or .pdf.")
    ] = None,
) -> None:
    """Draw the default plot of a file, with its fit; prints the picture's path."""
    from labctl.cli.figure import save_figure  # matplotlib takes a second to import

    picture = to or file.with_suffix(".png")
    save_figure(read_run(file), picture)
    print_line(picture)


def recover(
    file: DataFile,
    to: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where the sound copy goes.")
    ] = None,
) -> None:
    """Copy what a killed program left into a file that every reader opens; prints its path."""
    print_line(recover_run(file, to))


def _show_parameters(console: Any, run: Run) -> None:
    made = table("Parameters", "parameter", "meaning", "value")
    for record in run.info.parameters:
        value = record.value
        if isinstance(value, float):
            text = format_quantity(value, record.unit, digits=9)
        else:
            text = "as it was" if value is None else f"{value} {record.unit}".strip()
        made.add_row(record.name, record.label, text)
    console.print(made)


def _show_columns(console: Any, run: Run) -> None:
    made = table("Columns", "column", "meaning", "shape", "minimum", "maximum")
    for column in run.specification:
        values = run[column.name]
        ends = (np.min(values), np.max(values)) if values.size else ()
        shown = [format_quantity(float(v), column.unit) for v in ends] or ["", ""]
        made.add_row(column.name, column.label, "×".join(map(str, values.shape)), *shown)
    console.print(made)


def _show_instruments(console: Any, run: Run) -> None:
    if not run.instruments:
        return
    made = table("Instruments", "role", "identity", "setting", "asked for", "read back")
    for record in run.instruments:
        lines = [
            (name, _shown(item.setpoint, item.unit), _shown(item.readback, item.unit))
            for name, item in record.settings.items()
        ]
        names, asked, read = ("\n".join(part) for part in zip(*lines, strict=True)) if lines else (
            "", "", "",
        )  # fmt: skip
        made.add_row(record.role, record.identity, names, asked, read, end_section=True)
    console.print(made)


def _shown(value: float | bool | None, unit: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return "on" if value else "off"
    return format_quantity(float(value), unit, digits=9)


def _content(run: Run, file: Path) -> dict[str, Any]:
    info = run.info
    return {
        "path": file,
        "status": run.status,
        "reason": run.reason,
        "points": len(run),
        "end_time": run.end_time,
        "note": run.note,
        "marks": run.marks,
        "info": info,
        "parameters": run.parameters,
        "columns": [
            {"name": c.name, "unit": c.unit, "label": c.label, "shape": run[c.name].shape}
            for c in run.specification
        ],
        "instruments": run.instruments,
        "fit": run.fit,
    }
