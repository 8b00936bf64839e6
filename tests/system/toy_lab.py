"""A lab in memory for testing the frame: devices that journal every command and fail on demand.

It shares no code with `sim_backends`, has no physics beyond one Lorentzian line, and takes no
time. Rig files for it come from `rig_text`; the journal is a text file, so that a test can read
what happened in another process.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from labctl.data import Column, FitCurve, FitResult, FitValue, PlotHint, Point, Run, Setting, Table
from labctl.errors import DeviceError
from labctl.hal import Instruments, Limits, LimitTable
from labctl.parameters import SequenceParameters, quantity

LINE_HZ = 2.87e9
WIDTH_HZ = 20e6
IDLE_POWER_W = 1e-3
SAFE_CURRENT_A = 0.25


class ToyWorld:
    """Clock, seed, journal and the fault to come.

    Args:
        journal: file that takes one line per command, "role verb value".
        fault: "role.verb" that fails, such as "counter.count".
        after: number of calls of it that still succeed.
        error: "driver" (an exception of a driver's own), "timeout", "device", "interrupt", or
            "hang" (the call never returns).
        brief: leave what happens at every point out of the journal.
    """

    def __init__(
        self,
        journal: str = "",
        seed: int = 1,
        fault: str = "",
        after: int = 0,
        error: Literal["driver", "timeout", "device", "interrupt", "hang"] = "device",
        brief: bool = False,
    ) -> None:
        self.seed = seed
        self._random = np.random.default_rng(seed)
        self._journal = Path(journal) if journal else None
        self._fault, self._left, self._error = fault, after, error
        self._brief = brief
        self._now_s = 0.0
        self.frequency_hz = 0.0

    def tell(self, role: str, verb: str, value: object = "") -> None:
        """Write a command to the journal, or fail if its hour has come."""
        if self._fault == f"{role}.{verb}":
            if self._left == 0 and self._error == "hang":
                threading.Event().wait()
            if self._left == 0:
                raise self._failure(role)
            self._left -= 1
        if self._brief and verb in {"count", "frequency_hz"}:
            return
        if self._journal is not None:
            with self._journal.open("a", encoding="utf-8") as file:
                file.write(f"{role} {verb} {value}\n")

    def _failure(self, role: str) -> BaseException:
        if self._error == "interrupt":
            return KeyboardInterrupt()
        if self._error == "timeout":
            return TimeoutError(f"{role}: no answer\nwithin 2 s")
        if self._error == "driver":
            return ZeroDivisionError(f"bug in the driver of the {role}")
        return DeviceError(f"{role}: the read-back disagrees")

    def count(self, duration_s: float) -> int:
        """Photons of one line at `LINE_HZ`, Poisson distributed."""
        detuning = 2 * (self.frequency_hz - LINE_HZ) / WIDTH_HZ
        return int(self._random.poisson(1e6 * duration_s * (1 + 0.5 / (1 + detuning**2))))

    def now_s(self) -> float:
        return self._now_s

    def sleep_s(self, duration_s: float) -> None:
        self._now_s += duration_s

    @property
    def preparing(self) -> str:
        return ""

    @property
    def speed(self) -> float | None:
        return None

    def hold_to_wall_clock(self, speed: float) -> None:
        self.tell("world", "speed", speed)

    def truth(self) -> Mapping[str, tuple[Any, str]]:
        return {
            "resonance_frequency_hz": (np.array([LINE_HZ, 9e9]), "Hz"),
            "contrast": (np.array(0.5), ""),
        }


class _ToyDevice:
    """What all share: a table of settings that journal what is put into them."""

    role = ""
    ranges: Mapping[str, tuple[float, float, str]] = {}
    start: Mapping[str, float | bool] = {}

    def __init__(self, world: ToyWorld) -> None:
        self._world = world
        self._values = dict(self.start)
        self.limits = LimitTable({n: Limits(*r) for n, r in self.ranges.items()})

    @property
    def identity(self) -> str:
        self._world.tell(self.role, "identity")
        return f"Toy,{self.role},0,1.0"

    def open(self) -> None:
        self._world.tell(self.role, "open")

    def close(self) -> None:
        self._world.tell(self.role, "close")

    def settings(self) -> Mapping[str, Setting]:
        return {
            name: Setting(value, value, self.limits[name].unit if name in self.limits else "")
            for name, value in self._values.items()
        }

    def _put(self, name: str, value: float | bool) -> None:
        if name in self.limits:
            value = self.limits.check(name, value)
        self._world.tell(self.role, name, value)
        self._values[name] = value


def _setting(name: str) -> property:
    def read(self: _ToyDevice) -> Any:
        return self._values[name]

    def write(self: _ToyDevice, value: Any) -> None:
        self._put(name, value)

    return property(read, write)


class ToyMicrowave(_ToyDevice):
    role = "microwave"
    ranges = {"frequency_hz": (1e6, 4e9, "Hz"), "power_dbm": (-100.0, 16.0, "dBm")}  # noqa: RUF012
    start = {"frequency_hz": 1e9, "power_dbm": -100.0, "output": False}  # noqa: RUF012
    power_dbm = _setting("power_dbm")
    output = _setting("output")

    @property
    def frequency_hz(self) -> float:
        return self._values["frequency_hz"]

    @frequency_hz.setter
    def frequency_hz(self, value: float) -> None:
        self._put("frequency_hz", value)
        self._world.frequency_hz = value


class ToyLaser(_ToyDevice):
    role = "laser"
    ranges = {"power_w": (0.0, 0.05, "W")}  # noqa: RUF012
    start = {"power_w": 0.0, "gate": False}  # noqa: RUF012
    power_w = _setting("power_w")
    gate = _setting("gate")


class ToyTrap(_ToyDevice):
    role = "trap"
    ranges = {"amplitude_v": (0.0, 2000.0, "V"), "frequency_hz": (1.0, 2e4, "Hz")}  # noqa: RUF012
    start = {"amplitude_v": 900.0, "frequency_hz": 3e3, "output": True}  # noqa: RUF012
    amplitude_v = _setting("amplitude_v")
    frequency_hz = _setting("frequency_hz")
    output = _setting("output")


class ToyElectromagnet(_ToyDevice):
    role = "electromagnet"
    ranges = {"current_a": (-2.0, 2.0, "A"), "ramp_rate_a_per_s": (1e-3, 1.0, "A/s")}  # noqa: RUF012
    start = {"current_a": 0.0, "ramp_rate_a_per_s": 0.1}  # noqa: RUF012
    ramp_rate_a_per_s = _setting("ramp_rate_a_per_s")

    @property
    def current_a(self) -> float:
        return float(self._values["current_a"])

    def ramp_to(self, current_a: float) -> None:
        value = self.limits.check("current_a", current_a)
        self._world.tell(self.role, "ramp_to", value)
        self._world.sleep_s(abs(value - self.current_a) / self.ramp_rate_a_per_s)
        self._values["current_a"] = value


class ToyCounter(_ToyDevice):
    role = "counter"
    ranges = {"duration_s": (1e-6, 10.0, "s"), "sample_rate_hz": (1.0, 1e6, "Hz")}  # noqa: RUF012
    channels = ("angle", "pl")

    def count(self, duration_s: float) -> Mapping[str, int]:
        duration_s = self.limits.check("duration_s", duration_s)
        self._world.tell(self.role, "count", duration_s)
        self._world.sleep_s(duration_s)
        return {channel: self._world.count(duration_s) for channel in self.channels}

    def stream(self, sample_rate_hz: float, n: int) -> Mapping[str, Any]:
        self._world.sleep_s(n / sample_rate_hz)
        bins = [self._world.count(1 / sample_rate_hz) for _ in range(n)]
        return dict.fromkeys(self.channels, np.array(bins, dtype=np.int64))

    def arm_gates(self, gates: int) -> None:
        self._world.tell(self.role, "arm_gates", gates)

    def read_gates(self) -> Mapping[str, Any]:
        raise DeviceError("nothing is armed")


class CounterWithoutVerbs(_ToyDevice):
    """A device that lacks what a PhotonCounter must do."""

    role = "counter"


class ToyScanParameters(SequenceParameters):
    start_hz: float = quantity(
        2.8e9, unit="Hz", label="First frequency", limited_by="microwave.frequency_hz"
    )
    stop_hz: float = quantity(
        2.94e9, unit="Hz", label="Last frequency", limited_by="microwave.frequency_hz"
    )
    points: int = quantity(71, unit="", label="Points", ge=2, le=1_000_000)
    dwell_s: float = quantity(0.01, unit="s", label="Count time", gt=0, le=10)
    pace_s: float = quantity(0.0, unit="s", label="Wait per point on the wall clock", ge=0)
    power_dbm: float | None = quantity(None, unit="dBm", label="Power")
    direction: Literal["up", "down"] = Field("up", title="Direction")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.start_hz >= self.stop_hz:
            raise ValueError(
                f"Argument `start_hz` must be below `stop_hz`, but {self.start_hz:g} >= "
                f"{self.stop_hz:g}."
            )
        return self


class ToyScan:
    """Counts photons against microwave frequency in a lab made of memory.

    This paragraph is not part of the description.
    """

    name = "toy_scan"
    title = "Toy scan"
    roles = ("microwave", "laser", "counter")
    Parameters = ToyScanParameters
    plot = PlotHint("angle_counts", ("frequency_hz",))

    def __init__(self, parameters: ToyScanParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        return (
            Column("frequency_hz", "Hz", "Microwave frequency"),
            Column("angle_counts", "counts", "APD1", dtype="int64"),
        )

    @property
    def length(self) -> int:
        return self.parameters.points

    @property
    def duration_s(self) -> float | None:
        return None

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        p = self.parameters
        frequencies_hz = np.linspace(p.start_hz, p.stop_hz, p.points)
        rig.laser.power_w = 0.01
        rig.laser.gate = True
        rig.microwave.output = True
        for frequency_hz in frequencies_hz[:: 1 if p.direction == "up" else -1][done:]:
            rig.microwave.frequency_hz = float(frequency_hz)
            counts = rig.counter.count(p.dwell_s)["angle"]
            if p.pace_s:
                time.sleep(p.pace_s)
            yield {"frequency_hz": float(frequency_hz), "angle_counts": counts}

    def analyze(self, run: Run) -> FitResult | None:
        x, y = run["frequency_hz"], run["angle_counts"].astype(np.float64)
        if len(run) < 10:
            return None
        shape = 1 / (1 + (2 * (x - LINE_HZ) / WIDTH_HZ) ** 2)
        slope = np.gradient(shape, x)
        design = np.stack([np.ones_like(x), shape, slope], axis=1)
        inverse = np.linalg.inv(design.T @ (design / y[:, None]))
        base, height, moved = inverse @ (design / y[:, None]).T @ y
        errors = np.sqrt(np.diag(inverse))
        place_hz, place_error_hz = LINE_HZ - moved / height, errors[2] / height
        curve = FitCurve(
            x, y, np.sqrt(y), design @ [base, height, moved],
            "frequency_hz", "Hz", "Microwave frequency", "angle_counts", "counts", "APD1",
        )  # fmt: skip
        found = {
            "frequency_hz": np.array([place_hz]),
            "frequency_error_hz": np.array([place_error_hz]),
            "amplitude": np.array([height]),
            "amplitude_error": np.array([errors[1]]),
        }
        units = {"frequency_hz": "Hz", "frequency_error_hz": "Hz"}
        units |= {"amplitude": "counts", "amplitude_error": "counts"}
        return FitResult(
            model="1 x lorentzian of known width",
            values={"contrast": FitValue(height / base, errors[1] / base, "", "Contrast")},
            covariance=np.array([[(errors[1] / base) ** 2]]),
            reduced_chi_square=float(np.mean((y - curve.model) ** 2 / y)),
            tables={"resonances": Table(found, units)},
            curve=curve,
        )


class ToyScanWithoutAnalysis(ToyScan):
    """A scan whose analysis is broken."""

    def analyze(self, run: Run) -> FitResult | None:
        raise ValueError("no idea")


SCAN = f"{__name__}:ToyScan"


def rig_text(
    journal: Path | str = "",
    *,
    world: Mapping[str, Any] | None = None,
    counter: str = "ToyCounter",
    extra: str = "",
) -> str:
    """A rig file over the toy devices; `world` gives further arguments of `ToyWorld`."""
    arguments = {"journal": Path(journal).as_posix() if journal else "", **(world or {})}
    listed = ", ".join(
        f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {str(value).lower()}"
        for key, value in arguments.items()
    )
    safe = {
        "trap": '"hold"',
        "electromagnet": f'{{ current_a = "{SAFE_CURRENT_A} A" }}',
        "laser": f"{{ power_w = {IDLE_POWER_W}, gate = false }}",
        "microwave": "{ output = false }",
        "counter": "{}",
    }
    classes = {role: f"Toy{role.capitalize()}" for role in safe} | {"counter": counter}
    devices = "\n".join(
        f'[devices.{role}]\nclass = "{__name__}:{classes[role]}"\n'
        f'arguments = {{ world = "@world" }}\nsafe_state = {state}\n'
        for role, state in safe.items()
    )
    return (
        f'title = "Toy lab"\nsimulation = "world"\n\n[shared.world]\n'
        f'class = "{__name__}:ToyWorld"\narguments = {{ {listed} }}\n\n{devices}\n{extra}'
    )


def unsafe_traces(journal: Path) -> list[str]:
    """What a run did wrong with the lab, judged by its journal; empty when all is well."""
    lines = [line.split() for line in journal.read_text(encoding="utf-8").splitlines()]
    last = {(role, verb): value[0] if value else "" for role, verb, *value in lines}
    ramps = [line for line in lines if line[0] == "electromagnet" and line[1] != "identity"]
    wanted = {
        ("microwave", "output"): "False",
        ("laser", "power_w"): str(IDLE_POWER_W),
        ("laser", "gate"): "False",
        ("electromagnet", "ramp_to"): str(SAFE_CURRENT_A),
    }
    wrong = [f"{key} is {last.get(key)}" for key, value in wanted.items() if last.get(key) != value]
    wrong += [f"magnet: {line}" for line in ramps if line[1] not in {"open", "ramp_to", "close"}]
    wrong += [
        f"trap: {line}"
        for line in lines
        if line[0] == "trap" and line[1] not in {"open", "identity", "close"}
    ]
    closed = {line[0] for line in lines if line[1] == "close"}
    return wrong + [f"{role} is open" for role in {line[0] for line in lines} - closed - {"world"}]
