"""Functions that numba compiles when they are first called."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
Result = TypeVar("Result")


@functools.cache
def compiled(function: Callable[P, Result]) -> Callable[P, Result]:
    """Compile a function of numbers and arrays; it runs without the interpreter's lock.

    The machine code is kept on disk: beside the module, else in the user's cache, or where
    ``NUMBA_CACHE_DIR`` says. Where none of these can be written, each process compiles anew.

    Parameters
    ----------
    function
        A function of a module, in the part of Python that numba knows.
    """
    # numba takes a second to import, which no command that compiles nothing should wait for.
    from numba import njit

    try:
        fast: Callable[P, Result] = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # "no locator available": no folder for the cache can be written
        fast = njit(nogil=True)(function)
    return fast
