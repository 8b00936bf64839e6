"""The steady state and its torque: symmetry, perturbation theory and the second paper."""

import numpy as np
import pytest
from scipy.constants import hbar
from scipy.spatial.transform import Rotation

from sim_backends.physics import cross_relaxation, nv, oscillator
from sim_backends.physics.cross_relaxation import _lowest_levels

D = nv.ZERO_FIELD_SPLITTING_HZ
B_T = 10e-3


def directions(theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    theta, phi = np.meshgrid(theta, phi, indexing="ij")
    parts = (np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta))
    return np.stack(parts, axis=-1)


def largest(quantity: str, **options: object) -> tuple[float, np.ndarray]:
    """Largest |torque| over directions at 100 G, and where."""

    def search(theta: np.ndarray, phi: np.ndarray) -> tuple[float, float, float, np.ndarray]:
        unit = directions(theta, phi)
        torque = getattr(cross_relaxation.steady_state(B_T * unit, **options), quantity)
        size = np.linalg.norm(torque, axis=-1).reshape(len(theta), len(phi), -1).max(axis=-1)
        i, j = np.unravel_index(size.argmax(), size.shape)
        return float(size[i, j]), theta[i], phi[j], unit[i, j]

    _, theta, phi, _ = search(np.linspace(0, np.pi / 2, 200), np.linspace(0, np.pi, 400))
    near = np.linspace(-0.01, 0.01, 101)
    value, _, _, unit = search(theta + near, phi + near)
    return value, unit


def crossing(centre: list[float], normal: list[float], angle_rad: np.ndarray) -> np.ndarray:
    """Fields of 100 G that pass through `centre` along `normal`."""
    start = np.array(centre) / np.linalg.norm(centre)
    along = np.array(normal) / np.linalg.norm(normal)
    return B_T * (np.cos(angle_rad)[:, None] * start + np.sin(angle_rad)[:, None] * along)


def test_largest_torques_at_100_gauss() -> None:
    """PHYSICS.md B; `002`, SM Sec. IV B prints 1e-26, 3e-28 and 3e-27."""
    one, _ = largest("torque", cross_relaxation=False)
    assert one == pytest.approx(1.388e-26, rel=5e-3, abs=0)
    four, _ = largest("total_torque", cross_relaxation=False)
    assert four == pytest.approx(3.096e-28, rel=5e-3, abs=0)
    crossed, unit = largest("total_torque")
    assert crossed == pytest.approx(3.684e-27, rel=5e-3, abs=0)
    planes = cross_relaxation.degeneracy_planes(B_T * unit)
    assert planes.on_110(1e6).sum() == 1
    assert not planes.on_100().any()
    point = cross_relaxation.steady_state([0.450 * B_T, -0.772 * B_T, 0.450 * B_T])
    assert np.linalg.norm(point.total_torque) == pytest.approx(3.684e-27, rel=5e-3, abs=0)


def test_printed_pump_rate_does_not_enhance_tenfold() -> None:
    """`002`, SM Sec. VI prints 2 pi 10 kHz; with it cross-relaxation gives less than a tenth."""
    printed, _ = largest("total_torque", pump_rate=2 * np.pi * 1e4)
    without, _ = largest("total_torque", pump_rate=2 * np.pi * 1e4, cross_relaxation=False)
    default, _ = largest("total_torque")
    assert default / 3.096e-28 > 10
    assert printed / without < 5


def test_torque_is_perturbation_theory_when_strongly_pumped() -> None:
    """`002`, Eqs. 3 and 10, times the share of spins in |0>; the error falls as the field^2."""
    angle = np.radians(np.arange(5, 90, 5))
    across = np.cross(nv.AXES[0], [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    unit = np.cos(angle)[:, None] * nv.AXES[0] + np.sin(angle)[:, None] * across
    errors = []
    for field_t in (2e-3, 1e-3):
        state = cross_relaxation.steady_state(field_t * unit, pump_rate=1e6, cross_relaxation=False)
        zero, rest = state.populations[:, 0, 0], state.populations[:, 0, 1:].sum(axis=-1)
        assert zero.min() > 0.99
        scale = hbar * (2 * np.pi * 28e9 * field_t) ** 2 / (2 * np.pi * D)
        expected = scale * np.sin(2 * angle) * (zero - rest / 2)
        torque = np.linalg.norm(state.torque[:, 0], axis=-1)
        errors.append(np.abs(torque / expected - 1).max())
        # It turns the axis of the class across the field: energy falls as the angle grows.
        toward = state.torque[:, 0] @ np.cross(nv.AXES[0], across)
        assert np.abs(toward) == pytest.approx(torque, rel=1e-6, abs=0)
        assert np.all(toward < 0)
    assert errors[1] < 5e-4
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_torque_turns_with_the_crystal() -> None:
    field = np.random.default_rng(2).normal(scale=6e-3, size=(20, 3))
    state = cross_relaxation.steady_state(field)
    torque, size = state.total_torque, np.abs(state.torque).max()
    for turn in Rotation.create_group("O"):
        turned = cross_relaxation.steady_state(turn.apply(field)).total_torque
        assert np.abs(turned - turn.apply(torque)).max() < 1e-12 * size
    # Time reversal leaves the torque alone but for what the spins lag behind, (rates)/(2 pi D).
    lag = np.abs(cross_relaxation.steady_state(-field).total_torque - torque).max()
    assert 1e-10 * size < lag < 1e-5 * size


def test_torque_is_across_the_field() -> None:
    field = np.random.default_rng(3).normal(scale=6e-3, size=(50, 3))
    state = cross_relaxation.steady_state(field)
    along = np.einsum("nci,ni->nc", state.torque, field)
    assert np.abs(along).max() < 1e-14 * np.abs(state.torque).max() * np.abs(field).max()


def test_relaxation_adds_over_resonant_classes() -> None:
    """`002`, Fig. 2c and SM Sec. VI: one, two and four classes; 1.61 and 0.704 ms give 205 us."""
    fields = B_T * np.array([[0.9, 0.37, 0.23], [0.450, -0.772, 0.450], [0, 0, 1]])
    fields[0] /= np.linalg.norm(fields[0] / B_T)
    t1_s = cross_relaxation.steady_state(fields, t1_s=1.61e-3, t1_dd_s=0.704e-3).t1_s
    assert t1_s[0] == pytest.approx(np.full(4, 1.61e-3), rel=1e-6)
    assert sorted(t1_s[1]) == pytest.approx([489.8e-6, 489.8e-6, 1.61e-3, 1.61e-3], rel=5e-3)
    assert t1_s[2] == pytest.approx(np.full(4, 205e-6), rel=5e-3)


def test_relaxation_follows_the_exact_transitions() -> None:
    fields = np.random.default_rng(5).normal(scale=8e-3, size=(300, 3))
    fields[:100] *= 1e-3
    fields[100:110] *= 30.0  # beyond the level crossing
    fields[110:112] = 0.15 * nv.AXES[2], 0.05 * nv.AXES[0]
    for field in fields:
        b = nv.GYROMAGNETIC_HZ_PER_T * field / D
        exact = np.linalg.eigvalsh(nv.hamiltonian_hz(field) / D)[:, :2]
        levels = [_lowest_levels(b @ b, (axis @ b) ** 2) for axis in nv.AXES]
        assert np.abs(exact - levels).max() < 1e-12
    nu = nv.transition_frequencies_hz(fields)[..., 0]
    gaps = nu[:, :, None] - nu[:, None, :]
    rates = 1 / 1.03e-3 + (np.exp(-(gaps**2) / (2 * 6e6**2)).sum(axis=-1) - 1) / 0.38e-3
    assert cross_relaxation.steady_state(fields).t1_s == pytest.approx(1 / rates, rel=1e-7)


def test_fluorescence_dips_on_every_plane_and_only_there() -> None:
    """`002`, Fig. 7: a scan that crosses planes of both families, a dip at each."""
    angle = np.linspace(0.05, np.pi + 0.05, 40001)
    fields = B_T * np.stack(
        [np.cos(angle) * 0.94, np.sin(angle) * 0.94, np.full_like(angle, np.sqrt(1 - 0.94**2))], -1
    )
    bright = cross_relaxation.steady_state(fields).bright_share
    planes = cross_relaxation.degeneracy_planes(fields)
    dips = 1 + np.flatnonzero((bright[1:-1] < bright[:-2]) & (bright[1:-1] < bright[2:]))
    dips = dips[bright[dips] < bright.max() - 0.01]
    distances = np.hstack([planes.distance_110_t, planes.distance_100_t])
    sign_changes = np.flatnonzero((distances[1:] * distances[:-1] < 0).any(axis=1))
    assert len(dips) == len(sign_changes) == 8
    assert angle[dips] == pytest.approx(angle[sign_changes], abs=2e-3)
    without = cross_relaxation.steady_state(fields, cross_relaxation=False).bright_share
    assert np.ptp(without) < 0.03 * np.ptp(bright)


def torque_of_cross_relaxation(fields: np.ndarray) -> np.ndarray:
    on = cross_relaxation.steady_state(fields).total_torque
    return on - cross_relaxation.steady_state(fields, cross_relaxation=False).total_torque


def maxima(values: np.ndarray) -> np.ndarray:
    high = values[1:-1] > 0.05 * values.max()
    return 1 + np.flatnonzero(high & (values[1:-1] > values[:-2]) & (values[1:-1] > values[2:]))


def test_110_torque_is_a_single_bump() -> None:
    """`002`, Fig. 4c."""
    angle = np.linspace(-0.1, 0.1, 801)
    torque = torque_of_cross_relaxation(crossing([0.450, -0.772, 0.450], [-1, 0, 1], angle))
    largest_part = np.abs(torque).max(axis=0).argmax()
    bump = torque[:, largest_part] * np.sign(torque[400, largest_part])
    assert bump.max() > 2.3e-27
    assert bump.min() > -0.01 * bump.max()
    assert np.degrees(angle[maxima(bump)]) == pytest.approx([0.0], abs=0.1)


@pytest.mark.parametrize("centre", [[0, 0.8, 0.35], [0, 0.9, -0.5]])
def test_100_torque_is_two_equal_bumps(centre: list[float]) -> None:
    """The measured trace of `002`, Fig. 12e, not the dispersive curve of Fig. 12f: the mirror

    B_x -> -B_x is half a turn of the crystal about x and a time reversal.
    """
    angle = np.linspace(-0.1, 0.1, 801)
    torque = torque_of_cross_relaxation(crossing(centre, [1, 0, 0], angle))
    size = np.abs(torque).max(axis=0)
    assert size.argmax() == 0
    assert size[1:].max() < 0.1 * size[0]
    assert torque[:, 0] == pytest.approx(torque[::-1, 0], abs=1e-5 * size[0])
    assert torque[:, 1:] == pytest.approx(-torque[::-1, 1:], abs=1e-5 * size[0])
    bump = torque[:, 0] * np.sign(torque[np.abs(torque[:, 0]).argmax(), 0])
    left, right = maxima(bump)
    assert angle[left] == pytest.approx(-angle[right])
    assert abs(bump[400]) < 0.3 * bump[left]


def test_without_transverse_field_the_populations_are_the_rate_equations() -> None:
    fields = np.array([[0.0, 0.0, 0.0], 8e-3 * nv.AXES[1]])
    state = cross_relaxation.steady_state(fields, cross_relaxation=False)
    k = 1 / 1.03e-3
    side = k / (3 * k + 1e4)
    assert state.populations[0] == pytest.approx(np.tile([1 - 2 * side, side, side], (4, 1)))
    assert state.populations[1, 1] == pytest.approx([1 - 2 * side, side, side])
    assert np.all(state.torque[0] == 0)
    assert np.linalg.norm(state.torque[1, 1]) < 1e-12 * np.abs(state.torque[1]).max()


def test_dark_spins_are_unpolarised() -> None:
    fields = np.random.default_rng(7).normal(scale=6e-3, size=(30, 3))
    for t1_s in (1.03e-3, 1e6):
        state = cross_relaxation.steady_state(fields, pump_rate=0.0, t1_s=t1_s)
        assert state.populations == pytest.approx(np.full((30, 4, 3), 1 / 3), abs=1e-14)
        assert np.abs(state.torque).max() < 1e-40


def test_slow_relaxation_leaves_the_polarised_state() -> None:
    state = cross_relaxation.steady_state(
        [1e-5, 2e-5, -3e-5], pump_rate=1.0, t1_s=1e9, cross_relaxation=False
    )
    assert state.populations.sum(axis=-1) == pytest.approx(np.ones(4), abs=1e-14)
    assert np.all(state.populations[:, 0] > 0.999)


def test_maps_are_vectorised() -> None:
    fields = np.random.default_rng(1).normal(scale=5e-3, size=(5, 7, 3))
    state = cross_relaxation.steady_state(fields)
    one = cross_relaxation.steady_state(fields[3, 4])
    for name, shape in [
        ("populations", (4, 3)), ("spin", (4, 3)), ("torque", (4, 3)), ("total_torque", (3,)),
        ("t1_s", (4,)), ("bright_share", ()),
    ]:  # fmt: skip
        assert getattr(state, name).shape == (5, 7, *shape)
        assert np.array_equal(getattr(state, name)[3, 4], getattr(one, name))
    assert cross_relaxation.steady_state(np.empty((0, 3))).total_torque.shape == (0, 3)


def test_torque_sensitivity() -> None:
    """PHYSICS.md B with the paper's I = 1e-22; the sphere of 15 um itself gives 1.2e-19."""
    gamma = 2 * np.pi * 1e3
    assert cross_relaxation.torque_sensitivity(300.0, gamma, 1e-22) == pytest.approx(
        1.020e-19, rel=5e-3, abs=0
    )
    sphere = oscillator.sphere_moment_of_inertia(15e-6)
    assert cross_relaxation.torque_sensitivity(300.0, gamma, sphere) == pytest.approx(
        1.205e-19, rel=5e-3, abs=0
    )


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("pump_rate", -1.0, ">= 0"), ("pump_rate", np.inf, ">= 0"), ("t1_s", 0.0, "> 0"),
        ("t1_s", np.nan, "> 0"), ("t1_dd_s", -1.0, "> 0"), ("width_hz", 0.0, "> 0"),
        ("zero_field_splitting_hz", 0.0, "> 0"), ("gyromagnetic_hz_per_t", -1.0, "> 0"),
    ],
)  # fmt: skip
def test_bad_figures_are_refused(name: str, value: float, allowed: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be finite and {allowed}"):
        cross_relaxation.steady_state([0, 0, B_T], **{name: value})


@pytest.mark.parametrize("bad", [[1.0, 2.0], [[np.nan, 0, 0]], 3.0, [np.inf, 0, 0]])
def test_bad_fields_are_refused(bad: object) -> None:
    for function in (cross_relaxation.steady_state, cross_relaxation.degeneracy_planes):
        with pytest.raises(ValueError, match="field_t must"):
            function(bad)


def test_bad_sensitivity_is_refused() -> None:
    with pytest.raises(ValueError, match="damping_s must be finite and > 0"):
        cross_relaxation.torque_sensitivity(300.0, 0.0, 1e-22)
    with pytest.raises(ValueError, match="width_hz must be finite and > 0"):
        cross_relaxation.degeneracy_planes([0, 0, B_T]).on_110(0.0)
