"""Fits of the non-linear motion against closed forms and independent theory."""

import numpy as np
import pytest

from labctl.analysis.hysteresis import fit_hysteresis
from labctl.analysis.oscillation import describe_motion
from labctl.analysis.pulled_line import (
    CRITICAL_PULL,
    fold_detunings_hz,
    line_bend_per_hz,
    noisy_line,
    steepness,
)
from labctl.analysis.swept_angle import SweptAngle
from labctl.analysis.torque_balance import imbalance
from labctl.analysis.two_wells import count_stays, fit_two_wells
from labctl.errors import ParameterError
from sim_backends.physics.libration import SpinLibration
from sim_backends.physics.libration import fold_detunings_hz as theory
from sim_backends.physics.libration_equilibria import static_line


def test_folds_are_those_of_the_rate_equations() -> None:
    p = SpinLibration.paper_set("BISTW")
    line = static_line(p)
    unit = 1 / (2 * np.pi * p.t2star_s)
    width = unit * np.sqrt(1 + line.saturation)
    pull = unit * line.height / (1 + line.saturation)
    assert fold_detunings_hz(pull, width) == pytest.approx(theory(p), rel=1e-9)
    assert fold_detunings_hz(0.999 * CRITICAL_PULL * width, width) is None
    assert fold_detunings_hz(1.001 * CRITICAL_PULL * width, width) is not None


def test_a_bent_line_folds_where_its_curve_turns() -> None:
    pull, width, bend = 10e6, 4e6, 3e-9
    u = np.linspace(-20e6, 0, 400_001)
    eta = 1 / (1 + (u / width) ** 2 + bend * pull)
    curve = u - pull * (eta - 0.5 * bend * pull * eta**2)
    turns = curve[1:-1][np.diff(np.sign(np.diff(curve))) != 0]
    assert fold_detunings_hz(pull, width, bend) == pytest.approx(sorted(turns), rel=1e-6)


def test_the_bend_of_the_line_at_45_degrees_in_a_weak_field() -> None:
    """In a weak field nu = D - gamma B cos(theta), so nu''/nu'^2 = cos/(gamma B sin^2)."""
    zeeman = 28e9 * 1e-4
    found = line_bend_per_hz(2.87e9 - zeeman / np.sqrt(2), 1e-4)
    assert found == pytest.approx(np.sqrt(2) / zeeman, rel=5e-3)
    assert line_bend_per_hz(2.0e9, 1e-3) is None


def test_noise_does_not_shift_the_mean_of_the_line() -> None:
    rng = np.random.default_rng(1)
    noise = 0.8 * rng.standard_normal(400_000)
    for u in (0.0, 2.0, 5.0):
        steep = steepness(u + 0.5 * noise, 4.0, 0.16).mean()
        assert steep == pytest.approx((u / 8 / (1 + (u / 4) ** 2) ** 2) ** 2, abs=3e-4)
        value, _, _ = noisy_line(u + noise, 4.0, 0.64)
        error = value.std() / np.sqrt(noise.size)
        assert abs(value.mean() - 1 / (1 + (u / 4) ** 2)) < 4 * error + 1e-5
        for shift, which in ((1e-5, 1), (-1e-5, 1)):
            near = noisy_line(u + noise[:5] + shift, 4.0, 0.64)[0]
            here = noisy_line(u + noise[:5], 4.0, 0.64)
            assert (near - here[0]) / shift == pytest.approx(here[which], rel=1e-3, abs=1e-5)
    wide, narrow = (noisy_line(noise[:5], 4 + h, 0.64)[0] for h in (1e-5, -1e-5))
    assert (wide - narrow) / 2e-5 == pytest.approx(noisy_line(noise[:5], 4.0, 0.64)[2], rel=1e-5)


def static_sweeps(pull: float, width: float, sign: float, sweeps: int = 20) -> tuple[object, ...]:
    """Counts of a noiseless angle at rest, both branches, in Poisson light."""
    rng = np.random.default_rng(3)
    f = 2.7e9 + np.linspace(-16e6, 5e6, 120)
    u = np.linspace(-100e6, 100e6, 400_001)
    eta = 1 / (1 + (u / width) ** 2)
    curve = 2.7e9 + u - pull * eta
    branches = []
    for rising in (True, False):
        order = np.argsort(u if rising else -u, kind="stable")
        reach = (
            np.maximum.accumulate(curve[order]) if rising else np.minimum.accumulate(curve[order])
        )
        at = np.searchsorted(reach if rising else -reach, f if rising else -f)
        branches.append(eta[order][np.clip(at, 0, u.size - 1)])
    out = []
    for branch in branches:
        rate = 2e6 * (1 + sign * 0.4 * branch[None, :, None] * np.ones((sweeps, 1, 10)))
        out.append(rng.poisson(rate * 0.25e-3))
    return f, out[0], out[1]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_hysteresis_of_an_angle_at_rest(sign: float) -> None:
    pull, width = 10e6, 4e6
    f, up, down = static_sweeps(pull, width, sign)
    fit = fit_hysteresis(f, up, down, 0.25e-3)  # type: ignore[arg-type]
    folds = fold_detunings_hz(pull, width)
    assert folds is not None
    for name, fold in zip(("lower_fold_hz", "upper_fold_hz"), folds, strict=True):
        found = fit.values[name]
        assert abs(found.value - 2.7e9 - fold) < 4 * found.error + 2e4
    step = f[1] - f[0]  # type: ignore[index]
    assert fit.values["switch_up_hz"].value - 2.7e9 == pytest.approx(folds[1], abs=3 * step)
    assert fit.values["switch_down_hz"].value - 2.7e9 == pytest.approx(folds[0], abs=3 * step)


@pytest.mark.parametrize("rising", [True, False])
def test_the_path_of_the_angle_between_its_samples(rising: bool) -> None:
    """Averages over samples of a sine, a tenth of a period each: its value and its speed."""
    f, phase = np.linspace(2.7e9, 2.72e9, 60), 0.2 * np.pi * np.arange(481)
    edges = np.diff(-1e6 * np.cos(phase)) / np.diff(phase)
    sine = 4e6 + np.stack([edges] * 2).reshape(2, 60, 8)
    order = np.s_[:, :: 1 if rising else -1]
    side = SweptAngle.of(f, sine[order] * 2.5e-4, 2.5e-4, 0.0, rising=rising)
    middle = 0.5 * (phase[1:] + phase[:-1])
    for found, true, tolerance in (
        (side.path, 4e6 + 1e6 * np.sin(middle), 0.01 * 1e6),
        (side.speed, 0.2 * np.pi * 1e6 * np.cos(middle), 0.04 * 0.2 * np.pi * 1e6),
    ):
        inside = found[order].reshape(2, -1)[:, 3:-3]
        assert inside == pytest.approx(np.stack([true] * 2)[:, 3:-3], abs=tolerance)


def test_photon_noise_of_the_path_and_of_its_speed() -> None:
    counts = np.random.default_rng(9).poisson(500, (400, 60, 8))
    side = SweptAngle.of(np.linspace(2.7e9, 2.72e9, 60), counts, 2.5e-4, 0.0, rising=True)
    for values, variance in ((side.path, side.variance), (side.speed, side.speed_variance)):
        inside = np.s_[:, 1:-1]
        assert values[inside].var() == pytest.approx(variance[inside].mean(), rel=0.02)


def test_the_slopes_of_the_imbalance_are_its_derivatives() -> None:
    rng = np.random.default_rng(8)
    counts = rng.poisson(500 + 200 * rng.random((4, 60, 8)))
    side = SweptAngle.of(np.linspace(2.7e9, 2.72e9, 60), counts, 2.5e-4, 24e-9, rising=True)
    p, scale, bend = np.array([2712.0, 6.0, 4.0, 0.9, 1.8, 0.5, 0.04]), 1e6, 0.01
    slopes = imbalance(side, p, scale, bend)[1]
    for i in range(7):
        step = 1e-5 * np.eye(7)[i]
        ends = [imbalance(side, p + s * step, scale, bend)[0].mean(axis=0) for s in (1, -1)]
        # Photon noise and the lag move with the lever as well, which the slopes leave out.
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(slopes[:, i], rel=0.1, abs=0.01)


def test_hysteresis_of_noise_alone_says_so() -> None:
    rng = np.random.default_rng(1)
    f = np.linspace(2.7e9, 2.72e9, 60)
    fit = fit_hysteresis(f, rng.poisson(500, (9, 60, 8)), rng.poisson(500, (9, 60, 8)), 1e-3)
    assert any("No line" in note or "not bistable" in note for note in fit.notes)
    with pytest.raises(ParameterError, match="shape"):
        fit_hysteresis(f, np.ones((1, 60, 8)), np.ones((1, 60, 8)), 1e-3)


def telegraph(
    rng: np.random.Generator, mean_a: float, mean_b: float, duration: float, step: float
) -> np.ndarray:
    trace = np.zeros(round(duration / step))
    t, state = 0.0, 0
    while t < duration:
        stay = rng.exponential(mean_b if state else mean_a)
        trace[round(t / step) : round((t + stay) / step)] = state
        t, state = t + stay, 1 - state
    return trace


def test_residence_times_of_a_telegraph_signal_cut_into_short_records() -> None:
    """Records of four stays: whole stays alone would come out short by a third."""
    rng = np.random.default_rng(2)
    records = np.array([telegraph(rng, 0.2, 0.1, 0.6, 1e-3) for _ in range(1500)])
    noisy = records + 0.1 * rng.standard_normal(records.shape)
    for dead_s in (0.0, 0.02):
        stays = count_stays(noisy, 1e-3, (0.0, 1.0), dead_time_s=dead_s)
        assert abs(stays.a.mean_s - 0.2) < 4 * stays.a.error_s
        assert abs(stays.b.mean_s - 0.1) < 4 * stays.b.error_s
        assert stays.a.scatter < 1.1


def test_errors_of_residence_times_and_of_the_share() -> None:
    rng = np.random.default_rng(5)
    pulls = []
    for _ in range(300):
        stays = count_stays(telegraph(rng, 0.2, 0.1, 30.0, 1e-3), 1e-3, (0, 1), dead_time_s=0)
        pulls.append(
            [
                (stays.a.mean_s - 0.2) / stays.a.error_s,
                (stays.b.mean_s - 0.1) / stays.b.error_s,
                (stays.share_b - 1 / 3) / stays.share_b_error,
            ]
        )
    spread = np.std(pulls, axis=0)
    assert spread == pytest.approx([1, 1, 1], abs=0.15)


def test_two_gaussians_and_one() -> None:
    rng = np.random.default_rng(4)
    two = np.where(rng.random((30, 2000)) < 0.3, 6 + rng.standard_normal((30, 2000)),
                   1.5 * rng.standard_normal((30, 2000)))  # fmt: skip
    wells = fit_two_wells(two)
    found = wells.mean_a, wells.mean_b, wells.sigma_a, wells.sigma_b, wells.share_b
    errors = np.sqrt(np.diag(wells.covariance))
    assert wells.bistable
    for value, error, true in zip(found, errors, (0, 6, 1.5, 1, 0.3), strict=True):
        assert abs(value - true) < 4 * error
        assert error < 0.05
    assert not fit_two_wells(rng.standard_normal((30, 2000))).bistable
    with pytest.raises(ParameterError, match="never changes"):
        fit_two_wells(np.ones((3, 100)))


def test_kurtosis_and_likelihood_tell_noise_from_a_sine() -> None:
    rng = np.random.default_rng(6)
    t = np.arange(40_000) / 4e3
    sine = 5 * np.sin(2 * np.pi * 483.1 * t) + rng.standard_normal(t.size)
    steady = describe_motion(sine, 4e3, (380, 620))
    assert steady.oscillates
    assert steady.kurtosis == pytest.approx(-1.5, abs=0.05)
    assert steady.energy == pytest.approx(12.5, rel=0.02)
    pulls = []
    for _ in range(40):
        motion = describe_motion(rng.standard_normal(t.size), 4e3, (380, 620))
        assert not motion.oscillates
        pulls.append(
            [motion.kurtosis / motion.kurtosis_error,
             (motion.energy - 240 / 2000) / motion.energy_error]
        )  # fmt: skip
    assert np.std(pulls, axis=0) == pytest.approx([1, 1], abs=0.4)
