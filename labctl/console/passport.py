"""What is known about each particle that was in the trap, and how old that knowledge is."""

import dataclasses
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from labctl.console.json_file import read_json, write_json
from labctl.core.provenance import now
from labctl.data import FitValue, Run, instant_of
from labctl.errors import ParameterError
from labctl.units import format_quantity

FILE = "particles.json"
_LIBRATION = re.compile(r"(mode_\d+_frequency_hz|libration_\d+_hz)")
_FIELD_VALUES: Mapping[str, tuple[str, ...]] = {
    "field_calibration": ("bias_field_t", "tesla_per_ampere", "angle_rad"),
    "odmr": ("field_magnitude_t", "field_x_t", "field_y_t", "field_z_t"),
}
_TRAP, _MAGNET = ("trap.amplitude_v", "trap.frequency_hz"), ("electromagnet.current_a",)
_UNITS = {"trap.amplitude_v": "V", "trap.frequency_hz": "Hz", "electromagnet.current_a": "A"}
_WORDS = {
    "trap.amplitude_v": "the trap's voltage",
    "trap.frequency_hz": "the trap's frequency",
    "electromagnet.current_a": "the magnet's current",
}
_SAME = 2e-3
"""Relative, or in the unit itself, what a read-back may wander without being a change."""


@dataclass(frozen=True)
class Finding:
    """Fitted values of one run.

    Attributes:
        time: when the run began, ISO 8601.
    """

    run_id: str
    time: str
    sequence: str
    values: Mapping[str, FitValue]


@dataclass(frozen=True)
class Change:
    """A setting that was another in one run than in the one before."""

    run_id: str
    time: str
    text: str


@dataclass(frozen=True)
class Passport:
    """One particle.

    Attributes:
        charge: state of charge in elementary charges; None if unknown.
        librations: frequencies from the last fit of `psd` or `drift` that had any.
        field: from the last fit of `field_calibration` or `odmr`.
        drift: the last drift run.
        trap_change, field_change: the last change of the trap's or the magnet's settings.
        settings: "role.setting" -> value in the newest run, as far as it matters here.
        seen: when the newest run began.
    """

    particle: str
    loaded_at: str
    notes: str = ""
    charge: float | None = None
    librations: Finding | None = None
    field: Finding | None = None
    drift: Finding | None = None
    trap_change: Change | None = None
    field_change: Change | None = None
    settings: Mapping[str, float] = dataclasses.field(default_factory=dict)
    seen: str = ""

    def warnings(self) -> list[str]:
        """What of it is out of date, one line each."""
        lines = []
        if self.field is not None:
            what = f"The field calibration of {_short(self.field.time)}"
            if self.drift is not None and _before(self.field.time, self.drift.time):
                lines.append(f"{what} is older than the drift run of {_short(self.drift.time)}.")
            causes = [self.trap_change]
            if self.field.sequence == "odmr":  # at one current; a calibration holds for all
                causes.append(self.field_change)
            lines += [_outdated(what, self.field, cause) for cause in causes if cause]
        if self.librations is not None and self.trap_change is not None:
            what = f"The libration frequencies of {_short(self.librations.time)}"
            lines.append(_outdated(what, self.librations, self.trap_change))
        return [line for line in lines if line]


class Passports:
    """The particles of one data folder; every change is on disk before a method returns.

    Attributes:
        warning: what was wrong with the file when it was read; "" if nothing was.

    Raises:
        OutputError: (every change) the file cannot be written; nothing changes.
    """

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder) / FILE
        self._lock = threading.RLock()
        found, self.warning = read_json(self.path, _parse)
        self._current, self._particles = found or ("", {})

    @property
    def current(self) -> Passport | None:
        """The particle in the trap, or None."""
        return self._particles.get(self._current)

    def all(self) -> tuple[Passport, ...]:
        """Every particle, the one loaded last first."""
        latest_first = reversed(self._particles.values())
        return tuple(sorted(latest_first, key=lambda p: instant_of(p.loaded_at), reverse=True))

    def new(self, particle_id: str) -> Passport:
        """A particle that was loaded just now; it becomes the current one.

        Raises:
            ParameterError: no name, or one that exists.
        """
        name = particle_id.strip()
        if not name:
            raise ParameterError("A particle needs a name.")
        with self._lock:
            if name in self._particles:
                raise ParameterError(f"There is a particle `{name}` already; select it instead.")
            passport = Passport(name, now())
            self._keep(passport, name)
        return passport

    def select(self, id: str) -> Passport:  # noqa: A002  as everywhere in the console
        """Make a known particle the current one.

        Raises:
            ParameterError: no such particle.
        """
        with self._lock:
            passport = self._known(id)
            self._keep(passport, id)
        return passport

    def leave(self) -> None:
        """Declare that no particle is in the trap."""
        with self._lock:
            self._write(self._particles, "")

    def describe(
        self,
        id: str,  # noqa: A002
        *,
        notes: str | None = None,
        charge: float | None = None,
    ) -> Passport:
        """Write down notes or the state of charge; what is None stays as it is.

        Raises:
            ParameterError: no such particle.
        """
        with self._lock:
            old = self._known(id)
            passport = replace(
                old,
                notes=old.notes if notes is None else notes,
                charge=old.charge if charge is None else charge,
            )
            self._keep(passport, self._current)
        return passport

    def update_from(self, run: Run) -> Passport | None:
        """Take what a run tells about its particle; None for a run without one.

        Runs may come in any order: nothing newer is overwritten.
        """
        name = run.info.particle
        if not name:
            return None
        with self._lock:
            old = self._particles.get(name) or Passport(name, run.info.start_time)
            passport = _with_run(old, run)
            if passport != self._particles.get(name):
                self._keep(passport, self._current)
        return passport

    def warnings(self) -> list[str]:
        """What is out of date about the current particle, one line each."""
        return self.current.warnings() if self.current is not None else []

    def _known(self, name: str) -> Passport:
        if name not in self._particles:
            raise ParameterError(f"There is no particle `{name}`.")
        return self._particles[name]

    def _keep(self, passport: Passport, current: str) -> None:
        self._write({**self._particles, passport.particle: passport}, current)

    def _write(self, particles: dict[str, Passport], current: str) -> None:
        content = {"current": current, "particles": [asdict(p) for p in particles.values()]}
        write_json(self.path, content)
        self._current, self._particles = current, particles


def _with_run(old: Passport, run: Run) -> Passport:
    info = run.info
    values = run.fit.values if run.fit is not None else {}

    def newer(finding: Finding | None, names: list[str], *, even_empty: bool = False) -> Any:
        if not (names or even_empty) or (finding and _before(info.start_time, finding.time)):
            return finding
        found = {name: values[name] for name in names}
        return Finding(info.run_id, info.start_time, info.sequence, found)

    passport = old
    if info.sequence in ("psd", "drift"):
        seen = [name for name in values if _LIBRATION.fullmatch(name)]
        passport = replace(passport, librations=newer(old.librations, seen))
    if info.sequence == "drift":
        names = [name for name in values if name.endswith("_drift_per_s2")]
        passport = replace(passport, drift=newer(old.drift, names, even_empty=True))
    names = [name for name in _FIELD_VALUES.get(info.sequence, ()) if name in values]
    passport = replace(passport, field=newer(old.field, names))
    if old.seen and _before(info.start_time, old.seen):
        return passport
    settings = _settings(run)
    return replace(
        passport,
        trap_change=_change(old, run, settings, _TRAP) or old.trap_change,
        field_change=_change(old, run, settings, _MAGNET) or old.field_change,
        settings={**old.settings, **settings},
        seen=info.start_time,
    )


def _settings(run: Run) -> dict[str, float]:
    """The settings of trap and magnet that a run was measured with."""
    found = {
        f"{record.role}.{name}": float(setting.readback)
        for record in run.instruments
        for name, setting in record.settings.items()
    }
    # The magnet is set by the sequence, after the instruments were recorded.
    asked = run.parameters.get("current_a")
    if isinstance(asked, float | int):
        found["electromagnet.current_a"] = float(asked)
    return {name: found[name] for name in (*_TRAP, *_MAGNET) if name in found}


def _change(
    old: Passport, run: Run, settings: Mapping[str, float], names: tuple[str, ...]
) -> Change | None:
    texts = [
        f"{_WORDS[name]} went from {format_quantity(old.settings[name], _UNITS[name])}"
        f" to {format_quantity(settings[name], _UNITS[name])}"
        for name in names
        if name in old.settings
        and name in settings
        and abs(settings[name] - old.settings[name]) > _SAME * max(1.0, abs(old.settings[name]))
    ]
    if not texts:
        return None
    return Change(run.info.run_id, run.info.start_time, " and ".join(texts))


def _outdated(what: str, finding: Finding, cause: Change) -> str:
    if not _before(finding.time, cause.time):
        return ""
    verb = "are" if what.startswith("The libration") else "is"
    return f"{what} {verb} older than the change of {_short(cause.time)}: {cause.text}."


def _before(one: str, other: str) -> bool:
    return instant_of(one) < instant_of(other)


def _short(time: str) -> str:
    return time[:16].replace("T", " ")


def _parse(content: Any) -> tuple[str, dict[str, Passport]]:
    particles: dict[str, Passport] = {}
    for item in content["particles"]:
        for name in ("librations", "field", "drift"):
            found = item[name]
            if found is not None:
                values = {key: FitValue(**value) for key, value in found["values"].items()}
                item[name] = Finding(**{**found, "values": values})
        for name in ("trap_change", "field_change"):
            item[name] = item[name] and Change(**item[name])
        passport = Passport(**item)
        instant_of(passport.loaded_at)
        particles[passport.particle] = passport
    return str(content["current"]), particles
