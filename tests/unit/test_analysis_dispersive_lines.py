"""Dispersive and Fano lines against scipy's fit of the true model; pure lines stay as they are."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from labctl.analysis.lineshapes import Lineshape, dispersive_profile, lorentzian, profile
from labctl.analysis.nv_field import nv_field_from_spectrum
from labctl.analysis.nv_model import transition_frequencies_hz
from labctl.analysis.resonances import fit_resonances

FREQUENCY = np.linspace(2.6e9, 2.9e9, 151)


def fano(f, q, *, at, half, size=1.0):
    """Fano, Phys. Rev. 124, 1866, Eq. 21, scaled to `size` from bottom to top."""
    x = (f - at) / half
    return size * (q + x) ** 2 / (1 + x * x) / (1 + q * q)


def truth(mhz, at, half, even, odd, floor):
    x = (mhz - at) / half
    return (even + odd * x) / (1 + x * x) + floor


@pytest.mark.parametrize("size", [40.0, 300.0, -60.0])
@pytest.mark.parametrize("q", [0.3, 1.0, 3.0, -2.0])
def test_fano_lines_are_found_where_they_are(q, size):
    for half in (3e6, 8e6):
        rng = np.random.default_rng([abs(int(10 * q)), int(half), abs(int(size))])
        at = 2.75e9 + rng.uniform(-20e6, 20e6)
        y = fano(FREQUENCY, q, at=at, half=half, size=size) + rng.normal(size=151)
        result = fit_resonances(FREQUENCY, y, np.ones(151))
        assert result.tables["resonances"].columns["frequency_hz"].size == 1
        place, width, odd = ((at - 2.75e9) / 1e6, half / 1e6, 2 * q * size / (1 + q * q))
        start = (place, width, size * (q * q - 1) / (1 + q * q), odd, 0.0)
        judge, spread = curve_fit(truth, FREQUENCY / 1e6 - 2750, y, p0=start)
        for n, name, zero, unit in (
            (0, "frequency_1_hz", 2.75e9, 1e6),
            (1, "fwhm_1_hz", 0, 2e6),
            (3, "dispersive_1", 0, 1),
        ):
            value, error = result.values[name].value, result.values[name].error
            assert abs(value - zero - unit * judge[n]) < 1.5 * error, name
            assert error == pytest.approx(unit * np.sqrt(spread[n, n]), rel=0.35), name
        assert abs(result.values["frequency_1_hz"].value - at) < (
            4 * result.values["frequency_1_hz"].error
        )
        (note,) = [note for note in result.notes if "Fano" in note]
        told = float(note.split("q is ")[1].split(" ")[0])
        assert told == pytest.approx(q if size > 0 else -1 / q, rel=0.5)


def test_one_of_two_lines_is_dispersive():
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x = (FREQUENCY - 2.70e9) / 4e6
        y = 40 * x / (1 + x * x) + lorentzian(FREQUENCY, 2.80e9, 9e6, -25)
        result = fit_resonances(FREQUENCY, y + rng.normal(size=151), np.ones(151))
        found = result.tables["resonances"].columns
        assert np.abs(found["frequency_hz"] - [2.70e9, 2.80e9]) == pytest.approx(
            0, abs=4 * found["frequency_error_hz"].max()
        )
        assert np.isfinite(found["dispersive"]).tolist() == [True, False]
        assert found["dispersive"][0] == pytest.approx(40, abs=4 * found["dispersive_error"][0])
        assert found["fwhm_hz"] == pytest.approx([8e6, 9e6], rel=0.2)


def test_a_dispersive_dip_is_found_among_negative_lines():
    x = (FREQUENCY - 2.75e9) / 5e6
    y = 1e6 - 3e4 * (0.3 + x) / (1 + x * x) + 1e3 * np.random.default_rng(1).normal(size=151)
    result = fit_resonances(FREQUENCY, y, np.full(151, 1e3), sign="negative")
    assert abs(result.values["frequency_1_hz"].value - 2.75e9) < 1e6
    assert "dispersive_1" in result.values


@pytest.mark.parametrize("shape", ["lorentzian", "gaussian", "pulled_lorentzian"])
def test_pure_lines_are_not_dispersive(shape):
    even = Lineshape(shape)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        y = 0
        for at, size in ((2.66e9, 10.0), (2.75e9, -30.0), (2.83e9, 100.0)):
            x = (FREQUENCY - at - rng.uniform(-1e6, 1e6)) / rng.uniform(3e6, 6e6)
            y = y + size * profile(even, x, np.full(x.size, 0.4))[0]
        result = fit_resonances(FREQUENCY, y + rng.normal(size=151), np.ones(151), shape=shape)
        assert result.tables["resonances"].columns["frequency_hz"].size == 3
        assert not any("dispersive" in note for note in result.notes)


def test_where_two_lines_or_one_explain_the_data_neither_is_given():
    """Opposite lines less than half a width apart."""
    for seed in (0, 2, 5):
        rng = np.random.default_rng(seed)
        y = lorentzian(FREQUENCY, 2.7485e9, 7e6, 20) - lorentzian(FREQUENCY, 2.7515e9, 7e6, 20)
        result = fit_resonances(FREQUENCY, y + rng.normal(size=151), np.ones(151))
        assert any("neither is given" in note for note in result.notes)
        assert "frequency_1_hz" not in result.values
        assert not result.tables["resonances"].columns["frequency_hz"].size
        assert np.sqrt(np.diag(result.covariance)) == pytest.approx(
            [value.error for value in result.values.values()]
        )


def test_opposite_lines_that_are_told_apart_stay_two():
    for seed in range(4):
        rng = np.random.default_rng(seed)
        y = lorentzian(FREQUENCY, 2.747e9, 7e6, 20) - lorentzian(FREQUENCY, 2.753e9, 7e6, 20)
        result = fit_resonances(FREQUENCY, y + rng.normal(size=151), np.ones(151))
        found = result.tables["resonances"].columns
        assert found["frequency_hz"] == pytest.approx([2.747e9, 2.753e9], abs=1.5e6)


@pytest.mark.parametrize("shape", [Lineshape.LORENTZIAN, Lineshape.GAUSSIAN])
def test_the_dispersion_is_the_hilbert_transform_of_the_line(shape):
    x, step = np.linspace(-4000, 4000, 800_001, retstep=True)
    line = profile(shape, x, np.zeros_like(x))[0]
    odd, slope = dispersive_profile(shape, x)
    for at in (0.3, 1.0, 2.5):
        n = int(np.argmin(np.abs(x - at)))
        # The principal value: the pole in the middle between two points.
        between = 0.5 * (line[1:] + line[:-1])
        middles = 0.5 * (x[1:] + x[:-1])
        value = np.sum(between / (x[n] - middles)) * step / np.pi
        assert odd[n] == pytest.approx(value, abs=2e-3)
        assert slope[n] == pytest.approx((odd[n + 1] - odd[n - 1]) / (2 * step), abs=1e-4)


@pytest.mark.slow
def test_the_field_of_dispersive_lines_is_that_of_their_frequencies():
    field = np.array([4e-3, 2.4e-3, 1.0e-3])
    frequency = np.linspace(2.68e9, 3.06e9, 191)
    y = np.random.default_rng(2).normal(size=191)
    for at in transition_frequencies_hz(field).ravel():
        x = (frequency - at) / 3e6
        y = y + 40 * (0.3 + x) / (1 + x * x)
    result = nv_field_from_spectrum(frequency, y, np.ones(191))
    size = result.values["field_magnitude_t"]
    assert abs(size.value - np.linalg.norm(field)) < 4 * size.error
    assert any("dispersive" in note for note in result.notes)
