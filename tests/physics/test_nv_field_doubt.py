"""Spectra that invite a wrong field: small fields, cut windows, unequal and split lines.

The lines come from a diagonalisation written here, apart from the one in closed form.
"""

import math
from typing import Any

import numpy as np
import pytest

from labctl.analysis.nv_field import nv_field_from_spectrum
from labctl.analysis.nv_model import equivalent_fields
from labctl.errors import ParameterError

AXES = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
SX = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / np.sqrt(2)
SZ = np.diag([1.0, 0.0, -1.0])
PUBLISHED_LIKE = np.array([131.2, 129.1, 116.4]) * 1e-4


def diagonalised(field_t, splitting_hz=2.87e9):
    """Both transitions of the four classes, (4, 2)."""
    rows = []
    for axis in AXES:
        along = field_t @ axis
        across = np.linalg.norm(field_t - along * axis)
        levels = np.linalg.eigvalsh(splitting_hz * SZ @ SZ + 28e9 * (along * SZ + across * SX))
        rows.append(levels[1:] - levels[0])
    return np.array(rows)


def spectrum(
    field_t, window_hz, step_hz, noise, *, fwhm_hz: Any = 7.4e6, heights: Any = 1.0, seed=0, **more
):
    rng = np.random.default_rng(seed)
    frequency = np.arange(window_hz[0], window_hz[1], step_hz)
    lines = diagonalised(field_t, more.get("splitting_hz", 2.87e9)).ravel()
    signal = np.zeros(frequency.size)
    split = np.array(more.get("split_hz", [0.0]))
    for line, height, width in np.broadcast(lines, np.ravel(heights), np.ravel(fwhm_hz)):
        for offset in split:
            x = (frequency - line - offset) / (width / 2)
            signal -= height / split.size / (1 + x * x)
    return frequency, signal + noise * rng.normal(size=frequency.size), np.full(signal.size, noise)


def miss_t(field_t, truth_t):
    return float(np.min(np.linalg.norm(np.asarray(field_t) - equivalent_fields(truth_t), axis=1)))


def vector(result):
    return [result.values[f"field_{axis}_t"].value for axis in "xyz"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_few_gauss_are_no_hundreds(seed):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=3)
    truth *= 5e-4 / np.linalg.norm(truth)
    data = spectrum(truth, (2.45e9, 3.35e9), 2e6, 1 / 6, seed=seed)
    result = nv_field_from_spectrum(*data, sign="negative")
    if result.values:
        magnitude = result.values["field_magnitude_t"]
        assert abs(magnitude.value - 5e-4) < 4 * magnitude.error
        assert magnitude.value < 20e-4
    else:
        high = result.tables["interval_95"].columns["magnitude_high_t"][0]
        assert 4.5e-4 < high < 30e-4
        assert result.notes[0].startswith("Upper limit: |B| <")


@pytest.mark.slow
def test_two_lines_near_the_splitting_are_a_limit():
    """Along (100) all classes coincide: strain would look the same."""
    truth = np.array([6e-4, 0, 0])
    data = spectrum(truth, (2.6e9, 3.15e9), 2e6, 0.15, seed=4)
    result = nv_field_from_spectrum(*data, sign="negative")
    assert not result.values
    assert result.tables["interval_95"].columns["magnitude_low_t"][0] == 0
    assert 6e-4 < result.tables["interval_95"].columns["magnitude_high_t"][0] < 15e-4


@pytest.mark.slow
def test_unequal_lines_of_unequal_widths():
    """As a published ensemble at 218 G shows them: three weak lines of eight, two at an edge."""
    heights = np.array([[1.3, 1.2], [0.13, 0.14], [0.5, 0.3], [0.1, 0.45]])
    widths = np.array([[8, 8], [19, 15], [15, 16], [17, 16]]) * 1e6
    data = spectrum(
        PUBLISHED_LIKE, (2e9, 4e9), 1.669e6, 0.036, heights=heights, fwhm_hz=widths,
        splitting_hz=2.8693e9, split_hz=[-2.2e6, 0.0, 2.2e6], seed=1,
    )  # fmt: skip
    result = nv_field_from_spectrum(*data, sign="negative")
    assert result.values["field_magnitude_t"].value == pytest.approx(
        np.linalg.norm(PUBLISHED_LIKE), abs=0.2e-4
    )
    assert result.values["zero_field_splitting_hz"].value == pytest.approx(2.8693e9, abs=0.6e6)
    assert miss_t(vector(result), PUBLISHED_LIKE) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gauss", "window_hz", "fwhm_hz", "split_hz"),
    [
        ((410.0, 172.0, 165.0), (1.8e9, 4.3e9), 12e6, [0.0]),
        ((226.0, 180.0, 37.0), (2.15e9, 3.33e9), 6e6, [0.0]),
        ((121.0, 73.0, 23.0), (2.45e9, 3.3e9), 1.2e6, [-2.16e6, 0.0, 2.16e6]),
    ],
    ids=["474 G", "cut window", "14N"],
)
def test_fields_and_windows_of_all_kinds(gauss, window_hz, fwhm_hz, split_hz):
    truth = np.array(gauss) * 1e-4
    step = min(fwhm_hz / 3, 2e6)
    data = spectrum(truth, window_hz, step, 0.1, fwhm_hz=fwhm_hz, split_hz=split_hz, seed=2)
    result = nv_field_from_spectrum(*data, sign="negative")
    assert miss_t(vector(result), truth) < 0.6e-4
    error = result.values["field_magnitude_t"].value - np.linalg.norm(truth)
    assert abs(error) < 4 * result.values["field_magnitude_t"].error
    if len(split_hz) > 1:
        assert any("14N" in note for note in result.notes)


def test_fields_that_cannot_be_told_apart_are_listed():
    """Three lines in a narrow window."""
    truth = np.array([83.0, 70.0, 11.0]) * 1e-4
    data = spectrum(truth, (2.75e9, 2.9e9), 1e6, 0.03, fwhm_hz=6e6, seed=3)
    result = nv_field_from_spectrum(*data, sign="negative")
    listed = result.tables["alternatives"].columns
    fields = np.stack([listed[f"field_{axis}_t"] for axis in "xyz"], axis=1)
    assert min(miss_t(field, truth) for field in fields) < 3e-4
    assert np.sum(listed["probability"]) == pytest.approx(1)
    assert any("Ambiguous" in note and "chi-square" in note for note in result.notes)


@pytest.mark.slow
def test_the_splitting_is_where_it_is_expected_unless_freed():
    truth = np.array([62e-4, 41e-4, 17e-4])
    data = spectrum(truth, (2.35e9, 3.3e9), 2e6, 0.05, splitting_hz=2.82e9)
    held = nv_field_from_spectrum(*data, sign="negative")
    freed = nv_field_from_spectrum(*data, sign="negative", zero_field_splitting_error_hz=math.inf)
    assert any("three sigma" in note for note in held.notes)
    assert freed.values["zero_field_splitting_hz"].value == pytest.approx(2.82e9, abs=0.3e6)
    assert miss_t(vector(freed), truth) < 0.3e-4
    with pytest.raises(ParameterError, match="zero_field_splitting_error_hz"):
        nv_field_from_spectrum(*data, zero_field_splitting_error_hz=0.0)
