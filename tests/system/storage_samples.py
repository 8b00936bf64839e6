"""Runs made up for the tests of the data files, with every field filled in."""

from pathlib import Path

import numpy as np

from labctl.data import (
    Column,
    FitCurve,
    FitResult,
    FitValue,
    InstrumentRecord,
    ParameterRecord,
    PlotHint,
    RunInfo,
    Setting,
    Table,
)
from labctl.storage import RunWriter

INDEX = Column("index", "", "Point", "int64")
MADE = Column("made_s", "s", "Time of the point")
COUNTS = Column("counts", "counts", "APD1", "int64")
TRACE = Column("trace", "counts", "Counts per bin", "int64", (500,))
SCAN = (INDEX, MADE, COUNTS)
PLOT = PlotHint("counts", ("made_s",))

INFO = RunInfo(
    run_id="20250101-100000-mdmr-αβγ",
    sequence="mdmr",
    title="MDMR scan – µ-diamond №4",
    description="First line.\nSecond line with 漢字.",
    start_time="2025-01-01T10:00:00.123+01:00",
    parameters=(
        ParameterRecord("start_hz", 2.87e9, "Hz", "Start"),
        ParameterRecord("points", 301, "", "Points"),
        ParameterRecord("big", 2**53 + 1, "", "Too big for a float"),
        ParameterRecord("direction", "up", "", "Direction"),
        ParameterRecord("empty", "", "", "An empty text is not None"),
        ParameterRecord("gated", False, "", "Gated"),
        ParameterRecord("a_left_alone", None, "dBm", "Power"),
    ),
    parameters_json='{"start_hz": 2.87e9, "direction": "↑"}',
    rig_name="sim",
    rig_text='[rig]\nname = "sim"  # µ\n' + "x" * 100_000,
    simulated=True,
    seed=2**70 + 1,
    host="lab-pc",
    user="Zoë",
    versions={"python": "3.11", "labctl": "0.1.0", "h5py": "3.16"},
    git_revision="c8e0d54",
    truth={
        "nv 1, ms = -1": (np.array([2.8e9, 2.81e9]), "Hz"),
        "field_t": (np.array([[1e-3, 2e-3, 3e-3]]), "T"),
    },
)

REAL_INFO = RunInfo(
    run_id="r", sequence="odmr", title="", description="", start_time="2025-01-01T10:00:00+01:00",
    parameters=(), parameters_json="{}", rig_name="bench", rig_text="", simulated=False, seed=None,
    host="", user="", versions={}, git_revision="",
)  # fmt: skip

INSTRUMENTS = (
    InstrumentRecord(
        role="microwave",
        class_path="drivers.srs.sg384:SG384",
        identity="Stanford Research Systems,SG384,s/n002045,ver1.21.26",
        settings={
            "power_dbm": Setting(-10.0, -10.02, "dBm"),
            "frequency_hz": Setting(2.87e9, 2.87e9, "Hz"),
            "output": Setting(False, False, ""),
        },
        limits={"frequency_hz": (9.5e5, 4.05e9, "Hz"), "power_dbm": (-110.0, 16.5, "dBm")},
        safe_state="output off",
    ),
    InstrumentRecord("gauge", "drivers.x:Y", "gauge", {"p": Setting(None, 1e-3, "Pa")}, {}, "none"),
    InstrumentRecord("counter", "drivers.x:Z", "counter", {}, {"duration_s": (1e-6, 9.0, "s")}, ""),
)

INSTRUMENTS_AT_END = (
    InstrumentRecord(
        role="microwave",
        class_path=INSTRUMENTS[0].class_path,
        identity=INSTRUMENTS[0].identity,
        settings={
            "power_dbm": Setting(-20.0, -20.01, "dBm"),
            "frequency_hz": Setting(2.9e9, 2.9e9, "Hz"),
            "output": Setting(None, True, ""),
        },
        limits=INSTRUMENTS[0].limits,
        safe_state="output off",
    ),
    InstrumentRecord("gauge", "drivers.x:Y", "gauge", {"p": Setting(0.5, 2e-3, "Pa")}, {}, "none"),
    INSTRUMENTS[2],
)

FIT = FitResult(
    model="four Lorentzians on a slope",
    values={
        "f0_hz": FitValue(2.8e9, 1e4, "Hz", "Line 1"),
        "a_width_hz": FitValue(1e6, float("nan"), "Hz", "Width"),
        "|B| / G": FitValue(92.7, 0.1, "G"),
    },
    covariance=np.array([[1e8, 2.0], [2.0, 1e4]]),
    reduced_chi_square=1.07,
    notes=("two lines overlap within 1σ", "second note"),
    tables={
        "resonances": Table(
            {
                "f / Hz": np.array([2.8e9, 2.9e9]),
                "class": np.array([0, 3]),
                "branch": np.array(["+1", "−1"]),
                "sure": np.array([True, False]),
            },
            {"f / Hz": "Hz", "class": ""},
        ),
        "empty": Table({"n": np.array([], dtype=np.int64)}, {}),
    },
    curve=FitCurve(
        x=np.linspace(2.8e9, 2.9e9, 7),
        y=np.arange(7.0),
        y_error=np.full(7, 0.5),
        model=np.arange(7.0) + 0.1,
        x_name="frequency_hz",
        x_unit="Hz",
        x_label="Frequency",
        y_name="angle_counts",
        y_unit="counts",
        y_label="APD1",
    ),
)


def counts_of(index):
    """The value every test expects at a point, so that a wrong or lost one shows."""
    return index * 7919 + 13


def open_scan(path: Path, columns=SCAN, **options) -> RunWriter:
    return RunWriter(path, INFO, columns, PLOT, INSTRUMENTS, **options)
