"""What a fit of resonances tells: values in SI, a table, and what makes each line doubtful."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.dispersive_lines import STRONG, Doubt
from labctl.analysis.line_model import LineModel
from labctl.analysis.lineshapes import BISTABLE_PULL
from labctl.data import FitValue, Table

Floats = NDArray[np.float64]

NOT_FITTED = FitValue(float("nan"), float("nan"), "")


@dataclass(frozen=True)
class ResonanceReport:
    """The lines of a fit, in order of frequency.

    Attributes:
        model: lineshape and baseline.
        fit: its parameters, (p,).
        fit_covariance: of these, (p, p).
        doubts: lines that are not claimed.
        middle_hz: of the window.
        centre: of the signal, in `unit`.
        spread: of the signal, in `unit`.
        unit: of the signal.
    """

    model: LineModel
    fit: Floats
    fit_covariance: Floats
    doubts: tuple[Doubt, ...]
    middle_hz: float
    centre: float
    spread: float
    unit: str

    @property
    def values(self) -> dict[str, FitValue]:
        """By name, with standard errors."""
        errors = np.sqrt(np.diag(self.covariance))
        return {
            name: FitValue(float(value), float(error), unit, label)
            for (_, name, value, _, unit, label), error in zip(self._rows, errors, strict=True)
        }

    @cached_property
    def covariance(self) -> Floats:
        """Of the values, in their order."""
        picked, factor = [row[0] for row in self._rows], [row[3] for row in self._rows]
        return self.fit_covariance[np.ix_(picked, picked)] * np.outer(factor, factor)

    def table(self) -> Table:
        """One row per claimed line."""
        values, numbers = self.values, range(1, len(self._claimed) + 1)
        names = {"frequency_hz": "frequency_{}_hz", "fwhm_hz": "fwhm_{}_hz"}
        names["amplitude"] = "amplitude_{}"
        if self.model.per_line == 4:
            names["pull_hz"] = "pull_{}_hz"
        if any(f"dispersive_{n}" in values for n in numbers):
            names["dispersive"] = "dispersive_{}"
        columns: dict[str, Floats] = {}
        units: dict[str, str] = {}
        for name, pattern in names.items():
            hertz = "_hz" if name.endswith("_hz") else ""
            error_name = f"{name.removesuffix('_hz')}_error{hertz}"
            # A pure line has no dispersive part, of which there is no error either.
            picked = [values.get(pattern.format(n), NOT_FITTED) for n in numbers]
            columns[name] = np.array([value.value for value in picked])
            columns[error_name] = np.array([value.error for value in picked])
            units[name] = units[error_name] = "Hz" if hertz else self.unit
        return Table(columns, units)

    def notes(self, step_mhz: float, freedom: int, reduced: float) -> list[str]:
        """What to know before a line is believed.

        Args:
            step_mhz: of the frequencies.
            freedom: points less parameters.
            reduced: reduced chi-square.
        """
        if not len(self._lines):
            return ["No line stands out from the noise."]
        notes: list[str] = []
        if freedom < 1:
            notes.append("Fewer points than the model needs: the errors mean little.")
        if reduced > 3:
            notes.append(
                f"Reduced chi-square is {reduced:.1f}: the model misses part of the signal,"
                " or the errors are too small."
            )
        notes += self._of_neighbours(step_mhz)
        if self.model.per_line == 4:
            notes += self._of_pulls()
        return [*notes, *self._of_shapes(), *self._of_doubts()]

    @cached_property
    def _lines(self) -> Floats:
        return self.model.split(self.fit)[0]

    @cached_property
    def _at(self) -> list[str]:
        return [f"{self.middle_hz * 1e-6 + line[0]:.1f} MHz" for line in self._lines]

    @cached_property
    def _claimed(self) -> list[int]:
        doubtful = {i for doubt in self.doubts for i in doubt.numbers}
        return [i for i in range(len(self._lines)) if i not in doubtful]

    @cached_property
    def _dispersive(self) -> list[int]:
        """Lines whose dispersive part has strong evidence; others are lopsided at most."""
        needed = STRONG + np.log(self.model.x.size) + 2 * np.log(max(len(self._lines), 1))
        variance = np.diag(self.fit_covariance)
        return [
            i
            for at, i in enumerate(self.model.mixed, start=self._lines.size)
            if self.fit[at] ** 2 > needed * variance[at]
        ]

    @cached_property
    def _rows(self) -> list[tuple[int, str, float, float, str, str]]:
        """Index in the fit, name, value, factor on the fit's parameter, unit and label."""
        model, spread, unit = self.model, self.spread, self.unit
        rest = self.model.split(self.fit)[1]
        rows: list[tuple[int, str, float, float, str, str]] = []
        for n, i in enumerate(self._claimed, start=1):
            at, line = i * model.per_line, self._lines[i]
            fwhm, place = float(np.exp(line[1])) * 1e6, self.middle_hz + line[0] * 1e6
            height = float(line[2]) * spread
            rows.append((at, f"frequency_{n}_hz", place, 1e6, "Hz", f"Resonance {n}"))
            rows.append((at + 1, f"fwhm_{n}_hz", fwhm, fwhm, "Hz", f"FWHM {n}"))
            rows.append((at + 2, f"amplitude_{n}", height, spread, unit, f"Amplitude {n}"))
            if model.per_line == 4:
                pull = float(line[3]) * 1e6
                rows.append((at + 3, f"pull_{n}_hz", pull, 1e6, "Hz", f"Pull {n}"))
        for at, i in enumerate(model.mixed, start=self._lines.size):
            if i in self._dispersive and i in self._claimed:
                n = self._claimed.index(i) + 1
                part, label = float(self.fit[at]) * spread, f"Dispersive part {n}"
                rows.append((at, f"dispersive_{n}", part, spread, unit, label))
        first = self._lines.size + len(model.mixed)
        for i, value in enumerate(rest[len(model.mixed) :]):
            level = float(value) * spread + (0.0 if i else self.centre)
            rows.append((first + i, f"baseline_{i}", level, spread, unit, f"Baseline {i}"))
        return rows

    def _of_neighbours(self, step_mhz: float) -> Iterator[str]:
        place, fwhm, at, x = self._lines[:, 0], np.exp(self._lines[:, 1]), self._at, self.model.x
        for i in range(len(place)):
            if min(place[i] - x[0], x[-1] - place[i]) < fwhm[i] / 2:
                yield f"The line at {at[i]} is cut by the edge of the window."
            if i and place[i] - place[i - 1] < (fwhm[i] + fwhm[i - 1]) / 4:
                yield (
                    f"Possibly two lines at {at[i - 1]} and {at[i]}: they are closer than half a"
                    " width, and one line of another shape may look the same."
                )
            elif i and place[i] - place[i - 1] < (fwhm[i] + fwhm[i - 1]) / 2:
                yield f"The lines at {at[i - 1]} and {at[i]} overlap within a width."
            if fwhm[i] < 2 * step_mhz:
                yield f"The line at {at[i]} is narrower than two steps."
            if len(place) > 2 and fwhm[i] > 1.6 * np.median(fwhm):
                yield f"The line at {at[i]} is wide and may be two merged ones."

    def _of_pulls(self) -> Iterator[str]:
        for n, i in enumerate(self._claimed, start=1):
            if abs(self._lines[i, 3]) > BISTABLE_PULL * np.exp(self._lines[i, 1]) / 2:
                yield (
                    f"The line at {self._at[i]} may be bistable: compare sweeps up and down"
                    " (`hysteresis`) before taking its frequency."
                )
            pull = self.values[f"pull_{n}_hz"]
            if pull.value < -3 * pull.error:
                yield f"The line at {self._at[i]} is pulled upwards, against the torque's sense."

    def _of_shapes(self) -> Iterator[str]:
        """Which lines are dispersive, and which may be."""
        for i in (i for i in self.model.mixed if i in self._claimed):
            if i not in self._dispersive:
                yield (
                    f"The line at {self._at[i]} is somewhat lopsided: its frequency and width allow"
                    " for it."
                )
                continue
            n = self._claimed.index(i) + 1
            a, b = self.values[f"amplitude_{n}"], self.values[f"dispersive_{n}"]
            size = float(np.hypot(a.value, b.value))
            # q = cot(phase/2), with tan(phase) = B/A.
            q = (a.value + size) / b.value
            turn = float(np.hypot(a.value * b.error, b.value * a.error)) / size**2
            yield (
                f"The line at {self._at[i]} is a dispersive or Fano line, dispersive by"
                f" {b.value / size:+.0%} of its size: Fano's q is {q:.2f} +-"
                f" {turn * (1 + q * q) / 2:.2f}, or {-1 / q:.2f} of a line of the other sign. Its"
                " frequency is that of the resonance, not where the signal is highest or lowest."
            )

    def _of_doubts(self) -> Iterator[str]:
        for doubt in self.doubts:
            two, one = (
                " and ".join(f"{self.middle_hz * 1e-6 + centre:.1f} MHz" for centre in centres)
                for centres in (doubt.two, (doubt.one,))
            )
            yield (
                f"Two lines of opposite sign (at {two}) or one dispersive line (at {one}): the data"
                " do not tell, so neither is given; more counts or smaller steps would."
            )
