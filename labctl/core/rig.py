"""From a rig file to open devices."""

import contextlib
import inspect
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, Self

from labctl.core.calls import Calls, watched
from labctl.core.catalog import load_object
from labctl.core.rig_file import HOLD, DeviceSpec, RigFile
from labctl.core.side_by_side import ask_side_by_side
from labctl.data import InstrumentRecord, Setting
from labctl.errors import DeviceError, LabError, LimitError, RigError, said_of
from labctl.hal import (
    ROLES,
    Clock,
    Device,
    Electromagnet,
    LaserModulator,
    Limits,
    MicrowaveSource,
    PhotonCounter,
    PressureGauge,
    PulseSequencer,
    SafeState,
    Simulation,
    TrapDrive,
    WallClock,
)
from labctl.units import parse_quantity

logger = logging.getLogger(__name__)

PATIENCE_S = 2.0
"""How long to wait for whoever uses the devices for a moment."""


class Stoppable(Protocol):
    """A run under way, as far as its rig is concerned."""

    def stop(self, reason: str, *, at_once: bool = False) -> None:
        """Ask it to end; `at_once` takes its instruments away."""
        ...

    def wait(self) -> bool:
        """Wait for its end."""
        ...


class Rig:
    """The devices of one lab by role, as attributes: `rig.microwave`, `rig.counter` ...

    A context manager: leaving it makes every device safe, then closes it.

    Attributes:
        active: the run that owns the devices; None between runs.
        calls: which thread is inside a call to which device just now.
        unresponsive: roles that did not answer an emergency stop; they are left alone until
            they do.
        known: role -> settings as they were last read.
        particle_present: counter channel -> least counts per second that a particle gives.
    """

    microwave: MicrowaveSource
    laser: LaserModulator
    counter: PhotonCounter
    trap: TrapDrive
    electromagnet: Electromagnet
    sequencer: PulseSequencer
    gauge: PressureGauge

    def __init__(
        self,
        spec: RigFile,
        devices: Mapping[str, Device],
        safe_states: Mapping[str, SafeState],
        simulation: Simulation | None,
        make_safe: Callable[["Rig"], list[str]],
        calls: Calls,
    ) -> None:
        self.spec = spec
        self.calls = calls
        self.devices = devices
        self.safe_states = safe_states
        self.simulation = simulation
        self.clock: Clock = simulation if simulation is not None else WallClock()
        self.active: Stoppable | None = None
        self.unresponsive: set[str] = set()
        self.particle_present: Mapping[str, float] = {}
        self.known: dict[str, Mapping[str, Setting]] = {}
        self._in_use = threading.Lock()
        self._make_safe = make_safe
        self._open: list[str] = []

    def __getattr__(self, role: str) -> Any:
        if role in ROLES:
            raise RigError(f"Rig `{self.spec.name}` has no `{role}`; add [devices.{role}] to it.")
        raise AttributeError(role)

    @property
    def name(self) -> str:
        """Name of the rig file."""
        return self.spec.name

    def __iter__(self) -> Iterator[tuple[str, Device]]:
        return iter(self.devices.items())

    def open(self) -> None:
        """Open every device, then put each into its safe state.

        Raises:
            DeviceError: one line that gathers every failure; all devices are closed again.
        """
        begun: list[str] = []
        try:
            failures = self._open_devices(begun)
        except BaseException:  # Ctrl-C while connecting: leave nothing open behind
            for role in reversed(begun):
                with contextlib.suppress(Exception):  # the rest must still be closed
                    self.devices[role].close()
            self._open.clear()
            raise
        failures += self.make_safe() if not failures else []
        if failures:
            self._close_devices()
            raise DeviceError(f"Rig `{self.name}` does not open: {'; '.join(failures)}")

    def _open_devices(self, begun: list[str]) -> list[str]:
        """Open all of them, each added to `begun` before; returns the failures.

        Instruments are asked side by side. The devices of one simulated world are opened one
        after the other: the same seed gives the same data.
        """
        opening = [(role, device.open) for role, device in self.devices.items()]
        outcomes: dict[str, Exception | None] = {}
        for together in [opening] if self.simulation is None else [[item] for item in opening]:
            begun.extend(role for role, _ in together)
            outcomes |= ask_side_by_side(together)
        self._open = [role for role, error in outcomes.items() if error is None]
        failures = {role: error for role, error in outcomes.items() if error is not None}
        for role, error in failures.items():
            logger.error("Cannot open %s", role, exc_info=error)
        return [said_of(role, error) for role, error in failures.items()]

    def make_safe(self) -> list[str]:
        """Put every open device into its safe state, in reverse order; returns the failures."""
        silent = [f"{role} does not answer" for role in self._open if role in self.unresponsive]
        return self._make_safe(self) + silent

    def open_devices(self) -> Iterator[tuple[str, Device]]:
        """(role, device) of what is open, in the order of opening."""
        return ((role, self.devices[role]) for role in tuple(self._open))

    def answering_devices(self) -> Iterator[tuple[str, Device]]:
        """The open devices without those that do not answer."""
        return (item for item in self.open_devices() if item[0] not in self.unresponsive)

    @contextlib.contextmanager
    def idle(self, patience_s: float = PATIENCE_S) -> Iterator[bool]:
        """The devices for a moment, while no run owns or takes them; yields whether one has them.

        Raises:
            RigError: somebody else has used them for `patience_s`.
        """
        while not self._in_use.acquire(timeout=patience_s):
            if self.simulation is not None and self.simulation.preparing:
                continue
            raise RigError(f"Rig `{self.name}` is busy: a device does not answer its monitor.")
        try:
            yield self.active is None
        finally:
            self._in_use.release()

    def close(self) -> None:
        """End a run under way, make every device safe, disconnect. Closing twice is fine."""
        if self.active is not None:
            self.active.stop("the rig was closed")
            self.active.wait()
        if self._open:
            for failure in self.make_safe():
                logger.error("Not in its safe state: %s", failure)
            self._close_devices()

    def _close_devices(self) -> None:
        while self._open:
            role = self._open.pop()
            if role in self.unresponsive:
                logger.error("%s does not answer and is left open", role)
                continue
            try:
                self.devices[role].close()
            except Exception:  # the rest must still be closed
                logger.exception("Cannot close %s", role)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record(self) -> list[InstrumentRecord]:
        """Every open device as it stands now; one that does not answer has no settings."""
        records: list[InstrumentRecord] = []
        for role, device in self.open_devices():
            try:
                if role in self.unresponsive:
                    raise DeviceError(f"{role} does not answer")
                identity, settings = device.identity, dict(device.settings())
                self.known[role] = settings
            except Exception as error:  # a broken device must not hide the others
                logger.exception("Cannot read the settings of %s", role)
                identity, settings = f"not answering: {error}", {}
            limits = {n: (v.minimum, v.maximum, v.unit) for n, v in device.limits.items()}
            records.append(
                InstrumentRecord(
                    role=role,
                    class_path=self.spec.devices[role].class_path,
                    identity=identity,
                    settings=settings,
                    limits=limits,
                    safe_state=str(self.safe_states[role]),
                )
            )
        return records


def build_rig(spec: RigFile, make_safe: Callable[[Rig], list[str]]) -> Rig:
    """Construct (not open) every device of a rig file and check it against its role.

    Raises:
        RigError: one line that gathers every fault.
    """
    faults: list[str] = []
    calls: Calls = {}
    shared: dict[str, Any] = {}
    devices: dict[str, Device] = {}
    safe_states: dict[str, SafeState] = {}
    for name, item in spec.shared.items():
        try:
            shared[name] = _construct(item.class_path, _resolved(item.arguments, shared))
        except RigError as error:
            faults.append(f"shared.{name}: {error}")
    # Without the shared objects nothing can be built; otherwise every device gets its try.
    roles = [] if faults else [role for role in ROLES if role in spec.devices]
    for role in roles:
        try:
            devices[role] = _build_device(role, spec.devices[role], shared, calls)
            safe_states[role] = _safe_state(devices[role], spec.devices[role])
        except RigError as error:
            faults.append(f"{role}: {error}")
    least_light: dict[str, float] = {}
    for channel, rate in spec.particle_present.items():
        try:
            least_light[channel] = _least_light(devices.get("counter"), channel, rate)
        except RigError as error:
            faults.append(f"particle_present: {error}")
    if faults:
        raise RigError(f"Rig `{spec.name}`: {'; '.join(faults)}")
    simulation = shared[spec.simulation] if spec.simulation else None
    rig = Rig(spec, devices, safe_states, simulation, make_safe, calls)
    vars(rig).update(devices)
    rig.particle_present = least_light
    return rig


def _construct(
    class_path: str,
    arguments: Mapping[str, Any],
    variant: Callable[[type[Any]], type[Any]] = lambda cls: cls,
) -> Any:
    try:
        cls = load_object(class_path)
        cls = variant(cls) if isinstance(cls, type) else cls
    except (ImportError, AttributeError, ValueError) as error:
        raise RigError(f"cannot load class `{class_path}`: {error}.") from error
    try:
        return cls(**arguments)
    except LabError as error:
        raise RigError(str(error)) from error
    except (TypeError, ValueError) as error:
        raise RigError(f"`{class_path}` refuses its arguments: {_one_line(error)}.") from error


def _resolved(arguments: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with the objects that "@name" stands for."""
    resolved = dict(arguments)
    for key, value in arguments.items():
        if isinstance(value, str) and value.startswith("@"):
            if value[1:] not in shared:
                raise RigError(f"argument {key} = {value!r} names no [shared] object.")
            resolved[key] = shared[value[1:]]
    return resolved


def _one_line(error: Exception) -> str:
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())


def _build_device(role: str, item: DeviceSpec, shared: Mapping[str, Any], calls: Calls) -> Device:
    device = _construct(
        item.class_path,
        _resolved(item.arguments, shared),
        lambda cls: watched(cls, role, calls),
    )
    missing = sorted(
        name for name in _verbs(ROLES[role]) if inspect.getattr_static(device, name, None) is None
    )
    if missing:
        raise RigError(
            f"`{item.class_path}` cannot be a {ROLES[role].__name__}: it lacks "
            f"{', '.join(missing)}."
        )
    device.limits.narrow(dict(_tighter_limits(device, item)))
    return device


def _tighter_limits(device: Device, item: DeviceSpec) -> Iterator[tuple[str, Limits]]:
    for name, (low, high) in item.limits.items():
        unit = device.limits[name].unit if name in device.limits else ""
        yield name, Limits(_value(low, unit), _value(high, unit), unit)


def _least_light(counter: Device | None, channel: str, rate: float | str) -> float:
    channels = getattr(counter, "channels", ())
    if counter is not None and channel not in channels:
        raise RigError(f"the counter has no channel `{channel}`, but {', '.join(channels)}.")
    least = _value(rate, "Hz")
    if not least > 0:
        raise RigError(f"`{channel}` must be a count rate above 0, not {rate!r}.")
    return least


def _verbs(protocol: type[Any]) -> set[str]:
    bases = (base for base in protocol.__mro__ if getattr(base, "_is_protocol", False))
    return {n for base in bases for n in vars(base) if not n.startswith("_")}


def _value(value: float | str, unit: str) -> float:
    if not isinstance(value, str):
        return value
    try:
        return parse_quantity(value, unit)
    except LabError as error:
        raise RigError(str(error)) from error


def _safe_state(device: Device, item: DeviceSpec) -> SafeState:
    if item.safe_state == HOLD or isinstance(item.safe_state, str):
        return SafeState(keeps=item.keeps)
    settings: dict[str, float | bool] = {}
    for name, value in item.safe_state.items():
        if inspect.getattr_static(device, name, None) is None:
            raise RigError(f"safe_state names `{name}`, which the device does not have.")
        if name not in device.limits:
            if not isinstance(value, bool):
                raise RigError(f"safe_state `{name}` must be true or false, not {value!r}.")
            settings[name] = value
            continue
        try:
            settings[name] = device.limits.check(name, _value(value, device.limits[name].unit))
        except LimitError as error:
            raise RigError(f"safe_state: {error}") from error
    units = {name: device.limits[name].unit for name in settings if name in device.limits}
    return SafeState(settings, units, item.keeps)
