"""What the equations say of a scan of the electromagnet: light, angle, and where planes are met."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labctl.paper import Panel, Trace
from sim_backends.apparatus import Apparatus
from sim_backends.physics import nv
from sim_backends.physics.crystal_planes import NORMALS_110
from sim_backends.physics.detection import look_up, speckle_table
from sim_backends.physics.oscillator import thermal_rate_s2
from sim_backends.reproductions.exact_world import ExactWorld
from sim_backends.reproductions.panels import panel

Floats = NDArray[np.float64]

CURRENT = "Electromagnet current (A = G)"
POWER_W = 330e-6


@dataclass(frozen=True)
class ScanTheory:
    """Both detectors along a scan of the current, Mcounts/s, drift left out; shapes (n,).

    The light is averaged over the Brownian motion, the angle is that at rest.
    """

    current_a: Floats
    pl: Floats
    angle: Floats

    @classmethod
    def of(
        cls, apparatus: Apparatus, current_a: Floats, *, cross_relaxation: bool = True,
        power_w: float = POWER_W,
    ) -> "ScanTheory":  # fmt: skip
        """Steady populations of the four classes, the rest angle they hold, and the light."""
        a = apparatus.model_copy(update={"cross_relaxation": cross_relaxation})
        angle_light, pl_light = a.light_rates(power_w)
        sight = np.array(a.detection_direction) / np.linalg.norm(a.detection_direction)
        table = speckle_table(
            grain_rad=a.speckle_grain_rad, half_range_rad=0.5, slope_sign=a.slope_sign,
            seed=a.speckle_seed,
        )  # fmt: skip
        pl, angle = np.empty(current_a.size), np.empty(current_a.size)
        world = ExactWorld(a, -60.0, power_w)
        rest = np.zeros(3)
        for i, current in enumerate(current_a):
            here = replace(world, current_a=float(current))
            rest = here.rest(start=rest)
            dim = a.contrast * (1 - _warm_bright_share(here, rest))
            pl[i] = pl_light * (1 - dim) + a.dark_rate
            angle[i] = angle_light * look_up(table, 0.5, float(sight @ rest)) + a.dark_rate
        pl, angle = (rate / (1 + rate * a.dead_time_s) for rate in (pl, angle))
        return cls(current_a, 1e-6 * pl, 1e-6 * angle)


def _warm_bright_share(world: ExactWorld, rest: Floats) -> float:
    """Bright share averaged over the Brownian motion, which takes the levels through a crossing.

    The spins follow the slower libration; Gauss-Hermite quadrature of three points a mode.
    """
    a = world.apparatus
    spread = np.sqrt(thermal_rate_s2(a.temperature_k, a.moment_of_inertia)) / world.omega
    here = world.bright_share(rest)
    turns = np.sqrt(3) * np.concatenate([np.diag(spread), -np.diag(spread)])
    return here + sum(world.bright_share(rest + turn) - here for turn in turns) / 6


def fields_t(a: Apparatus, current_a: Floats) -> Floats:
    """Field in the diamond frame at each current, shape (n, 3)."""
    return np.stack([a.field_t(float(current)) for current in current_a])


def lower_lines_hz(a: Apparatus, current_a: Floats) -> Floats:
    """|0> to lower level of the four classes at each current, shape (n, 4)."""
    return nv.transition_frequencies_hz(
        fields_t(a, current_a), zero_field_splitting_hz=a.zero_field_splitting_hz,
        gyromagnetic_hz_per_t=a.gyromagnetic_hz_per_t,
    )[..., 0]  # fmt: skip


def polar_degrees(field: Floats) -> tuple[Floats, Floats]:
    """Theta and phi of directions with respect to [001], degrees, phi from 0 to 360."""
    theta = np.degrees(np.arccos(field[..., 2] / np.linalg.norm(field, axis=-1)))
    return theta, np.degrees(np.arctan2(field[..., 1], field[..., 0])) % 360.0


def transitions_panel(a: Apparatus, current_a: Floats, measured: list[Trace]) -> Panel:
    """Transitions of the classes along a path as lines, measured ones on top."""
    lines = 1e-6 * lower_lines_hz(a, current_a)
    traces = [
        Trace(current_a, lines[:, c], f"class {c + 1}", series=c) for c in range(lines.shape[1])
    ]
    return panel("|0⟩ to |-1⟩ of the classes", CURRENT, "Transition (MHz)", [*traces, *measured])


def planes_panel(path: list[Trace]) -> Panel:
    """The crystal planes over theta and phi, and the path of a field among them."""
    traces = []
    for normals, label, series in ((NORMALS_110, "{110}", 1), (np.eye(3), "{100}", 0)):
        for n, normal in enumerate(normals):
            theta, phi = _circle(normal)
            traces.append(Trace(phi, theta, label if n == 0 else "", series=series))
    return panel("Crystal planes and the path", "φ (degrees)", "θ (degrees)", [*traces, *path])


def _circle(normal: Floats) -> tuple[Floats, Floats]:
    """Directions in a plane, cut where phi jumps by a turn."""
    first = np.cross(normal, [0.3, 0.5, 0.8])
    first /= np.linalg.norm(first)
    second = np.cross(normal / np.linalg.norm(normal), first)
    t = np.linspace(0, 2 * np.pi, 721)[:, None]
    theta, phi = polar_degrees(np.cos(t) * first + np.sin(t) * second)
    jump = np.flatnonzero(np.abs(np.diff(phi)) > 90.0) + 1
    return np.insert(theta, jump, np.nan), np.insert(phi, jump, np.nan)
