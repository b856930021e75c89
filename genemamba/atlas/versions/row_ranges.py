"""Sets of rows as text such as ``0-99,120``: short for runs, and readable in a manifest."""

import re
from typing import Final

import numpy as np

from genemamba.errors import StoreError

RANGES: Final = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
"""First and last row of each run, both included; one number for a run of one."""


def write_ranges(rows: np.ndarray) -> str:
    """Write rows as runs, ascending.

    Parameters
    ----------
    rows
        Distinct row numbers, in any order.
    """
    rows = np.sort(np.asarray(rows, dtype=np.int64))
    if not len(rows):
        return ""
    breaks = np.flatnonzero(np.diff(rows) > 1)
    firsts = rows[np.concatenate([[0], breaks + 1])].tolist()
    lasts = rows[np.concatenate([breaks, [len(rows) - 1]])].tolist()
    runs = zip(firsts, lasts, strict=True)
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def read_ranges(text: str) -> np.ndarray:
    """Read what `write_ranges` wrote.

    Returns
    -------
    Rows, int64, ascending.

    Raises
    ------
    StoreError
        The text is no list of ascending runs.
    """
    firsts, lasts = _bounds(text)
    lengths = lasts - firsts + 1
    before = np.cumsum(lengths) - lengths
    return np.repeat(firsts - before, lengths) + np.arange(int(lengths.sum()), dtype=np.int64)


def count_ranges(text: str) -> int:
    """Return how many rows `read_ranges` would give.

    Raises
    ------
    StoreError
        As for `read_ranges`.
    """
    firsts, lasts = _bounds(text)
    return int((lasts - firsts + 1).sum())


def _bounds(text: str) -> tuple[np.ndarray, np.ndarray]:
    if text and not RANGES.fullmatch(text):
        raise _unreadable(text)
    runs = [run.partition("-") for run in text.split(",")] if text else []
    firsts = np.asarray([int(first) for first, _, _ in runs], dtype=np.int64)
    lasts = np.asarray([int(last or first) for first, _, last in runs], dtype=np.int64)
    if (lasts < firsts).any() or (firsts[1:] <= lasts[:-1]).any():
        raise _unreadable(text)
    return firsts, lasts


def _unreadable(text: str) -> StoreError:
    msg = f"Expected ascending runs of rows such as '0-99,120', found {text[:60]!r}."
    return StoreError(msg)
