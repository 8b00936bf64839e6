"""Stretched decays against integrals and samples, the T1 protocol against matrix exponentials."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.linalg import expm
from scipy.optimize import curve_fit

from sim_backends.physics import relaxation
from sim_backends.physics.libration import T1Convention, relaxation_channels
from sim_backends.physics.relaxation import Recharging, T1Protocol

OBSERVED_T1_S = {1: 1.61e-3, 2: 490e-6, 4: 220e-6}
"""`002`, Fig. 2c, by the number of resonant classes."""

CHARGE = Recharging(background_rate=3e5)


@pytest.mark.parametrize("time_over_t1", [0.0, 1e-3, 0.1, 1.0, 10.0])
def test_levy_density_gives_the_stretched_exponential(time_over_t1: float) -> None:
    t1_s = 490e-6

    def integrand(log_rate: float) -> float:
        g = np.exp(log_rate)
        return float(relaxation.levy_density(g, t1_s) * np.exp(-g * time_over_t1 * t1_s) * g)

    low, high = np.log(1e-3 / t1_s), np.log(1e14 / t1_s)
    decay, _ = integrate.quad(integrand, low, high, limit=400, epsabs=1e-10)
    assert decay == pytest.approx(np.exp(-np.sqrt(time_over_t1)), abs=1e-6)
    assert relaxation.ensemble_decay(time_over_t1 * t1_s, t1_s) == pytest.approx(
        np.exp(-np.sqrt(time_over_t1)), rel=1e-12
    )


def test_no_spin_relaxes_at_a_negative_rate() -> None:
    assert relaxation.levy_density([-1.0, 0.0], 1e-3).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("nodes", [16, 24, 40])
def test_a_few_rates_stand_for_the_ensemble(nodes: int) -> None:
    t1_s = 220e-6
    ensemble = relaxation.levy_quadrature(t1_s, nodes=nodes)
    times = np.geomspace(1e-3, 30, 2000) * t1_s
    error = np.abs(ensemble.decay(times) - relaxation.ensemble_decay(times, t1_s)).max()
    assert error < (1e-4 if nodes == 16 else 1e-6)
    assert ensemble.decay(0.0) == pytest.approx(1.0, abs=1e-14)
    assert np.all(ensemble.weight > 0)


def test_sampled_rates_follow_the_density() -> None:
    t1_s = 1.61e-3
    rates = relaxation.sample_rates(t1_s, 40_000, np.random.default_rng(1))

    def cumulative(g: np.ndarray) -> np.ndarray:
        return 2 * stats.norm.sf(1 / np.sqrt(2 * g * t1_s))  # z^2 > 1/(2 g T1)

    assert stats.kstest(rates, cumulative).pvalue > 0.003
    for t in (0.1 * t1_s, t1_s):
        left = np.exp(-rates * t)
        mean, error = left.mean(), left.std() / np.sqrt(len(rates))
        assert abs(mean - relaxation.ensemble_decay(t, t1_s)) < 3 * error


def brute_force(p: T1Protocol, dark_s: float) -> tuple[float, float]:
    """Counts by exponentials of rate matrices, the cycle repeated 4096 times.

    States |0>, |-1>, |+1> and the time integral of |0>; then the two charges likewise.
    """

    def propagator(rate: float, pump: float, seconds: float) -> np.ndarray:
        k, q = relaxation_channels(rate, p.t1_convention)
        flow = np.array([[0, k + pump, k + pump], [k, 0, q], [k, q, 0.0]])
        matrix = np.zeros((4, 4))
        matrix[:3, :3] = flow - np.diag(flow.sum(axis=0))
        matrix[3, 0] = 1.0
        return expm(matrix * seconds)

    f = p.pi_fidelity
    pulse = np.array([[1 - f, f, 0, 0], [f, 1 - f, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    totals = np.zeros(2)
    for c, t1_s in enumerate(p.t1_s):
        ensemble = relaxation.levy_quadrature(t1_s, nodes=p.nodes)
        rates, weights = (ensemble.rate, ensemble.weight) if p.stretched else ([1 / t1_s], [1.0])
        for rate, weight in zip(rates, weights, strict=True):
            prepare = propagator(rate, 0.0, dark_s) @ propagator(rate, p.pump_rate, p.polarise_s)
            read = propagator(rate, p.pump_rate, p.read_s)
            flip = pulse if c in p.addressed else np.eye(4)
            forget = np.diag([1.0, 1, 1, 0])
            sequences = [read @ forget @ prepare, read @ forget @ flip @ prepare]
            cycle = np.linalg.matrix_power(sequences[1] @ sequences[0], 4096)
            state = cycle @ [1.0, 0, 0, 0]
            bright = np.array([(sequences[0] @ state)[3], (sequences[1] @ sequences[0] @ state)[3]])
            totals += weight * bright / len(p.t1_s)
    counts = p.signal_rate * ((1 - p.contrast) * p.read_s + p.contrast * totals)
    if p.recharging is not None:
        r = p.recharging

        def charge(loss: float, gain: float, seconds: float) -> np.ndarray:
            return expm(seconds * np.array([[-loss, gain, 0], [loss, -gain, 0], [1, 0, 0]]))

        dark = charge(r.dark_ionisation_rate, r.dark_recombination_rate, dark_s)
        light = (r.light_ionisation_rate, r.light_recombination_rate)
        forget = np.diag([1.0, 1, 0])
        sequence = charge(*light, p.read_s) @ forget @ dark @ charge(*light, p.polarise_s)
        state = np.linalg.matrix_power(sequence, 4096) @ [1.0, 0, 0]
        counts += r.background_rate * state[2]
    return float(counts[0]), float(counts[1])


@pytest.mark.parametrize("convention", list(T1Convention))
@pytest.mark.parametrize("dark_s", [0.0, 3e-4, 5e-3])
def test_protocol_is_a_product_of_matrix_exponentials(
    convention: T1Convention, dark_s: float
) -> None:
    """Weak light, so that each sequence remembers the one before; a pulse that misses a part."""
    protocol = T1Protocol(
        t1_s=(1.61e-3, 490e-6, 490e-6, 490e-6),
        addressed=(1,),
        stretched=False,
        t1_convention=convention,
        pump_rate=800.0,
        polarise_s=3e-4,
        read_s=50e-6,
        pi_fidelity=0.9,
        contrast=0.3,
        recharging=replace(CHARGE, dark_recombination_rate=50.0),
    )
    signal = protocol.expected(dark_s)
    assert (signal.plain, signal.flipped) == pytest.approx(brute_force(protocol, dark_s), rel=1e-11)


def test_ensembles_are_sums_over_their_rates() -> None:
    protocol = T1Protocol(t1_s=(1.61e-3, 490e-6), nodes=16)
    signal = protocol.expected(4e-4)
    assert (signal.plain, signal.flipped) == pytest.approx(brute_force(protocol, 4e-4), rel=1e-11)


def stretched(time_s: np.ndarray, amplitude: float, t1_s: float) -> np.ndarray:
    return amplitude * np.exp(-np.sqrt(time_s / t1_s))


@pytest.mark.parametrize(("classes", "t1_s"), OBSERVED_T1_S.items())
def test_difference_decays_as_observed(classes: int, t1_s: float) -> None:
    """Light that polarises faster than any spin relaxes shows T1 itself."""
    resonant = (t1_s,) * classes + (1.61e-3,) * (4 - classes)
    addressed = tuple(range(classes))
    dark_s = np.geomspace(0.02, 8, 60) * t1_s
    strong = T1Protocol(t1_s=resonant, addressed=addressed, pump_rate=1e8, recharging=CHARGE)
    signal = strong.expected(dark_s)
    (_, fitted), _ = curve_fit(
        stretched, dark_s, signal.difference, p0=(signal.difference[0], t1_s)
    )
    assert fitted == pytest.approx(t1_s, rel=5e-3)


def test_light_as_weak_as_in_the_paper_overestimates_t1() -> None:
    """Spins that relax faster than 1e4 s^-1 are never polarised, and miss from the decay."""
    dark_s = np.geomspace(20e-6, 8e-3, 60)
    for t1_s, excess in ((1.61e-3, 1.235), (490e-6, 1.336), (220e-6, 1.431)):
        signal = T1Protocol(t1_s=(t1_s,) * 4).expected(dark_s)
        (_, fitted), _ = curve_fit(stretched, dark_s, signal.difference, p0=(0.4, t1_s))
        assert fitted / t1_s == pytest.approx(excess, rel=0.01)


def test_subtraction_cancels_recharging() -> None:
    dark_s = np.geomspace(20e-6, 8e-3, 60)
    quiet = T1Protocol()
    charged = T1Protocol(recharging=CHARGE)
    clean, disturbed = quiet.expected(dark_s), charged.expected(dark_s)
    assert np.abs(disturbed.difference - clean.difference).max() < 1e-13 * clean.plain.max()
    assert np.ptp(disturbed.plain - clean.plain) > 3 * np.ptp(clean.difference)

    def with_background(t: np.ndarray, amplitude: float, t1: float, floor: float) -> np.ndarray:
        return stretched(t, amplitude, t1) + floor

    (_, from_difference), _ = curve_fit(stretched, dark_s, disturbed.difference, p0=(0.4, 1.61e-3))
    (_, from_clean), _ = curve_fit(stretched, dark_s, clean.difference, p0=(0.4, 1.61e-3))
    assert from_difference == pytest.approx(from_clean, rel=1e-6)
    (_, from_plain, _), _ = curve_fit(
        with_background, dark_s, disturbed.plain, p0=(1.0, 1.61e-3, 5.0), maxfev=20_000
    )
    assert from_plain > 3 * from_difference


def test_other_classes_leave_the_difference_alone() -> None:
    dark_s = np.geomspace(20e-6, 8e-3, 20)
    alone = T1Protocol(t1_s=(490e-6, 1.61e-3)).expected(dark_s)
    beside = T1Protocol(t1_s=(490e-6, 220e-6)).expected(dark_s)
    assert alone.difference == pytest.approx(beside.difference, rel=1e-10)
    assert not np.allclose(alone.plain, beside.plain)


def test_unpolarised_spins_show_no_difference() -> None:
    assert T1Protocol(pump_rate=0.0).expected(1e-4).difference == pytest.approx(0.0, abs=1e-14)
    unpulsed = T1Protocol(pi_fidelity=0.0).expected(1e-4)
    assert unpulsed.difference == pytest.approx(0.0, abs=1e-14)


def test_counts_have_shot_noise() -> None:
    protocol = T1Protocol(recharging=CHARGE)
    mean = protocol.expected(1e-3)
    counts = protocol.sample(np.full(4000, 1e-3), 1000, np.random.default_rng(3))
    for name in ("plain", "flipped"):
        drawn, expected = getattr(counts, name), 1000 * getattr(mean, name)
        assert drawn.dtype.kind == "i"
        assert abs(drawn.mean() - expected) < 3 * np.sqrt(expected / 4000)
        assert drawn.var() == pytest.approx(expected, rel=3 * np.sqrt(2 / 4000))
    variance = 1000 * (mean.plain + mean.flipped)
    assert counts.difference.var() == pytest.approx(variance, rel=3 * np.sqrt(2 / 4000))
    again = protocol.sample(np.full(4000, 1e-3), 1000, np.random.default_rng(3))
    assert np.array_equal(counts.plain, again.plain)


def test_shapes_follow_the_dark_times() -> None:
    protocol = T1Protocol(recharging=CHARGE)
    dark_s = np.array([[1e-4, 2e-4, 3e-4], [1e-3, 2e-3, 3e-3]])
    signal = protocol.expected(dark_s)
    assert signal.plain.shape == signal.flipped.shape == signal.difference.shape == (2, 3)
    assert signal.flipped[1, 2] == pytest.approx(protocol.expected(3e-3).flipped, rel=1e-14)
    assert np.shape(protocol.sample(1e-3, 10, np.random.default_rng(0)).plain) == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t1_s": ()}, "t1_s must have"),
        ({"t1_s": (1e-3, 0.0)}, r"t1_s\[1\] must be finite and > 0"),
        ({"addressed": (4,)}, "addressed must name classes 0 to 3"),
        ({"nodes": 3}, "nodes must be >= 16"),
        ({"pump_rate": -1.0}, "pump_rate must be finite and >= 0"),
        ({"polarise_s": 0.0}, "polarise_s must be finite and > 0"),
        ({"read_s": np.nan}, "read_s must be finite and > 0"),
        ({"pi_fidelity": 1.5}, "pi_fidelity must be from 0 to 1"),
        ({"contrast": np.nan}, "contrast must be from 0 to 1"),
        ({"signal_rate": np.inf}, "signal_rate must be finite and >= 0"),
        ({"t1_convention": "some"}, "some"),
    ],
)  # fmt: skip
def test_bad_protocols_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        T1Protocol(**change)


def test_bad_charges_and_times_are_refused() -> None:
    with pytest.raises(ValueError, match="dark_ionisation_rate must be finite and >= 0"):
        Recharging(background_rate=1e5, dark_ionisation_rate=-1.0)
    with pytest.raises(ValueError, match="light_recombination_rate must be finite and > 0"):
        Recharging(background_rate=1e5, light_ionisation_rate=0.0, light_recombination_rate=0.0)
    for dark_s in (-1e-3, np.nan, np.inf):
        with pytest.raises(ValueError, match="dark_s must be finite and >= 0"):
            T1Protocol().expected(dark_s)
    with pytest.raises(ValueError, match="shots must be >= 1"):
        T1Protocol().sample(1e-3, 0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="time_s must be >= 0"):
        relaxation.ensemble_decay([-1.0], 1e-3)
    for function in (relaxation.levy_density, relaxation.ensemble_decay):
        with pytest.raises(ValueError, match="t1_s must be finite and > 0"):
            function(1.0, 0.0)
    with pytest.raises(ValueError, match="t1_s must be finite and > 0"):
        relaxation.sample_rates(np.nan, 3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="t1_s must be finite and > 0"):
        relaxation.levy_quadrature(-1.0)
