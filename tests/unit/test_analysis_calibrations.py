"""Field and angle calibrations on plain arrays, against closed forms and the twin's physics."""

import numpy as np
import pytest

from labctl.analysis.angle_calibration import (
    PulledLine,
    Transition,
    angle_at_frequency,
    calibrate_angle,
    frequency_at_angle,
    slope_hz_per_rad,
)
from labctl.analysis.field_calibration import fit_field_line, predict_degeneracies
from labctl.analysis.level_contrast import contrast_of_cycles
from labctl.errors import ParameterError
from sim_backends.physics.crystal_planes import degeneracy_planes
from sim_backends.physics.nv import transition_frequencies_hz

BIAS_T = np.array([7.45e-3, 5.44e-3, 2.28e-3])
CODATA = 28.0249514 / 28.0
"""The check values hold for this gyromagnetic ratio, in units of the one used here."""
SLOPE_T_PER_A = np.array([-0.4e-3, 0.3e-3, 0.9e-3])


@pytest.mark.parametrize(("degrees", "mhz_per_rad"), [(45, 238.7), (55, 266.4)])
def test_slope_of_a_transition_at_100_gauss(degrees: float, mhz_per_rad: float) -> None:
    """The check values of the NV centre: |d nu_-/d theta| at 100 G."""
    slope = slope_hz_per_rad(np.radians(degrees), 10e-3 * CODATA, Transition.LOWER)
    assert abs(slope) / 1e6 == pytest.approx(mhz_per_rad, abs=0.2)


@pytest.mark.parametrize(("ghz", "degrees"), [(2.70, 55.57), (2.65, 48.32)])
def test_angle_of_a_transition_at_144_gauss(ghz: float, degrees: float) -> None:
    angle = angle_at_frequency(ghz * 1e9, 14.4e-3 * CODATA, Transition.LOWER)
    assert np.degrees(angle) == pytest.approx(degrees, abs=0.01)
    back = frequency_at_angle(angle, 14.4e-3 * CODATA, Transition.LOWER)
    assert float(back) == pytest.approx(ghz * 1e9, abs=1.0)


def folded(field: np.ndarray) -> np.ndarray:
    """The image of a field that a spectrum can tell: Bx >= By >= Bz >= 0."""
    return -np.sort(-np.abs(field))


@pytest.mark.parametrize("noise_t", [0.0, 3e-6])
def test_a_field_line_is_found_through_folded_fields(noise_t: float) -> None:
    """Magnitudes and the angle between bias and slope survive the symmetry."""
    current = np.linspace(0.0, 8.0, 6)
    rng = np.random.default_rng(3)
    exact = BIAS_T + current[:, None] * SLOPE_T_PER_A
    measured = np.array([folded(b + noise_t * rng.standard_normal(3)) for b in exact])
    covariance = np.broadcast_to(max(noise_t, 1e-7) ** 2 * np.eye(3), (6, 3, 3))
    line = fit_field_line(current, measured, covariance)
    allowed = 6 * max(noise_t, 1e-9)
    for found, true in (
        (line.bias_t @ line.bias_t, BIAS_T @ BIAS_T),
        (line.bias_t @ line.slope_t_per_a, BIAS_T @ SLOPE_T_PER_A),
        (line.slope_t_per_a @ line.slope_t_per_a, SLOPE_T_PER_A @ SLOPE_T_PER_A),
    ):
        assert abs(found - true) < allowed * 0.02


def test_predicted_currents_are_where_classes_meet() -> None:
    """Against the crystal planes and the transitions of the simulated lab."""
    current = np.linspace(0.0, 2.0, 4)
    fields = np.array([folded(BIAS_T + a * SLOPE_T_PER_A) for a in current])
    line = fit_field_line(current, fields, np.broadcast_to(1e-14 * np.eye(3), (4, 3, 3)))
    found = predict_degeneracies(line, (-10.0, 20.0))
    assert found.current_a.size >= 4
    assert np.all(np.diff(found.current_a) > 0)
    for plane, current_a, slope, shared_hz in zip(
        found.plane, found.current_a, found.slope_hz_per_t, found.transition_hz, strict=True
    ):
        field = BIAS_T + current_a * SLOPE_T_PER_A
        planes = degeneracy_planes(field)
        near = planes.distance_110_t if plane == 110 else planes.distance_100_t
        assert np.abs(near).min() < 1e-8
        lines = transition_frequencies_hz(field)[:, 0]
        pairs = 1 if plane == 110 else 2
        gaps = np.sort(np.abs(lines[:, None] - lines[None])[np.triu_indices(4, 1)])
        assert gaps[pairs - 1] < 1e3
        assert np.min(np.abs(lines - shared_hz)) < 1e3
        step_a = 1e-3
        ahead = transition_frequencies_hz(field + step_a * SLOPE_T_PER_A)[:, 0]
        first, second = np.triu_indices(4, 1)
        shut = np.abs(lines[first] - lines[second]) < 1e3
        opened = np.abs(ahead[first] - ahead[second])[shut].max()
        assert slope == pytest.approx(opened / step_a / np.linalg.norm(SLOPE_T_PER_A), rel=0.02)


def test_a_field_line_needs_three_currents() -> None:
    with pytest.raises(ParameterError, match="currents"):
        fit_field_line([0.0, 1.0], np.zeros((2, 3)), np.zeros((2, 3, 3)))


def test_angle_per_signal_from_the_pull_of_a_line() -> None:
    """Lines whose tops stand where the angle is start + resolution x signal."""
    resolution, start, field_t = 3e-8, np.radians(50.0), 14.4e-3
    lines = []
    for power_dbm, signal in ((-8.0, 4e4), (0.0, 1.1e5), (8.0, 2.2e5)):
        top = float(frequency_at_angle(start + resolution * signal, field_t, Transition.LOWER))
        covariance = np.diag([5e3**2, 300.0**2])
        lines.append(PulledLine(power_dbm, top, signal, covariance))
    fit = calibrate_angle(lines, (2e6, 1e4), field_t=field_t, transition=Transition.LOWER)
    found = fit.values["resolution_rad_s"]
    assert abs(found.value - resolution) < 0.1 * found.error
    assert fit.values["undriven_angle_rad"].value == pytest.approx(start, abs=1e-5)
    sensitivity = fit.values["sensitivity"].value
    assert sensitivity == pytest.approx(1e3 * resolution * np.sqrt(2e6), rel=1e-3)


@pytest.mark.parametrize("drift_per_cycle", [0.0, 400.0])
def test_contrast_and_its_error_over_many_records(drift_per_cycle: float) -> None:
    """Pulls of 400 records of Gaussian levels; a linear drift does not touch them."""
    rng = np.random.default_rng(5)
    n, true, sigma = 30, 1500.0, 1000.0
    pulls = []
    for _ in range(400):
        level = 2e6 + drift_per_cycle * np.arange(2 * n) / 2 + sigma * rng.standard_normal(2 * n)
        off, on = level[0::2], level[1::2] + true
        fit = contrast_of_cycles(np.arange(n), off, on, np.full(n, np.sqrt(2) * sigma))
        assert fit is not None
        found = fit.values["contrast_rate"]
        pulls.append((found.value - true) / found.error)
    assert abs(np.mean(pulls)) < 0.15
    assert 0.85 < np.std(pulls) < 1.15
