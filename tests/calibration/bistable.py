"""Priors of sweeps across a bistable angle: the Langevin equations, in photons."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from labctl.analysis.hysteresis import averaged_switch_hz, fit_hysteresis
from sequences.hysteresis import Hysteresis
from sim_backends.physics.libration import (
    Microwave,
    SpinLibration,
    fold_detunings_hz,
    simulate,
)
from sim_backends.physics.libration_equilibria import static_line
from tests.calibration.simulation import Calibration, Draw
from tests.physics.exact_world import ExactWorld
from tests.physics.quick_runs import measure

Floats = NDArray[np.float64]

RESONANCE_HZ = 2.72e9
STEPS, SAMPLES, DWELL_S, SETTLE_S = 200, 20, 5e-3, 50e-3
FINE = 4
"""Points per sample, over which it averages."""


@dataclass(frozen=True)
class Sweeps:
    """What is swept: the system, the light with its slope in 1/rad, and the range of detunings."""

    system: SpinLibration
    light_per_s: float
    slope_per_rad: float
    detuning_hz: Floats

    @classmethod
    def from_prior(cls, rng: Generator) -> "Sweeps":
        weak = replace(
            SpinLibration.paper_set("BISTW"),
            libration_hz=rng.uniform(200, 320),
            damping_hz=rng.uniform(10, 25),
            rabi_hz=rng.uniform(40e3, 80e3),
            pump_rate=rng.uniform(8e3, 2e4),
        )
        pull, width = pulled_line(weak)
        system = replace(weak, torque_s2=weak.torque_s2 * rng.uniform(1.8, 3.2) * width / pull)
        pull, width = pulled_line(system)
        start, stop = -pull - width * rng.uniform(1.0, 2.0), width * rng.uniform(0.7, 1.5)
        slope = rng.choice([-1, 1]) * rng.uniform(0.3, 0.6) / (pull / system.gradient_hz_per_rad)
        return cls(system, rng.uniform(1.5e6, 3e6), slope, np.linspace(start, stop, STEPS))

    @property
    def amplitude(self) -> float:
        """Largest change of the count rate, counts/s."""
        turn = pulled_line(self.system)[0] / self.system.gradient_hz_per_rad
        return self.light_per_s * self.slope_per_rad * turn

    @property
    def frequency_hz(self) -> Floats:
        return RESONANCE_HZ + self.detuning_hz

    def rates(self, rng: Generator, pairs: int) -> tuple[Floats, Floats]:
        """Count rates of sweeps up and down without photon noise, (pairs, STEPS, SAMPLES).

        The microwave is on 50 ms before the first sweep and stays on, as in the sequence.
        """
        steps = np.concatenate([self.detuning_hz, self.detuning_hz[::-1]])
        starts = SETTLE_S + np.arange(2 * STEPS) * DWELL_S
        starts[STEPS:] += SETTLE_S
        time_s = np.concatenate([[0.0], np.repeat(starts, 2), [starts[-1] + DWELL_S]])
        before = np.concatenate([steps[:1], steps[:-1]])
        detuning = np.concatenate(
            [steps[:1], np.stack([before, steps], axis=1).ravel(), steps[-1:]]
        )
        microwave = Microwave(list(time_s), list(detuning), [self.system.rabi_hz] * time_s.size)
        rate_hz = SAMPLES * FINE / DWELL_S
        angle = simulate(
            self.system, float(time_s[-1]), sample_rate_hz=rate_hz, trajectories=pairs,
            seed=int(rng.integers(1 << 31)), microwave=microwave,
        ).angle_rad  # fmt: skip
        seen = np.maximum(self.light_per_s * (1 + self.slope_per_rad * angle), 0.0)
        first, whole = round(SETTLE_S * rate_hz), STEPS * SAMPLES * FINE
        up, down = (
            seen[:, start : start + whole].reshape(pairs, STEPS, SAMPLES, FINE).mean(axis=3)
            for start in (first, 2 * first + whole)
        )
        return up, down[:, ::-1]

    def counts(self, rng: Generator, pairs: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same as photons."""
        up, down = self.rates(rng, pairs)
        return rng.poisson(up * DWELL_S / SAMPLES), rng.poisson(down * DWELL_S / SAMPLES)


def pulled_line(p: SpinLibration) -> tuple[float, float]:
    """Pull and half width of the saturated line in closed form, Hz."""
    line, unit = static_line(p), 1 / (2 * np.pi * p.t2star_s)
    return unit * line.height / (1 + line.saturation), unit * float(np.sqrt(1 + line.saturation))


def hysteresis(rng: Generator) -> Draw:
    sweeps = Sweeps.from_prior(rng)
    pull, width = pulled_line(sweeps.system)
    lower, upper = fold_detunings_hz(sweeps.system)
    up, down = sweeps.counts(rng, int(rng.integers(12, 41)))
    fit = fit_hysteresis(sweeps.frequency_hz, up, down, DWELL_S / SAMPLES)
    truth = {
        "resonance_hz": RESONANCE_HZ,
        "pull_hz": pull,
        "half_width_hz": width,
        "amplitude": sweeps.amplitude,
        "baseline": sweeps.light_per_s,
        "lower_fold_hz": RESONANCE_HZ + lower,
        "upper_fold_hz": RESONANCE_HZ + upper,
        "fold_distance_hz": upper - lower,
        "lower_fold_detuning_hz": lower,
        "upper_fold_detuning_hz": upper,
    }
    return truth, fit.values


POWERS_DBM = (-6.0, -5.0, -4.0, -3.0)

WORLDS, BLOCKS, BLOCK = 4, 4, 256


@cache
def switching(world: int) -> tuple[Sweeps, int, float, float]:
    """One draw of the prior, its pairs of sweeps, and where the mean of noiseless pairs jumps."""
    rng = np.random.default_rng([17, world])
    sweeps = Sweeps.from_prior(rng)
    means = np.zeros((2, STEPS))
    for _ in range(BLOCKS):
        means += [side.mean(axis=(0, 2)) / BLOCKS for side in sweeps.rates(rng, BLOCK)]
    above = np.sign(sweeps.amplitude) * (means - sweeps.light_per_s - sweeps.amplitude / 2)
    up, down = (averaged_switch_hz(sweeps.frequency_hz, trace) for trace in above)
    assert up is not None
    assert down is not None
    return sweeps, int(rng.integers(12, 41)), up, down


def switches(rng: Generator) -> Draw:
    sweeps, pairs, up_hz, down_hz = switching(int(rng.integers(WORLDS)))
    up, down = sweeps.counts(rng, pairs)
    fit = fit_hysteresis(sweeps.frequency_hz, up, down, DWELL_S / SAMPLES)
    truth = {
        "switch_up_hz": up_hz,
        "switch_down_hz": down_hz,
        "hysteresis_hz": up_hz - down_hz,
    }
    return truth, fit.values


@cache
def whole_diamond(power_dbm: float) -> Mapping[str, float]:
    """What a run on the rig `sim_bistable` must find at this power."""
    world = ExactWorld.of_rig("sim_bistable", power_dbm)
    line, (lower, upper) = world.line_hz(), world.folds_hz()
    return {
        "resonance_hz": line,
        "lower_fold_hz": line + lower,
        "upper_fold_hz": line + upper,
        "fold_distance_hz": upper - lower,
        "lower_fold_detuning_hz": lower,
        "upper_fold_detuning_hz": upper,
    }


def runs(rng: Generator) -> Draw:
    power_dbm = float(rng.choice(POWERS_DBM))
    truth = whole_diamond(power_dbm)
    fit = measure(
        Hysteresis, "sim_bistable", int(rng.integers(1 << 31)), power_dbm=power_dbm, sweeps=24,
        start_hz=truth["lower_fold_hz"] - rng.uniform(4e6, 7e6),
        stop_hz=truth["resonance_hz"] + rng.uniform(3e6, 6e6),
    )  # fmt: skip
    return truth, fit.values


PRIOR = (
    "Set BISTW of the Langevin equations with a libration of 200 to 320 Hz, damping 10 to 25 Hz,"
    " Rabi frequency 40 to 80 kHz, pump 8e3 to 2e4 per second and a pull of 1.8 to 3.2 half widths;"
)
SEEN = (
    " light of 1.5 to 3 Mcounts/s that changes by 30 to 60 % of either sign; 12 to 40 sweeps in"
    " either direction."
)

CALIBRATIONS = (
    Calibration(
        "hysteresis",
        PRIOR + SEEN,
        hysteresis,
        quick_draws=10,
        remarks={
            "upper_fold_hz": "a fifth of an error, 4 kHz, too high on the average",
            "amplitude": "200 draws know the share to 3 %",
        },
    ),
    Calibration(
        "hysteresis, jumps of the mean",
        f"{WORLDS} systems drawn from the prior of `hysteresis`; the truth is where the mean of"
        f" {BLOCKS * BLOCK} noiseless sweeps jumps.",
        switches,
        quick_draws=10,
        remarks={"switch_down_hz": "ten groups of sweeps; 200 draws know the share to 3 %"},
    ),
    Calibration(
        "hysteresis of the whole diamond",
        "Runs of 24 sweeps on the rig `sim_bistable` (four classes, three modes, a bent line, dead"
        f" time, drift) at {', '.join(f'{power:g}' for power in POWERS_DBM)} dBm, the range drawn;"
        " the truth is that of the noiseless equations.",
        runs,
        quick_draws=3,
        remarks=dict.fromkeys(
            ("resonance_hz", "upper_fold_hz", "upper_fold_detuning_hz"),
            "12 sweeps in either direction; 200 draws know the share to 3 %",
        ),
    ),
)
