"""Protocols: plain Python that chains measurements, with decisions between them and one record.

A protocol is a module, installed or a file, with a docstring and

    class Parameters(SequenceParameters): ...       # optional: what it can be told
    def main(night, parameters): ...                # night.run("mdmr", ...), night.note("...")
"""

import importlib.util
import logging
import os
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from labctl.core import MeasurementSequence, Rig, describe
from labctl.core.catalog import find_plug_in
from labctl.core.provenance import description_of, now
from labctl.data import Run, RunStatus
from labctl.errors import CatalogError, LabError, RunAbortedError
from labctl.parameters import SequenceParameters
from labctl.session import RunHandle, start
from labctl.storage import ProtocolRecord, RecordedStep, write_record
from labctl.storage.run_folder import check_folder

GROUP = "labctl.protocols"

logger = logging.getLogger(__name__)


class Night:
    """What a protocol works with: it runs sequences and writes down what was decided.

    Attributes:
        rig: the open lab, for what lies between two measurements.
        path: the record, written anew after every step.
    """

    def __init__(
        self,
        rig: Rig,
        path: Path,
        record: ProtocolRecord,
        watch: Callable[[RunHandle], object],
        tell: Callable[[str], None],
        particle: str = "",
    ) -> None:
        self.rig = rig
        self.path = path
        self._record = record
        self._watch = watch
        self._tell = tell
        self._particle = particle
        write_record(path, record)

    def run(self, sequence: str | type[MeasurementSequence], **parameters: Any) -> Run:
        """Measure, wait, and go on; arguments as `labctl.run`.

        Raises:
            BadInputError: as `labctl.start`.
            RunAbortedError, RunFailedError: it did not finish; the record says so.
        """
        handle = start(
            sequence, self.rig, parameters, out=self.path.parent,
            part_of=self._record.record_id, particle=self._particle,
        )  # fmt: skip
        info = handle.info
        step = RecordedStep(
            now(), info.title, info.sequence, info.run_id, RunStatus.RUNNING, "", handle.path.name
        )
        self._write(step)
        self._watch(handle)
        try:
            return handle.result()
        finally:
            runner = handle.runner
            self._write(replace(step, status=runner.status, reason=runner.reason), instead=True)

    def note(self, text: str) -> None:
        """Write down a decision or a finding."""
        logger.info("%s: %s", self._record.name, text)
        self._tell(text)
        self._write(RecordedStep(now(), text))

    def end(self, status: RunStatus, reason: str) -> None:
        """Close the record."""
        self._record = replace(self._record, status=status, reason=reason, end_time=now())
        write_record(self.path, self._record)

    def _write(self, step: RecordedStep, *, instead: bool = False) -> None:
        kept = self._record.steps[:-1] if instead else self._record.steps
        self._record = replace(self._record, steps=(*kept, step))
        write_record(self.path, self._record)


def find_protocol(name: str) -> ModuleType:
    """The module of an installed protocol, or of a path that ends in .py.

    Raises:
        CatalogError: unknown, not importable, or without `main`.
    """
    path = Path(name)
    if path.suffix == ".py":
        spec = importlib.util.spec_from_file_location(path.stem, path)
        # os.path says no where Path raises: to a name that is too long.
        if spec is None or spec.loader is None or not os.path.isfile(path):  # noqa: PTH113
            raise CatalogError(f"There is no protocol file {path}.")
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:  # it is the user's file; the traceback goes to the log
            logger.exception("Cannot load %s", path)
            raise CatalogError(f"Cannot load protocol {path}: {describe(error)}.") from error
    else:
        module = find_plug_in(GROUP, name)
    if not callable(getattr(module, "main", None)):
        raise CatalogError(f"`{name}` is no protocol: it has no function main(night, parameters).")
    return module


def parameters_of(module: ModuleType) -> type[SequenceParameters]:
    """The parameter model of a protocol; an empty one if it takes none."""
    return getattr(module, "Parameters", SequenceParameters)


def run_protocol(
    protocol: str | ModuleType,
    rig: Rig,
    parameters: dict[str, Any],
    *,
    out: str | Path = "data",
    watch: Callable[[RunHandle], object] = RunHandle.wait,
    tell: Callable[[str], None] = lambda _: None,
    particle: str = "",
) -> Path:
    """Run a protocol to its end; returns the path of its record.

    Args:
        protocol: installed name, path of a .py file, or the module itself.
        rig: an open rig.
        parameters: of the protocol, in SI or text with units.
        out: folder for the record and the files of the runs.
        watch: waits for the end of each run; may show progress, may stop it.
        tell: told every note.
        particle: identifier of the particle in the trap, written into every run.

    Raises:
        BadInputError: the request does not fit; nothing was made.
        LabError: what ended the protocol; the record holds the reason.
    """
    module = protocol if isinstance(protocol, ModuleType) else find_protocol(protocol)
    model = parameters_of(module).from_user(parameters)
    folder, name = Path(out), module.__name__.rpartition(".")[2]
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    record = ProtocolRecord(
        record_id=uuid.uuid4().hex,
        name=name,
        description=description_of(module),
        start_time=now(),
        rig_name=rig.name,
        parameters_json=model.model_dump_json(),
        source=Path(module.__file__).read_text(encoding="utf-8") if module.__file__ else "",
    )
    night = Night(rig, _new_path(folder, name), record, watch, tell, particle)
    try:
        module.main(night, model)
    except RunAbortedError as error:
        night.end(RunStatus.ABORTED, str(error))
        raise
    except KeyboardInterrupt:
        night.end(RunStatus.ABORTED, "interrupted from the keyboard")
        raise
    except Exception as error:
        logger.exception("Protocol %s failed", name)
        night.end(RunStatus.FAILED, describe(error))
        if isinstance(error, LabError):
            raise
        raise LabError(f"Protocol {name} failed: {describe(error)}; see {night.path}") from error
    night.end(RunStatus.FINISHED, "")
    return night.path


def _new_path(folder: Path, name: str) -> Path:
    stem = f"{datetime.now():%Y-%m-%d_%H%M%S}_{name}"
    paths = (folder / f"{stem}{suffix}.h5" for suffix in ("", *(f"_{n}" for n in range(2, 999))))
    return next(path for path in paths if not path.exists())
