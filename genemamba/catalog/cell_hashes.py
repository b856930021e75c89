"""Hashes of cells as sorted pairs of integers, and how two sorted lots of them are joined."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np

HASH_BYTES: Final = 16
"""Bytes of one hash: 128 bits, no accidental clash among 1e9 cells."""

BLOCK_CELLS: Final = 2**15
"""Cells of one block: 640 KiB a row, and few rows for 1e9 cells."""

PREFIX_DTYPE: Final = np.dtype("<u8")
"""Of either half of a hash, as it is stored."""

ROW_DTYPE: Final = np.dtype("<u4")
"""Of a row number, as it is stored."""


class Block(NamedTuple):
    """Some cells in the order of their prefixes, all of shape ``(n,)``."""

    prefixes: np.ndarray
    """First halves, `PREFIX_DTYPE`, ascending."""
    suffixes: np.ndarray
    """Second halves, `PREFIX_DTYPE`."""
    rows: np.ndarray
    """Rows in the store, `ROW_DTYPE`, ascending where prefixes are equal."""


class Join(NamedTuple):
    """Pairs of equal values in two arrays, by their positions."""

    left: np.ndarray
    right: np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Hashes to look for, each one once, in the order of their prefixes."""

    prefixes: np.ndarray
    """First halves, uint64, shape ``(n_unique,)``, ascending."""
    suffixes: np.ndarray
    """Second halves, uint64, shape ``(n_unique,)``."""
    inverse: np.ndarray
    """Which of them each hash asked for is, int64, shape ``(n_hashes,)``."""

    @classmethod
    def gather(cls, hashes: np.ndarray) -> Self:
        """Sort hashes and leave out repetitions.

        Parameters
        ----------
        hashes
            From `to_halves`, shape ``(n_hashes, 2)``.
        """
        order = np.lexsort((hashes[:, 1], hashes[:, 0]))
        ordered = hashes[order]
        is_new = np.ones(len(ordered), dtype=bool)
        is_new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        inverse = np.empty(len(ordered), dtype=np.int64)
        inverse[order] = np.cumsum(is_new) - 1
        unique = ordered[is_new]
        return cls(
            prefixes=np.ascontiguousarray(unique[:, 0]),
            suffixes=np.ascontiguousarray(unique[:, 1]),
            inverse=inverse,
        )


def to_halves(hashes: np.ndarray) -> np.ndarray:
    """Cut hashes into two integers each.

    Parameters
    ----------
    hashes
        Bytes, either ``S16``, ``V16`` or ``S32`` (hex digits) of shape ``(n,)``, or uint8 of
        shape ``(n, 16)``.

    Returns
    -------
    `PREFIX_DTYPE`, shape ``(n, 2)``.

    Raises
    ------
    ValueError
        They have another type or shape.
    """
    hashes = np.ascontiguousarray(hashes)
    if hashes.dtype == np.dtype(f"S{2 * HASH_BYTES}") and hashes.ndim == 1:
        content = bytes.fromhex(hashes.tobytes().decode())
        return np.frombuffer(content, dtype=PREFIX_DTYPE).reshape(-1, 2)
    is_bytes = hashes.dtype.kind in "SV" and hashes.dtype.itemsize == HASH_BYTES
    if (is_bytes and hashes.ndim == 1) or (
        hashes.dtype == np.uint8 and hashes.shape[1:] == (HASH_BYTES,)
    ):
        return hashes.reshape(-1).view(np.uint8).view(PREFIX_DTYPE).reshape(-1, 2)
    msg = (
        f"Expected hashes of {HASH_BYTES} bytes, as S16, V16, S32 in hex or uint8 of shape "
        f"(n, {HASH_BYTES}), found {hashes.dtype} of shape {hashes.shape}."
    )
    raise ValueError(msg)


def sort_cells(halves: np.ndarray) -> np.ndarray:
    """Return the rows of a store in the order of their prefixes, int64, shape ``(n_cells,)``.

    Parameters
    ----------
    halves
        From `to_halves`, in the order of the store's rows, shape ``(n_cells, 2)``.

    Raises
    ------
    ValueError
        There are more cells than row numbers.
    """
    if len(halves) > np.iinfo(ROW_DTYPE).max:
        msg = f"Expected at most 2**32 - 1 cells in one store, found {len(halves)}."
        raise ValueError(msg)
    return np.argsort(halves[:, 0], kind="stable")


def cut_blocks(halves: np.ndarray, order: np.ndarray) -> Iterator[Block]:
    """Cut the sorted cells of a store into blocks.

    Parameters
    ----------
    halves
        From `to_halves`, shape ``(n_cells, 2)``.
    order
        From `sort_cells`, shape ``(n_cells,)``.
    """
    for low in range(0, len(order), BLOCK_CELLS):
        rows = order[low : low + BLOCK_CELLS]
        yield Block(halves[rows, 0], halves[rows, 1], rows.astype(ROW_DTYPE))


def join_sorted(left: np.ndarray, right: np.ndarray) -> Join:
    """Find every pair of equal values in two ascending arrays.

    Returns
    -------
    Positions, ordered by those in the shorter array.
    """
    if len(left) > len(right):
        swapped = join_sorted(right, left)
        return Join(swapped.right, swapped.left)
    low = np.searchsorted(right, left, side="left")
    counts = np.searchsorted(right, left, side="right") - low
    return Join(np.repeat(np.arange(len(left)), counts), expand_ranges(low, counts))


def expand_ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the numbers of several ranges, one range after the other.

    Parameters
    ----------
    starts
        First number of each range, integer, shape ``(n,)``.
    counts
        Length of each range, integer, shape ``(n,)``.
    """
    before = np.cumsum(counts) - counts
    numbers: np.ndarray = np.arange(int(counts.sum())) + np.repeat(starts - before, counts)
    return numbers
