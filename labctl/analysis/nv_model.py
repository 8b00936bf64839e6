"""The NV centre's two spin transitions per class, in closed form.

Written apart from the simulation, which diagonalises the 3x3 Hamiltonian numerically: an
analysis that shares its model with the data it is tested on tests nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ParameterError

ZERO_FIELD_SPLITTING_HZ = 2.870e9
GYROMAGNETIC_HZ_PER_T = 28.0e9

NV_AXES: NDArray[np.float64] = np.array(
    [[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=np.float64
) / np.sqrt(3.0)
"""Unit vectors of the four classes in the diamond frame, (4, 3)."""


def transition_frequencies_hz(
    field_t: ArrayLike,
    *,
    zero_field_splitting_hz: float = ZERO_FIELD_SPLITTING_HZ,
    gyromagnetic_hz_per_t: float = GYROMAGNETIC_HZ_PER_T,
) -> NDArray[np.float64]:
    """Frequencies |0> -> lower and |0> -> upper of the four classes.

    The levels of H/h = D Sz'^2 + b.S with b = gamma B (both in Hz) solve

        lam^3 - 2 D lam^2 + (D^2 - b^2) lam + D b_perp^2 = 0,

    which depends on the class only through b_par. With lam = 2D/3 + 2 s cos(theta_k) and
    s = sqrt(D^2 + 3 b^2)/3 the differences are sines, free of cancellation:

        nu_lower = 2 sqrt(3) s sin(theta),    nu_upper = 2 sqrt(3) s sin(theta + pi/3).

    3 theta comes from atan2 of the discriminant rather than from an arc cosine, which would
    lose half the digits near zero field.

    Args:
        field_t: field in the diamond frame, tesla, shape (..., 3).
        zero_field_splitting_hz: D.
        gyromagnetic_hz_per_t: gamma, 28.0e9 or the CODATA-like 28.0249514e9.

    Returns:
        Hertz, shape (..., 4, 2): classes in the order of `NV_AXES`, then lower and upper. |0>
        is the lowest level, which holds below the level crossing near 102 mT.

    Raises:
        ParameterError: the last axis of `field_t` is not 3 long.
    """
    field = np.asarray(field_t, dtype=np.float64)
    if field.ndim == 0 or field.shape[-1] != 3:
        raise ParameterError(f"Argument `field_t` must have shape (..., 3), not {field.shape}.")
    d = zero_field_splitting_hz
    # In units of D every polynomial below stays of order one.
    b = field * (gyromagnetic_hz_per_t / d)
    parallel2 = (b @ NV_AXES.T) ** 2
    total2 = np.sum(b * b, axis=-1)[..., None]
    minus_q = 2 * total2 / 3 - (total2 - parallel2) - 2 / 27
    discriminant = (
        4 * parallel2 + total2**2 + 18 * total2 * parallel2 - 27 * parallel2**2 + 4 * total2**3
    )
    theta = np.arctan2(np.sqrt(np.maximum(discriminant, 0.0) / 27), minus_q) / 3
    scale = 2 * d * np.sqrt((1 + 3 * total2) / 3)
    return np.stack([scale * np.sin(theta), scale * np.sin(theta + np.pi / 3)], axis=-1)


def fold_field(field_t: ArrayLike) -> NDArray[np.float64]:
    """The representative of a field under the symmetry of the four axes: Bx >= By >= Bz >= 0.

    The eight frequencies are unchanged by all 48 signed permutations of the components (the
    octahedral group with inversion), so no spectrum can tell these fields apart.

    Args:
        field_t: tesla, shape (..., 3).

    Returns:
        Tesla, same shape.
    """
    return -np.sort(-np.abs(np.asarray(field_t, dtype=np.float64)), axis=-1)


def equivalent_fields(field_t: ArrayLike) -> NDArray[np.float64]:
    """All 48 fields with the spectrum of `field_t` (3,), shape (48, 3), tesla."""
    field = np.asarray(field_t, dtype=np.float64)
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    signs = np.array(np.meshgrid([1, -1], [1, -1], [1, -1])).reshape(3, -1).T
    return np.concatenate([field[list(order)] * signs for order in orders])


def class_angles_rad(field_t: ArrayLike) -> NDArray[np.float64]:
    """Angle between the field (..., 3) and each axis taken without sign, 0 to pi/2, (..., 4)."""
    field = np.asarray(field_t, dtype=np.float64)
    parallel = np.abs(field @ NV_AXES.T)
    perpendicular = np.linalg.norm(np.cross(field[..., None, :], NV_AXES), axis=-1)
    return np.arctan2(perpendicular, parallel)
