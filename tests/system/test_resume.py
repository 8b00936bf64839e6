"""Aborted runs go on where they ended, and parameters come from earlier files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labctl
from labctl.console.run_index import RunIndex
from labctl.core import load_rig_file
from labctl.data import FitResult, FitValue, Run, RunStatus
from labctl.errors import ParameterError, RunAbortedError
from labctl.parameters import quantity
from labctl.storage import append_fit, newest_fitted
from tests.system.command_line import call
from tests.system.toy_lab import SCAN, ToyScan, ToyScanParameters, rig_text

Capture = pytest.CaptureFixture[str]
PSD = {"averages": 24, "segment_s": 0.1}


def aborted(sequence: str, folder: Path, after: int, **parameters: Any) -> Path:
    """A run on the simulated lab in rough vacuum that was stopped after some points."""
    with labctl.open_rig("sim_vacuum", seed=3) as rig:
        handle = labctl.start(sequence, rig, parameters, out=folder)
        while handle.runner.done < after:
            pass
        handle.stop()
        with pytest.raises(RunAbortedError):
            handle.result()
    return handle.path


@pytest.mark.parametrize(
    ("sequence", "parameters"),
    [
        ("alignment", {"cycles": 300}),
        ("angle_calibration", {"points": 9, "sweeps": 10, "noise_s": 0.02}),
        ("angle_jumps", {"points": 2, "repeats": 8, "record_s": 0.2}),
        ("cooling_scan", {"points": 2, "blocks": 6, "repeats_per_point": 1}),
        ("drift", {"points": 20, "dwell_s": 0.05}),
        ("equal_angle_points", {"points": 5, "sweeps": 10, "dwell_s": 2e-3}),
        ("field_calibration", {"points": 41, "sweeps": 3, "currents": 3}),
        ("field_scan", {"points": 5, "sweeps": 10}),
        ("hysteresis", {"sweeps": 10}),
        ("mdmr", {"points": 21, "sweeps": 20, "direction": "alternate"}),
        ("mdmr_map", {"points": 11, "sweeps": 4, "currents": 3}),
        ("odmr", {"points": 21, "sweeps": 20}),
        ("polarization_rates", {"points": 6, "sweeps": 3, "repeats": 20}),
        ("psd", {"averages": 400, "segment_s": 0.2}),
        ("rabi", {"points": 10, "sweeps": 3, "repeats": 20}),
        ("ramsey", {"points": 10, "sweeps": 3, "repeats": 20, "pi_time_s": 1e-6}),
        ("ring_down", {"repeats_per_point": 2, "averages": 60}),
        ("t1", {"points": 8, "sweeps": 3, "repeats": 20, "pi_time_s": 1e-6}),
    ],
)
def test_a_resumed_run_keeps_what_was_averaged(
    tmp_path: Path, sequence: str, parameters: dict[str, Any]
) -> None:
    path = aborted(sequence, tmp_path, 3, **parameters)
    old = labctl.load(path)
    assert old.status is RunStatus.ABORTED
    before = path.read_bytes()
    with labctl.open_rig("sim_vacuum", seed=4) as rig:
        handle = labctl.resume(path, rig)
        new = handle.result()
    assert path.read_bytes() == before
    assert new.status is RunStatus.FINISHED
    assert new.info.resumed_from == old.info.run_id
    assert 3 <= len(old) < len(new) == handle.runner.total
    for column in old.specification:
        np.testing.assert_array_equal(new[column.name][: len(old)], old[column.name])
    assert np.all(np.diff(new["elapsed_s"]) > 0)
    with labctl.open_rig("sim_vacuum") as rig:
        whole = labctl.start(sequence, rig, parameters, out=tmp_path).result()
    for axis in {"sweep", "frequency_hz", "current_a", "time_s"} & new.columns.keys():
        np.testing.assert_allclose(new[axis], whole[axis], rtol=1e-9)


def test_a_finished_run_cannot_be_resumed(capfd: Capture, tmp_path: Path) -> None:
    with labctl.open_rig("sim_vacuum") as rig:
        run = labctl.run("psd", rig, out=tmp_path, **PSD)
    outcome = call(capfd, "resume", run.path)
    assert outcome.code == 2
    assert "is complete: there is nothing to resume" in outcome.err
    assert [path.name for path in tmp_path.glob("*.h5")] == [run.path.name if run.path else ""]


def test_resume_on_the_command_line(capfd: Capture, tmp_path: Path) -> None:
    rig = tmp_path / "toy.toml"
    rig.write_text(rig_text(), encoding="utf-8")
    with labctl.open_rig(rig) as lab:
        handle = labctl.start(SCAN, lab, {"points": 30, "pace_s": 0.02}, out=tmp_path)
        handle.stop()
        handle.wait()
    outcome = call(capfd, "resume", handle.path, "--rig", rig, "--out", tmp_path / "more")
    assert outcome.code == 0, outcome.err
    assert len(labctl.load(Path(outcome.out.splitlines()[-1]))) == 30


class Needy(ToyScan):
    """Needs what another measurement found."""

    name = "needy"

    class Parameters(ToyScanParameters):
        """Adds a time that a scan of lines must have told."""

        pi_time_s: float | None = quantity(
            None, unit="s", label="Pi time", taken_from="toy_scan.pi_time_s"
        )


def with_fit(folder: Path, lab: Any, value: float) -> Run:
    run = labctl.run(SCAN, lab, out=folder, points=3)
    assert run.path is not None
    values = {"pi_time_s": FitValue(value, 1e-9, "s")}
    append_fit(run.path, FitResult("pulse", values, np.array([[1e-18]]), 1.0))
    return run


def test_an_open_parameter_comes_from_the_newest_fit(tmp_path: Path) -> None:
    rig = tmp_path / "toy.toml"
    rig.write_text(rig_text(), encoding="utf-8")
    spec = load_rig_file(rig)
    with labctl.open_rig(spec) as lab:
        with pytest.raises(ParameterError, match="`pi_time_s` is missing"):
            labctl.start(Needy, lab, {}, out=tmp_path)
        assert not list(tmp_path.glob("*.h5"))
        with_fit(tmp_path, lab, 1e-7)
        with_fit(tmp_path, lab, 2e-7)
        (tmp_path / "9999-01-01_000000_toy_scan.h5").write_bytes(b"damaged")
        taken = labctl.run(Needy, lab, out=tmp_path, points=3)
        given = labctl.run(Needy, lab, out=tmp_path, points=3, pi_time_s="30 ns")
    assert taken.parameters["pi_time_s"] == 2e-7
    assert given.parameters["pi_time_s"] == pytest.approx(3e-8)


def test_the_newest_fit_is_that_of_the_last_instant_whatever_files_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 03:00 summer time the clock goes back to 02:00: 02:10 comes after 02:40."""
    rig = tmp_path / "toy.toml"
    rig.write_text(rig_text(), encoding="utf-8")
    with labctl.open_rig(load_rig_file(rig)) as lab:
        for time, name, value in (
            ("2026-10-25T02:40:00+02:00", "2026-10-25_024000_toy_scan.h5", 1e-7),
            ("2026-10-25T02:10:00+01:00", "2026-10-25_021000_toy_scan.h5", 2e-7),
            ("2026-10-25T01:00:00+01:00", "zzz the renamed one.h5", 3e-7),
        ):
            monkeypatch.setattr("labctl.core.provenance.now", lambda time=time: time)
            path = with_fit(tmp_path, lab, value).path
            assert path is not None
            path.rename(tmp_path / name)
    assert newest_fitted(tmp_path, "toy_scan", "pi_time_s") == 2e-7
    (tmp_path / "2026-10-25_021000_toy_scan.h5").rename(tmp_path / "aaa.h5")
    assert newest_fitted(tmp_path, "toy_scan", "pi_time_s") == 2e-7
    listed = [item.path.name for item in RunIndex(tmp_path).refresh()]
    assert listed == ["aaa.h5", "2026-10-25_024000_toy_scan.h5", "zzz the renamed one.h5"]
