"""Compressed sparse rows in canonical form and in blocks of bounded size."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from scipy.sparse import csr_matrix

from genemamba.atlas.kernels import is_canonical

BLOCK_NNZ: Final = 4 * 1024 * 1024
"""Stored values a block may hold: at most 100 MB with every temporary copy of it."""

BLOCK_N_OBS: Final = 65_536
"""Cells a block may hold, so that nearly empty cells do not make one block of them all."""


class Pointers(Protocol):
    """Row pointers, in memory or in a file."""

    def __len__(self) -> int:
        """Return one more than there are rows."""
        ...

    def __getitem__(self, rows: slice, /) -> Any:  # noqa: ANN401  # arrays of any library
        """Return the pointers of consecutive rows."""
        ...


class RowRange(NamedTuple):
    """Consecutive cells, the second bound excluded."""

    start: int
    stop: int


def canonical_csr(matrix: csr_matrix) -> csr_matrix:
    """Sort the genes of each cell, add up repeated ones and drop stored zeros, in place."""
    if is_canonical(matrix.indptr, matrix.indices, matrix.data):
        matrix.has_canonical_format = True
        return matrix
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def row_blocks(
    indptr: Pointers, *, max_nnz: int = BLOCK_NNZ, start: int = 0, stop: int | None = None
) -> Iterator[RowRange]:
    """Cut consecutive cells into blocks of bounded size.

    Parameters
    ----------
    indptr
        CSR row pointers, shape ``(n_obs + 1,)``: an array, or a file that gives slices of one.
    max_nnz
        Stored values a block may hold. A single cell with more is a block of its own.
    start, stop
        First cell, and one past the last; all of them by default.

    Yields
    ------
    Ranges that cover every cell once, in order.
    """
    end = len(indptr) - 1 if stop is None else stop
    while start < end:
        window = np.asarray(indptr[start : min(start + BLOCK_N_OBS, end) + 1]).astype(np.int64)
        fits = int(np.searchsorted(window, window[0] + max_nnz, side="right")) - 1
        n_obs = min(max(fits, 1), len(window) - 1)
        yield RowRange(start, start + n_obs)
        start += n_obs
