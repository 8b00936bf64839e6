"""Where the classes meet: distances from the {110} and {100} planes."""

import numpy as np
import pytest

from sim_backends.physics import cross_relaxation, nv
from sim_backends.physics.crystal_planes import NORMALS_110, PAIRS, PAIRS_100

B_T = 10e-3


def test_planes_are_where_transitions_meet() -> None:
    rng = np.random.default_rng(9)
    for n, normal in enumerate(NORMALS_110):
        field = rng.normal(scale=5e-3, size=3)
        field -= (field @ normal) * normal
        planes = cross_relaxation.degeneracy_planes(field + 2e-6 * normal)
        assert planes.distance_110_t[n] == pytest.approx(2e-6, rel=1e-9)
        assert nv.AXES[PAIRS[n, 0]] @ field == pytest.approx(nv.AXES[PAIRS[n, 1]] @ field)
        assert abs(planes.gap_hz[n]) < 0.2e6
        assert planes.on_110(1e6).tolist() == [i == n for i in range(6)]
        assert not planes.on_100(1e6).any()
    for n, normal in enumerate(np.eye(3)):
        field = rng.normal(scale=5e-3, size=3) * (1 - normal)
        planes = cross_relaxation.degeneracy_planes(field + 2e-6 * normal)
        assert planes.distance_100_t[n] == pytest.approx(2e-6, rel=1e-9)
        for i, j in PAIRS[PAIRS_100[n]]:
            assert nv.AXES[i] @ field == pytest.approx(-nv.AXES[j] @ field)
        assert np.abs(planes.gap_100_hz[n]).max() < 0.2e6
        assert planes.on_100(1e6).tolist() == [i == n for i in range(3)]
        assert not planes.on_110(1e6).any()


def test_gap_closes_on_its_two_planes_only() -> None:
    fields = np.random.default_rng(10).normal(scale=6e-3, size=(500, 3))
    planes = cross_relaxation.degeneracy_planes(fields)
    assert planes.gap_hz.shape == planes.distance_110_t.shape == (500, 6)
    other = np.empty((500, 6))
    for n, rows in enumerate(PAIRS_100):
        other[:, rows] = planes.distance_100_t[:, [n]]
    inside = np.linalg.norm(fields, axis=1) < 20e-3
    # nu falls as (u.B)^2 grows, and (u_i.B)^2 - (u_j.B)^2 is the product of the two distances.
    side = np.sign(planes.distance_110_t * other)
    for (i, j), gap, product in zip(PAIRS, planes.gap_hz[inside].T, side[inside].T, strict=True):
        sign = np.sign(np.prod(nv.AXES[i] + nv.AXES[j] + (nv.AXES[i] + nv.AXES[j] == 0)))
        assert np.all(np.sign(gap) == -sign * product)


def test_corner_directions_lie_on_many_planes() -> None:
    """`002`, SM Sec. I B: four classes meet on [100], three on [111]."""
    planes = cross_relaxation.degeneracy_planes(B_T * np.array([[0, 0, 1.0], nv.AXES[0]]))
    assert planes.resonant_pairs().sum(axis=-1).tolist() == [6, 3]
    assert planes.on_110().sum(axis=-1).tolist() == [2, 3]
    assert planes.on_100().tolist() == [[True, True, False], [False] * 3]


def test_the_nearer_plane_explains_a_resonance() -> None:
    normal, rest = NORMALS_110[0], np.cross([1.0, 0.0, 0.0], NORMALS_110[0])
    for toward_110, toward_100 in ((1e-4, 2e-4), (2e-4, 1e-4)):
        field = B_T * rest + toward_110 * normal + [toward_100, 0, 0]
        planes = cross_relaxation.degeneracy_planes(field)
        assert planes.resonant_pairs()[0]
        assert planes.on_110()[0] == (toward_110 < toward_100)


def test_both_pairs_are_resonant_on_a_100_plane() -> None:
    planes = cross_relaxation.degeneracy_planes([1e-3, 9.1e-3, 4e-3])
    first, second = np.abs(planes.gap_100_hz[0])
    assert first > second + 4e6
    between = (first + second) / 2
    assert planes.on_100(1.1 * first)[0]
    assert not planes.on_100(between)[0]
