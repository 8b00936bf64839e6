"""Runs of a sequence on a rig without a file: the points and the parameters, as `analyze` reads."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from scipy.special import erf
from scipy.stats import binom

import labctl
from labctl.core import RigFile
from labctl.data import FitResult, Run


class QuickRun(dict[str, Any]):
    """Columns by name, with `parameters`; its length is the number of points."""

    def __init__(self, points: list[Mapping[str, Any]], parameters: dict[str, Any]) -> None:
        names = points[0] if points else ()
        super().__init__({name: np.array([point[name] for point in points]) for name in names})
        self.parameters = parameters
        self._points = len(points)

    @property
    def columns(self) -> Mapping[str, Any]:
        return self

    def __len__(self) -> int:
        return self._points


def take(
    sequence: type[Any], rig: str | RigFile, seed: int, *, done: int = 0, **options: Any
) -> tuple[Any, Run]:
    """The sequence and its run."""
    parameters = sequence.Parameters(**options)
    measurement = sequence(parameters)
    with labctl.open_rig(rig, seed=seed) as opened:
        points = list(measurement.run(opened, done=done))
    return measurement, cast(Run, QuickRun(points, parameters.model_dump()))


def measure(sequence: type[Any], rig: str | RigFile, seed: int, **options: Any) -> FitResult:
    """The fit of a run."""
    measurement, run = take(sequence, rig, seed, **options)
    fit = measurement.analyze(run)
    assert fit is not None
    return fit


def check_coverage(values: Any, errors: Any, truth: float, *, name: str) -> None:
    """Assert that errors are honest over many seeds: 1 and 2 sigma, and the bias."""
    value, error = np.asarray(values, dtype=float), np.asarray(errors, dtype=float)
    # Errors that grow with their value would lean on what is low.
    check_pulls((value - truth) / error, name, bias=(value.mean() - truth) / np.median(error))


def check_pulls(pulls: Any, name: str, *, bias: float | None = None) -> None:
    """Assert that (value - truth)/error is a normal number, as far as so many seeds can tell.

    What 500 draws from a prior tell of the fits alone stands in docs/coverage.md; here the whole
    simulated lab is asked.
    """
    pull = np.asarray(pulls, dtype=float)
    assert np.all(np.isfinite(pull)), name
    draws = pull.size
    bias = float(pull.mean()) if bias is None else bias
    for sigmas, chance in ((1, 0.01), (2, 0.002)):
        inside = int(np.sum(np.abs(pull) < sigmas))
        low, high = binom.ppf([chance / 2, 1 - chance / 2], draws, erf(sigmas / np.sqrt(2)))
        print(f"{name}: {inside} of {draws} within {sigmas} sigma ({low:.0f} to {high:.0f})")
        assert low <= inside <= high, f"{name}: {inside} of {draws} within {sigmas} sigma"
    print(f"{name}: bias {bias:+.2f} sigma")
    # A tenth of an error is no harm; 2.6 is the chance of one in a hundred.
    assert abs(bias) < 0.1 + 2.6 / np.sqrt(draws), f"{name}: bias {bias:+.2f} sigma"
