"""Pulsed measurement of T1, segment by segment without error (`002`, SM Sec. III B and Fig. 9).

Two sequences alternate: polarise - dark - read and polarise - dark - pi - read. Their difference
is the polarisation of the addressed class; whatever else changes in the dark, charge above all,
is the same in both.

Within a segment the populations of a spin obey a rate equation whose matrix does not mix
z = p(0), which goes to (k + P)/(3k + P) at the rate 3k + P, with d = p(-1) - p(+1), which goes to
0 at k + 2q + P (P is the optical pumping, 0 in the dark; k and q are the single- and
double-quantum relaxation). So the propagator is two exponentials, its integral over the reading
pulse is known, and the periodic state of the alternating sequences solves a 2x2 system.
"""

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim_backends.physics.kernel import kernel
from sim_backends.physics.levy_ensemble import levy_quadrature
from sim_backends.physics.libration import T1Convention, relaxation_channels
from sim_backends.physics.ranges import require_not_negative, require_positive


@dataclass(frozen=True, kw_only=True)
class Recharging:
    """Charge exchange NV- <-> NV0 and the fluorescence it adds, alike for every spin state.

    Two states, NV- -> NV0 at `ionisation` and back at `recombination`, with rates for light and
    dark. The background is proportional to the share of NV-; that the spin signal loses
    contrast by the same share is left out, as the protocol assumes.

    Attributes:
        background_rate: counts/s in the reading pulse with every centre negative.
        dark_ionisation_rate: s^-1.
        dark_recombination_rate: s^-1.
        light_ionisation_rate: s^-1.
        light_recombination_rate: s^-1.

    Raises:
        ValueError: a negative or undefined rate; no exchange under light, which leaves the
            charge undefined.
    """

    background_rate: float
    dark_ionisation_rate: float = 300.0
    dark_recombination_rate: float = 0.0
    light_ionisation_rate: float = 1000.0
    light_recombination_rate: float = 3000.0

    def __post_init__(self) -> None:
        require_not_negative(**vars(self))
        require_positive(**{"light_ionisation_rate + light_recombination_rate": self._light[0]})

    @property
    def _light(self) -> tuple[float, float]:
        """Rate and goal of the share of NV- under light."""
        total = self.light_ionisation_rate + self.light_recombination_rate
        return total, self.light_recombination_rate / total if total else 0.0

    @property
    def _dark(self) -> tuple[float, float]:
        total = self.dark_ionisation_rate + self.dark_recombination_rate
        return total, self.dark_recombination_rate / total if total else 0.0

    def background(
        self, dark_s: NDArray[np.float64], polarise_s: float, read_s: float
    ) -> NDArray[np.float64]:
        """Counts that the charge adds to each reading pulse of a periodic sequence.

        Args:
            dark_s: dark times, s, any shape.
            polarise_s: length of the polarising pulse.
            read_s: length of the reading pulse.
        """
        light, goal = self._light
        dark, dark_goal = self._dark
        left_dark = np.exp(-dark * dark_s)
        left_light = math.exp(-light * (polarise_s + read_s))
        # The share s at the start of reading returns after read, polarise and dark.
        share = dark_goal + (goal * (1.0 - left_light) - dark_goal) * left_dark
        share /= 1.0 - left_light * left_dark
        read = goal * read_s + (share - goal) * -math.expm1(-light * read_s) / light
        return self.background_rate * read


@dataclass(frozen=True, kw_only=True)
class T1Signal:
    """Fluorescence of the two sequences: counts per shot, or totals of several shots.

    Attributes:
        plain: without the pi pulse, shape of the dark times; float means or integer counts.
        flipped: with the pi pulse, the same shape.
    """

    plain: NDArray[Any]
    flipped: NDArray[Any]

    @property
    def difference(self) -> NDArray[Any]:
        """Plain minus flipped: the polarisation of the addressed class alone."""
        return self.plain - self.flipped


@dataclass(frozen=True, kw_only=True)
class T1Protocol:
    """A diamond and the pulses that measure the T1 of some of its classes.

    Attributes:
        t1_s: T1 of every class in s; each holds an equal share of the spins.
        addressed: classes whose |0> <-> |-1> the pi pulse inverts; several when resonant.
        stretched: spread the rates of a class by the Levy law; False gives all spins its T1.
        nodes: rates per class that stand for the spread.
        t1_convention: which transitions a rate stands for. Under `mixing`, the default, the
            signal of each spin decays at its rate, so that `t1_s` is what a fit finds.
        pump_rate: polarisation by the light, s^-1.
        polarise_s: length of the polarising pulse.
        read_s: length of the reading pulse.
        pi_fidelity: share of the addressed spins that the pi pulse inverts, 0 to 1.
        signal_rate: counts/s of the whole ensemble polarised in |0>.
        contrast: relative loss of counts in |+-1>, 0 to 1.
        recharging: charge exchange, or None.

    Raises:
        ValueError: a figure outside its range; an unknown class or convention.
    """

    t1_s: tuple[float, ...] = (1.61e-3,) * 4
    addressed: tuple[int, ...] = (0,)
    stretched: bool = True
    nodes: int = 24
    t1_convention: T1Convention = T1Convention.MIXING
    pump_rate: float = 1e4
    polarise_s: float = 1e-3
    read_s: float = 10e-6
    pi_fidelity: float = 1.0
    signal_rate: float = 1e6
    contrast: float = 0.2
    recharging: Recharging | None = None

    def __post_init__(self) -> None:
        if not self.t1_s:
            raise ValueError("t1_s must have at least one class")
        for n, t1_s in enumerate(self.t1_s):
            require_positive(**{f"t1_s[{n}]": t1_s})
        if not all(0 <= c < len(self.t1_s) for c in self.addressed):
            raise ValueError(
                f"addressed must name classes 0 to {len(self.t1_s) - 1}, but is {self.addressed}"
            )
        require_positive(polarise_s=self.polarise_s, read_s=self.read_s)
        require_not_negative(pump_rate=self.pump_rate, signal_rate=self.signal_rate)
        for name in ("pi_fidelity", "contrast"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be from 0 to 1, but is {getattr(self, name)}")
        object.__setattr__(self, "t1_convention", T1Convention(self.t1_convention))
        self._table  # noqa: B018  propagators of the light, once; refuses too few nodes

    def expected(self, dark_s: ArrayLike) -> T1Signal:
        """Mean counts per shot once the alternating sequences repeat themselves.

        Args:
            dark_s: dark times, s, >= 0, any shape.

        Raises:
            ValueError: a negative or undefined dark time.
        """
        dark = np.asarray(dark_s, dtype=float)
        if not np.all((dark >= 0) & np.isfinite(dark)):
            raise ValueError("dark_s must be finite and >= 0")
        bright = np.empty((dark.size, 2))
        _bright_times(dark.reshape(-1), *self._table, self.read_s, bright)
        counts = (1.0 - self.contrast) * self.read_s + self.contrast * bright
        counts *= self.signal_rate
        plain, flipped = counts.T.reshape(2, *dark.shape)
        if self.recharging is not None:
            background = self.recharging.background(dark, self.polarise_s, self.read_s)
            plain, flipped = plain + background, flipped + background
        return T1Signal(plain=plain, flipped=flipped)

    def sample(self, dark_s: ArrayLike, shots: int, rng: np.random.Generator) -> T1Signal:
        """Photon counts summed over `shots` repetitions of both sequences.

        Args:
            dark_s: dark times, s, >= 0, any shape.
            shots: repetitions at each dark time, >= 1.
            rng: source of the shot noise.

        Raises:
            ValueError: a negative or undefined dark time; fewer than one shot.
        """
        if shots < 1:
            raise ValueError(f"shots must be >= 1, but is {shots}")
        mean = self.expected(dark_s)
        # A sum of Poisson counts is one Poisson count.
        return T1Signal(
            plain=np.asarray(rng.poisson(shots * mean.plain)),
            flipped=np.asarray(rng.poisson(shots * mean.flipped)),
        )

    @cached_property
    def _table(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(rows as `_bright_times` reads them, share inverted); one per kind of class and rate."""
        rows, inversion = [], []
        kinds = Counter((t1_s, n in self.addressed) for n, t1_s in enumerate(self.t1_s))
        for (t1_s, addressed), classes in kinds.items():
            rates, shares = np.array([1.0 / t1_s]), np.array([1.0])
            if self.stretched:
                ensemble = levy_quadrature(t1_s, nodes=self.nodes)
                rates, shares = ensemble.rate, ensemble.weight
            for rate, share in zip(rates, shares, strict=True):
                k, q = relaxation_channels(float(rate), self.t1_convention)
                of_z, of_d = 3.0 * k + self.pump_rate, k + 2.0 * q + self.pump_rate
                rows.append(
                    (
                        share * classes / len(self.t1_s),
                        3.0 * k, k + 2.0 * q, (k + self.pump_rate) / of_z,
                        math.exp(-of_z * self.polarise_s), math.exp(-of_d * self.polarise_s),
                        math.exp(-of_z * self.read_s), math.exp(-of_d * self.read_s),
                        -math.expm1(-of_z * self.read_s) / of_z,
                    )
                )  # fmt: skip
                inversion.append(self.pi_fidelity if addressed else 0.0)
        return np.array(rows), np.array(inversion)


@kernel(nogil=True)
def _bright_times(
    dark_s: NDArray[np.float64],
    table: NDArray[np.float64],
    inversion: NDArray[np.float64],
    read_s: float,
    out: NDArray[np.float64],
) -> None:
    """Mean of the time integral of p(0) over the reading pulse, plain and flipped, out (n, 2).

    A pulse that exchanges the share f of |0> and |-1> takes m = f (3 z - d - 1)/2 from z to d.
    """
    third = 1.0 / 3.0
    for n in range(dark_s.shape[0]):
        plain, flipped = 0.0, 0.0
        for row in range(table.shape[0]):
            f, goal = inversion[row], table[row, 3]
            light_z, light_d = table[row, 4], table[row, 5]
            read_z, read_d = table[row, 6], table[row, 7]
            left_z = math.exp(-table[row, 1] * dark_s[n])
            left_d = math.exp(-table[row, 2] * dark_s[n])
            # Polarise and dark: z -> a z + c, d -> b d. Read: z -> read_z z + g, d -> read_d d.
            a, b = light_z * left_z, light_d * left_d
            c = third + (goal * (1.0 - light_z) - third) * left_z
            g = goal * (1.0 - read_z)
            # Before the pi pulse z is a2 z + c2 and d is b2 d of the cycle's start.
            a2, c2 = a * read_z * a, a * (read_z * c + g) + c
            b2 = b * read_d * b
            # The cycle ends where it began.
            m11, m12 = 1.0 - read_z * (1.0 - 1.5 * f) * a2, -read_z * 0.5 * f * b2
            m21, m22 = -read_d * 1.5 * f * a2, 1.0 - read_d * (1.0 - 0.5 * f) * b2
            r1 = read_z * ((1.0 - 1.5 * f) * c2 + 0.5 * f) + g
            r2 = read_d * (1.5 * f * c2 - 0.5 * f)
            scale = 1.0 / (m11 * m22 - m12 * m21)
            z, d = (m22 * r1 - m12 * r2) * scale, (m11 * r2 - m21 * r1) * scale

            before, after = a * z + c, a2 * z + c2
            after -= 0.5 * f * (3.0 * after - b2 * d - 1.0)
            reading, weight = table[row, 8], table[row, 0]
            plain += weight * (goal * read_s + (before - goal) * reading)
            flipped += weight * (goal * read_s + (after - goal) * reading)
        out[n, 0], out[n, 1] = plain, flipped
