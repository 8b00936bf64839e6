"""The field from its lines and from its spectrum, against fields that are known."""

import numpy as np
import pytest

from labctl.analysis.lineshapes import lorentzian
from labctl.analysis.nv_field import nv_field, nv_field_from_spectrum
from labctl.analysis.nv_model import (
    class_angles_rad,
    equivalent_fields,
    fold_field,
    transition_frequencies_hz,
)
from labctl.errors import ParameterError

REGION_95 = 7.815  # chi-square of three degrees of freedom
GENERIC = np.array([62e-4, 41e-4, -17e-4])


def _random_field(rng):
    field = rng.normal(size=3)
    return field * rng.uniform(30e-4, 150e-4) / np.linalg.norm(field)


def _lines(field_t, **constants):
    return np.sort(transition_frequencies_hz(field_t, **constants).ravel())


def _vector(result):
    return np.array([result.values[f"field_{axis}_t"].value for axis in "xyz"])


def _distance2(result, truth):
    """Squared distance to the nearest image of the truth, in sigmas."""
    apart = _vector(result) - equivalent_fields(truth)
    inverse = np.linalg.inv(result.covariance[:3, :3])
    return np.einsum("ij,jk,ik->i", apart, inverse, apart).min()


def _odmr(rng, field_t, snr):
    frequency = np.arange(2.3e9, 3.4e9 + 1, 2e6)
    contrast = rng.uniform(0.01, 0.03)
    heights = contrast * rng.uniform(0.6, 1, 8)
    clean = 1e5 * (1 + 0.02 * (frequency - 2.85e9) / 5e8)
    for line, height in zip(_lines(field_t), heights, strict=True):
        clean = clean - lorentzian(frequency, line, 7e6, 1e5 * height)
    error = np.full(frequency.size, 1e5 * contrast / snr)
    return frequency, clean + rng.normal(size=frequency.size) * error, error


def test_exact_lines_give_the_field_back():
    result = nv_field(_lines(GENERIC)[::-1], np.full(8, 1e4))
    assert _vector(result) == pytest.approx(fold_field(GENERIC), abs=1e-9)
    assert result.values["zero_field_splitting_hz"].value == pytest.approx(2.870e9, abs=10)
    angles = [result.values[f"angle_{i}_rad"].value for i in range(1, 5)]
    assert angles == pytest.approx(np.sort(class_angles_rad(GENERIC)), abs=1e-6)
    assert result.notes == ()


def test_shifted_splitting_is_fitted():
    lines = _lines(GENERIC, zero_field_splitting_hz=2.8672e9)
    result = nv_field(lines, np.full(8, 1e4))
    assert result.values["zero_field_splitting_hz"].value == pytest.approx(2.8672e9, abs=100)
    assert _vector(result) == pytest.approx(fold_field(GENERIC), abs=1e-8)
    held = nv_field(lines, np.full(8, 1e4), fit_zero_field_splitting=False)
    assert "zero_field_splitting_hz" not in held.values
    assert any("held" in note for note in held.notes)


def test_gyromagnetic_ratio_is_a_parameter():
    lines = _lines(GENERIC, gyromagnetic_hz_per_t=28.0249514e9)
    result = nv_field(lines, np.full(8, 1e4), gyromagnetic_hz_per_t=28.0249514e9)
    assert result.values["field_magnitude_t"].value == pytest.approx(
        np.linalg.norm(GENERIC), abs=1e-9
    )


@pytest.mark.parametrize("missing", [[0], [2], [7], [0, 7], [1, 4, 6]])
def test_lines_too_weak_to_see(missing):
    lines = np.delete(_lines(GENERIC), missing)
    result = nv_field(lines, np.full(lines.size, 5e4), window_hz=(2.3e9, 3.4e9))
    assert _vector(result) == pytest.approx(fold_field(GENERIC), abs=1e-6)
    assert any("not measured" in note for note in result.notes)


def test_lines_outside_the_window_cost_nothing():
    lines = _lines(GENERIC)
    inside = lines[lines < 2.9e9]
    result = nv_field(inside, np.full(inside.size, 5e4), window_hz=(2.5e9, 2.9e9))
    assert _vector(result) == pytest.approx(fold_field(GENERIC), abs=2e-6)
    assert not any("not measured" in note for note in result.notes)


@pytest.mark.parametrize(
    "field", [[100e-4, 0, 0], [60e-4, 60e-4, 60e-4], [70e-4, 70e-4, 0], [80e-4, 50e-4, 50e-4]]
)
def test_fields_of_high_symmetry_merge_their_lines(field):
    lines = _lines(field)
    distinct = lines[np.append(True, np.diff(lines) > 1e3)]
    assert distinct.size < 8
    result = nv_field(distinct, np.full(distinct.size, 1e5))
    magnitude = result.values["field_magnitude_t"]
    assert magnitude.value == pytest.approx(np.linalg.norm(field), abs=0.2e-4)
    assert _distance2(result, np.array(field)) < REGION_95


def test_lines_with_errors_of_random_fields():
    inside = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        truth = _random_field(rng)
        lines = _lines(truth) + rng.normal(size=8) * 0.2e6
        groups = np.split(lines, np.flatnonzero(np.diff(lines) > 5e6) + 1)
        means = np.array([group.mean() for group in groups])
        result = nv_field(means, np.full(means.size, 0.2e6))
        inside += _distance2(result, truth) < REGION_95
        error = result.values["field_magnitude_t"].value - np.linalg.norm(truth)
        assert abs(error) < 0.2e-4
    assert inside >= 17


@pytest.mark.parametrize("snr", [15, 30])
@pytest.mark.slow
def test_spectra_of_random_fields(snr):
    """Acceptance 4 on synthetic spectra: 30 to 150 G, ten seeds."""
    inside = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        truth = _random_field(rng)
        result = nv_field_from_spectrum(*_odmr(rng, truth, snr), sign="negative")
        inside += _distance2(result, truth) < REGION_95
        error = result.values["field_magnitude_t"].value - np.linalg.norm(truth)
        assert abs(error) < 0.2e-4, f"seed {seed}"
    assert inside >= 8


@pytest.mark.slow
def test_spectra_of_fields_near_a_symmetry_plane():
    """Two classes nearly alike: half of the lines merge, and no ellipsoid fits the valley."""
    inside = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        parts = np.sort(rng.uniform(0.1, 1, 3))[::-1]
        field = parts * rng.uniform(30, 150) / np.linalg.norm(parts)
        twin = rng.integers(3)
        if twin == 0:
            field[2] = rng.uniform(0, 1)
        else:
            field[3 - twin] = field[2 - twin] - rng.uniform(0, 1)
        truth = field * 1e-4
        result = nv_field_from_spectrum(*_odmr(rng, truth, 20), sign="negative")
        inside += _distance2(result, truth) < REGION_95
    assert inside >= 11


@pytest.mark.parametrize("gauss", [(83.94, 65.73, 64.54), (110.0, 45.0, 43.8), (60.0, 59.0, 20.0)])
def test_merged_lines_of_unequal_height(gauss):
    """The merged line stands at 30 : 70 between the two that it hides, 4 MHz apart."""
    truth = np.array(gauss) * 1e-4
    lines = _lines(truth)
    groups = np.split(lines, np.flatnonzero(np.diff(lines) > 6e6) + 1)
    assert len(groups) == 6
    measured = np.array([0.3 * group[0] + 0.7 * group[-1] for group in groups])
    result = nv_field(measured, np.full(6, 1e5))
    assert _distance2(result, truth) < REGION_95
    assert result.notes == ()
    assert result.tables["lines"].columns["merged"].sum() == 8


def test_merged_spectrum_does_not_stick_to_the_symmetry_plane():
    """By and Bz differ by 1.2 G: two classes 4 MHz apart under one line of 7 MHz."""
    truth = np.array([83.94e-4, 65.73e-4, 64.54e-4])
    result = nv_field_from_spectrum(*_odmr(np.random.default_rng(8), truth, 30), sign="negative")
    assert _distance2(result, truth) < REGION_95
    assert any("coincide" in note for note in result.notes)
    again = nv_field_from_spectrum(*_odmr(np.random.default_rng(8), truth, 30), sign="negative")
    assert np.array_equal(_vector(again), _vector(result))


def test_spectrum_with_lines_of_both_signs():
    rng = np.random.default_rng(3)
    frequency = np.arange(2.6e9, 3.1e9 + 1, 2e6)
    signal = np.zeros(frequency.size)
    for low, high in transition_frequencies_hz(GENERIC):
        signal += lorentzian(frequency, low, 7e6, 20) + lorentzian(frequency, high, 7e6, -15)
    result = nv_field_from_spectrum(
        frequency, signal + rng.normal(size=signal.size), np.ones(signal.size)
    )
    assert _distance2(result, GENERIC) < 16.27  # 99.9 %
    assert result.curve is not None
    assert result.curve.model == pytest.approx(signal, abs=3)


def test_interval_contains_the_magnitude():
    result = nv_field(_lines(GENERIC), np.full(8, 1e5))
    interval = result.tables["interval_95"].columns
    low, high = interval["magnitude_low_t"][0], interval["magnitude_high_t"][0]
    assert low < np.linalg.norm(GENERIC) < high
    error = result.values["field_magnitude_t"].error
    assert high - low == pytest.approx(2 * 1.96 * error, rel=1e-3)


def test_lines_that_fit_no_field_say_so():
    lines = _lines(GENERIC) + np.array([8, -8, 8, -8, 8, -8, 8, -8]) * 1e6
    result = nv_field(lines, np.full(8, 1e4))
    assert any("do not fit one field" in note for note in result.notes)
    assert result.values["field_x_t"].error > 1e-5


@pytest.mark.parametrize("lines", [[], [2.8e9]])
def test_too_few_lines_is_a_note(lines):
    result = nv_field(lines, np.ones(len(lines)))
    assert not result.values
    assert "Fewer than two lines" in result.notes[0]


def test_empty_spectrum_is_a_note():
    rng = np.random.default_rng(1)
    frequency = np.arange(2.6e9, 3.1e9, 2e6)
    result = nv_field_from_spectrum(
        frequency, rng.normal(size=frequency.size), np.ones(frequency.size)
    )
    assert not result.values
    assert result.tables["resonances"].columns["frequency_hz"].size == 0


@pytest.mark.parametrize(
    ("lines", "errors", "options", "message"),
    [
        ([2.8e9, np.nan], [1e5, 1e5], {}, "finite"),
        ([2.8e9, 2.9e9], [1e5], {}, "equal length"),
        (np.linspace(2.7e9, 3e9, 9), np.ones(9), {}, "at most 8"),
        ([2.8e9, 2.9e9], [1e5, 0.0], {}, "frequency_error_hz.*positive"),
        ([2.8e9, 2.9e9], [1e5, 1e5], {"window_hz": (3e9, 2e9)}, "window_hz"),
        ([2.8e9, 2.9e9], [1e5, 1e5], {"fwhm_hz": 0.0}, "fwhm_hz"),
    ],
)
def test_bad_input_is_one_clear_line(lines, errors, options, message):
    with pytest.raises(ParameterError, match=message) as caught:
        nv_field(lines, errors, **options)
    assert "\n" not in str(caught.value)


def test_pulled_lines_are_refused_for_a_spectrum():
    with pytest.raises(ParameterError, match="shape"):
        nv_field_from_spectrum(np.arange(9.0), np.ones(9), np.ones(9), shape="pulled_lorentzian")
