"""Fits of pulses where a parameter lies at its edge; counts from the Bloch equations by `expm`."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import simpson
from scipy.linalg import expm

from labctl.analysis.bloch import inversion
from labctl.analysis.detuning import detuning_of
from labctl.analysis.polarization import fit_polarization
from labctl.analysis.rabi import fit_rabi
from labctl.analysis.ramsey import fit_ramsey
from labctl.analysis.relaxation import Readout, fit_relaxation
from labctl.data import FitResult

MEGAHERTZ = 2e6 * np.pi
PI_TIME_S = 63e-9
RABI = np.hypot(np.pi / PI_TIME_S, 0.5 / 70e-9)
CONTRAST = 0.06
LOG = np.geomspace(10e-9, 30e-6, 60)
GAPS = np.linspace(10e-9, 400e-9, 60)


def generator(rabi: float, t2star: float, detuning: float) -> NDArray[np.float64]:
    decay = 1 / t2star
    return np.array([[-decay, detuning, 0], [-detuning, -decay, rabi], [0, -rabi, 0]])


def counted(loss: NDArray[np.float64], seed: int, counts: float) -> tuple[NDArray[np.int64], ...]:
    rng = np.random.default_rng(seed)
    return rng.poisson(counts * (1 - loss)), rng.poisson(counts, loss.size)


def rabi(
    times: NDArray[np.float64], seed: int, *, mhz: float = 8.0, t2star: float = 80e-9,
    detuned_mhz: float = 0.0, counts: float = 3e6, contrast: float = CONTRAST,
) -> FitResult:  # fmt: skip
    turn = generator(mhz * MEGAHERTZ, t2star, detuned_mhz * MEGAHERTZ)
    w = expm(turn * times[:, None, None])[:, 2, 2]
    fit = fit_rabi(times, *counted(contrast * (1 - w) / 2, seed, counts))
    assert fit is not None
    return fit


def ramsey(
    gaps: NDArray[np.float64], seed: int, *, detuned_mhz: float, t2star: float = 70e-9,
    counts: float = 3e6, contrast: float = CONTRAST,
) -> FitResult:  # fmt: skip
    pulse = expm(generator(RABI, t2star, detuned_mhz * MEGAHERTZ) * PI_TIME_S / 2)
    free = expm(generator(0.0, t2star, detuned_mhz * MEGAHERTZ) * gaps[:, None, None])
    w = (pulse @ free @ pulse)[:, 2, 2]
    data = counted(0.01 + contrast * (1 - w) / 2, seed, counts)
    fit = fit_ramsey(gaps, *data, pi_time_s=PI_TIME_S, frequency_hz=2.7e9)
    assert fit is not None
    return fit


PUMP = 1e4
READOUT = Readout(light_s=1.01e-3, windows_s=((0.0, 10e-6), (11e-6, 111e-6)))
T1_COLUMNS = ("plain", "flipped", "plain_late", "flipped_late")


def relaxation(seed: int, exponent: float, *, t1_s: float = 1e-3, depth: float = 2e4) -> FitResult:
    """Both programs from the integral over the light, by Simpson's rule."""
    rng = np.random.default_rng(seed)
    dark = np.tile(np.geomspace(5e-6, 5e-3, 14), 4)
    s = np.linspace(0, np.sqrt(READOUT.light_s), 401) ** 2
    columns = {}
    for (start, stop), tail in zip(READOUT.windows_s, ("", "_late"), strict=True):
        u = np.linspace(start, stop, 9)
        t = dark[:, None, None] + u[:, None] + s
        f = simpson(PUMP * np.exp(-PUMP * s) * np.exp(-((t / t1_s) ** exponent)), x=s)
        signal = simpson(f * np.exp(-PUMP * u), x=u) / 10e-6
        floor = 4e5 * (stop - start) / 10e-6
        columns[f"plain{tail}"] = rng.poisson(np.full(dark.size, floor))
        columns[f"flipped{tail}"] = rng.poisson(floor - depth * signal)
    fit = fit_relaxation(dark, columns, READOUT)
    assert fit is not None
    return fit


@pytest.mark.parametrize("exponent", [0.65, 0.8])
def test_a_decay_of_another_exponent_is_told(exponent: float) -> None:
    fits = [relaxation(seed, exponent) for seed in range(3)]
    for fit in fits:
        assert abs(pull(fit, "stretch_exponent", exponent)) < 3.5
        assert abs(pull(fit, "t1_s", 1e-3)) < 3.5
    assert any("Neither law" in note for fit in fits for note in fit.notes)


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_the_exponents_of_the_laws_are_found(exponent: float) -> None:
    fits = [relaxation(seed, exponent) for seed in range(3)]
    assert not any("Neither law" in note for fit in fits for note in fit.notes)
    assert max(abs(pull(fit, "stretch_exponent", exponent)) for fit in fits) < 3.5


def test_a_decay_far_longer_than_the_dark_times_is_said() -> None:
    fit = relaxation(1, 0.5, t1_s=1.0)
    assert any("outside the dark times" in note for note in fit.notes)


def pull(fit: FitResult, name: str, truth: float) -> float:
    value = fit.values[name]
    assert value.error > 0
    return (value.value - truth) / value.error


@pytest.mark.parametrize("detuned_mhz", [0.0, 3.0, 10.0, 25.0])
def test_inversion_knows_the_detuning(detuned_mhz: float) -> None:
    turn = generator(8 * MEGAHERTZ, 80e-9, detuned_mhz * MEGAHERTZ)
    expected = expm(turn * LOG[:, None, None])[:, 2, 2]
    got = inversion(LOG, 8 * MEGAHERTZ, 80e-9, (detuned_mhz * MEGAHERTZ) ** 2)
    assert got == pytest.approx(expected, abs=1e-9)
    both = inversion(LOG, [1e6, 8 * MEGAHERTZ], 80e-9, (detuned_mhz * MEGAHERTZ) ** 2)
    assert both[1] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("detuned_mhz", [3.0, 10.0])
def test_rabi_beside_the_line_is_that_on_the_line(detuned_mhz: float) -> None:
    fits = [rabi(LOG, seed, detuned_mhz=detuned_mhz) for seed in range(6)]
    truth = {
        "rabi_hz": 8e6,
        "t2star_s": 80e-9,
        "contrast": CONTRAST,
        "detuning_hz": detuned_mhz * 1e6,
    }
    for name, true in truth.items():
        assert np.max(np.abs([pull(fit, name, true) for fit in fits])) < 3.5, name
    assert all(any("beside the line" in note for note in fit.notes) for fit in fits)


def test_rabi_on_the_line_finds_no_detuning() -> None:
    fits = [rabi(LOG, seed) for seed in range(6)]
    assert [fit.values["detuning_hz"].value for fit in fits] == [0.0] * 6
    assert max(fit.values["detuning_hz"].error for fit in fits) < 2e6
    assert np.max(np.abs([pull(fit, "rabi_hz", 8e6) for fit in fits])) < 3.5


@pytest.mark.parametrize(
    "times", [np.geomspace(1e-8, 3e-6, 8), np.linspace(1e-8, 4e-7, 6), LOG[-8:]]
)
@pytest.mark.parametrize("detuned_mhz", [0.0, 6.0])
def test_few_pulse_lengths_give_numbers_or_words(
    times: NDArray[np.float64], detuned_mhz: float
) -> None:
    for seed in range(4):
        fit = rabi(times, seed, detuned_mhz=detuned_mhz)
        assert fit.values or fit.notes
        for name, value in fit.values.items():
            assert np.isfinite(value.value), name
            assert value.error > 0, name
            assert np.isfinite(value.error), name


def test_rabi_coarser_than_its_period_is_found_or_named() -> None:
    """Steps of 67 ns for 125 ns."""
    for seed in range(4):
        fit = rabi(np.linspace(5e-8, 2e-6, 30), seed, t2star=500e-9)
        named = any("Ambiguous" in note and "8.0" in note for note in fit.notes)
        assert named or abs(pull(fit, "rabi_hz", 8e6)) < 3.5


def test_zero_detuning_is_found() -> None:
    fits = [ramsey(GAPS, seed, detuned_mhz=0.0) for seed in range(12)]
    zero = [fit.values["detuning_hz"].value == 0 for fit in fits]
    assert sum(zero) >= 11
    assert all(
        any("not told apart from none" in n for n in fit.notes)
        for fit, z in zip(fits, zero, strict=True)
        if z
    )
    assert (
        np.max(np.abs([pull(fit, "t2star_s", 70e-9) for fit in fits if "t2star_s" in fit.values]))
        < 3.5
    )


def test_bright_zero_detuning_has_a_small_limit() -> None:
    fit = ramsey(GAPS, 1, detuned_mhz=0.0, counts=3e8)
    assert fit.values["detuning_hz"].value == 0
    assert fit.values["detuning_hz"].error < 0.5e6
    assert abs(pull(fit, "line_hz", 2.7e9)) < 1


@pytest.mark.parametrize("detuned_mhz", [2.0, 6.0, 9.5])
def test_a_clear_detuning_keeps_its_error(detuned_mhz: float) -> None:
    fits = [ramsey(GAPS, seed, detuned_mhz=detuned_mhz) for seed in range(6)]
    assert np.max(np.abs([pull(fit, "detuning_hz", 1e6 * detuned_mhz) for fit in fits])) < 3.5


def test_spins_that_forget_within_the_pulse_give_words() -> None:
    fit = ramsey(GAPS, 1, detuned_mhz=6.0, t2star=3e-9)
    assert not fit.values
    assert fit.notes


def test_spins_that_remember_longer_than_the_gaps_are_said_to() -> None:
    fit = ramsey(np.linspace(1e-8, 2e-7, 40), 2, detuned_mhz=6.0, t2star=20e-6, counts=3e5)
    assert "t2star_s" not in fit.values
    assert any("longer ones" in note for note in fit.notes)
    assert abs(pull(fit, "detuning_hz", 6e6)) < 3.5


@pytest.mark.parametrize("value", [0, 50_000])
def test_a_dead_or_saturated_detector_is_said(value: int) -> None:
    same = np.full(LOG.size, value)
    for fit in (
        fit_rabi(LOG, same, same),
        fit_ramsey(LOG, same, same, pi_time_s=PI_TIME_S, frequency_hz=2.7e9),
        fit_polarization(LOG, same, same, same, same),
        fit_relaxation(LOG, dict.fromkeys(T1_COLUMNS, same), READOUT),
    ):
        assert fit is not None
        assert not fit.values
        assert "APD2" in fit.notes[0]


def test_the_size_of_a_detuning_from_its_square() -> None:
    turn = 2 * np.pi
    clear = detuning_of((turn * 3e6) ** 2, 2 * turn**2 * 3e6 * 0.1e6)
    assert clear.hz == pytest.approx(3e6)
    assert clear.error_hz == pytest.approx(0.1e6)
    none = detuning_of(0.0, (turn * 1e6) ** 2)
    assert not none.resolved
    # The half of a normal distribution of the square, by quadrature.
    d = np.linspace(0, 4, 100_001)
    share = np.cumsum(np.exp(-(d**4) / 2))
    assert none.error_hz == pytest.approx(1e6 * np.interp(0.6827, share / share[-1], d), rel=1e-3)
