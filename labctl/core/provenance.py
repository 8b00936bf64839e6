"""Where data come from: everything that is known about a run before its first point."""

import getpass
import logging
import platform
import subprocess
import uuid
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labctl._version import __version__
from labctl.core.catalog import find_sequence, sequence_names
from labctl.core.rig import Rig
from labctl.core.runner import ELAPSED
from labctl.core.sequence import MeasurementSequence
from labctl.data import ParameterRecord, RunInfo
from labctl.errors import SequenceError
from labctl.parameters import SequenceParameters, unit_of

logger = logging.getLogger(__name__)

_VERSIONED = ("numpy", "scipy", "numba", "h5py", "pydantic", "lmfit", "pymeasure", "pyvisa")


def now() -> str:
    """Local time with its offset, ISO 8601."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


def describe_run(
    measurement: MeasurementSequence,
    model: SequenceParameters,
    rig: Rig,
    *,
    resumed_from: str = "",
    part_of: str = "",
    particle: str = "",
) -> RunInfo:
    """Who measures what, when, where, with which parameters, rig and software.

    Raises:
        SequenceError: the sequence declares a column twice.
    """
    cls = type(measurement)
    records = [
        ParameterRecord(name, getattr(model, name), unit_of(field), field.title or name)
        for name, field in type(model).model_fields.items()
    ]
    names = [column.name for column in measurement.columns]
    if len(set(names)) != len(names) or ELAPSED.name in names:
        raise SequenceError(f"Sequence `{cls.name}` declares a column twice: {', '.join(names)}.")
    return RunInfo(
        run_id=uuid.uuid4().hex,
        sequence=reference_of(cls),
        title=cls.title,
        description=description_of(cls),
        start_time=now(),
        parameters=records,
        parameters_json=model.model_dump_json(),
        rig_name=rig.name,
        rig_text=rig.spec.text,
        simulated=rig.simulation is not None,
        seed=rig.simulation.seed if rig.simulation else None,
        host=platform.node(),
        user=_user(),
        versions={"labctl": __version__, "python": platform.python_version(), **_versions()},
        git_revision=_git_revision(),
        resumed_from=resumed_from,
        part_of=part_of,
        particle=particle,
        truth=truth_of(rig),
    )


def truth_of(rig: Rig) -> Mapping[str, tuple[NDArray[np.float64], str]]:
    """What a simulated world knows as its controls stand; empty on a real rig."""
    if rig.simulation is None:
        return {}
    try:
        return dict(rig.simulation.truth())
    except Exception:  # what follows at the end of a run makes the lab safe
        logger.exception("The simulated world does not know its truth")
        return {}


def description_of(item: object) -> str:
    """First paragraph of the docstring of a sequence or a protocol, on one line."""
    return " ".join((item.__doc__ or "").partition("\n\n")[0].split())


def reference_of(cls: type[MeasurementSequence]) -> str:
    """What `find_sequence` finds this class by: its installed name, else its dotted path."""
    if cls.name in sequence_names() and find_sequence(cls.name) is cls:
        return cls.name
    return f"{cls.__module__}:{cls.__qualname__}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in _VERSIONED}


@cache
def _git_revision() -> str:
    """Revision of the checkout labctl runs from, "-dirty" appended; "" where there is none."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(  # noqa: S603  a constant command line
            command,
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()
