"""Dips and bumps of synthetic field scans with Poisson noise."""

import numpy as np
import pytest

from labctl.analysis.field_features import FWHM_PER_SIGMA, Scan, fit_field_features, fit_field_scan
from labctl.data import FitResult
from labctl.errors import ParameterError

CURRENT_A = np.linspace(0.0, 40.0, 81)
TRUTH = {"position_1_a": 17.0, "fwhm_1_a": 3.6, "amplitude_1": -6e4}
COUNTED_S = 2.0


def scan(
    seed: int,
    *features: tuple[float, float, float],
    baseline: tuple[float, ...] = (3.5e6,),
    current_a: np.ndarray = CURRENT_A,
) -> Scan:
    """Counted for 2 s at each current; features are (position, FWHM, height)."""
    rate = np.polynomial.polynomial.polyval(current_a, baseline)
    for position_a, fwhm_a, height in features:
        sigma_a = fwhm_a / FWHM_PER_SIGMA
        rate = rate + height * np.exp(-((current_a - position_a) ** 2) / (2 * sigma_a**2))
    counts = np.random.default_rng(seed).poisson(rate * COUNTED_S)
    return Scan(current_a, counts / COUNTED_S, np.sqrt(counts) / COUNTED_S)


DIP = tuple(TRUTH.values())


def test_errors_cover_the_truth() -> None:
    fits = [fit_field_features(scan(seed, DIP)) for seed in range(100)]
    assert all(len(fit.tables["features"].columns["position_a"]) == 1 for fit in fits)
    for name, truth in TRUTH.items():
        pulls = [(fit.values[name].value - truth) / fit.values[name].error for fit in fits]
        assert 0.8 < np.std(pulls) < 1.2, name
        assert abs(np.mean(pulls)) < 0.3, name


@pytest.mark.parametrize("baseline", [(3.5e6,), (3.5e6, 2e3), (3.5e6, 2e3, -40.0)])
def test_noise_shows_no_features(baseline: tuple[float, ...]) -> None:
    fits = [fit_field_features(scan(seed, baseline=baseline)) for seed in range(200)]
    false = sum(len(fit.tables["features"].columns["position_a"]) > 0 for fit in fits)
    assert false < 0.05 * len(fits)
    clean = next(fit for fit in fits if not len(fit.tables["features"].columns["position_a"]))
    assert any("no feature stands out" in note for note in clean.notes)


def found(fit: FitResult, name: str) -> np.ndarray:
    return fit.tables["features"].columns[name]


def test_dips_and_bumps_together_on_a_curved_baseline() -> None:
    features = ((8.0, 2.5, 5e4), (20.0, 3.5, -8e4), (31.0, 3.0, 4e4))
    fit = fit_field_features(scan(5, *features, baseline=(3.4e6, 3e3, -50.0)))
    for k, name in enumerate(("position_a", "fwhm_a", "amplitude")):
        error = found(fit, name.replace("_a", "_error_a") if "_a" in name[-2:] else f"{name}_error")
        assert np.all(np.abs(found(fit, name) - [f[k] for f in features]) < 4 * error), name
    assert fit.model == "3 x gaussian over a quadratic baseline"


def test_sigma_is_the_width_of_the_gaussian() -> None:
    fit = fit_field_features(scan(6, DIP))
    width = fit.values["sigma_1_a"]
    assert width.value * 2.354820045 == pytest.approx(fit.values["fwhm_1_a"].value)
    assert width.error * 2.354820045 == pytest.approx(fit.values["fwhm_1_a"].error)


def test_order_of_the_points_does_not_matter() -> None:
    ordered = scan(7, DIP)
    mixed = np.random.default_rng(0).permutation(CURRENT_A.size)
    other = fit_field_features(Scan(*(np.asarray(array)[mixed] for array in ordered)))
    assert other.values == fit_field_features(ordered).values


def test_units_of_current_do_not_matter() -> None:
    ampere = scan(8, DIP)
    milli = fit_field_features(ampere._replace(current_a=CURRENT_A * 1e-3))
    fit = fit_field_features(ampere)
    assert milli.values["position_1_a"].value * 1e3 == pytest.approx(
        fit.values["position_1_a"].value, rel=1e-6
    )
    assert milli.values["fwhm_1_a"].error * 1e3 == pytest.approx(
        fit.values["fwhm_1_a"].error, rel=1e-3
    )


def test_tesla_only_where_the_calibration_is_known() -> None:
    assert not any(name.endswith("_t") for name in fit_field_features(scan(9, DIP)).values)
    fit = fit_field_features(scan(9, DIP), tesla_per_ampere=-1e-4)
    assert fit.values["position_1_t"].value == -1e-4 * fit.values["position_1_a"].value
    assert fit.values["fwhm_1_t"].value == 1e-4 * fit.values["fwhm_1_a"].value
    assert fit.values["position_1_t"].error == 1e-4 * fit.values["position_1_a"].error
    assert fit.tables["features"].units["fwhm_error_t"] == "T"


def test_both_detectors_keep_their_own_values_and_covariance() -> None:
    pl, angle = scan(10, DIP), scan(11, (17.0, 3.6, 4e4), baseline=(2e6,))
    fit = fit_field_scan(pl, angle)
    assert fit.values["pl_amplitude_1"].value < 0 < fit.values["angle_amplitude_1"].value
    names = list(fit.values)[: len(fit.covariance)]
    errors = [fit.values[name].error for name in names]
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx(errors)
    own = fit_field_features(angle)
    row = names.index("angle_position_1_a"), names.index("angle_fwhm_1_a")
    assert fit.covariance[row] == pytest.approx(own.covariance[0, 1])
    assert set(fit.tables) == {"pl_features", "angle_features"}
    assert fit.curve is not None
    assert fit.curve.y_name == "pl_rate"


def test_a_feature_at_the_edge_is_noted() -> None:
    fit = fit_field_features(scan(12, (0.5, 3.6, -2e5)))
    assert any("cut by the scan's edge" in note for note in fit.notes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"current_a": np.full(81, 3.0)}, "more than one current"),
        ({"rate_per_s": np.full(81, np.nan)}, "holds NaN"),
        ({"rate_per_s": np.ones(80)}, r"must have shape \(81,\)"),
        ({"error_per_s": np.zeros(81)}, "must be positive"),
    ],
)
def test_bad_scan(change: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        fit_field_features(scan(1)._replace(**change))


def test_bad_arguments() -> None:
    with pytest.raises(ParameterError, match="at least 8 points"):
        fit_field_features(scan(1, current_a=np.arange(7.0)))
    with pytest.raises(ParameterError, match="tesla_per_ampere"):
        fit_field_features(scan(1), tesla_per_ampere=0.0)
    with pytest.raises(ParameterError, match="fwhm_range_a"):
        fit_field_features(scan(1), fwhm_range_a=(2.0, 1.0))
