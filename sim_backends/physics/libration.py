"""Spin-cooled libration of a levitated diamond: the theory of `000`, under one name.

The equations are in `spin_libration`; this module gathers what a theorist calls:

    p = libration.SpinLibration.paper_set("COOL")
    libration.equilibria(p)[0].damping_hz       # 60.0
    libration.psd(p, frequency_hz)
    libration.simulate(p, 1.0, sample_rate_hz=1e4, trajectories=256).angle_rad
"""

from sim_backends.physics.libration_equilibria import (
    Equilibrium,
    equilibria,
    fold_detunings_hz,
    magnetisation,
)
from sim_backends.physics.libration_flow import flow, jacobian, microwave_rate
from sim_backends.physics.libration_lasing import lasing_threshold_hz
from sim_backends.physics.libration_response import (
    EffectiveTemperatures,
    effective_temperatures,
    psd,
    variances,
)
from sim_backends.physics.spin_libration import (
    Lineshape,
    SpinLibration,
    T1Convention,
    relaxation_channels,
)
from sim_backends.physics.trajectories import Microwave, Trajectories, ring_down, simulate

__all__ = [
    "EffectiveTemperatures",
    "Equilibrium",
    "Lineshape",
    "Microwave",
    "SpinLibration",
    "T1Convention",
    "Trajectories",
    "effective_temperatures",
    "equilibria",
    "flow",
    "fold_detunings_hz",
    "jacobian",
    "lasing_threshold_hz",
    "magnetisation",
    "microwave_rate",
    "psd",
    "relaxation_channels",
    "ring_down",
    "simulate",
    "variances",
]
