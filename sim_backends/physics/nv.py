"""The spin-1 ground state of the four NV classes of a diamond.

H/h = D Sz'^2 + (gamma/2pi) B.S in the frame of each class, diagonalised exactly
(`000`, SI Eq. 7; `002`, SM Sec. I A). Fields are vectors in the diamond frame, in tesla.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

ZERO_FIELD_SPLITTING_HZ = 2.870e9
GYROMAGNETIC_HZ_PER_T = 28.0e9

AXES = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float) / np.sqrt(3.0)
"""Unit vectors of the four classes in the diamond frame, shape (4, 3)."""


def field_components(field_t: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Components along and across each NV axis.

    Args:
        field_t: field vectors in the diamond frame in T, shape (..., 3).

    Returns:
        (parallel, signed; perpendicular, >= 0), each of shape (..., 4), in T.

    Raises:
        ValueError: not a finite array of 3-vectors.
    """
    field = np.asarray(field_t, dtype=float)
    if field.shape[-1:] != (3,) or not np.all(np.isfinite(field)):
        raise ValueError("field_t must be finite, with shape (..., 3)")
    parallel = field @ AXES.T
    square = np.sum(field**2, axis=-1)[..., None]
    return parallel, np.sqrt(np.maximum(square - parallel**2, 0.0))


def hamiltonian_hz(
    field_t: ArrayLike,
    *,
    zero_field_splitting_hz: float = ZERO_FIELD_SPLITTING_HZ,
    gyromagnetic_hz_per_t: float = GYROMAGNETIC_HZ_PER_T,
) -> NDArray[np.float64]:
    """H/h of each class in its own frame, x along the transverse field.

    Args:
        field_t: shape (..., 3), T, diamond frame.
        zero_field_splitting_hz: D.
        gyromagnetic_hz_per_t: gamma/2pi.

    Returns:
        Real symmetric matrices in the basis (+1, 0, -1), shape (..., 4, 3, 3), in Hz.
    """
    parallel, perpendicular = field_components(field_t)
    b_par = gyromagnetic_hz_per_t * parallel
    b_perp = gyromagnetic_hz_per_t * perpendicular / np.sqrt(2.0)
    matrix = np.zeros((*b_par.shape, 3, 3))
    matrix[..., 0, 0] = zero_field_splitting_hz + b_par
    matrix[..., 2, 2] = zero_field_splitting_hz - b_par
    for row, column in ((0, 1), (1, 0), (1, 2), (2, 1)):
        matrix[..., row, column] = b_perp
    return matrix


def transition_frequencies_hz(
    field_t: ArrayLike,
    *,
    zero_field_splitting_hz: float = ZERO_FIELD_SPLITTING_HZ,
    gyromagnetic_hz_per_t: float = GYROMAGNETIC_HZ_PER_T,
) -> NDArray[np.float64]:
    """Frequencies of |0> -> lower and |0> -> upper of every class.

    Args:
        field_t: field in the diamond frame, shape (..., 3), T; below the level crossing at
            102 mT, so that |0> is the lowest level.
        zero_field_splitting_hz: D.
        gyromagnetic_hz_per_t: gamma/2pi.

    Returns:
        Shape (..., 4, 2), Hz, classes in the order of `AXES`.

    Raises:
        ValueError: not a finite array of 3-vectors.
    """
    levels = np.linalg.eigvalsh(
        hamiltonian_hz(
            field_t,
            zero_field_splitting_hz=zero_field_splitting_hz,
            gyromagnetic_hz_per_t=gyromagnetic_hz_per_t,
        )
    )
    return levels[..., 1:] - levels[..., :1]


def rotate_field(field_t: ArrayLike, angle_rad: ArrayLike) -> NDArray[np.float64]:
    """The lab field as the diamond sees it after turning by a rotation vector.

    Args:
        field_t: shape (3,), in the diamond frame before it turned.
        angle_rad: rotation vector of the diamond, shape (3,).

    Returns:
        Field in the turned diamond's frame, shape (3,) (Rodrigues' formula).
    """
    field, angle = np.asarray(field_t, dtype=float), np.asarray(angle_rad, dtype=float)
    turn = float(np.linalg.norm(angle))
    if turn == 0.0:
        return field.copy()
    axis = -angle / turn
    return (
        field * np.cos(turn)
        + np.cross(axis, field) * np.sin(turn)
        + axis * (axis @ field) * (1 - np.cos(turn))
    )
