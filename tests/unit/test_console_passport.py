"""Particle passports: what runs tell them, and when they warn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import labctl
from labctl.console.passport import FILE, Passports
from labctl.data import FitResult, FitValue, InstrumentRecord, ParameterRecord, Run, Setting
from labctl.errors import OutputError, ParameterError

PSD = {"mode_1_frequency_hz": 480.5, "mode_1_damping_hz": 15.0, "mode_2_frequency_hz": 590.1}
DRIFT = {"angle_drift_per_s2": -12.0, "libration_1_hz": 481.0}
LINE = {"bias_field_t": 9.5e-3, "tesla_per_ampere": 1.03e-3, "angle_rad": 0.7, "bias_x_t": 7e-3}
ODMR = {"field_magnitude_t": 9.5e-3, "field_x_t": 7.4e-3, "angle_1_rad": 0.2}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A real file of the simulated lab, whose parts the tests exchange."""
    with labctl.open_rig("sim") as rig:
        return labctl.run("mdmr", rig, points=5, sweeps=1, out=tmp_path_factory.mktemp("data"))


def made(
    template: Run,
    minute: int,
    sequence: str,
    values: dict[str, float] | None,
    *,
    particle: str = "MD-1",
    volts: float = 2000.0,
    current_a: float | None = None,
) -> Run:
    """A run that began at this minute, with this fit, under these settings."""
    fit = None
    if values is not None:
        found = {name: FitValue(value, abs(value) / 100, "Hz") for name, value in values.items()}
        fit = FitResult("test", found, np.empty((0, 0)), 1.0)
    records: list[InstrumentRecord] = []
    for record in template.instruments:
        settings = dict(record.settings)
        if record.role == "trap":
            settings["amplitude_v"] = Setting(volts, volts, "V")
        records.append(replace(record, settings=settings))
    info = replace(
        template.info,
        run_id=f"{sequence}{minute}",
        sequence=sequence,
        particle=particle,
        start_time=f"2026-03-01T10:{minute:02d}:00.000+01:00",
        parameters=[ParameterRecord("current_a", current_a, "A", "Current")],
    )
    return replace(template, info=info, instruments=tuple(records), fit=fit)


def test_particles_are_remembered_and_one_is_current(tmp_path: Path) -> None:
    passports = Passports(tmp_path)
    assert passports.current is None
    assert passports.all() == ()
    passports.new("MD-1")
    second = passports.new(" MD-2 ")
    assert second.particle == "MD-2"
    assert passports.current == second
    passports.describe("MD-1", notes="wobbles", charge=900.0)
    passports.describe("MD-1", charge=880.0)
    assert passports.current == second
    passports.select("MD-1")
    again = Passports(tmp_path)
    assert again.current is not None
    assert (again.current.particle, again.current.notes) == ("MD-1", "wobbles")
    assert again.current.charge == 880.0
    assert [p.particle for p in again.all()] == ["MD-2", "MD-1"]
    assert again.all() == passports.all()


def test_names_are_needed_and_unique(tmp_path: Path) -> None:
    passports = Passports(tmp_path)
    passports.new("MD-1")
    with pytest.raises(ParameterError, match="already"):
        passports.new("MD-1")
    with pytest.raises(ParameterError, match="name"):
        passports.new("  ")
    for act in (passports.select, lambda name: passports.describe(name, notes="x")):
        with pytest.raises(ParameterError, match="no particle `MD-9`"):
            act("MD-9")


def test_runs_fill_the_passport_and_it_survives_a_restart(template: Run, tmp_path: Path) -> None:
    passports = Passports(tmp_path)
    passports.new("MD-1")
    for minute, sequence, values in ((1, "psd", PSD), (2, "field_calibration", LINE)):
        passports.update_from(made(template, minute, sequence, values))
    passports.update_from(made(template, 3, "drift", DRIFT))
    for known in (passports.current, Passports(tmp_path).current):
        assert known is not None
        assert known.librations is not None
        assert known.field is not None
        assert known.drift is not None
        assert {n: v.value for n, v in known.librations.values.items()} == {"libration_1_hz": 481.0}
        assert known.librations.run_id == "drift3"
        assert known.field.values["bias_field_t"] == FitValue(9.5e-3, 9.5e-3 / 100, "Hz")
        assert set(known.field.values) == {"bias_field_t", "tesla_per_ampere", "angle_rad"}
        assert known.field.time == "2026-03-01T10:02:00.000+01:00"
        assert known.drift.values["angle_drift_per_s2"].value == -12.0


def test_a_psd_gives_the_frequencies_and_nothing_else(template: Run, tmp_path: Path) -> None:
    passport = Passports(tmp_path).update_from(made(template, 1, "psd", PSD))
    assert passport is not None
    assert passport.librations is not None
    assert set(passport.librations.values) == {"mode_1_frequency_hz", "mode_2_frequency_hz"}


def test_order_does_not_matter(template: Run, tmp_path: Path) -> None:
    runs = [
        made(template, 1, "psd", PSD),
        made(template, 2, "odmr", ODMR),
        made(template, 3, "drift", DRIFT),
        made(template, 4, "field_calibration", LINE, volts=2100.0),
        made(template, 5, "psd", {}),
        made(template, 6, "psd", None),
    ]
    forward, backward = Passports(tmp_path / "a"), Passports(tmp_path / "b")
    for run in runs:
        forward.update_from(run)
    for run in reversed(runs):
        backward.update_from(run)
    (one,), (other,) = forward.all(), backward.all()
    assert one.librations is not None
    assert one.librations.run_id == "drift3"
    for name in ("librations", "field", "drift", "settings", "seen"):
        assert getattr(one, name) == getattr(other, name), name


def test_runs_without_a_particle_and_of_others(template: Run, tmp_path: Path) -> None:
    passports = Passports(tmp_path)
    passports.new("MD-1")
    before = passports.current
    assert passports.update_from(made(template, 1, "psd", PSD, particle="")) is None
    passports.update_from(made(template, 1, "psd", PSD, particle="MD-7"))
    assert passports.current == before
    assert {p.particle for p in passports.all()} == {"MD-1", "MD-7"}


def told(template: Run, folder: Path, *runs: Run) -> list[str]:
    passports = Passports(folder)
    passports.new("MD-1")
    for run in runs:
        passports.update_from(run)
    assert Passports(folder).warnings() == passports.warnings()
    return passports.warnings()


def test_no_warning_while_all_is_fresh(template: Run, tmp_path: Path) -> None:
    assert Passports(tmp_path).warnings() == []
    runs = [
        made(template, 1, "drift", DRIFT),
        made(template, 2, "psd", PSD, current_a=0.0),
        made(template, 3, "odmr", ODMR, current_a=2.0),
        made(template, 4, "mdmr", None, current_a=2.0, volts=2000.5),
    ]
    assert told(template, tmp_path, *runs) == []


def test_a_later_drift_run_outdates_the_field(template: Run, tmp_path: Path) -> None:
    (line,) = told(
        template, tmp_path,
        made(template, 1, "field_calibration", LINE), made(template, 9, "drift", {}),
    )  # fmt: skip
    assert line == (
        "The field calibration of 2026-03-01 10:01 is older than the drift run of 2026-03-01 10:09."
    )


def test_a_change_of_the_trap_outdates_field_and_librations(template: Run, tmp_path: Path) -> None:
    field, librations = told(
        template, tmp_path,
        made(template, 1, "field_calibration", LINE), made(template, 2, "psd", PSD),
        made(template, 7, "mdmr", None, volts=2100.0), made(template, 8, "mdmr", None, volts=2100),
    )  # fmt: skip
    cause = "older than the change of 2026-03-01 10:07: the trap's voltage went from 2 kV to 2.1 kV"
    assert field == f"The field calibration of 2026-03-01 10:01 is {cause}."
    assert librations == f"The libration frequencies of 2026-03-01 10:02 are {cause}."


def test_another_current_outdates_an_odmr_but_not_a_calibration(
    template: Run, tmp_path: Path
) -> None:
    later = made(template, 5, "mdmr", None, current_a=3.0)
    (line,) = told(template, tmp_path / "a", made(template, 1, "odmr", ODMR, current_a=0.0), later)
    assert "the magnet's current went from 0 A to 3 A" in line
    calibrated = made(template, 1, "field_calibration", LINE)
    assert told(template, tmp_path / "b", calibrated, later) == []


def test_a_fresh_calibration_ends_the_warning(template: Run, tmp_path: Path) -> None:
    assert told(
        template, tmp_path,
        made(template, 1, "field_calibration", LINE), made(template, 2, "drift", DRIFT),
        made(template, 3, "mdmr", None, volts=2100.0),
        made(template, 4, "field_calibration", LINE, volts=2100.0),
        made(template, 5, "psd", PSD, volts=2100.0),
    ) == []  # fmt: skip


def test_a_real_run_carries_its_particle(tmp_path: Path) -> None:
    passports = Passports(tmp_path)
    passports.new("MD-5")
    with labctl.open_rig("sim_vacuum", seed=2) as rig:
        handle = labctl.start(
            "psd", rig, {"averages": 30, "segment_s": 0.2}, out=tmp_path, particle="MD-5"
        )
        passport = passports.update_from(handle.result())
    assert passport is not None
    assert passport.librations is not None
    assert passport.librations.run_id == handle.info.run_id
    assert all(100 < v.value < 2000 for v in passport.librations.values.values())
    assert passport.settings["trap.amplitude_v"] == 2000.0


def test_a_damaged_file_is_kept_aside(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"current": "a", "particles": [{"particle": "a"}]}')
    passports = Passports(tmp_path)
    assert "damaged" in passports.warning
    assert passports.all() == ()
    passports.new("MD-1")
    assert (tmp_path / f"{FILE}.damaged").exists()


def test_what_cannot_be_written_does_not_happen(tmp_path: Path) -> None:
    passports = Passports(tmp_path)
    passports.new("MD-1")
    passports.path.unlink()
    passports.path.mkdir()
    with pytest.raises(OutputError):
        passports.new("MD-2")
    assert [p.particle for p in passports.all()] == ["MD-1"]


def test_the_trap_can_be_declared_empty(tmp_path: Path) -> None:
    passports = Passports(tmp_path)
    passports.new("MD-1")
    passports.leave()
    assert passports.current is None
    assert Passports(tmp_path).current is None
    assert [p.particle for p in Passports(tmp_path).all()] == ["MD-1"]
