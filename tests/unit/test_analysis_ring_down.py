"""Ring-down fit, against decays in the Brownian motion of the same mode."""

import numpy as np
import pytest
from scipy.signal import lfilter

from labctl.analysis.ring_down import decaying_sines, fit_ring_down
from labctl.errors import ParameterError

TIME_S = np.arange(1500) / 10e3
ONE = np.array([480.0, 15.0, 3.0, 4.0, 100.0])
TWO = np.array([480.0, 15.0, 3.0, 4.0, 590.0, 12.0, 1.5, 0.5, 100.0])


def brownian(rng: np.random.Generator, traces: int, f: float, g: float, rms: float) -> np.ndarray:
    """Narrow-band noise of a stationary rotating amplitude, shape (traces, n)."""
    step = np.exp((2j * np.pi * f - np.pi * g) * (TIME_S[1] - TIME_S[0]))
    kicks = rng.standard_normal((traces, TIME_S.size, 2)) @ np.array([1, 1j])
    kicks[:, 1:] *= np.sqrt(1 - abs(step) ** 2)
    return rms * lfilter([1.0], [1.0, -step], kicks, axis=1).real


def traces(rng: np.random.Generator, p: np.ndarray, m: int = 30, rms: float = 0.4) -> np.ndarray:
    noise = sum(brownian(rng, m, f, g, rms) for f, g, *_ in p[:-1].reshape(-1, 4))
    return decaying_sines(TIME_S, p) + noise + 0.2 * rng.standard_normal((m, TIME_S.size))


@pytest.mark.parametrize("p", [ONE, TWO], ids=["one mode", "two modes"])
def test_errors_cover_the_truth(p: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    modes = p.size // 4
    found, counted = [], 0
    for _ in range(80):
        result = fit_ring_down(TIME_S, traces(rng, p))
        table = result.tables["modes"].columns
        if len(table["damping_hz"]) != modes:
            continue
        counted += 1
        for i, (f, g, c, s) in enumerate(p[:-1].reshape(-1, 4)):
            for name, error, true in (
                ("frequency_hz", "frequency_error_hz", np.hypot(f, g / 2)),
                ("damping_hz", "damping_error_hz", g),
                ("amplitude", "amplitude_error", np.hypot(c, s)),
            ):
                found.append((table[name][i] - true) / table[error][i])
    assert counted >= 72
    assert 0.8 < np.std(found) < 1.2
    assert abs(np.mean(found)) < 0.3


def test_errors_of_independent_samples_would_be_too_small() -> None:
    """The reason for taking the covariance from the scatter of the traces."""
    y = traces(np.random.default_rng(2), ONE)
    scattered = fit_ring_down(TIME_S, y).values["mode_1_frequency_hz"].error
    lumped = fit_ring_down(TIME_S, y.mean(axis=0)[None])
    assert scattered > 2 * lumped.values["mode_1_frequency_hz"].error
    assert any("mean little" in note for note in lumped.notes)


def test_without_noise_the_parameters_come_back() -> None:
    result = fit_ring_down(TIME_S, decaying_sines(TIME_S, TWO)[None])
    assert result.values["mode_1_damping_hz"].value == pytest.approx(15, rel=1e-4)
    assert result.values["mode_2_damping_hz"].value == pytest.approx(12, rel=1e-4)
    assert result.values["mode_1_amplitude"].value == pytest.approx(5, rel=1e-4)
    assert result.values["mode_1_phase_rad"].value == pytest.approx(np.arctan2(3, 4), abs=1e-4)
    assert result.values["offset"].value == pytest.approx(100, rel=1e-6)


def test_a_record_too_short_for_the_damping_is_noted() -> None:
    y = traces(np.random.default_rng(3), np.array([480.0, 0.5, 3.0, 4.0, 0.0]), rms=0.02)
    assert any("too short" in note for note in fit_ring_down(TIME_S, y).notes)


@pytest.mark.parametrize("m", [1, 2, 3, 30])
def test_noise_alone_rings_nowhere(m: int) -> None:
    """Photons, and the Brownian motion of a mode that nobody excited."""
    found = 0
    for seed in range(25):
        rng = np.random.default_rng([m, seed])
        light = rng.poisson(200, (m, TIME_S.size)) * 1e3
        for y in (light, brownian(rng, m, 480.0, 60.0, 1.0)):
            result = fit_ring_down(TIME_S, y)
            found += bool(result.values)
            assert result.values or "No ringing" in result.notes[0]
    assert found <= 3  # of 50, at a false-alarm probability of 1 %


@pytest.mark.parametrize("m", [3, 12])
def test_the_noise_of_one_mode_is_no_second_mode(m: int) -> None:
    rng = np.random.default_rng(m)
    fits = [fit_ring_down(TIME_S, traces(rng, ONE, m)) for _ in range(30)]
    assert sum("mode_1_frequency_hz" in fit.values for fit in fits) >= 29
    assert sum("mode_2_frequency_hz" in fit.values for fit in fits) <= 2


@pytest.mark.parametrize("level", [0.0, 5.0])
def test_a_detector_that_says_nothing_rings_nowhere(level: float) -> None:
    result = fit_ring_down(TIME_S, np.full((12, TIME_S.size), level))
    assert not result.values
    assert "nothing" in result.notes[0] or "same value" in result.notes[0]


@pytest.mark.parametrize(
    ("time_s", "y", "words"),
    [
        (TIME_S, np.ones(1500), "shape"),
        (TIME_S, np.ones((0, 1500)), "shape"),
        (TIME_S, np.full((2, 1500), np.nan), "finite"),
        (TIME_S[:20], np.ones((2, 20)), "at least 40"),
        (TIME_S**2, np.ones((2, 1500)), "equal steps"),
    ],
)
def test_bad_input_is_refused(time_s: np.ndarray, y: np.ndarray, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        fit_ring_down(time_s, y)
