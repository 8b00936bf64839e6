"""Phonon lasing: threshold, growth and hysteresis against integration of the equations."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from sim_backends.physics import libration
from sim_backends.physics.libration import Lineshape, SpinLibration, T1Convention

PERCENT = 1e-2
EVERY_KIND = [
    pytest.param({"lineshape": line, "t1_convention": convention}, id=f"{line}-{convention}")
    for line in Lineshape
    for convention in T1Convention
]
PAPER = SpinLibration.paper_set
SAMPLES_PER_S = 50_000


def integrate(p: SpinLibration, start: np.ndarray, duration_s: float) -> np.ndarray:
    """States on a grid of `SAMPLES_PER_S`, shape (4, n)."""
    times = np.arange(0.0, duration_s, 1 / SAMPLES_PER_S)
    run = solve_ivp(
        lambda _, y: libration.flow(p, y), (0.0, duration_s), start,
        method="DOP853", rtol=1e-7, atol=1e-9, max_step=2e-4, t_eval=times,
    )  # fmt: skip
    assert run.success
    return run.y


def at_rest(p: SpinLibration) -> np.ndarray:
    """Angle zero, and the spins as laser and T1 leave them without microwaves."""
    (dark,) = libration.equilibria(replace(p, rabi_hz=0.0))
    return np.array([0.0, 0.0, *dark.populations[1:]])


def amplitude(angle: np.ndarray, frequency_hz: float) -> np.ndarray:
    """Half the span of the last period, at every sample from the first period on."""
    period = np.lib.stride_tricks.sliding_window_view(
        angle, round(SAMPLES_PER_S / frequency_hz) + 1
    )
    return 0.5 * np.ptp(period, axis=1)


@pytest.mark.parametrize(
    ("relaxation", "paper_khz", "exact_hz"),
    [(1e3, 24, 23_230), (2e3, 38, 38_007), (3e3, 59, 58_157)],
)
def test_calibrated_lasing_thresholds(relaxation: float, paper_khz: float, exact_hz: float) -> None:
    threshold = libration.lasing_threshold_hz(replace(PAPER("LASE"), relaxation_rate=relaxation))
    assert threshold == pytest.approx(1e3 * paper_khz, rel=3.5 * PERCENT)
    assert threshold == pytest.approx(exact_hz, rel=0.01 * PERCENT)


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("name", ["LASE_B", "LASE", "BIST", "COOL"])
def test_threshold_is_where_a_slow_ramp_first_finds_no_stable_equilibrium(
    name: str, kind: dict
) -> None:
    p = replace(PAPER(name), **kind)
    threshold = libration.lasing_threshold_hz(p)
    ramp = np.geomspace(1e2, 1e6, 400)
    followed = [
        min(libration.equilibria(replace(p, rabi_hz=r)), key=lambda e: abs(e.angle_rad))
        for r in ramp
    ]
    unstable = [r for r, point in zip(ramp, followed, strict=True) if not point.stable]
    if not unstable:
        assert math.isnan(threshold)
        return
    assert unstable[0] / ramp[1] * ramp[0] <= threshold <= unstable[0]
    for factor, stable in ((1 - 1e-7, True), (1 + 1e-7, False)):
        points = libration.equilibria(replace(p, rabi_hz=threshold * factor))
        assert min(points, key=lambda e: abs(e.angle_rad)).stable is stable


def test_undamped_mode_lases_at_any_blue_drive_and_at_no_red_one() -> None:
    p = replace(PAPER("COOL"), damping_hz=0.0, detuning_hz=7e6)
    assert libration.lasing_threshold_hz(p) == 0.0
    assert math.isnan(libration.lasing_threshold_hz(replace(p, detuning_hz=-7e6)))


def test_calibrated_growth_from_rest() -> None:
    """LASE_B: 0.0494 rad, 95 % after 118 ms (paper: 0.05 rad, about 120 ms), 488 Hz."""
    p = PAPER("LASE_B")
    angle = integrate(p, at_rest(p), 0.4)[0]
    envelope = amplitude(angle, 488.0)
    assert envelope[-1] == pytest.approx(0.0494, rel=0.5 * PERCENT)
    reached = np.argmax(envelope > 0.95 * envelope[-1]) + angle.size - envelope.size
    assert reached / SAMPLES_PER_S == pytest.approx(0.118, rel=0.5 * PERCENT)
    settled = angle[-10_000:] - angle[-10_000:].mean()
    rising = np.flatnonzero((settled[:-1] < 0) & (settled[1:] >= 0))
    frequency = SAMPLES_PER_S / np.diff(rising).mean()
    assert frequency == pytest.approx(488, rel=0.5 * PERCENT)


@pytest.mark.parametrize(("ratio", "grows"), [(0.99, False), (1.01, True)])
def test_small_motion_grows_above_the_threshold_only(ratio: float, grows: bool) -> None:
    p = PAPER("LASE")
    p = replace(p, rabi_hz=ratio * libration.lasing_threshold_hz(p))
    (point,) = libration.equilibria(p)
    start = np.array([point.angle_rad + 1e-5, 0.0, *point.populations[1:]])
    envelope = amplitude(integrate(p, start, 0.5)[0], point.frequency_hz)
    assert bool(envelope[-1] > envelope[0]) is grows


def test_oscillation_outlives_its_threshold_on_the_way_down() -> None:
    """The bifurcation is subcritical: the oscillation of LASE lasts to about 15 % below it."""
    p = PAPER("LASE")
    threshold = libration.lasing_threshold_hz(p)
    state = at_rest(p) + np.array([0.04, 0.0, 0.0, 0.0])
    lasts = {}
    for ratio in (1.0, 0.92, 0.86, 0.80):
        run = integrate(replace(p, rabi_hz=ratio * threshold), state, 0.5)
        state = run[:, -1]
        lasts[ratio] = amplitude(run[0], 490.0)[-1]
    assert lasts[1.0] > lasts[0.92] > lasts[0.86] > 0.025
    assert lasts[0.80] < 1e-3
