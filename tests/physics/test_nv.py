"""NV transitions against check values, symmetry and perturbation theory."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sim_backends.physics import nv

CODATA = {"gyromagnetic_hz_per_t": 28.0249514e9}


def field_at(angle_deg: float, magnitude_t: float) -> np.ndarray:
    """A field at an angle to the first NV axis."""
    across = np.cross(nv.AXES[0], [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    angle = np.radians(angle_deg)
    return magnitude_t * (np.cos(angle) * nv.AXES[0] + np.sin(angle) * across)


@pytest.mark.parametrize(("angle_deg", "slope_mhz"), [(45.0, 238.7), (55.0, 266.4)])
def test_slope_at_100_gauss(angle_deg: float, slope_mhz: float) -> None:
    low, high = (
        nv.transition_frequencies_hz(field_at(angle_deg + step, 10e-3), **CODATA)[0, 0]
        for step in (-0.01, 0.01)
    )
    assert abs(high - low) / np.radians(0.02) / 1e6 == pytest.approx(slope_mhz, abs=0.06)


@pytest.mark.parametrize(("angle_deg", "frequency_hz"), [(55.57, 2.70e9), (48.32, 2.65e9)])
def test_lower_transition_at_144_gauss(angle_deg: float, frequency_hz: float) -> None:
    line = nv.transition_frequencies_hz(field_at(angle_deg, 14.4e-3), **CODATA)[0, 0]
    assert line == pytest.approx(frequency_hz, abs=0.05e6)


def test_axial_field_splits_linearly() -> None:
    lines = nv.transition_frequencies_hz(3e-3 * nv.AXES[2])[2]
    assert lines == pytest.approx([2.87e9 - 84e6, 2.87e9 + 84e6], abs=1.0)


def test_transverse_field_shifts_to_second_order() -> None:
    across = np.cross(nv.AXES[0], nv.AXES[1])
    across *= 1e-3 / np.linalg.norm(across)
    b = 28e9 * 1e-3
    lines = nv.transition_frequencies_hz(across)[0]
    assert lines - 2.87e9 == pytest.approx([b**2 / 2.87e9, 2 * b**2 / 2.87e9], rel=1e-3)


def test_the_crystal_has_octahedral_symmetry() -> None:
    field = np.array([3.1e-3, -5.2e-3, 7.7e-3])
    lines = np.sort(nv.transition_frequencies_hz(field).ravel())
    for turn in Rotation.create_group("O"):
        turned = np.sort(nv.transition_frequencies_hz(turn.apply(field)).ravel())
        assert turned == pytest.approx(lines, rel=1e-12)
    assert np.sort(nv.transition_frequencies_hz(-field).ravel()) == pytest.approx(lines)


def test_field_maps_are_vectorised() -> None:
    fields = np.random.default_rng(1).normal(scale=5e-3, size=(5, 7, 3))
    lines = nv.transition_frequencies_hz(fields)
    assert lines.shape == (5, 7, 4, 2)
    assert lines[3, 4] == pytest.approx(nv.transition_frequencies_hz(fields[3, 4]))


def test_dipolar_rig_of_the_second_paper() -> None:
    crossing = np.array([92.7184, 26.4886, -26.4886]) * 1e-4
    lines = np.sort(nv.transition_frequencies_hz(crossing)[:, 0]) / 1e6
    assert lines == pytest.approx([2646.8, 2749.4, 2749.4, 2843.3], abs=0.06)


@pytest.mark.parametrize("bad", [[1.0, 2.0], [[np.nan, 0, 0]], 3.0])
def test_bad_fields_are_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="field_t"):
        nv.transition_frequencies_hz(bad)


def test_rotating_the_diamond_is_a_rotation() -> None:
    field = np.array([3e-3, 4e-3, 5e-3])
    turn = np.array([0.02, -0.01, 0.03])
    assert nv.rotate_field(field, turn) == pytest.approx(
        Rotation.from_rotvec(-turn).apply(field), rel=1e-12
    )
