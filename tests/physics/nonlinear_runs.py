"""Runs of a sequence on a rig without a file: the points and the parameters, as `analyze` reads."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

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
    assert np.all(np.isfinite(value) & np.isfinite(error)), name
    pull = (value - truth) / error
    one, two = np.mean(np.abs(pull) < 1), np.mean(np.abs(pull) < 2)
    bias = (value.mean() - truth) / np.median(error)
    print(f"{name}: within 1 sigma {one:.2f}, 2 sigma {two:.2f}, bias {bias:+.2f} sigma")
    assert 0.58 <= one <= 0.78, f"{name}: {one}"
    assert two > 0.9, f"{name}: {two}"
    assert abs(bias) < 0.3, f"{name}: {bias}"
