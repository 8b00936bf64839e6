"""Models and fits of pulsed measurements, against quadrature, solvers and the exact protocol."""

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from labctl.analysis.alternating import sum_sweeps
from labctl.analysis.bloch import (
    inversion,
    pi_time,
    rabi_of_pi_time,
    ramsey_inversion,
    saturation_time,
)
from labctl.analysis.polarization import fit_polarization
from labctl.analysis.rabi import fit_rabi
from labctl.analysis.ramsey import fit_ramsey
from labctl.analysis.relaxation import Readout, fit_relaxation, polarization, window_signal
from labctl.analysis.weighted_fit import fit_weighted
from labctl.errors import ParameterError
from sim_backends.physics.t1_protocol import T1Protocol

MEGAHERTZ = 2e6 * np.pi
PUMP = 1e4
WINDOWS = ((0.0, 10e-6), (11e-6, 111e-6))


def bloch(rabi: float, t2star: float, detuning: float, pulses: list[tuple[float, bool]]) -> float:
    """w after pulses of (duration, on), by an integrator."""
    state = np.array([0.0, 0.0, 1.0])
    for duration_s, on in pulses:
        o = rabi * on

        def slope(_t: float, s: np.ndarray, o: float = o) -> list[float]:
            u, v, w = s
            return [
                -u / t2star + detuning * v,
                -v / t2star - detuning * u + o * w,
                -o * v,
            ]

        state = solve_ivp(slope, (0, duration_s), state, rtol=1e-9, atol=1e-11).y[:, -1]
    return float(state[2])


@pytest.mark.parametrize("rabi_mhz", [0.3, 1.0, 1.6, 8.0])
@pytest.mark.parametrize("time_s", [10e-9, 60e-9, 500e-9])
def test_inversion_solves_the_bloch_equations(rabi_mhz: float, time_s: float) -> None:
    rabi = rabi_mhz * MEGAHERTZ
    expected = bloch(rabi, 80e-9, 0.0, [(time_s, True)])
    assert inversion(time_s, rabi, 80e-9) == pytest.approx(expected, abs=1e-6)


def test_inversion_is_continuous_at_critical_damping() -> None:
    critical = 0.5 / 80e-9
    around = [float(inversion(1e-7, critical * f, 80e-9)) for f in (1 - 1e-9, 1.0, 1 + 1e-9)]
    assert np.ptp(around) < 1e-7


def test_the_pi_time_inverts_most() -> None:
    rabi, t2star = 8 * MEGAHERTZ, 80e-9
    times = np.linspace(1e-9, 400e-9, 40_000)
    assert pi_time(rabi, t2star) == pytest.approx(
        times[np.argmin(inversion(times, rabi, t2star))], rel=1e-3
    )
    assert rabi_of_pi_time(pi_time(rabi, t2star), t2star) == pytest.approx(rabi)
    assert pi_time(1e5, t2star) == np.inf


def test_saturation_is_what_the_rate_says_when_overdamped() -> None:
    rabi, t2star = 0.1 * MEGAHERTZ, 50e-9
    assert saturation_time(rabi, t2star) == pytest.approx(
        -np.log(0.05) / (rabi**2 * t2star), rel=0.01
    )


@pytest.mark.parametrize("gap_s", [15e-9, 90e-9])
@pytest.mark.parametrize("detuning_mhz", [0.0, 6.0])
def test_ramsey_solves_the_bloch_equations(gap_s: float, detuning_mhz: float) -> None:
    rabi, detuning = 8 * MEGAHERTZ, detuning_mhz * MEGAHERTZ
    pulses = [(31e-9, True), (gap_s, False), (31e-9, True)]
    expected = bloch(rabi, 70e-9, detuning, pulses)
    got = ramsey_inversion(
        gap_s, rabi_rad_s=rabi, t2star_s=70e-9, detuning_square=detuning**2, pulse_s=31e-9
    )
    assert got == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("light_s", [np.inf, 1e-4])
@pytest.mark.parametrize("time_s", [0.0, 1e-5, 1e-3])
def test_stretched_polarisation_is_its_integral(time_s: float, light_s: float) -> None:
    t1_s = 490e-6
    end = min(light_s, 60 / PUMP)
    expected, _ = quad(
        lambda s: PUMP * np.exp(-PUMP * s - np.sqrt((time_s + s) / t1_s)), 0, end, epsabs=1e-12
    )
    got = polarization(time_s, t1_s, PUMP, stretched=True, light_s=light_s)
    assert got == pytest.approx(expected, rel=1e-6)
    endless = polarization(time_s, t1_s, np.inf, stretched=True)
    assert endless == pytest.approx(np.exp(-np.sqrt(time_s / t1_s)))


@pytest.mark.parametrize("stretched", [False, True])
@pytest.mark.parametrize("t1_s", [1.61e-3, 220e-6])
def test_the_first_window_is_the_signal_of_the_exact_protocol(t1_s: float, stretched: bool) -> None:
    """Against propagators without approximation, in the periodic state of both programs."""
    protocol = T1Protocol(t1_s=(t1_s,) * 4, pump_rate=PUMP, stretched=stretched)
    dark = np.geomspace(5e-6, 3 * t1_s, 12)
    exact = protocol.expected(dark).difference
    readout = Readout(light_s=protocol.polarise_s + protocol.read_s, windows_s=WINDOWS)
    model = window_signal(dark, t1_s, PUMP, readout, 0, stretched=stretched)
    assert np.ptp(exact / model) / np.mean(exact / model) < 4e-3


def readings(rng: np.random.Generator, stretched: bool, t1_s: float = 1e-3, sweeps: int = 4):
    dark = np.tile(np.geomspace(5e-6, 5e-3, 14), sweeps)
    readout = Readout(light_s=1.01e-3, windows_s=WINDOWS)
    columns = {}
    for window, tail in enumerate(("", "_late")):
        signal = window_signal(dark, t1_s, PUMP, readout, window, stretched=stretched)
        floor = 4e5 * (WINDOWS[window][1] - WINDOWS[window][0]) / 10e-6
        columns[f"plain{tail}"] = rng.poisson(floor + 0.0 * signal)
        columns[f"flipped{tail}"] = rng.poisson(floor - 2e4 * signal)
    return dark, columns, readout


@pytest.mark.parametrize("stretched", [False, True])
def test_the_law_of_the_ensemble_is_preferred(stretched: bool) -> None:
    fit = fit_relaxation(*readings(np.random.default_rng(1), stretched))
    assert fit is not None
    assert ("stretched" in fit.model) is stretched
    t1 = fit.values["t1_s"]
    assert abs(t1.value - 1e-3) < 3 * t1.error
    table = fit.tables["models"].columns
    better, worse = (1, 0) if stretched else (0, 1)
    assert table["r_squared"][better] > table["r_squared"][worse]
    assert table["aic"][better] < table["aic"][worse]


def test_a_known_polarisation_rate_is_kept() -> None:
    dark, columns, readout = readings(np.random.default_rng(2), True)
    known = Readout(light_s=readout.light_s, windows_s=readout.windows_s, pump_per_s=PUMP)
    fit = fit_relaxation(dark, columns, known)
    assert fit is not None
    assert "polarization_rate_per_s" not in fit.values
    assert abs(fit.values["t1_s"].value - 1e-3) < 3 * fit.values["t1_s"].error


def test_ignoring_the_polarisation_rate_finds_t1_too_long() -> None:
    dark, columns, readout = readings(np.random.default_rng(2), True)
    endless = Readout(light_s=readout.light_s, windows_s=((0, 1e-9), (2e-9, 3e-9)), pump_per_s=1e7)
    twice = {**columns, "plain_late": columns["plain"], "flipped_late": columns["flipped"]}
    fit = fit_relaxation(dark, twice, endless)
    assert fit is not None
    assert 1.15e-3 < fit.values["t1_stretched_s"].value < 1.7e-3


def test_nothing_to_see_is_said() -> None:
    rng = np.random.default_rng(3)
    time = np.tile(np.geomspace(1e-8, 1e-5, 20), 3)
    flat = [rng.poisson(1e4, time.size) for _ in range(4)]
    fits = [
        (fit_rabi(time, *flat[:2]), "No effect"),
        (fit_ramsey(time, *flat[:2], pi_time_s=60e-9, frequency_hz=2.7e9), "No fringes"),
        (fit_polarization(time, *flat), "shows no effect"),
    ]
    dark, columns, readout = readings(rng, True)
    flat_columns = {name: rng.poisson(1e4, dark.size) for name in columns}
    fits.append((fit_relaxation(dark, flat_columns, readout), "No difference"))
    for fit, words in fits:
        assert fit is not None
        assert any(words in note for note in fit.notes), words
        assert not fit.values
    dead = np.zeros(time.size)
    for fit in (
        fit_rabi(time, dead, dead),
        fit_ramsey(time, dead, dead, pi_time_s=60e-9, frequency_hz=2.7e9),
        fit_polarization(time, dead, dead, dead, dead),
        fit_relaxation(dark, dict.fromkeys(columns, np.zeros(dark.size)), readout),
    ):
        assert fit is not None
        assert fit.notes


def test_too_few_times_give_no_fit() -> None:
    two, counts = np.array([1e-6, 2e-6]), np.array([10, 12])
    assert fit_rabi(two, counts, counts) is None
    assert fit_ramsey(two, counts, counts, pi_time_s=1e-7, frequency_hz=1e9) is None
    assert fit_polarization(two, counts, counts, counts, counts) is None


def test_sums_of_sweeps() -> None:
    summed = sum_sweeps([2e-6, 1e-6, 2e-6 * (1 + 1e-12)], [10, 20, 30], [1, 2, 3])
    assert summed.time_s == pytest.approx([1e-6, 2e-6])
    assert summed.sums.tolist() == [[20, 40], [2, 4]]
    assert summed.points.tolist() == [1, 2]
    value, error = summed.difference(0, 1)
    assert value == pytest.approx([18, 18])
    assert error == pytest.approx([np.sqrt(22), np.sqrt(44) / 2])
    loss, error = summed.loss(0, 1)
    assert loss == pytest.approx([0.9, 0.9])
    assert error == pytest.approx(0.1 * np.sqrt([1 / 20 + 1 / 2, 1 / 40 + 1 / 4]))


@pytest.mark.parametrize("counts", [0.3, 3.0, 15.0, 1e5])
def test_the_loss_of_mere_noise_is_nothing(counts: float) -> None:
    """Its weighted mean scatters by its error around zero, however few the counts."""
    rng = np.random.default_rng(3)
    pulls = []
    for _ in range(500):
        loss, error = sum_sweeps(np.arange(1.0, 61.0), *rng.poisson(counts, (2, 60))).loss(0, 1)
        pulls.append(np.sum(loss / error**2) / np.sqrt(np.sum(error**-2)))
    assert abs(np.mean(pulls)) < 0.2
    assert np.mean(np.abs(pulls) > 3) <= 0.01


def test_the_loss_of_a_strong_effect_is_its_own() -> None:
    """Where the effect stands out, point by point 1 - driven/reference with its Poisson error."""
    rng = np.random.default_rng(4)
    ratio = np.repeat([0.5, 0.9], 20)
    driven, reference = rng.poisson(1e5 * ratio), rng.poisson(1e5, 40)
    loss, error = sum_sweeps(np.arange(1.0, 41.0), driven, reference).loss(1, 0)
    assert loss == pytest.approx(1 - driven / reference, abs=1e-4)
    own = driven / reference * np.sqrt(1 / driven + 1 / reference)
    assert error == pytest.approx(own, rel=2e-3)


def test_where_nothing_loses_light_no_oscillation_is_sought() -> None:
    """Pulses that gain light everywhere."""
    time_s = np.geomspace(1e-8, 3e-5, 60)
    fit = fit_rabi(time_s, np.full(60, 1010), np.full(60, 1000))
    assert fit is not None
    assert not fit.values
    assert fit.notes


@pytest.mark.parametrize(
    ("time", "counts"), [([], []), ([1.0], [1, 2]), ([1.0], [np.nan]), ([1.0], [-1])]
)
def test_bad_sums_are_refused(time: list[float], counts: list[float]) -> None:
    with pytest.raises(ParameterError):
        sum_sweeps(time, counts)


def test_a_weighted_fit_has_the_covariance_of_linear_least_squares() -> None:
    rng = np.random.default_rng(5)
    x, error = np.linspace(0, 1, 30), np.linspace(0.1, 0.3, 30)
    y = 2.0 + 3.0 * x + error * rng.standard_normal(30)
    fit = fit_weighted(lambda a, b: a + b * x, {"a": 1.0, "b": 1.0}, y, error, positive=("b",))
    design = np.stack([np.ones(30), x], axis=1) / error[:, None]
    covariance = np.linalg.inv(design.T @ design)
    assert fit.best == pytest.approx(covariance @ design.T @ (y / error), rel=1e-5)
    assert fit.covariance == pytest.approx(covariance, rel=1e-4)
    both = fit.error_of(lambda a, b: a + b)
    assert both == pytest.approx(np.sqrt(covariance.sum()), rel=1e-4)
