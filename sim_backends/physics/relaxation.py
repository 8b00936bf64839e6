"""Relaxation of dense spin ensembles and its measurement, under one name (`002`, SM II and III).

Rates and their quadrature are in `levy_ensemble`, the pulses in `t1_protocol`:

    protocol = relaxation.T1Protocol(t1_s=(1.61e-3,) * 4)
    protocol.expected([1e-4, 1e-3]).difference           # counts per shot
    protocol.sample(1e-3, 1000, rng).difference          # counts of 1000 shots
"""

from sim_backends.physics.levy_ensemble import (
    RateEnsemble,
    ensemble_decay,
    levy_density,
    levy_quadrature,
    sample_rates,
)
from sim_backends.physics.t1_protocol import Recharging, T1Protocol, T1Signal

__all__ = [
    "RateEnsemble",
    "Recharging",
    "T1Protocol",
    "T1Signal",
    "ensemble_decay",
    "levy_density",
    "levy_quadrature",
    "sample_rates",
]
