"""Rows of cells, whether counts in CSR or tokens: joined, chosen and cut alike."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from genemamba.tokens.token_set import TokenSet


def join_cells(parts: Sequence[Any]) -> Any:  # noqa: ANN401  # CSR, or tokens
    """Put the cells of several parts of one kind behind one another."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], TokenSet):
        return TokenSet.join(parts)
    return csr_matrix(vstack(parts, format="csr"))


def take_cells(cells: Any, rows: NDArray[np.int64]) -> Any:  # noqa: ANN401  # as above
    """Copy some cells, in the order asked for."""
    return cells.take(rows) if isinstance(cells, TokenSet) else cells[rows]


def slice_cells(cells: Any, start: int, stop: int) -> Any:  # noqa: ANN401  # as above
    """Return consecutive cells."""
    return cells.slice(start, stop) if isinstance(cells, TokenSet) else cells[start:stop]
