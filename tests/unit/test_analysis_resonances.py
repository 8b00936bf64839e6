"""The multi-peak fit against synthetic spectra whose lines are known."""

import numpy as np
import pytest

from labctl.analysis.lineshapes import gaussian, lorentzian, pulled_lorentzian
from labctl.analysis.resonances import fit_resonances
from labctl.errors import ParameterError

WIDE = np.linspace(2.6e9, 3.2e9, 301)
NARROW = np.linspace(2.6e9, 2.9e9, 151)
EIGHT = np.array([2.66, 2.72, 2.77, 2.81, 2.93, 2.98, 3.03, 3.10]) * 1e9


def _eight_lines(snr, pull_hz=0.0):
    return sum(
        pulled_lorentzian(WIDE, center, 7e6, snr * (-1) ** i, pull_hz)
        for i, center in enumerate(EIGHT)
    )


def _found(result):
    return result.tables["resonances"].columns


@pytest.mark.parametrize("shape", ["lorentzian", "pulled_lorentzian"])
@pytest.mark.parametrize("frequency", [WIDE, NARROW], ids=["wide", "narrow"])
def test_noise_alone_shows_no_lines(shape, frequency):
    rng = np.random.default_rng(11)
    error = np.full(frequency.size, 1e3)
    false = 0
    for _ in range(200):
        result = fit_resonances(
            frequency, 1e6 + rng.normal(size=frequency.size) * error, error, shape=shape
        )
        false += _found(result)["frequency_hz"].size > 0
    assert false < 4  # 2 %


def test_no_line_is_a_note_and_an_empty_table():
    rng = np.random.default_rng(0)
    result = fit_resonances(WIDE, rng.normal(size=301), np.ones(301))
    assert result.notes == ("No line stands out from the noise.",)
    assert all(column.shape == (0,) for column in _found(result).values())
    assert result.curve is not None
    assert result.curve.model.shape == (301,)


@pytest.mark.parametrize("snr", [6, 10, 30, 300])
@pytest.mark.parametrize("pull_hz", [0.0, 2e6])
def test_eight_lines_of_either_sign(snr, pull_hz):
    rng = np.random.default_rng(snr)
    background = 3 * (WIDE - 2.9e9) / 0.3e9 + 2 * ((WIDE - 2.9e9) / 0.3e9) ** 2
    y = _eight_lines(snr, pull_hz) + background + rng.normal(size=301)
    shape = "pulled_lorentzian" if pull_hz else "lorentzian"
    result = fit_resonances(WIDE, y, np.ones(301), shape=shape)
    found = _found(result)
    assert found["frequency_hz"].size == 8
    assert np.all(np.abs(found["frequency_hz"] - EIGHT) < 4 * found["frequency_error_hz"])
    assert np.sign(found["amplitude"]).tolist() == [1, -1] * 4
    assert result.reduced_chi_square == pytest.approx(1, abs=0.3)


def test_weak_lines_are_found():
    """A height of four per point, an area of about six sigma."""
    rng = np.random.default_rng(4)
    sizes = [
        _found(fit_resonances(WIDE, _eight_lines(4) + rng.normal(size=301), np.ones(301)))[
            "frequency_hz"
        ].size
        for _ in range(20)
    ]
    assert np.mean(sizes) > 7.5
    assert max(sizes) <= 8


@pytest.mark.parametrize(
    ("shape", "pull_hz", "snr"),
    [
        ("lorentzian", 0.0, 10.0),
        ("gaussian", 0.0, 10.0),
        pytest.param("pulled_lorentzian", 1.5e6, 25.0, marks=pytest.mark.slow),
        pytest.param("pulled_lorentzian", 0.0, 25.0, marks=pytest.mark.slow),
    ],
)
def test_errors_are_honest(shape, pull_hz, snr):
    rng = np.random.default_rng(7)
    centers = np.array([2.67, 2.76, 2.85]) * 1e9
    signs = np.array([1.0, -1.0, 1.0])
    error = 1e3
    pulls, extra = [], 0
    for _ in range(80 if shape == "pulled_lorentzian" else 200):
        shift = rng.uniform(-1e6, 1e6)
        truth = centers + shift
        rate = np.full(NARROW.size, error**2)
        for center, sign in zip(truth, signs, strict=True):
            height = sign * snr * error
            if shape == "gaussian":
                rate += gaussian(NARROW, center, 7e6, height)
            else:
                rate += pulled_lorentzian(NARROW, center, 7e6, height, pull_hz)
        result = fit_resonances(NARROW, rng.poisson(rate), np.sqrt(rate), shape=shape)
        found = _found(result)
        nearest = np.argmin(np.abs(found["frequency_hz"][:, None] - truth), axis=0)
        extra += found["frequency_hz"].size - 3
        deviation = found["frequency_hz"][nearest] - truth
        pulls.append(deviation / found["frequency_error_hz"][nearest])
    assert 0 <= extra <= 6
    assert 0.85 < np.std(pulls) < 1.15
    assert abs(np.mean(pulls)) < 0.15


def test_pull_is_told_from_the_shape():
    rng = np.random.default_rng(8)
    y = pulled_lorentzian(NARROW, 2.75e9, 8e6, 100.0, 3e6) + rng.normal(size=151)
    found = _found(fit_resonances(NARROW, y, np.ones(151), shape="pulled_lorentzian"))
    assert found["pull_hz"][0] == pytest.approx(3e6, abs=4 * found["pull_error_hz"][0])
    assert found["frequency_hz"][0] == pytest.approx(2.75e9, abs=0.3e6)
    # Without pull in the model the top of the line would be reported, three megahertz off.
    plain = _found(fit_resonances(NARROW, y, np.ones(151), max_lines=1))
    assert plain["frequency_hz"][0] < 2.7485e9


def test_lines_of_another_shape_are_not_doubled():
    """At a height of 300 the misfit of a plain Lorentzian is significant, yet no line."""
    rng = np.random.default_rng(10)
    y = sum(pulled_lorentzian(WIDE, c, 8e6, 300.0 * (-1) ** i, 2e6) for i, c in enumerate(EIGHT))
    result = fit_resonances(WIDE, y + rng.normal(size=301), np.ones(301), max_lines=16)
    assert _found(result)["frequency_hz"].size == 8
    assert any("misses part" in note for note in result.notes)


@pytest.mark.parametrize("snr", [40, 300])
def test_a_pair_is_two_lines(snr):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = lorentzian(WIDE, 2.75e9, 7e6, snr) + lorentzian(WIDE, 2.76e9, 7e6, 0.7 * snr)
        result = fit_resonances(WIDE, y + rng.normal(size=301), np.ones(301))
        assert _found(result)["frequency_hz"] == pytest.approx([2.75e9, 2.76e9], abs=1e6)


def _pulled_spectrum(rng, pulls):
    y = sum(
        pulled_lorentzian(WIDE, c, 9e6, 15.0 * (-1) ** i, pull)
        for i, (c, pull) in enumerate(zip(EIGHT, pulls, strict=True))
    )
    return WIDE, y + rng.normal(size=301), np.ones(301)


def test_lines_share_what_they_know_of_the_pull():
    """Pulls of 0.3 to 1.5 MHz at a height of 15: one line alone is known to 0.6 MHz only."""
    rng = np.random.default_rng(12)
    deviations, errors = [], []
    for _ in range(16):
        pulls = rng.uniform(0.3e6, 1.5e6, 8)
        found = _found(fit_resonances(*_pulled_spectrum(rng, pulls), shape="pulled_lorentzian"))
        if found["frequency_hz"].size == 8:
            deviations.append(found["frequency_hz"] - EIGHT)
            errors.append(found["frequency_error_hz"])
    assert len(errors) >= 15
    assert np.mean(errors) < 0.5e6
    assert 0.8 < np.std(np.array(deviations) / errors) < 1.15
    assert abs(np.mean(np.array(deviations) / errors)) < 0.25


def test_one_strongly_pulled_line_keeps_its_pull():
    rng = np.random.default_rng(13)
    pulls = np.full(8, 0.5e6)
    pulls[2] = 5e6
    found = _found(fit_resonances(*_pulled_spectrum(rng, pulls), shape="pulled_lorentzian"))
    assert found["pull_hz"][2] == pytest.approx(5e6, abs=3 * found["pull_error_hz"][2])
    assert found["frequency_hz"][2] == pytest.approx(EIGHT[2], abs=2e6)


def test_curved_detector_does_not_make_extra_lines():
    """The speckle slope bends the signal; a line with 10 % curvature stays one line."""
    rng = np.random.default_rng(9)
    y = _eight_lines(1.0)
    y = 300 * (y + 0.1 * y**2) + rng.normal(size=301)
    found = _found(fit_resonances(WIDE, y, np.ones(301), max_lines=12))
    assert found["frequency_hz"].size == 8
    assert found["frequency_hz"] == pytest.approx(EIGHT, abs=0.3e6)


def test_dense_lines_are_told_apart():
    """Eight lines within 190 MHz, down to 12 MHz apart; free fits run away between them."""
    rng = np.random.default_rng(79)
    centers = 2.85e9 + np.array([-73.4, -26.6, -3.4, 8.8, 40.5, 52.2, 73.6, 113.8]) * 1e6
    frequency = np.arange(2.3e9, 3.401e9, 2e6)
    y = sum(lorentzian(frequency, center, 7e6, -20.0) for center in centers)
    result = fit_resonances(
        frequency, y + rng.normal(size=frequency.size), np.ones(frequency.size), sign="negative"
    )
    assert _found(result)["frequency_hz"] == pytest.approx(centers, abs=2e6)


def test_covariance_matches_the_errors():
    rng = np.random.default_rng(1)
    result = fit_resonances(WIDE, _eight_lines(30) + rng.normal(size=301), np.ones(301))
    errors = [value.error for value in result.values.values()]
    assert np.sqrt(np.diag(result.covariance)) == pytest.approx(errors)


def test_errors_too_small_are_scaled():
    rng = np.random.default_rng(2)
    y = _eight_lines(30) + rng.normal(size=301)
    honest = _found(fit_resonances(WIDE, y, np.ones(301)))
    small = _found(fit_resonances(WIDE, y, np.full(301, 0.25)))
    assert small["frequency_hz"].size == 8
    assert small["frequency_error_hz"] == pytest.approx(honest["frequency_error_hz"], rel=0.15)


def test_order_of_points_does_not_matter():
    rng = np.random.default_rng(3)
    y = _eight_lines(30) + rng.normal(size=301)
    shuffle = rng.permutation(301)
    a = fit_resonances(WIDE, y, np.ones(301))
    b = fit_resonances(WIDE[shuffle], y[shuffle], np.ones(301))
    assert _found(a)["frequency_hz"] == pytest.approx(_found(b)["frequency_hz"], abs=1)


@pytest.mark.parametrize(
    ("center", "other", "note"),
    [(2.6005e9, 2.75e9, "edge"), (2.75e9, 2.7562e9, "overlap")],
)
def test_notes_say_what_is_doubtful(center, other, note):
    rng = np.random.default_rng(5)
    y = lorentzian(NARROW, center, 7e6, 100) + lorentzian(NARROW, other, 7e6, 100)
    result = fit_resonances(NARROW, y + rng.normal(size=151), np.ones(151))
    assert any(note in text for text in result.notes)


def test_lines_within_half_a_width_are_possibly_two():
    frequency, rng = np.linspace(2.8e9, 2.9e9, 201), np.random.default_rng(0)
    y = lorentzian(frequency, 2.85e9, 4e6, 300) + lorentzian(frequency, 2.852e9, 12e6, 300)
    result = fit_resonances(frequency, y + rng.normal(size=201), np.ones(201))
    assert _found(result)["frequency_hz"] == pytest.approx([2.85e9, 2.852e9], abs=0.3e6)
    assert any(note.startswith("Possibly two lines") for note in result.notes)


@pytest.mark.parametrize(("pull_hz", "cautioned"), [(7e6, True), (1e6, False)])
def test_a_strong_pull_is_cautioned_against(pull_hz, cautioned):
    rng = np.random.default_rng(2)
    y = pulled_lorentzian(NARROW, 2.75e9, 7e6, 100.0, pull_hz) + rng.normal(size=151)
    result = fit_resonances(NARROW, y, np.ones(151), shape="pulled_lorentzian")
    assert any("may be bistable" in note for note in result.notes) is cautioned


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"signal": np.full(301, np.nan)}, "signal.*finite"),
        ({"signal": np.ones(300)}, "signal.*shape"),
        ({"error": np.zeros(301)}, "error.*positive"),
        ({"frequency_hz": np.full(301, 2.8e9)}, "more than one frequency"),
        ({"shape": "voigt"}, "shape.*lorentzian"),
        ({"sign": "up"}, "sign.*both"),
        ({"fwhm_range_hz": (5e6, 1e6)}, "fwhm_range_hz"),
        ({"max_lines": -1}, "max_lines"),
    ],
)
def test_bad_input_is_one_clear_line(change, message):
    arguments = {"frequency_hz": WIDE, "signal": np.ones(301), "error": np.ones(301)} | change
    with pytest.raises(ParameterError, match=message) as caught:
        fit_resonances(**arguments)
    assert "\n" not in str(caught.value)


def test_too_few_points():
    with pytest.raises(ParameterError, match="at least 8"):
        fit_resonances(WIDE[:7], np.ones(7), np.ones(7))


@pytest.mark.parametrize("signal", [np.zeros(301), np.full(301, 1e6)])
def test_constant_signal(signal):
    assert _found(fit_resonances(WIDE, signal, np.ones(301)))["frequency_hz"].size == 0


@pytest.mark.parametrize("points", [20_000, 1_000_000])
def test_a_very_long_scan_is_fitted_as_well_as_a_short_one(points: int) -> None:
    """The same photons spread over more points; a search over each of them would take 20 GB."""
    rng = np.random.default_rng(points)
    places, heights = np.array([2.63e9, 2.72e9, 2.75e9]), np.array([0.2, -0.15, 0.1])

    def spectrum(n: int):
        frequency, sigma = np.linspace(2.6e9, 2.8e9, n), 0.01 * np.sqrt(n / 301)
        lines = heights / (1 + ((frequency[:, None] - places) / 3.5e6) ** 2)
        signal = 1 + lines.sum(axis=1) + rng.normal(0, sigma, n)
        return frequency, signal, np.full(n, sigma)

    long, short = fit_resonances(*spectrum(points)), fit_resonances(*spectrum(301))
    assert long.reduced_chi_square == pytest.approx(1, abs=0.2)
    for number, place in enumerate(places, start=1):
        for name, truth in ((f"frequency_{number}_hz", place), (f"fwhm_{number}_hz", 7e6)):
            assert abs(long.values[name].value - truth) < 3 * long.values[name].error
            assert long.values[name].error == pytest.approx(short.values[name].error, rel=0.6)
