"""The crystal planes on which NV classes are resonant (`002`, SM Sec. I B).

Two classes i, j have equal transitions where u_i.B = u_j.B, one of six {110} planes, or where
u_i.B = -u_j.B, one of three {100} planes, on which the two other classes are resonant as well.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim_backends.physics import nv
from sim_backends.physics.ranges import field_vectors, require_positive

PAIRS = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])
"""The pairs of classes i < j; each belongs to one {110} plane, shape (6, 2)."""

NORMALS_110 = (nv.AXES[PAIRS[:, 0]] - nv.AXES[PAIRS[:, 1]]) / np.sqrt(8.0 / 3.0)
"""Unit normals of the {110} planes u_i.B = u_j.B, in the order of `PAIRS`, shape (6, 3)."""

PAIRS_100 = np.array([[0, 5], [1, 4], [2, 3]])
"""The two rows of `PAIRS` that are resonant on each {100} plane x, y, z = 0, shape (3, 2)."""


@dataclass(frozen=True, kw_only=True)
class DegeneracyPlanes:
    """Where fields lie between the crystal planes on which classes are resonant.

    Attributes:
        distance_110_t: signed distance of the field from the plane of each of `PAIRS`, along
            `NORMALS_110`, T, shape (..., 6).
        distance_100_t: signed distance from the planes x = 0, y = 0, z = 0, T, shape (..., 3).
        gap_hz: nu_i - nu_j of each of `PAIRS`, nu = |0> -> lower level, shape (..., 6).
    """

    distance_110_t: NDArray[np.float64]
    distance_100_t: NDArray[np.float64]
    gap_hz: NDArray[np.float64]

    @property
    def gap_100_hz(self) -> NDArray[np.float64]:
        """Gaps of the two pairs that meet on each {100} plane, shape (..., 3, 2)."""
        return self.gap_hz[..., PAIRS_100]

    def resonant_pairs(self, width_hz: float = 6e6) -> NDArray[np.bool_]:
        """Which of `PAIRS` lie within `width_hz` of each other, by either plane, (..., 6)."""
        require_positive(width_hz=width_hz)
        return np.abs(self.gap_hz) <= width_hz

    def on_110(self, width_hz: float = 6e6) -> NDArray[np.bool_]:
        """Which {110} planes make their pair resonant within `width_hz`, shape (..., 6)."""
        other = np.empty_like(self.distance_110_t)
        other[..., PAIRS_100] = self.distance_100_t[..., None]
        nearer = np.abs(self.distance_110_t) <= np.abs(other)
        return self.resonant_pairs(width_hz) & nearer

    def on_100(self, width_hz: float = 6e6) -> NDArray[np.bool_]:
        """Which {100} planes make both their pairs resonant within `width_hz`, (..., 3)."""
        nearest_110 = np.abs(self.distance_110_t)[..., PAIRS_100].min(axis=-1)
        nearer = np.abs(self.distance_100_t) <= nearest_110
        return self.resonant_pairs(width_hz)[..., PAIRS_100].all(axis=-1) & nearer


def degeneracy_planes(
    field_t: ArrayLike,
    *,
    zero_field_splitting_hz: float = nv.ZERO_FIELD_SPLITTING_HZ,
    gyromagnetic_hz_per_t: float = nv.GYROMAGNETIC_HZ_PER_T,
) -> DegeneracyPlanes:
    """Distances of fields from the {110} and {100} planes, in T and in Hz (`002`, SM Sec. I B).

    Args:
        field_t: fields in the diamond frame, shape (..., 3), T.
        zero_field_splitting_hz: D.
        gyromagnetic_hz_per_t: gamma/2pi.

    Raises:
        ValueError: not a finite array of 3-vectors.
    """
    field = field_vectors(field_t)
    lower = nv.transition_frequencies_hz(
        field,
        zero_field_splitting_hz=zero_field_splitting_hz,
        gyromagnetic_hz_per_t=gyromagnetic_hz_per_t,
    )[..., 0]
    return DegeneracyPlanes(
        distance_110_t=field @ NORMALS_110.T,
        distance_100_t=field.copy(),
        gap_hz=lower[..., PAIRS[:, 0]] - lower[..., PAIRS[:, 1]],
    )
