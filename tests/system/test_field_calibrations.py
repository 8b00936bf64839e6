"""Maps and calibrations of field and angle on the simulated lab, judged by its geometry."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labctl
from labctl.cli.figure import draw, save_figure
from labctl.core import load_rig_file
from labctl.data import Run, RunStatus
from labctl.errors import ParameterError, RunAbortedError
from sim_backends.physics import nv


def measure(sequence: str, rig_name: str, tmp_path: Path, **options: Any) -> Run:
    with labctl.open_rig(rig_name, seed=options.pop("seed", 1)) as rig:
        return labctl.run(sequence, rig, out=tmp_path, **options)


def test_a_100_plane_shows_two_bumps_of_one_sign(tmp_path: Path) -> None:
    """`002`, SM Fig. 12c and e: a dip of the light, two bumps of the angle, one on either side."""
    run = measure(
        "field_scan", "sim_100", tmp_path, start_a=10, stop_a=36, points=53, sweeps=150,
        tesla_per_ampere="1e-4 T/A",
    )  # fmt: skip
    assert run.fit is not None
    light = run.fit.tables["pl_features"].columns
    assert light["position_a"] == pytest.approx([23.0], abs=0.1)
    assert light["amplitude"][0] < 0
    angle = run.fit.tables["angle_features"].columns
    bumps = [
        (place - 23.0, height / error)
        for place, height, error in zip(
            angle["position_a"], angle["amplitude"], angle["amplitude_error"], strict=True
        )
        if abs(height) > 4 * error
    ]
    left = [height for place, height in bumps if -5 < place < -1.5]
    right = [height for place, height in bumps if 1.5 < place < 5]
    assert len(left) == len(right) == 1
    assert left[0] * right[0] > 0


@pytest.mark.parametrize(
    ("rig_name", "stop_a", "family", "true_a"),
    [("sim_dipolar", 12, 110, 17.0), ("sim_100", 12, 100, 23.0)],
)
def test_a_degeneracy_is_predicted_before_it_is_seen(
    tmp_path: Path, rig_name: str, stop_a: float, family: int, true_a: float
) -> None:
    """One gauss per ampere: the prediction must be right within half an ampere."""
    run = measure("field_calibration", rig_name, tmp_path, start_a=0, stop_a=stop_a)
    assert run.fit is not None
    assert run.fit.values["tesla_per_ampere"].value == pytest.approx(1e-4, rel=0.04)
    table = run.fit.tables["degeneracies"].columns
    planes = table["plane"] == family
    i = int(np.argmin(np.where(planes, np.abs(table["current_a"] - true_a), np.inf)))
    assert abs(table["current_a"][i] - true_a) < 0.5
    assert table["current_error_a"][i] < 0.3
    low, high = table["current_a"][i] - 8, table["current_a"][i] + 8
    scan = measure(
        "field_scan", rig_name, tmp_path, start_a=low, stop_a=high, points=33, sweeps=10,
        tesla_per_ampere=run.fit.values["tesla_per_ampere"].value,
        splitting_slope_hz_per_t=table["splitting_slope_hz_per_t"][i],
    )  # fmt: skip
    assert scan.fit is not None
    found = scan.fit.tables["pl_features"].columns
    deepest = int(np.argmin(found["amplitude"]))
    assert abs(found["position_a"][deepest] - table["current_a"][i]) < 0.5


def test_field_calibration_of_the_default_lab(tmp_path: Path) -> None:
    """Bias and magnet of configs/sim.toml, up to the symmetry of the axes."""
    run = measure("field_calibration", "sim", tmp_path)
    assert run.fit is not None
    arguments = load_rig_file("sim").shared["world"].arguments
    bias = np.array(arguments["bias_field_t"])
    slope = np.array(arguments["electromagnet_t_per_a"])
    angle = np.arccos(bias @ slope / np.linalg.norm(bias) / np.linalg.norm(slope))
    for name, true in (
        ("tesla_per_ampere", np.linalg.norm(slope)),
        ("bias_field_t", np.linalg.norm(bias)),
        ("angle_rad", angle),
    ):
        value = run.fit.values[name]
        assert abs(value.value - true) < 4 * value.error < 0.02 * true, name
    assert labctl.load(run.path).fit.values == run.fit.values  # type: ignore[union-attr]


def test_map_follows_the_lines(tmp_path: Path) -> None:
    run = measure(
        "mdmr_map", "sim", tmp_path, start_a=5, stop_a=7, currents=3, points=101, sweeps=8,
        start_hz=2.7e9, stop_hz=2.9e9,
    )  # fmt: skip
    assert run.fit is not None
    lines = run.fit.tables["lines"].columns
    arguments = load_rig_file("sim").shared["world"].arguments
    for current_a in (5.0, 6.0, 7.0):
        field = np.array(arguments["bias_field_t"]) + current_a * np.array(
            arguments["electromagnet_t_per_a"]
        )
        true = nv.transition_frequencies_hz(field).ravel()
        here = lines["current_a"] == current_a
        strong = here & (np.abs(lines["amplitude"]) > 15 * lines["amplitude_error"])
        assert strong.sum() == 2
        for frequency in lines["frequency_hz"][strong]:
            assert np.min(np.abs(true - frequency)) < 3e6
    figure = draw(run)
    axes, bar = figure.axes
    assert "frequency (GHz)" in axes.get_xlabel()
    assert "current (A)" in axes.get_ylabel()
    assert "counts" in bar.get_ylabel()
    save_figure(run, tmp_path / "map.png")


def test_a_map_with_a_single_row_is_drawn(tmp_path: Path) -> None:
    with labctl.open_rig("sim") as rig:
        handle = labctl.start("mdmr_map", rig, {"currents": 2, "points": 12}, out=tmp_path)
        while handle.runner.done < 5:
            assert not handle.wait(0.01)
        handle.stop()
        with pytest.raises(RunAbortedError):
            handle.result()
    run = labctl.load(handle.path)
    save_figure(run, tmp_path / "map.png")


def test_angle_calibration_is_an_upper_bound(tmp_path: Path) -> None:
    """The geometry of the default lab: 28.65 mrad per Mcount/s at the speckle's working point."""
    lab = load_rig_file("sim_vacuum").with_shared_arguments(
        "world", pressure_pa=300.0, dead_time_s=0.0
    )
    with labctl.open_rig(lab) as rig:
        run = labctl.run("angle_calibration", rig, out=tmp_path, sweeps=60)
    assert run.status is RunStatus.FINISHED
    assert run.fit is not None
    resolution = run.fit.values["resolution"]
    assert abs(resolution.value - 28.65) < 3 * resolution.error
    assert resolution.error < 7
    angle = run.fit.values["undriven_angle_rad"]
    assert abs(angle.value - np.radians(49.86)) < 4 * angle.error
    sensitivity = run.fit.values["sensitivity"]
    floor = np.sqrt(2 * 2e6) * 28.65e-6
    assert sensitivity.value == pytest.approx(floor, rel=0.5)
    assert any("upper bound" in note for note in run.fit.notes)


def test_alignment_sees_the_two_levels(tmp_path: Path) -> None:
    run = measure("alignment", "sim", tmp_path, cycles=6)
    assert len(run) == 6
    assert np.all(np.diff(run["time_s"]) == pytest.approx(1.0, abs=1e-3))
    assert np.all(run["contrast_sigmas"] < -5)
    assert run.fit is not None
    assert run.fit.notes == ()
    off = measure("alignment", "sim", tmp_path, cycles=6, frequency_hz=3.5e9)
    assert off.fit is not None
    assert any("may miss the resonance" in note for note in off.fit.notes)


@pytest.mark.parametrize("cycles", [0, None])
def test_alignment_runs_until_stopped(tmp_path: Path, cycles: int | None) -> None:
    with labctl.open_rig("sim") as rig:
        handle = labctl.start("alignment", rig, {"cycles": cycles}, out=tmp_path)
        while handle.runner.done < 3:
            assert not handle.wait(0.01)
        handle.stop()
        with pytest.raises(RunAbortedError):
            handle.result()
        assert not rig.microwave.output
    assert handle.runner.total is None


def test_drift_follows_the_librations(tmp_path: Path) -> None:
    run = measure("drift", "sim_vacuum", tmp_path, points=8, interval_s=10, stream_s=6, dwell_s=0.5)
    assert run.fit is not None
    for i, true in ((1, 480.0), (2, 590.0)):
        value = run.fit.values[f"libration_{i}_hz"]
        assert abs(value.value - true) < 4 * value.error < 3
        drift = run.fit.values[f"libration_{i}_drift_hz_per_s"]
        assert abs(drift.value) < 4 * drift.error


def test_overdamped_librations_are_nan(tmp_path: Path) -> None:
    run = measure("drift", "sim", tmp_path, points=8, stream_s=0.4)
    assert np.all(np.isnan(run["libration_1_hz"]))
    assert run.fit is not None
    assert any("overdamped" in note for note in run.fit.notes)


@pytest.mark.parametrize("sequence", ["mdmr_map", "field_calibration"])
def test_a_resumed_run_goes_on_where_it_ended(tmp_path: Path, sequence: str) -> None:
    """The points after the interruption are those that were missing."""
    options = {"currents": 3, "points": 9, "sweeps": 2}
    with labctl.open_rig("sim") as rig:
        whole = labctl.run(sequence, rig, out=tmp_path, **options)
        handle = labctl.start(sequence, rig, options, out=tmp_path)
        while handle.runner.done < 20:
            if handle.wait(0.001):
                pytest.skip("over before it could be stopped")
        handle.stop()
        with pytest.raises(RunAbortedError):
            handle.result()
        run = labctl.session.resume(handle.path, rig, out=tmp_path).result()
    for name in ("current_a", "sweep", "frequency_hz"):
        assert np.array_equal(run[name], whole[name])


@pytest.mark.parametrize(
    ("sequence", "options", "words"),
    [
        ("field_calibration", {"currents": 2}, "3 or more"),
        ("mdmr_map", {"start_a": 1, "stop_a": 1}, "both"),
        ("alignment", {"settle_s": 0.6}, "half a cycle"),
        ("angle_calibration", {"low_dbm": 5}, "must rise"),
        ("angle_calibration", {"noise_s": 1e-3}, "noise record"),
        ("drift", {"stream_s": 0.9}, "must not exceed `interval_s`"),
        ("field_scan", {"splitting_slope_hz_per_t": 4e10}, "needs `tesla_per_ampere`"),
    ],
)
def test_parameters_that_cannot_work_are_refused(
    tmp_path: Path, sequence: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ParameterError, match=words):
        measure(sequence, "sim", tmp_path, **options)
