"""The closed-form transitions against diagonalisation, symmetry and the reference values."""

import numpy as np
import pytest

from labctl.analysis.nv_model import (
    NV_AXES,
    class_angles_rad,
    equivalent_fields,
    fold_field,
    transition_frequencies_hz,
)
from labctl.errors import ParameterError

D, GAMMA = 2.870e9, 28.0249514e9


def _diagonalised(field_t):
    sz = np.diag([1.0, 0.0, -1.0])
    sx = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / np.sqrt(2)
    sy = np.array([[0, -1j, 0], [1j, 0, -1j], [0, 1j, 0]]) / np.sqrt(2)
    lines = []
    for axis in NV_AXES:
        side = np.cross(axis, [1.0, 0.0, 0.0])
        side /= np.linalg.norm(side)
        third = np.cross(axis, side)
        bx, by, bz = field_t @ side, field_t @ third, field_t @ axis
        levels = np.linalg.eigvalsh(D * sz @ sz + GAMMA * (bx * sx + by * sy + bz * sz))
        lines.append([levels[1] - levels[0], levels[2] - levels[0]])
    return np.array(lines)


def _lines(field_t):
    return transition_frequencies_hz(
        field_t, zero_field_splitting_hz=D, gyromagnetic_hz_per_t=GAMMA
    )


def test_transitions_equal_diagonalisation():
    rng = np.random.default_rng(5)
    fields = rng.normal(size=(200, 3))
    fields *= (rng.uniform(0, 0.05, 200) / np.linalg.norm(fields, axis=1))[:, None]
    expected = np.array([_diagonalised(field) for field in fields])
    assert _lines(fields) == pytest.approx(expected, abs=20)


def test_weak_field_keeps_its_digits():
    """An arc cosine would be wrong by tens of kilohertz here."""
    lines = _lines(np.array([1, 1, 1]) / np.sqrt(3) * 1e-9)[0]
    assert lines[1] - lines[0] == pytest.approx(2 * GAMMA * 1e-9, rel=1e-6)
    assert _lines(np.zeros(3)) == pytest.approx(np.full((4, 2), D), rel=1e-14)


@pytest.mark.parametrize(("angle_deg", "slope"), [(45, 238.7e6), (55, 266.4e6)])
def test_slopes_at_100_gauss(angle_deg, slope):
    step = 1e-5
    lower = [_at_angle(100e-4, np.radians(angle_deg) + s) for s in (-step, step)]
    assert abs(lower[1] - lower[0]) / (2 * step) == pytest.approx(slope, rel=3e-4)


@pytest.mark.parametrize(("angle_deg", "frequency"), [(55.57, 2.70e9), (48.32, 2.65e9)])
def test_reference_lines_at_144_gauss(angle_deg, frequency):
    assert _at_angle(144e-4, np.radians(angle_deg)) == pytest.approx(frequency, abs=0.05e6)


def _at_angle(magnitude_t, theta):
    side = np.array([1.0, -1.0, 0.0]) / np.sqrt(2)
    return _lines(magnitude_t * (np.cos(theta) * NV_AXES[0] + np.sin(theta) * side))[0, 0]


def test_spectrum_has_the_octahedral_symmetry():
    field = np.array([3e-3, -7e-3, 5e-3])
    images = equivalent_fields(field)
    assert len(np.unique(images, axis=0)) == 48
    spectra = np.sort(_lines(images).reshape(48, 8), axis=1)
    assert spectra == pytest.approx(np.broadcast_to(spectra[0], spectra.shape), abs=1)
    assert fold_field(images) == pytest.approx(np.tile([7e-3, 5e-3, 3e-3], (48, 1)))


def test_angles_of_a_field_on_an_axis():
    angles = np.degrees(class_angles_rad(-NV_AXES[2] * 0.01))
    assert angles == pytest.approx([70.5288, 70.5288, 0.0, 70.5288], abs=1e-4)


def test_field_needs_three_components():
    with pytest.raises(ParameterError, match="field_t"):
        transition_frequencies_hz([1e-3, 2e-3])
