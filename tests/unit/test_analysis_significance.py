"""The rule by which all fits claim a feature, against draws of noise."""

import numpy as np
import pytest

from labctl.analysis.significance import (
    FALSE_ALARM,
    claims_only_what_is_there,
    counting_error,
    false_alarm,
    needed_gain,
    silence,
    stands_out,
)
from labctl.data import FitResult, FitValue
from labctl.errors import ParameterError


@pytest.mark.parametrize("freedom", [np.inf, 12.0])
@pytest.mark.parametrize("places", [1.0, 40.0])
def test_noise_stands_out_as_often_as_is_said(places: float, freedom: float) -> None:
    rng = np.random.default_rng(1)
    gains = rng.chisquare(2, (40_000, int(places)))
    if np.isfinite(freedom):
        gains /= rng.chisquare(freedom, gains.shape) / freedom
    above = np.mean(gains.max(axis=1) > needed_gain(2, places=places, freedom=freedom))
    assert above == pytest.approx(FALSE_ALARM, abs=5 * np.sqrt(FALSE_ALARM / 40_000))


def test_the_threshold_is_where_a_feature_begins_to_stand_out() -> None:
    for parameters, places, freedom in ((1, 1.0, np.inf), (3, 500.0, 7.0)):
        needed = needed_gain(parameters, places=places, freedom=freedom)
        assert false_alarm(needed, parameters, places=places, freedom=freedom) == pytest.approx(
            FALSE_ALARM, rel=1e-6
        )
        assert stands_out(1.01 * needed, parameters, places=places, freedom=freedom)
        assert not stands_out(0.99 * needed, parameters, places=places, freedom=freedom)


def test_nothing_gained_is_nothing_claimed() -> None:
    assert false_alarm(0.0, 2) == 1.0
    assert false_alarm(float("nan"), 2) == 1.0
    assert false_alarm(1e4, 2, places=1e6) == 0.0


def test_no_count_has_the_error_of_one() -> None:
    assert counting_error([0, 1, 9], 0.5) == pytest.approx([2, 2, 6])


def test_a_silent_detector_is_told_from_a_stuck_one() -> None:
    assert "counted nothing" in silence("APD1", np.zeros((3, 4)))
    assert "same value" in silence("APD1", np.full(9, 77))
    assert not silence("APD1", [1, 2, 1])


def test_a_value_without_an_error_is_not_given() -> None:
    values = {
        name: FitValue(2.0, error, "Hz", name)
        for name, error in (("a", 0.5), ("b", 0.0), ("c", float("nan")), ("d", 3.0))
    }

    @claims_only_what_is_there("four numbers")
    def fit() -> FitResult:
        return FitResult("four numbers", values, np.diag([0.25, 0.0, np.nan]), 1.0)

    result = fit()
    assert list(result.values) == ["a", "d"]
    assert result.covariance == pytest.approx(np.array([[0.25]]))
    assert "b, c" in result.notes[-1]


@pytest.mark.parametrize("error", [ZeroDivisionError(), ValueError(), np.linalg.LinAlgError()])
def test_numerics_that_fail_end_in_words(error: Exception) -> None:
    @claims_only_what_is_there("a line")
    def fit() -> FitResult:
        raise error

    assert not fit().values
    assert "nothing is fitted" in fit().notes[0]


def test_bad_input_is_still_refused() -> None:
    @claims_only_what_is_there("a line")
    def fit() -> FitResult:
        raise ParameterError("Too few points.")

    with pytest.raises(ParameterError, match="Too few"):
        fit()
