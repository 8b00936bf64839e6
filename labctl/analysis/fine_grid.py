"""Where the curve of a model is drawn."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

ENOUGH = 800
"""Points of a curve that looks smooth at the width of a page."""
AT_LEAST = 4
"""Parts that each gap is divided into: a line may be narrower than the steps of its scan."""
AT_MOST = 20_000
"""Points beyond which the data themselves draw the curve."""


def fine_grid(x: ArrayLike) -> NDArray[np.float64]:
    """The places that were measured and equally spaced ones between each two, shape (m,), rising.

    The gaps keep their proportions, so that it serves steps and ratios alike.

    Args:
        x: where the data are, shape (n,), in any order and repeated.
    """
    places = np.unique(np.asarray(x, dtype=np.float64))
    gaps = places.size - 1
    if gaps < 1 or places.size > AT_MOST:
        return places
    parts = min(max(math.ceil(ENOUGH / gaps), AT_LEAST), max(AT_MOST // gaps, 1))
    return np.interp(np.arange(gaps * parts + 1) / parts, np.arange(places.size), places)
