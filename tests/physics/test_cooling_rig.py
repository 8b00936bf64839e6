"""The rig `sim_cooling` against the set COOL of the single-mode, single-class theory of `000`."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.constants import Planck

from labctl.core import load_rig_file
from sim_backends.apparatus import Apparatus
from sim_backends.controls import Controls
from sim_backends.diamond import Diamond
from sim_backends.physics import libration, nv
from sim_backends.physics.twin import evolve
from sim_backends.physics.twin_state import TwinState

COOL = libration.SpinLibration.paper_set("COOL")
COLD_HZ = 2.61991e9
LASER_W, POWER_DBM = 330e-6, -10.0
STEP_S = 20e-6


@pytest.fixture(scope="module")
def apparatus() -> Apparatus:
    arguments = dict(load_rig_file("sim_cooling").shared["world"].arguments)
    arguments.pop("seed")
    return Apparatus(**arguments)


def noiseless(apparatus: Apparatus, microwave_hz: float | None) -> tuple[Diamond, Any]:
    controls = Controls(
        laser_w=LASER_W, laser_gate=True, microwave_on=microwave_hz is not None,
        microwave_hz=microwave_hz or 1e9, microwave_dbm=POWER_DBM,
    )  # fmt: skip
    diamond = Diamond(apparatus, controls, 1)
    return diamond, diamond._drive()._replace(kt_over_i=np.zeros(3))


def rest(apparatus: Apparatus, microwave_hz: float | None) -> TwinState:
    """Where everything comes to rest, found with strong damping."""
    diamond, drive = noiseless(apparatus, microwave_hz)
    state = diamond.state
    still = drive._replace(damping=float(np.min(drive.omega)))
    rng = np.random.default_rng(0)
    evolve(rng, state, diamond.spins, still, np.ones(3), 20_000, STEP_S, np.empty((4, 0)))
    return state


def small_motion(apparatus: Apparatus, microwave_hz: float) -> tuple[float, float]:
    """Damping (gamma_eff/2 pi) and frequency (Hz) of a kick of 0.1 mrad, by its extrema."""
    diamond, drive = noiseless(apparatus, microwave_hz)
    state = rest(apparatus, microwave_hz)
    centre = state.angle[0]
    state.angle[0] += 1e-4
    record = np.empty((4, 2501))
    rng, sight = np.random.default_rng(0), np.array([1.0, 0.0, 0.0])
    evolve(rng, state, diamond.spins, drive, sight, 2500, STEP_S, record)
    motion = record[0] - centre
    begin = 300  # the spins have followed for 6 ms
    turns = np.flatnonzero((motion[:-1] < 0) & (motion[1:] >= 0))
    turns = turns[turns > begin]
    zeros = turns - motion[turns] / (motion[turns + 1] - motion[turns])
    ringing = (zeros.size - 1) / (zeros[-1] - zeros[0]) / STEP_S
    tops = np.array([motion[a:b].max() for a, b in pairwise(turns)])
    decay = -np.polyfit(np.arange(tops.size) / ringing, np.log(tops), 1)[0]
    return decay / np.pi, float(np.hypot(ringing, decay / np.pi / 2))


def slope_hz_per_rad(apparatus: Apparatus, level: int) -> float:
    """Change of the resonant class's transition with the angle of the 480 Hz mode."""
    axis = np.array(apparatus.mode_axes[0])
    lines: list[NDArray[np.float64]] = [
        nv.transition_frequencies_hz(nv.rotate_field(apparatus.field_t(0.0), sign * 1e-5 * axis))
        for sign in (-1, 1)
    ]
    return float((lines[1] - lines[0])[0, level] / 2e-5)


def test_the_line_stands_where_the_paper_has_it(apparatus: Apparatus) -> None:
    turn = rest(apparatus, None).angle @ np.array(apparatus.mode_axes)
    lines = nv.transition_frequencies_hz(nv.rotate_field(apparatus.field_t(0.0), turn))
    assert lines[0, 0] == pytest.approx(2.623e9, abs=20e3)
    others = np.delete(lines.ravel(), 0)
    assert np.min(np.abs(others - lines[0, 0])) > 50e6


def test_torque_of_the_resonant_class(apparatus: Apparatus) -> None:
    """COOL's Gamma is per S-1 - S+1; the exact |+1> turns 0.56 as much as |-1>.

    So Gamma is compared for the change of both populations that the microwave makes.
    """
    lower, upper = slope_hz_per_rad(apparatus, 0), slope_hz_per_rad(apparatus, 1)
    assert lower == pytest.approx(-COOL.gradient_hz_per_rad, rel=1e-3)
    per_spin = Planck / apparatus.moment_of_inertia * apparatus.spins_per_class
    driven, dark = (
        rest(apparatus, hz).populations.reshape(4, -1, 2).mean(axis=1)[0] for hz in (COLD_HZ, None)
    )
    change = driven - dark
    acceleration = -per_spin * (lower * change[0] + upper * change[1])
    assert acceleration / (change[0] - change[1]) == pytest.approx(COOL.torque_s2, rel=0.03)


def test_the_other_modes_feel_nothing(apparatus: Apparatus) -> None:
    axes, field = np.array(apparatus.mode_axes), apparatus.field_t(0.0)
    torque = axes @ np.cross(field, nv.AXES[0])
    assert np.max(np.abs(torque[1:])) < 1e-3 * abs(torque[0])


def test_rates(apparatus: Apparatus) -> None:
    rabi = apparatus.rabi_rad_s(POWER_DBM)
    assert rabi**2 * apparatus.t2star_s / 2 == pytest.approx(COOL.peak_rate, rel=1e-6)
    assert apparatus.pump_rate_per_w * LASER_W == pytest.approx(COOL.pump_rate, rel=1e-6)
    assert apparatus.relaxation == pytest.approx((COOL.relaxation_rate, 0.0), rel=1e-6)
    _, drive = noiseless(apparatus, None)
    assert drive.damping == pytest.approx(COOL.gamma_s, rel=1e-6)


def test_static_angle(apparatus: Apparatus) -> None:
    turned = rest(apparatus, COLD_HZ).angle[0] - rest(apparatus, None).angle[0]
    assert turned == pytest.approx(libration.equilibria(COOL)[0].angle_rad, rel=0.03)


def test_small_motion_is_damped_at_60_hz(apparatus: Apparatus) -> None:
    damping_hz, frequency_hz = small_motion(apparatus, COLD_HZ)
    theory = libration.equilibria(COOL)[0]
    assert damping_hz == pytest.approx(theory.damping_hz, rel=0.01)
    assert frequency_hz == pytest.approx(theory.frequency_hz, rel=0.005)


@pytest.mark.parametrize("detuning_hz", [-12e6, -6e6, 6.5e6, 12e6])
def test_damping_and_spring_follow_the_theory(apparatus: Apparatus, detuning_hz: float) -> None:
    theory = libration.equilibria(
        libration.SpinLibration(**{**COOL.__dict__, "detuning_hz": detuning_hz})
    )[0]
    damping_hz, frequency_hz = small_motion(apparatus, 2.623e9 + detuning_hz)
    assert damping_hz == pytest.approx(theory.damping_hz, abs=1.0)
    assert frequency_hz == pytest.approx(theory.frequency_hz, abs=1.0)
