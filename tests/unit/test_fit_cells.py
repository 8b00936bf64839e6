"""Fits as cells of text."""

import numpy as np
import pytest

from labctl.data import FitResult, FitValue, Table
from labctl.fit_cells import table_cells, value_rows, words


def test_values_stand_with_their_errors_and_the_truth() -> None:
    values = {
        "frequency_1_hz": FitValue(2.63055e9, 0.24e6, "Hz", "Resonance 1"),
        "damping_hz": FitValue(14.8, 0.42, "Hz", ""),
        "area": FitValue(1.229e10, 5.6e8, "counts^2/s^2", ""),
    }
    fit = FitResult("model", values, np.eye(3), 1.0)
    truth = {"damping_hz": (np.array([15.0]), "Hz"), "area": (np.array([1.0]), "K")}
    assert value_rows(fit, truth) == [
        ("Resonance 1", "2630.55 ± 0.24 MHz", ""),
        ("damping", "14.80 ± 0.42 Hz", "15 Hz"),
        ("area", "(1.229 ± 0.056) · 10¹⁰ counts²/s²", ""),
    ]


def test_a_column_has_one_prefix_and_its_errors_beside() -> None:
    columns = {
        "number": np.array([1, 2]),
        "frequency_hz": np.array([480.0e3, 1.2e6]),
        "frequency_error_hz": np.array([500.0, 2000.0]),
        "area": np.array([1.178e10, 2.993e9]),
        "area_error": np.array([1.8e8, 5.2e7]),
        "direction_rad": np.array([np.pi / 4, np.pi / 2]),
        "direction_error_rad": np.array([0.01, 0.02]),
    }
    units = {"frequency_hz": "Hz", "area": "counts^2/s^2", "direction_rad": "rad"}
    cells = table_cells(Table(columns, units))
    assert list(cells) == [
        "number",
        "frequency\n(kHz)",
        "area\n(10¹⁰ counts²/s²)",
        "direction\n(°)",
    ]
    assert cells["frequency\n(kHz)"] == ["480.00 ± 0.50", "1200.0 ± 2.0"]
    assert cells["area\n(10¹⁰ counts²/s²)"] == ["1.178 ± 0.018", "0.2993 ± 0.0052"]
    assert cells["direction\n(°)"] == ["45.00 ± 0.57", "90.0 ± 1.1"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("frequency_hz", "frequency"), ("fwhm_hz", "FWHM"), ("contrast", "contrast"), ("s", "s")],
)
def test_words(name: str, text: str) -> None:
    assert words(name) == text
