"""Framework cost per point of a scan: labctl beside pymeasure, QCoDeS and bluesky.

One command, from the root of a checkout:

    python -m benchmarks.scan_overhead

Every framework sets one instant parameter and reads one instant counter per point, in the same
process and run, and keeps its own kind of data file: ours is the full crash-proof NeXus file.
Peers that are not installed are skipped and named. `pip install -e '.[bench]'` brings them all.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np

import labctl
from labctl.core import RigFile
from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.hal import Instruments, LimitTable
from labctl.parameters import SequenceParameters, quantity

FLUSH_S = 0.25


class InstantDevice:
    """A generator and a counter that answer at once."""

    limits = LimitTable({})
    identity = "labctl,instant,0,0"

    def __init__(self) -> None:
        self.frequency_hz = 0.0
        self.power_dbm = 0.0
        self.output = False
        self.channels = ("angle",)

    def open(self) -> None: ...

    def close(self) -> None: ...

    def settings(self) -> MappingProxyType[str, Any]:
        return MappingProxyType({})

    def count(self, duration_s: float) -> dict[str, int]:
        return {"angle": 1}

    def stream(self, sample_rate_hz: float, n: int) -> Any: ...

    def arm_gates(self, gates: int) -> None: ...

    def read_gates(self) -> Any: ...


class InstantScanParameters(SequenceParameters):
    """How many points."""

    points: int = quantity(1000, unit="", label="Points", ge=1)


class InstantScan:
    """Set and count as fast as the framework allows."""

    name = "instant"
    title = "Instant scan"
    roles = ("microwave", "counter")
    Parameters = InstantScanParameters

    def __init__(self, parameters: InstantScanParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        return (Column("frequency_hz", "Hz", "Frequency"), Column("n", "counts", "n", "int64"))

    @property
    def plot(self) -> PlotHint:
        return PlotHint("n", ("frequency_hz",))

    @property
    def length(self) -> int:
        return self.parameters.points

    @property
    def duration_s(self) -> float | None:
        return None

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        microwave, counter = rig.microwave, rig.counter
        for n in range(self.parameters.points):
            microwave.frequency_hz = float(n)
            yield {"frequency_hz": float(n), "n": counter.count(0.0)["angle"]}

    def analyze(self, run: Run) -> FitResult | None:
        return None


def bare_calls(points: int, folder: Path) -> None:
    """The scan without any framework."""
    device = InstantDevice()
    for n in range(points):
        device.frequency_hz = float(n)
        _ = {"frequency_hz": float(n), "n": device.count(0.0)["angle"]}


def ours(points: int, folder: Path) -> None:
    """labctl.run on a rig of instant devices."""
    device = {"class": f"{__name__}:InstantDevice", "safe_state": "hold"}
    rig_file = RigFile.model_validate(
        {"title": "instant", "devices": {"microwave": device, "counter": device}}
    )
    with labctl.open_rig(rig_file) as rig:
        run = labctl.run(InstantScan, rig, out=folder, points=points)
    assert run["frequency_hz"][-1] == points - 1


def bare_h5py(points: int, folder: Path, flush_s: float = FLUSH_S) -> None:
    """Staged lists appended in blocks with SWMR flushes: as little as a safe file can cost."""
    device = InstantDevice()
    with h5py.File(folder / f"bare{time.time_ns()}.h5", "x", libver="latest") as file:
        sets = [
            file.create_dataset(name, (0,), maxshape=(None,), dtype=dtype, chunks=(4096,))
            for name, dtype in (("f", "f8"), ("n", "i8"))
        ]
        file.swmr_mode = True
        staged: list[tuple[float, int]] = []
        due = time.monotonic() + flush_s
        done = 0

        def write() -> None:
            nonlocal done
            for dataset, values in zip(sets, zip(*staged, strict=True), strict=True):
                dataset.resize((done + len(values),))
                dataset[done:] = np.array(values)
                dataset.flush()
            done += len(staged)
            staged.clear()

        for n in range(points):
            device.frequency_hz = float(n)
            staged.append((float(n), device.count(0.0)["angle"]))
            if time.monotonic() > due:
                write()
                due = time.monotonic() + flush_s
        if staged:
            write()


def h5py_every_point(points: int, folder: Path) -> None:
    """The same, resized, written and flushed at each point."""
    bare_h5py(points, folder, flush_s=-1.0)


def pymeasure_worker(points: int, folder: Path) -> None:
    """A pymeasure Procedure in a Worker, results in its CSV file."""
    from pymeasure.experiment import Procedure, Results, Worker

    class Scan(Procedure):
        DATA_COLUMNS = ["frequency", "n"]  # noqa: RUF012  pymeasure's own convention

        def execute(self) -> None:
            device = InstantDevice()
            for n in range(points):
                device.frequency_hz = float(n)
                self.emit("results", {"frequency": float(n), "n": device.count(0.0)["angle"]})

    worker = Worker(Results(Scan(), str(folder / f"pymeasure{time.time_ns()}.csv")))
    worker.start()
    worker.join(timeout=600)


def qcodes_dond(points: int, folder: Path) -> None:
    """QCoDeS dond over one parameter into its SQLite database."""
    import qcodes
    from qcodes.dataset import (
        LinSweep,
        dond,
        initialise_or_create_database_at,
        load_or_create_experiment,
    )

    qcodes.config.logger.start_logging_on_import = "never"
    initialise_or_create_database_at(folder / "qcodes.db")
    load_or_create_experiment("scan", "none")
    device = InstantDevice()
    setter = qcodes.Parameter(
        "frequency", set_cmd=lambda v: setattr(device, "frequency_hz", v), get_cmd=None
    )
    getter = qcodes.Parameter("n", get_cmd=lambda: device.count(0.0)["angle"])
    with redirect_stdout(StringIO()):  # dond announces every run
        dond(LinSweep(setter, 0, points - 1, points, 0.0), getter, do_plot=False)


def bluesky_scan(points: int, folder: Path) -> None:
    """A bluesky scan of ophyd's simulated axis and signal, documents dropped."""
    from bluesky import RunEngine
    from bluesky.plans import scan
    from ophyd.sim import SynAxis, SynSignal

    device = InstantDevice()
    motor = SynAxis(name="frequency")
    detector = SynSignal(func=lambda: device.count(0.0)["angle"], name="n")
    RunEngine({})(scan([detector], motor, 0, points - 1, points))


CASES: list[tuple[str, Callable[[int, Path], None], int]] = [
    ("bare instrument calls", bare_calls, 300_000),
    ("labctl, full file", ours, 300_000),
    ("h5py, same flush policy", bare_h5py, 300_000),
    ("h5py, flush every point", h5py_every_point, 5_000),
    ("pymeasure Worker + CSV", pymeasure_worker, 100_000),
    ("QCoDeS dond", qcodes_dond, 3_000),
    ("bluesky RunEngine + ophyd.sim", bluesky_scan, 500),
]


def time_per_point(case: Callable[[int, Path], None], points: int, repeats: int) -> float:
    """Median marginal cost of a point in s: a long run minus a short one cancels the set-up."""
    costs = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short = max(points // 10, 1)
        case(short, folder)
        for _ in range(repeats):
            start = time.perf_counter()
            case(short, folder)
            middle = time.perf_counter()
            case(points, folder)
            end = time.perf_counter()
            costs.append((end - middle - (middle - start)) / (points - short))
    return median(costs)


def main() -> None:
    """Print a row per framework and the ratios that labctl aims at."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="fraction of the points")
    options = parser.parse_args()
    costs: dict[str, float] = {}
    for name, case, points in CASES:
        try:
            costs[name] = time_per_point(
                case, max(int(points * options.scale), 50), options.repeats
            )
        except ModuleNotFoundError as error:
            print(f"{name:32s} skipped: {error.name} is not installed")
            continue
        print(f"{name:32s} {costs[name] * 1e6:9.2f} us/point  {1 / costs[name]:12.0f} points/s")
    mine = costs["labctl, full file"]
    framework = (mine - costs["bare instrument calls"]) * 1e6
    print(f"\nlabctl on top of the instrument calls: {framework:.2f} us/point (target < 3)")
    targets = {
        "pymeasure Worker + CSV": 2,
        "QCoDeS dond": 20,
        "bluesky RunEngine + ophyd.sim": 20,
    }
    for name, target in targets.items():
        if name in costs:
            print(f"{name} / labctl: {costs[name] / mine:.1f} (target >= {target})")


if __name__ == "__main__":
    main()
