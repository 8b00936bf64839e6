"""The benchmarks start, and what they compute beside the clock is right. Nothing is timed."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from benchmarks import libration, libration_errors, libration_peers, libration_roofline
from sim_backends.physics import trajectory_kernel
from sim_backends.physics.oscillator import step_propagator
from sim_backends.physics.spin_libration import SpinLibration
from sim_backends.physics.trajectories import spin_rates

COOL = SpinLibration()
FOLDER = Path(libration.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


class Counted:
    """A number that counts what is done with it; plain numbers among themselves count nothing."""

    additions_and_products = 0
    divisions = 0

    def _operate(self, other: object) -> Self:
        type(self).additions_and_products += 1
        return type(self)()

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _operate

    def __rtruediv__(self, other: object) -> Self:
        type(self).divisions += 1
        return type(self)()


@pytest.mark.parametrize("name", MODULES)
def test_every_benchmark_imports_and_says_what_it_does(name: str) -> None:
    assert import_module(f"benchmarks.{name}").__doc__


def test_a_tiny_libration_benchmark_prints_every_ratio(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["libration", "--scale", "0.004", "--repeats", "1", "--no-xmds"]
    monkeypatch.setattr(sys, "argv", arguments)
    libration.main()
    printed = capsys.readouterr().out
    assert "XMDS2 skipped" in printed
    assert "share of the roofline" in printed
    assert "work at equal strong error, N = 1024: NumPy / labctl" in printed


def test_the_roofline_counts_the_operations_of_the_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line: Any = trajectory_kernel.line
    monkeypatch.setattr(trajectory_kernel, "line", line.py_func)
    step: Any = trajectory_kernel.step
    mode = step_propagator(COOL.omega_rad_s, COOL.gamma_s, 50e-6, COOL.kt_over_i)
    five, two = tuple(Counted() for _ in range(5)), (Counted(), Counted())
    step.py_func(five, two, mode, spin_rates(COOL), (888.0, -0.97, -0.97), 50e-6)
    assert Counted.additions_and_products == libration_roofline.FLOPS
    assert Counted.divisions == libration_roofline.DIVISIONS


def test_the_increment_has_the_variance_of_a_wiener_process_and_the_right_company() -> None:
    """<dW^2> = h, and <v-kick dW> = sigma x the integral of the response of v to an impulse."""
    h = 50e-6
    row = libration_errors.increment_row(COOL, h)
    mode = step_propagator(COOL.omega_rad_s, COOL.gamma_s, h, COOL.kt_over_i)
    assert row @ row == pytest.approx(h, rel=1e-6)
    sigma = np.sqrt(2 * COOL.gamma_s * COOL.kt_over_i)
    with_velocity = row[:2] @ [mode.noise_vx, mode.noise_vv]
    assert with_velocity == pytest.approx(sigma * mode.phi_xv, rel=1e-6)


@pytest.mark.parametrize("name", ["known_to_ours", "known_to_frozen"])
def test_mirror_images_share_what_the_scheme_knows(name: str) -> None:
    known = getattr(libration_errors, name)(COOL, 10e-6, 4)
    normals = np.random.default_rng(1).standard_normal((5, 12))
    image = libration_errors.mirrored(normals, known)
    assert image @ known.T == pytest.approx(normals @ known.T, rel=1e-9, abs=1e-12)
    assert np.linalg.norm(image, axis=1) == pytest.approx(np.linalg.norm(normals, axis=1))
    assert libration_errors.mirrored(image, known) == pytest.approx(normals)


def test_our_coarse_normals_are_standard_normal() -> None:
    rows = libration_errors.known_to_ours(COOL, 10e-6, 8)
    assert rows @ rows.T == pytest.approx(np.eye(2), abs=1e-6)


@pytest.mark.parametrize(("scheme", "order"), [("RK4", 4), ("SI", 2), ("SI, 2 iterations", 2)])
def test_peers_converge_without_noise_with_their_order(scheme: str, order: int) -> None:
    start = np.array([[10e-3], [0.0], [0.15], [0.15]])

    def angle(steps: int) -> float:
        quiet = np.zeros((steps, 1))
        return libration_peers.advance(scheme, COOL, start, quiet, 8e-3 / steps, steps)[0, 0, -1]

    exact = libration_peers.advance("RK4", COOL, start, np.zeros((8000, 1)), 1e-6, 8000)[0, 0, -1]
    errors = [abs(angle(steps) - exact) for steps in (200, 400)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.3)


def test_the_step_at_an_error_is_the_first_that_exceeds_it() -> None:
    steps_s = [1e-6, 2e-6, 4e-6, 8e-6]
    squares = [h**2 * 1e9 for h in steps_s]
    assert libration_errors.step_at(9e-3, steps_s, squares) == pytest.approx(3e-6)
    assert libration_errors.step_at(0.1, steps_s, squares) == pytest.approx(1e-5)
    dip = [1e-3, 1e-2, -1e-4, 1e-1]
    assert 1e-6 < libration_errors.step_at(5e-3, steps_s, dip) < 2e-6
