"""Rig files: which class plays which role, with what arguments, limits and safe state."""

import difflib
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from labctl.errors import RigError
from labctl.hal import ROLES

HOLD = "hold"


class SharedSpec(BaseModel):
    """An object several devices are built on, such as the simulated world or a common session."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    class_path: str = Field(alias="class")
    arguments: dict[str, Any] = {}


class DeviceSpec(SharedSpec):
    """One device. An argument "@name" stands for the shared object of that name.

    So it does in [shared], for an object that stands above.

    Attributes:
        keeps: what is lost with the present state of the device, in words; who changes it by hand
            is asked first.
    """

    limits: dict[str, tuple[float | str, float | str]] = {}
    safe_state: Literal["hold"] | dict[str, bool | float | str]
    keeps: str = ""


class RigFile(BaseModel):
    """A whole rig, as data.

    Attributes:
        simulation: name of the shared object that is the simulated world; None on a real rig.
        particle_present: counter channel -> least counts per second (Hz) that a particle gives.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    simulation: str | None = None
    shared: dict[str, SharedSpec] = {}
    devices: dict[str, DeviceSpec]
    particle_present: dict[str, float | str] = {}
    name: str = Field(default="", exclude=True)
    text: str = Field(default="", exclude=True)

    @field_validator("devices")
    @classmethod
    def _known_roles(cls, devices: dict[str, DeviceSpec]) -> dict[str, DeviceSpec]:
        for role in devices:
            if role not in ROLES:
                raise ValueError(f"unknown role `{role}`; roles are {', '.join(ROLES)}")
        trap = devices.get("trap")
        if trap is not None and trap.safe_state != HOLD:
            raise ValueError('the trap\'s safe_state must be "hold": less loses the particle')
        return devices

    @model_validator(mode="after")
    def _simulation_is_shared(self) -> Self:
        if self.simulation is not None and self.simulation not in self.shared:
            raise ValueError(f"simulation = {self.simulation!r} names no [shared] object")
        return self

    def with_shared_arguments(self, name: str, **arguments: Any) -> Self:
        """A copy in which the shared object `name` gets these arguments as well."""
        old = self.shared[name]
        new = old.model_copy(update={"arguments": {**old.arguments, **arguments}})
        return self.model_copy(update={"shared": {**self.shared, name: new}})


def rig_names() -> list[str]:
    """Names of the rigs that come with the installation."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in files("configs").iterdir()
        if entry.name.endswith(".toml")
    )


def _read(source: str | Path, folder: Path = Path()) -> tuple[str, str, Path]:
    """Name, text and folder of a rig file; `folder` is where a relative path starts."""
    path = folder / source
    if path.suffix == ".toml":
        try:
            # Editors on Windows begin a file with a byte-order mark.
            return path.stem, path.read_text(encoding="utf-8-sig"), path.parent
        except UnicodeDecodeError as error:
            raise RigError(
                f"Cannot read rig file {path}: it is not UTF-8 ({error}); save it as UTF-8."
            ) from error
        except (OSError, ValueError) as error:  # a path with a NUL character is a ValueError
            reason = getattr(error, "strerror", None) or error
            raise RigError(f"Cannot read rig file {path}: {reason}.") from error
    name = str(source)
    if name not in rig_names():
        near = difflib.get_close_matches(name, rig_names(), n=1)
        hint = f" Did you mean `{near[0]}`?" if near else ""
        raise RigError(
            f"No rig is called `{name}`; known: {', '.join(rig_names())}, or a path ending "
            f"in .toml.{hint}"
        )
    return name, files("configs").joinpath(f"{name}.toml").read_text(encoding="utf-8"), folder


def _content(
    source: str | Path, folder: Path = Path(), under: tuple[str, ...] = ()
) -> tuple[str, str, dict[str, Any]]:
    """Name, whole text and merged content of a rig and of what it extends."""
    name, text, folder = _read(source, folder)
    if name in under:
        raise RigError(f"Rig `{name}` extends itself, through {', '.join(under)}.")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RigError(f"Rig `{name}` is not valid TOML: {error}.") from error
    base = content.pop("extends", None)
    if base is None:
        return name, text, content
    if not isinstance(base, str):
        raise RigError(f"Rig `{name}`: extends must be the name or the path of a rig.")
    _, base_text, base_content = _content(base, folder, (*under, name))
    whole = f"{text.rstrip()}\n\n# --- extends {base}, which says: ---\n{base_text}"
    return name, whole, _merged(base_content, content)


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`: tables merge, everything else replaces.

    A table that names another class takes no arguments from below: they are the old class's.
    """
    both = dict(base)
    if over.get("class", base.get("class")) != base.get("class"):
        both.pop("arguments", None)
    for key, value in over.items():
        old = both.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            both[key] = _merged(old, value)
        else:
            both[key] = value
    return both


def load_rig_file(source: str | Path) -> RigFile:
    """Read a rig by the name of an installed one ("sim") or by the path of a .toml file.

    Raises:
        RigError: one line that names every fault of the file.
    """
    name, text, content = _content(source)
    try:
        rig = RigFile.model_validate(content)
    except ValidationError as error:
        faults = (
            f"{'.'.join(str(p) for p in e['loc'])}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        )
        raise RigError(f"Rig `{name}`: {'; '.join(faults)}.") from error
    return rig.model_copy(update={"name": name, "text": text})
