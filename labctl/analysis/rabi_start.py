"""Where a fit of Rabi oscillations begins: the best places of a grid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STARTS = 3
SAME = 1.5
"""Distance of two frequencies, in units of 1/T2*, that lead to one minimum."""
SHARES = (0.0, 0.5, 0.8, 0.95)
"""Detunings over the frequency of the oscillation."""
FEWEST, MOST = 24, 800
"""Frequencies per T2*."""


class Start(NamedTuple):
    """Angular Rabi frequency, T2*, square of the angular detuning, in SI."""

    rabi_rad_s: float
    t2star_s: float
    detuning_square: float


def rough_oscillations(t: Floats, y: Floats, error: Floats) -> list[Start]:
    """The best starts of different frequency, best first.

    Oscillations at W = sqrt(O^2 + D^2) in the limit of weak damping, where the part along the
    axis of the drive, D^2/W^2, decays at O^2/W^2/T2* and the part that turns at
    (1 + D^2/W^2)/(2 T2*) (Torrey, Phys. Rev. 76 (1949) 1059), each beside one slow rise of other
    lines.

    Args:
        t: pulse lengths, shape (n,), rising.
        y: loss of light, shape (n,).
        error: standard errors, shape (n,).
    """
    turn, t2star, share = _grid(t)
    along = share**2
    damping = (1 + along) / (2 * t2star)
    sine = (along * (1 - along) / t2star + (1 - along) * damping) / turn
    w = along[:, None] * np.exp(-((1 - along) / t2star)[:, None] * t)
    phase = turn[:, None] * t
    w += np.exp(-damping[:, None] * t) * (
        (1 - along)[:, None] * np.cos(phase) + sine[:, None] * np.sin(phase)
    )
    gain = _gain(0.5 * (1 - w) / error, t, y / error, error)
    starts: list[Start] = []
    while len(starts) < STARTS and np.isfinite(gain.max()):
        n = int(np.argmax(gain))
        starts.append(
            Start(
                float(turn[n] * np.sqrt(1 - along[n])),
                float(t2star[n]),
                float(along[n] * turn[n] ** 2),
            )
        )
        gain[np.abs(turn - turn[n]) < SAME / t2star[n]] = -np.inf
    return starts


def _grid(t: Floats) -> tuple[Floats, Floats, Floats]:
    """Frequency, T2* and share of the detuning of every place, shape (m,) each."""
    rows = []
    for t2star in np.geomspace(t[0], t[-1], 12):
        lowest, highest = 0.5 / t2star, max(np.pi / t[0], 1 / t2star)
        # Frequencies that T2* parts, as far as they are not too many.
        number = int(np.clip((highest - lowest) * t2star / 1.5, FEWEST, MOST))
        spread = np.geomspace if number in (FEWEST, MOST) else np.linspace
        turn, share = np.meshgrid(spread(lowest, highest, number), SHARES)
        rows.append(np.stack([turn.ravel(), np.full(turn.size, t2star), share.ravel()]))
    turn, t2star, share = np.concatenate(rows, axis=1)
    return turn, t2star, share


def _gain(model: Floats, t: Floats, z: Floats, error: Floats) -> Floats:
    """Fall of chi-square by each model (m, n) with one rise; neither goes below zero."""
    rises = -np.expm1(-t / np.geomspace(10 * t[0], 3 * t[-1], 8)[:, None]) / error
    # Normal equations of one model and one rise, (m, 8).
    own, model_z = np.sum(model**2, axis=1)[:, None], (model @ z)[:, None]
    rise_rise, rise_z, shared = np.sum(rises**2, axis=1), rises @ z, model @ rises.T
    scale = own * rise_rise - shared**2
    scale = np.where(scale > 1e-12 * own * rise_rise, scale, np.inf)
    contrast = (model_z * rise_rise - rise_z * shared) / scale
    rise = (rise_z * own - model_z * shared) / scale
    both = np.where((contrast > 0) & (rise > 0), contrast * model_z + rise * rise_z, -np.inf)
    alone = np.where(model_z > 0, model_z**2 / own, -np.inf)
    return np.maximum(both, alone).max(axis=1)
