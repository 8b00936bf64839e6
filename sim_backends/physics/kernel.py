"""Compiled functions, kept on disk between programs wherever they can be."""

from collections.abc import Callable
from typing import Any

from numba import njit


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function by Numba; takes the options of `numba.njit`.

    Machine code is kept beside the source, or else in the user's folder for caches. Where neither
    can be written, every program compiles anew; Numba itself would refuse to import the module.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:  # "cannot cache function ...: no locator available"
            return njit(**options)(function)

    return compiled
