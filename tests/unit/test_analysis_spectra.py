"""PSD estimate and fit, against Gaussian noise of a known spectrum."""

import numpy as np
import pytest
from scipy.integrate import quad

from labctl.analysis.psd_fit import fit_psd
from labctl.analysis.spectra import Averaging, mode_psd, welch_psd
from labctl.data import FitResult
from labctl.errors import ParameterError

RATE_HZ = 2000.0
SEGMENT = 2000
TRUE = ((480.0, 15.0, 4.0), (590.0, 12.0, 1.0))
FLOOR = 2e-3


def noise(rng: np.random.Generator, n: int, modes=TRUE) -> np.ndarray:
    """A Gaussian record whose one-sided spectrum is the model itself."""
    f = np.fft.rfftfreq(n, 1 / RATE_HZ)
    spectrum = FLOOR + sum((mode_psd(f, *mode) for mode in modes), np.zeros(f.size))
    spectrum[0] = 0
    white = rng.standard_normal(f.size) + 1j * rng.standard_normal(f.size)
    return np.fft.irfft(white * np.sqrt(spectrum * RATE_HZ * n / 4), n)


def measured(rng: np.random.Generator, averaging: Averaging, modes=TRUE) -> FitResult:
    n = SEGMENT + (averaging.segments - 1) * SEGMENT // 2
    record = noise(rng, 2 * n * averaging.blocks, modes).reshape(2 * averaging.blocks, n)[::2]
    spectra = [welch_psd(block, RATE_HZ, SEGMENT) for block in record]
    mean = np.mean([psd for _, psd in spectra], axis=0)
    return fit_psd(spectra[0][0], mean, averaging, range_hz=(100, 950))


def pulls(result: FitResult) -> list[float]:
    table = result.tables["modes"].columns
    return [
        (table[name][i] - TRUE[i][column]) / table[f"{stem}_error{unit}"][i]
        for column, (stem, unit) in enumerate(
            (("frequency", "_hz"), ("damping", "_hz"), ("area", ""))
        )
        for name in (stem + unit,)
        for i in range(2)
    ]


def test_area_of_a_mode_is_its_variance() -> None:
    area, _ = quad(lambda f: float(mode_psd(f, 480.0, 15.0, 4.0)), 0, 20e3, points=[480], limit=500)
    assert area == pytest.approx(4.0, rel=1e-3)


def test_welch_integrates_to_the_variance() -> None:
    record = noise(np.random.default_rng(1), 200 * SEGMENT)
    frequency, psd = welch_psd(record, RATE_HZ, SEGMENT)
    assert np.sum(psd) * frequency[1] == pytest.approx(np.var(record), rel=0.02)


@pytest.mark.parametrize("segments", [1, 4])
def test_scatter_of_welch_is_what_averaging_says(segments: int) -> None:
    rng = np.random.default_rng(2)
    n = 64 * (segments + 1) // 2
    averaging = Averaging(segments)
    spectra = np.array([welch_psd(rng.standard_normal(n), 1.0, 64)[1][4:-4] for _ in range(4000)])
    relative = spectra / spectra.mean()
    assert np.var(relative, axis=0).mean() == pytest.approx(averaging.bin_variance, rel=0.05)
    smooth = np.var(relative.mean(axis=1)) * relative.shape[1]
    expected = averaging.bin_variance * averaging.smooth_inflation
    assert smooth == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("averaging", [Averaging(1, 40), Averaging(4, 20)])
def test_errors_cover_the_truth(averaging: Averaging) -> None:
    rng = np.random.default_rng(3)
    results = [measured(rng, averaging) for _ in range(15)]
    found = np.array([pulls(r) for r in results if len(r.tables["modes"].columns["area"]) == 2])
    assert len(found) >= 14, "BIC finds two modes"
    assert 0.8 < found.std() < 1.2
    assert np.all(np.abs(found.mean(axis=0)) < 0.7)
    assert np.mean([r.reduced_chi_square for r in results]) == pytest.approx(1, abs=0.05)


def test_no_mode_in_white_noise() -> None:
    rng = np.random.default_rng(4)
    results = [measured(rng, Averaging(4, 20), modes=()) for _ in range(15)]
    assert sum(bool(r.tables["modes"].columns["area"].size) for r in results) == 0
    assert "No peak" in results[0].notes[0]
    assert results[0].values["floor"].value == pytest.approx(FLOOR, rel=0.05)


def test_a_line_narrower_than_the_resolution_is_noted() -> None:
    result = measured(np.random.default_rng(5), Averaging(4, 20), modes=((480.0, 0.05, 4.0),))
    assert any("resolution" in note for note in result.notes)


@pytest.mark.parametrize(
    ("frequency", "psd", "words"),
    [
        (np.arange(100.0), np.ones(99), "one shape"),
        (np.arange(100.0), np.full(100, np.nan), "finite"),
        (np.arange(100.0) ** 2, np.ones(100), "equal steps"),
        (np.arange(10.0), np.ones(10), "at least 20 bins"),
        (np.arange(100.0), -np.ones(100), "negative"),
    ],
)
def test_bad_spectrum_is_refused(frequency: np.ndarray, psd: np.ndarray, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        fit_psd(frequency, psd, Averaging(1, 10))


def test_bad_record_is_refused() -> None:
    with pytest.raises(ParameterError, match="at least one segment"):
        welch_psd(np.ones(10), 1.0, 64)
    with pytest.raises(ParameterError, match="finite"):
        welch_psd(np.full(100, np.inf), 1.0, 64)
    with pytest.raises(ParameterError, match="max_modes"):
        fit_psd(np.arange(100.0), np.ones(100), Averaging(1), max_modes=0)
