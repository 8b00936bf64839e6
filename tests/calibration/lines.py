"""Priors of the fits of lines, and of the fields that they tell at several currents."""

import numpy as np
from numpy.random import Generator

from labctl.analysis.field_calibration import calibration_result
from labctl.analysis.nv_field import nv_field_from_spectrum
from labctl.analysis.nv_model import NV_AXES, transition_frequencies_hz
from labctl.analysis.resonances import fit_resonances
from tests.calibration.simulation import Calibration, Draw

FEW = "50 draws know the share to 7 %"
LINE = ("frequency_hz", "fwhm_hz", "amplitude", "dispersive")


def resonances(rng: Generator) -> Draw:
    """One of the lines of a spectrum, drawn with the rest; a quarter of all are dispersive."""
    frequency, count = np.linspace(2.6e9, 3.2e9, 301), int(rng.integers(1, 9))
    room = 5.4e8 / count
    at = 2.63e9 + room * (np.arange(count) + 0.5) + rng.uniform(-0.5, 0.5, count) * (room - 4e7)
    fwhm, error = rng.uniform(6e6, 14e6, count), rng.uniform(500, 1500)
    size = error * np.exp(rng.uniform(np.log(12), np.log(100), count)) * rng.choice([-1, 1], count)
    mixed = rng.random(count) < 0.25
    phase = np.where(mixed, rng.uniform(np.pi / 4, 3 * np.pi / 4, count), 0.0)
    x = (frequency[:, None] - at) / (fwhm / 2)
    lines = (np.cos(phase) + np.sin(phase) * x) / (1 + x * x) @ size
    y = 1e6 + lines + rng.normal(0, 5e3) * (frequency - 2.9e9) / 3e8
    fit = fit_resonances(
        frequency, y + error * rng.standard_normal(301), np.full(frequency.size, error)
    )
    j = int(rng.integers(count))
    values = (at[j], fwhm[j], size[j] * np.cos(phase[j]), size[j] * np.sin(phase[j]))
    truth = {name: float(value) for name, value in zip(LINE, values, strict=True)}
    if not mixed[j]:
        del truth["dispersive"]
    kind = "dispersive " if mixed[j] else ""
    found = fit.tables["resonances"].columns["frequency_hz"]
    claimed = {}
    if found.size == count:
        for name in truth:
            key = f"{name.removesuffix('_hz')}_{j + 1}" + ("_hz" if name.endswith("_hz") else "")
            if key in fit.values:
                claimed[kind + name] = fit.values[key]
    return {kind + name: value for name, value in truth.items()}, claimed


def nv_spectrum(rng: Generator) -> Draw:
    """Eight dips of one field of any direction, as ODMR counts them."""
    direction = rng.standard_normal(3)
    size_t, splitting_hz = rng.uniform(0.5e-3, 10e-3), rng.normal(2.870e9, 2e6)
    field = size_t * direction / np.linalg.norm(direction)
    frequency = np.arange(2.56e9, 3.2e9, 2e6)
    fwhm, error = rng.uniform(6e6, 12e6), 1.0
    height = error * np.exp(rng.uniform(np.log(8), np.log(40))) * rng.uniform(0.6, 1, (4, 1))
    at = transition_frequencies_hz(field, zero_field_splitting_hz=splitting_hz).reshape(4, 2)
    x = (frequency[:, None, None] - at) / (fwhm / 2)
    y = 1e3 - np.sum(height / (1 + x * x), axis=(1, 2)) + error * rng.standard_normal(x.shape[0])
    fit = nv_field_from_spectrum(frequency, y, np.full(y.size, error), sign="negative")
    angles = np.sort(np.arccos(np.abs(NV_AXES @ field) / size_t / np.linalg.norm(NV_AXES[0])))
    truth = {"field_magnitude_t": float(size_t), "angle_1_rad": float(angles[0])}
    truth["angle_4_rad"] = float(angles[3])
    return truth, fit.values if "alternatives" not in fit.tables else {}


def field_calibration(rng: Generator) -> Draw:
    """Fields at a few currents of a magnet beside a bias, each known up to the symmetry."""
    count = int(rng.integers(4, 9))
    current = np.linspace(0, 5, count)
    bias, slope = (
        size * direction / np.linalg.norm(direction)
        for size, direction in zip(
            (rng.uniform(1e-3, 6e-3), rng.uniform(0.5e-3, 2e-3)),
            rng.standard_normal((2, 3)),
            strict=True,
        )
    )
    fields, spreads = np.empty((count, 3)), np.empty((count, 3, 3))
    for k in range(count):
        root = rng.normal(0, 2e-5, (3, 3)) + np.diag(rng.uniform(1e-5, 4e-5, 3))
        spreads[k] = root @ root.T
        folded = np.sort(np.abs(bias + current[k] * slope))[::-1]
        # What is measured is folded again, and its covariance with it.
        measured = folded + root @ rng.standard_normal(3)
        order = np.argsort(-np.abs(measured))
        turn = np.eye(3)[order] * np.where(measured < 0, -1, 1)
        fields[k], spreads[k] = turn @ measured, turn @ spreads[k] @ turn.T
    fit = calibration_result(current, fields, spreads, range_a=(0.0, 5.0))
    cosine = bias @ slope / np.linalg.norm(bias) / np.linalg.norm(slope)
    truth = {
        "tesla_per_ampere": float(np.linalg.norm(slope)),
        "bias_field_t": float(np.linalg.norm(bias)),
        "angle_rad": float(np.arccos(cosine)),
    }
    return truth, fit.values


CALIBRATIONS = (
    Calibration(
        "resonances",
        "One to eight lines in 600 MHz, 40 MHz apart or more, 6 to 14 MHz wide, 12 to 100 errors"
        " high (log) of either sign, a quarter of them dispersive (phase 45 to 135 degrees); one of"
        " each spectrum is asked for.",
        resonances,
        quick_draws=4,
        remarks={
            "fwhm_hz": "wide by a seventh in this sample, for a reason not found",
            "dispersive frequency_hz": FEW,
            "dispersive fwhm_hz": FEW,
            "dispersive amplitude": FEW,
            "dispersive dispersive": FEW,
        },
    ),
    Calibration(
        "nv_field_from_spectrum",
        "5 to 100 G of any direction, D of 2870 +- 2 MHz, eight dips 6 to 12 MHz wide, 5 to 40"
        " errors deep (log), 2 MHz a point.",
        nv_spectrum,
        quick_draws=2,
    ),
    Calibration(
        "field_calibration",
        "Four to eight currents of up to 5 A, 5 to 20 G/A beside a bias of 10 to 60 G, any"
        " directions, fields known to some 0.3 G up to the symmetry of the NV axes.",
        field_calibration,
        quick_draws=20,
    ),
)
