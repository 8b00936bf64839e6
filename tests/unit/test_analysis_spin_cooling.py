"""Decays that grow, and temperatures against a reference."""

import numpy as np
import pytest

from labctl.analysis.psd_fit import fit_psd
from labctl.analysis.ring_down import fit_ring_down
from labctl.analysis.spectra import Averaging, Bins, windowed_psd
from labctl.analysis.spin_cooling import fit_cooling, fit_driven_mode
from labctl.analysis.temperature import Reference, damping_temperature, with_temperatures
from labctl.errors import ParameterError

TIME_S = np.arange(1000) / 1e4


def traces(damping_hz: float, *, ceiling: float = np.inf, blocks: int = 20) -> np.ndarray:
    envelope = np.minimum(1e5 * np.exp(-np.pi * damping_hz * TIME_S), ceiling)
    clean = 2e6 + envelope * np.sin(2 * np.pi * 480 * TIME_S)
    return clean + np.random.default_rng(1).normal(0, 2e3, (blocks, TIME_S.size))


def test_growth_is_negative_damping() -> None:
    damping = fit_ring_down(TIME_S, traces(-6.0), growing=True).values["mode_1_damping_hz"]
    assert abs(damping.value + 6.0) < 4 * damping.error
    assert damping.error < 0.1


def test_growth_is_fitted_before_it_ends() -> None:
    mode = fit_driven_mode(TIME_S, traces(-20.0, ceiling=5e5))
    assert mode.window_s < 0.03
    assert mode.exponential
    assert mode.damping_hz[0] == pytest.approx(-20.0, abs=4 * mode.damping_hz[1])


def test_scan_of_decay_and_growth() -> None:
    at = np.repeat([0.0, 2.62e9, 2.626e9], 20)
    y = np.concatenate([traces(g) for g in (16.0, 60.0, -6.0)])
    fit = fit_cooling(at, at == 0, TIME_S, y, temperature_k=300.0)
    kelvin = fit.values["coldest_temperature_k"]
    assert abs(kelvin.value - 80) < 4 * kelvin.error
    assert np.isnan(fit.tables["microwave"].columns["temperature_k"][1])
    assert any("grows at 2.626 GHz" in note for note in fit.notes)
    size = len(fit.covariance)
    errors = [value.error for value in fit.values.values()][:size]
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx(errors)
    assert np.linalg.eigvalsh(fit.covariance / np.outer(errors, errors)).min() > -1e-9


def test_scan_without_reference_or_without_ringing_gives_notes() -> None:
    at = np.full(20, 2.62e9)
    fit = fit_cooling(at, at == 0, TIME_S, traces(60.0), temperature_k=300.0)
    assert any("no reference" in note for note in fit.notes)
    silent = np.random.default_rng(2).normal(2e6, 2e3, (20, TIME_S.size))
    fit = fit_cooling(at, np.arange(20) < 10, TIME_S, silent, temperature_k=300.0)
    assert "coldest_temperature_k" not in fit.values
    assert any("hardly" in note for note in fit.notes)
    with pytest.raises(ParameterError, match="one length"):
        fit_cooling(at[:3], at == 0, TIME_S, silent, temperature_k=300.0)


def test_damping_temperature() -> None:
    value, error = damping_temperature((60.0, 6.0), (16.0, 0.0), 300.0)
    assert (value, error) == pytest.approx((80.0, 8.0))
    assert np.isnan(damping_temperature((-1.0, 1.0), (16.0, 1.0), 300.0)[0])


def test_temperatures_of_a_spectrum_and_exposure() -> None:
    f = np.arange(1.0, 2500.0)
    truth = np.log([457.0, 60.0, 4e9, 3e6])
    bins = Bins(f, 1.0, 1 / 5e3)
    noise = np.random.default_rng(3).normal(1, np.sqrt(Averaging(400).bin_variance), f.size)
    fit = fit_psd(f, windowed_psd(bins, truth) * noise, Averaging(400), range_hz=(100, 1500),
                  sample_rate_hz=5e3)  # fmt: skip
    area = fit.values["mode_1_area"]
    assert abs(area.value - 4e9) < 4 * area.error
    reference = Reference(300.0, 16.0, 0.5, 12e9, 2e8, 480.0)
    hot = with_temperatures(fit, reference)
    by_area, by_damping = (
        hot.values["temperature_by_area_k"],
        hot.values["temperature_by_damping_k"],
    )
    assert by_area.value == pytest.approx(100 * (457 / 480) ** 2, abs=4 * by_area.error)
    assert by_damping.value == pytest.approx(80, abs=4 * by_damping.error)
    assert by_damping.error > 80 * 0.5 / 16
    assert hot.covariance.shape == (6, 6)
    assert list(hot.values)[4:6] == ["temperature_by_damping_k", "temperature_by_area_k"]
    assert with_temperatures(fit, Reference(300.0)) is fit
