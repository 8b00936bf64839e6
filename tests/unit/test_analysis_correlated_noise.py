"""Lines, and no ghosts, where the noise of neighbours is correlated or the baseline bends."""

import numpy as np
import pytest
from scipy.signal import lfilter

from labctl.analysis.noise_correlation import Correlation
from labctl.analysis.resonances import fit_resonances

FREQUENCY = np.linspace(2.6e9, 3.2e9, 301)
PLACES = np.array([2.66, 2.72, 2.77, 2.81, 2.93, 2.98, 3.03, 3.10]) * 1e9
LINES = np.sum([(-1) ** i * 10 / (1 + ((FREQUENCY - c) / 3.5e6) ** 2)
                for i, c in enumerate(PLACES)], axis=0)  # fmt: skip


def remembering(rng, decay, size=301):
    """AR(1) noise of unit variance."""
    white = rng.normal(size=size + 200)
    return np.asarray(lfilter([np.sqrt(1 - decay**2)], [1, -decay], white))[200:]


def found(signal):
    result = fit_resonances(FREQUENCY, signal, np.ones(signal.size))
    return result.tables["resonances"].columns["frequency_hz"], result


@pytest.mark.parametrize("decay", [0.6, 0.9])
def test_correlated_noise_shows_no_lines(decay):
    ghosts = sum(found(remembering(np.random.default_rng(s), decay))[0].size > 0 for s in range(15))
    assert ghosts <= 3


def test_lines_in_correlated_noise_are_kept():
    places, result = found(LINES + remembering(np.random.default_rng(5), 0.6))
    assert places == pytest.approx(PLACES, abs=2e6)
    assert any("correlated" in note for note in result.notes)


def test_lines_on_a_wobbling_baseline_are_kept():
    rng = np.random.default_rng(6)
    wobble = 3 * np.sin(2 * np.pi * FREQUENCY / 150e6 + 1)
    places, result = found(LINES + wobble + rng.normal(size=301))
    assert places == pytest.approx(PLACES, abs=2e6)
    assert "bent" in result.model


@pytest.mark.parametrize("period_mhz", [60, 150, 220])
def test_a_wobbling_baseline_alone_shows_no_lines(period_mhz):
    ghosts = 0
    for seed in range(6):
        rng = np.random.default_rng([seed, period_mhz])
        wobble = np.sin(2 * np.pi * (FREQUENCY / 1e6 / period_mhz + rng.uniform()))
        ghosts += found(3 * wobble + rng.normal(size=301))[0].size > 0
    assert ghosts <= 1


def test_correlation_is_what_was_put_in():
    correlation = Correlation.of(remembering(np.random.default_rng(1), 0.6, 20_000))
    assert correlation.first == pytest.approx(0.6, abs=0.03)
    assert correlation.decay == pytest.approx(0.6, abs=0.03)
    # The mean of a long stretch: variance (1 + phi)/(1 - phi) times that of white noise.
    x = np.arange(20_000.0)
    assert correlation.inflation(1e3, x) == pytest.approx(np.sqrt(1.6 / 0.4), rel=0.05)
    assert Correlation.of(np.random.default_rng(2).normal(size=301)).inflation(7.0, x) == 1


@pytest.mark.parametrize("signal", [np.zeros(301), np.full(301, 1e6)])
def test_a_silent_or_saturated_detector_is_named(signal):
    places, result = found(signal)
    assert places.size == 0
    assert any("counted nothing" in note or "same value" in note for note in result.notes)
