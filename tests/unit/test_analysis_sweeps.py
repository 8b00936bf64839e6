"""Averaging sweeps against counts whose truth is known."""

import numpy as np
import pytest

from labctl.analysis.sweeps import average_sweeps
from labctl.errors import ParameterError

FREQUENCY = np.linspace(2.6e9, 2.9e9, 151)
RATE = 1e6 + 3e4 / (1 + ((FREQUENCY - 2.75e9) / 4e6) ** 2)
DWELL = 0.01


def _scan(rng, sweeps, *, extra_sigma=0.0, offset_per_sweep=0.0, cut=0):
    frequency, counts = [], []
    for sweep in range(sweeps):
        order = np.arange(FREQUENCY.size)[:: 1 if sweep % 2 == 0 else -1]
        time = sweep + np.arange(order.size) / order.size
        rate = RATE[order] + offset_per_sweep * time + extra_sigma * rng.normal(size=order.size)
        frequency.append(FREQUENCY[order])
        counts.append(rng.poisson(rate * DWELL))
    stop = sweeps * FREQUENCY.size - cut
    return np.concatenate(frequency)[:stop], np.concatenate(counts)[:stop]


def _pulls(average):
    deviation = average.rate_per_s - np.interp(average.frequency_hz, FREQUENCY, RATE)
    return (deviation - deviation.mean()) / average.error_per_s


@pytest.mark.parametrize(
    ("sweeps", "extra_sigma"), [(1, 0), (3, 0), (5, 0), (20, 0), (5, 3e4), (20, 3e4)]
)
def test_errors_are_honest(sweeps, extra_sigma):
    rng = np.random.default_rng(sweeps)
    pulls = np.concatenate(
        [
            _pulls(average_sweeps(*_scan(rng, sweeps, extra_sigma=extra_sigma), DWELL))
            for _ in range(20)
        ]
    )
    # 3000 values: the spread is known to 1.3 %; the Poisson floor leans to the safe side.
    assert 0.93 < pulls.std() < 1.05
    assert np.mean(np.abs(pulls) > 3) < 0.006


def test_drift_is_taken_away_and_does_not_bend_the_spectrum():
    rng = np.random.default_rng(2)
    scan = _scan(rng, 10, offset_per_sweep=2e4, cut=70)
    kept = average_sweeps(*scan, DWELL, remove_drift=False)
    removed = average_sweeps(*scan, DWELL)
    assert kept.error_per_s.mean() > 4 * removed.error_per_s.mean()
    assert 0.85 < _pulls(removed).std() < 1.15
    slope = np.polyfit(FREQUENCY / 1e9, _pulls(removed), 1)[0] * np.ptp(FREQUENCY) / 1e9
    assert abs(slope) < 1.0


def test_incomplete_last_sweep_is_counted_not_extrapolated():
    rng = np.random.default_rng(3)
    frequency, counts = _scan(rng, 6, cut=100)
    average = average_sweeps(frequency, counts, DWELL)
    assert average.repeats.sum() == frequency.size
    # The sixth sweep ran downwards and stopped after 51 points.
    assert average.repeats[:100].tolist() == [5] * 100
    assert average.repeats[100:].tolist() == [6] * 51


def test_no_noise_gives_the_rate_back():
    counts = np.tile(np.round(RATE * DWELL), 4)
    average = average_sweeps(np.tile(FREQUENCY, 4), counts, DWELL)
    assert average.rate_per_s == pytest.approx(np.round(RATE * DWELL) / DWELL, rel=1e-12)
    assert average.error_per_s == pytest.approx(np.sqrt(average.rate_per_s / DWELL / 4))


def test_setpoints_that_differ_in_the_last_bit_are_one_frequency():
    frequency = np.concatenate([FREQUENCY, np.nextafter(FREQUENCY, 0)])
    average = average_sweeps(frequency, np.ones(302), DWELL)
    assert average.frequency_hz.size == 151


def test_zero_counts_still_have_an_error():
    average = average_sweeps(np.tile(FREQUENCY, 6), np.zeros(906), DWELL)
    assert np.all(average.error_per_s > 0)


def test_a_dead_time_makes_errors_smaller_than_poisson():
    """At r d = 0.3 the counts vary by 1/1.3^2 of Poisson's variance."""
    rng = np.random.default_rng(4)
    counts = np.round(1e4 + 100 / 1.3 * rng.normal(size=(20, FREQUENCY.size)))
    average = average_sweeps(np.tile(FREQUENCY, 20), counts.ravel(), DWELL)
    poisson = np.sqrt(average.rate_per_s / DWELL / 20)
    assert np.mean(average.error_per_s / poisson) == pytest.approx(1 / 1.3, rel=0.05)


@pytest.mark.parametrize(
    ("frequency", "counts", "dwell", "message"),
    [
        ([], [], 1.0, "no points"),
        ([1e9, 2e9], [1], 1.0, "equal lengths"),
        ([1e9, np.nan], [1, 2], 1.0, "frequency_hz.*finite"),
        ([1e9, 2e9], [1, np.inf], 1.0, "counts.*finite"),
        ([1e9, 2e9], [1, -2], 1.0, "negative"),
        ([1e9, 2e9], [1, 2], 0.0, "dwell_s.*positive"),
        ([1e9, 2e9], [1, 2], [1.0, 1.0, 1.0], "dwell_s"),
    ],
)
def test_bad_input_is_one_clear_line(frequency, counts, dwell, message):
    with pytest.raises(ParameterError, match=message) as caught:
        average_sweeps(frequency, counts, dwell)
    assert "\n" not in str(caught.value)
