"""The composition root: the command line, the console and a notebook all start a run here."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from labctl.core import (
    ELAPSED,
    MeasurementSequence,
    Rig,
    RigFile,
    Runner,
    build_rig,
    find_sequence,
    load_rig_file,
)
from labctl.core.checks import check_limits, check_roles
from labctl.core.plan import Plan, plan_run
from labctl.core.provenance import describe_run
from labctl.data import (
    SIGNAL,
    SIGNAL_ERROR,
    Column,
    FitResult,
    Mark,
    Run,
    RunStatus,
    TableAnalysis,
)
from labctl.errors import (
    ParameterError,
    RigError,
)
from labctl.parameters import SequenceParameters, source_of
from labctl.run_handle import Conclusion, RunHandle, store_analysis
from labctl.safety.emergency_stop import REASON, emergency_stop
from labctl.safety.safe_state import make_safe
from labctl.storage import RunWriter, append_fit, newest_fitted, read_run
from labctl.storage.run_folder import new_file

logger = logging.getLogger(__name__)


def build(rig: str | Path | RigFile, *, seed: int | None = None, speed: float | None = None) -> Rig:
    """Construct every device of a rig without connecting to anything; arguments as `open_rig`.

    Raises:
        RigError: the rig file or one of its classes does not fit, or `seed` or `speed` meet a
            real lab.
    """
    spec = rig if isinstance(rig, RigFile) else load_rig_file(rig)
    if spec.simulation is None and (seed is not None or speed is not None):
        raise RigError(f"Rig `{spec.name}` is a real lab; seed and clock cannot be set.")
    if speed is not None and not (math.isfinite(speed) and speed > 0):
        raise RigError(f"The clock's speed must be a positive number, not {speed:g}.")
    if seed is not None and spec.simulation is not None:
        spec = spec.with_shared_arguments(spec.simulation, seed=seed)
    built = build_rig(
        spec, lambda opened: make_safe(opened.answering_devices(), opened.safe_states)
    )
    if speed is not None and built.simulation is not None:
        built.simulation.hold_to_wall_clock(speed)
    return built


def open_rig(
    rig: str | Path | RigFile = "sim", *, seed: int | None = None, speed: float | None = None
) -> Rig:
    """Open a lab: a context manager with one device per role as attributes.

    Args:
        rig: name of an installed rig ("sim"), path of a .toml file, or a `RigFile`.
        seed: seed of the simulated world; the rig file's own where None.
        speed: hold a simulated world to the wall clock times `speed`; None runs it as fast as
            the computer can.

    Raises:
        RigError: as `build`.
        DeviceError: instruments do not open; all failures in one line, everything closed again.
    """
    opened = build(rig, seed=seed, speed=speed)
    opened.open()
    return opened


def start(
    sequence: str | type[MeasurementSequence],
    rig: Rig,
    parameters: dict[str, Any],
    *,
    out: str | Path = "data",
    part_of: str = "",
    particle: str = "",
    attended: bool = False,
) -> RunHandle:
    """Check everything, create the file, and start measuring in a worker thread.

    A parameter that is left open and declared as `taken_from` a fit comes from the newest file
    in `out` that has it.

    Args:
        sequence: installed name ("mdmr"), "package.module:Class", or the class itself.
        rig: an open rig.
        parameters: values in SI, or text with units ("2.87 GHz").
        out: folder for the file; created if needed.
        part_of: identifier of the protocol's record that the run belongs to.
        particle: identifier of the particle in the trap.
        attended: whether somebody can resume a run that pauses because its light is lost; it
            ends as aborted otherwise.

    Raises:
        BadInputError: anything wrong with the request; no file was made, nothing was switched on.
    """
    cls = find_sequence(sequence) if isinstance(sequence, str) else sequence
    model = taken_from_files(cls.Parameters.from_user(parameters), Path(out))
    return _start(cls, rig, model, Path(out), part_of=part_of, particle=particle, attended=attended)


def resume(
    path: str | Path, rig: Rig, *, out: str | Path | None = None, attended: bool = False
) -> RunHandle:
    """Go on with an aborted, failed or killed run where it ended, in a new file.

    The new file begins with the points of the old one, which stays as it is, so that whatever
    was averaged counts; points at its end that are marked as no good are taken again.

    Args:
        path: the file to go on from.
        rig: an open rig.
        out: folder for the new file; that of the old one where None.
        attended: as for `start`.

    Raises:
        StorageError: not a readable labctl file.
        BadInputError: the run was complete; otherwise as `start`.
    """
    cls, model, earlier = check_resumable(Path(path), rig)
    folder = Path(path).parent if out is None else Path(out)
    return _start(
        cls,
        rig,
        model,
        folder,
        earlier=_without_marked_end(earlier),
        particle=earlier.info.particle,
        attended=attended,
    )


def check_resumable(
    path: Path, rig: Rig
) -> tuple[type[MeasurementSequence], SequenceParameters, Run]:
    """Sequence, parameters and points of a run that can be resumed on a rig, open or not.

    Raises:
        StorageError: not a readable labctl file.
        BadInputError: the run was complete, or the rig does not fit.
    """
    earlier = read_run(path)
    cls = find_sequence(earlier.info.sequence)
    model = cls.Parameters.from_file(earlier.info.parameters_json)
    length = cls(model).length
    if earlier.status is RunStatus.FINISHED or (length is not None and len(earlier) >= length):
        raise ParameterError(f"{path} is complete: there is nothing to resume.")
    check_roles(cls, rig)
    check_limits(model, rig)
    return cls, model, earlier


def _start(
    cls: type[MeasurementSequence],
    rig: Rig,
    model: SequenceParameters,
    out: Path,
    *,
    earlier: Run | None = None,
    part_of: str = "",
    particle: str = "",
    attended: bool = False,
) -> RunHandle:
    check_roles(cls, rig)
    check_limits(model, rig)
    measurement = cls(model)
    columns = (*measurement.columns, ELAPSED)
    with rig.idle() as idle:
        if not idle:
            raise RigError(f"Rig `{rig.name}` is busy with another run; wait for it or stop it.")
        if rig.unresponsive:
            silent = ", ".join(sorted(rig.unresponsive))
            raise RigError(f"Rig `{rig.name}` cannot measure: {silent} did not answer.")
        resumed_from = earlier.info.run_id if earlier else ""
        info = describe_run(
            measurement, model, rig, resumed_from=resumed_from, part_of=part_of, particle=particle
        )
        path = new_file(out, cls.name)
        writer = RunWriter(path, info, columns, measurement.plot, rig.record())
        conclusion = Conclusion(rig, writer, measurement)
        runner = Runner(
            measurement,
            rig,
            writer,
            conclusion.end,
            give_up=conclusion.end_without_lab,
            earlier=_rows(earlier, columns),
            least_light=getattr(measurement, "particle_present", rig.particle_present),
            attended=attended,
        )
        for mark in earlier.marks if earlier is not None else ():
            writer.mark(mark)
            runner.marks.append(mark)
        handle = RunHandle(runner, path, info, conclusion)
        rig.active = handle
    runner.start()
    logger.info("Started %s on rig %s into %s", cls.name, rig.name, path)
    return handle


def _without_marked_end(run: Run) -> Run:
    """A run up to the first of the marked points that it ends with."""
    end, marks = len(run), list(run.marks)
    while marks and marks[-1].last >= end - 1:
        end = min(end, marks.pop().first)
    columns = {name: values[:end] for name, values in run.columns.items()}
    return replace(run, columns=columns, marks=tuple(marks))


def _rows(run: Run | None, columns: Sequence[Column]) -> list[tuple[Any, ...]]:
    """The points of a run as the writer takes them."""
    if run is None:
        return []
    return list(zip(*(run[column.name] for column in columns), strict=True))


def plan(
    sequence: str | type[MeasurementSequence],
    rig: str | Path | RigFile | Rig,
    parameters: dict[str, Any],
) -> Plan:
    """What `start` would do with the same arguments; no hardware is touched.

    Raises:
        BadInputError: as `start`.
    """
    cls = find_sequence(sequence) if isinstance(sequence, str) else sequence
    model = cls.Parameters.from_user(parameters)
    lab = rig if isinstance(rig, Rig) else build(rig)
    check_roles(cls, lab)
    check_limits(model, lab)
    return plan_run(cls(model), model, lab)


def run(
    sequence: str | type[MeasurementSequence],
    rig: Rig,
    *,
    out: str | Path = "data",
    **parameters: Any,
) -> Run:
    """Measure and wait: `run = labctl.run("mdmr", rig, start_hz=2.6e9, stop_hz="3.2 GHz")`.

    Ctrl-C stops the run cleanly before it is raised again.

    Raises:
        BadInputError: as `start`.
        RunAbortedError, RunFailedError: as `RunHandle.result`.
    """
    handle = start(sequence, rig, parameters, out=out)
    try:
        return handle.result()
    except KeyboardInterrupt:
        handle.stop("interrupted from the keyboard")
        handle.wait()
        raise


def end_at_once(rig: Rig) -> list[str]:
    """Emergency stop, and the run under way ended with its file closed, though a call hangs.

    Returns:
        As `emergency_stop`.
    """
    run = rig.active
    failures = emergency_stop(rig)
    if isinstance(run, RunHandle):
        run.abandon(REASON)
    return failures


def taken_from_files(model: SequenceParameters, folder: Path) -> SequenceParameters:
    """Fill every open parameter that is `taken_from` a fit, from the newest file that has it.

    Raises:
        ParameterError: no file in `folder` has the value.
    """
    found: dict[str, float] = {}
    for name, field in type(model).model_fields.items():
        source = source_of(field)
        if source is None or getattr(model, name) is not None:
            continue
        sequence, value = source
        fitted = newest_fitted(folder, sequence, value)
        if fitted is None:
            raise ParameterError(
                f"Parameter `{name}` is missing, and no {sequence} file in {folder} tells it; "
                f"give {name}=..., or measure it first: labctl run {sequence}."
            )
        found[name] = fitted
    return model.model_copy(update=found)


def reference_parameters(cls: type[MeasurementSequence], path: Path) -> dict[str, float]:
    """What a measurement needs to be told to compare itself with an earlier one of its kind.

    Such as area, frequency and damping of a mode at room temperature, against which a later
    spectrum tells temperatures. A sequence says what with its `reference_parameters(run)`.

    Raises:
        StorageError: not a readable labctl file.
        ParameterError: the sequence knows no reference, the file is of another one, or the fit
            found nothing in it.
    """
    told = getattr(cls, "reference_parameters", None)
    if told is None:
        raise ParameterError(f"A {cls.name} run takes no reference.")
    run = read_run(path)
    if find_sequence(run.info.sequence) is not cls:
        raise ParameterError(f"{path} is a {run.info.sequence} run; give one of {cls.name}.")
    values = told(run)
    if not values:
        raise ParameterError(f"The fit of {path} has nothing to refer to.")
    return values


def analyze(path: Path) -> FitResult | None:
    """Analyse a file with its own sequence and store the result in it, replacing an earlier one.

    Raises:
        StorageError: not a readable labctl file.
        CatalogError: the sequence that wrote it is not installed.
    """
    recorded = read_run(path)
    cls = find_sequence(recorded.info.sequence)
    if recorded.info.imported_from:
        return _analyze_imported(path, cls, recorded)
    return store_analysis(
        path, cls(cls.Parameters.from_file(recorded.info.parameters_json)), recorded
    )


def _analyze_imported(
    path: Path, cls: type[MeasurementSequence], recorded: Run
) -> FitResult | None:
    table: TableAnalysis = getattr(cls, "table")  # noqa: B009  not every sequence has one
    names = (table.axis.name, SIGNAL.name, SIGNAL_ERROR.name)
    fit = table.fit(*(recorded[name] for name in names))
    if fit is not None:
        append_fit(path, fit)
    return fit


def analyze_live(
    handle: RunHandle, columns: Mapping[str, NDArray[Any]], *, first: int = 0
) -> FitResult | None:
    """Analyse the points of a run under way with its own sequence; nothing is stored.

    Args:
        handle: the run.
        columns: name -> values so far, the columns of the sequence and `elapsed_s`.
        first: number in the run of the first of these points.
    """
    measurement = handle.runner.sequence
    so_far = Run(
        info=handle.info,
        specification=(*measurement.columns, ELAPSED),
        columns=columns,
        plot=measurement.plot,
        status=RunStatus.RUNNING,
        marks=[
            Mark(max(mark.first - first, 0), mark.last - first, mark.reason)
            for mark in tuple(handle.runner.marks)
            if mark.last >= first
        ],
    ).sound()
    return measurement.analyze(so_far) if len(so_far) else None
