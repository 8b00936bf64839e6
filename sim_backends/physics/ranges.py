"""Arguments that the physics refuses, each named with its allowed range."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def require_positive(**arguments: float) -> None:
    """Refuse arguments that are not finite and > 0.

    Raises:
        ValueError: names the first one and its range.
    """
    for name, value in arguments.items():
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be finite and > 0, but is {value}")


def require_not_negative(**arguments: float) -> None:
    """Refuse arguments that are not finite and >= 0.

    Raises:
        ValueError: names the first one and its range.
    """
    for name, value in arguments.items():
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be finite and >= 0, but is {value}")


def field_vectors(field_t: ArrayLike) -> NDArray[np.float64]:
    """Fields as an array of 3-vectors, shape (..., 3).

    Raises:
        ValueError: another shape, or not finite.
    """
    field = np.asarray(field_t, dtype=float)
    if field.shape[-1:] != (3,):
        raise ValueError(f"field_t must have shape (..., 3), but has {field.shape}")
    if not np.all(np.isfinite(field)):
        raise ValueError("field_t must be finite")
    return field
