"""What a loader reads from: cells in the rows of one store. Here, its tokens."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from genemamba.errors import InputError
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.token_store import TokenStore

Cells = TypeVar("Cells", covariant=True)
"""Cells by row: CSR counts, or a `TokenSet`."""


class CellSource(Protocol[Cells]):
    """Cells in the rows of one store; picklable."""

    @property
    def n_rows(self) -> int:
        """Rows of the store."""
        ...

    @property
    def rows(self) -> NDArray[np.int64] | None:
        """Ascending rows that may be served; None for all."""
        ...

    def read(self, ranges: Sequence[tuple[int, int]]) -> Cells:
        """Return runs of consecutive rows, one behind the other."""
        ...


class TokenCells:
    """Tokens of a store.

    Parameters
    ----------
    store
        The tokens.
    rows
        Ascending rows that may be served; None for all.

    Raises
    ------
    InputError
        Rows are doubled, out of order, or not in the store.
    """

    def __init__(self, store: TokenStore, *, rows: NDArray[np.int64] | None = None) -> None:
        self.store = store
        self.n_rows = store.n_obs
        self.rows = checked_rows(rows, store.n_obs)

    def read(self, ranges: Sequence[tuple[int, int]]) -> TokenSet:
        """Return runs of consecutive rows, one behind the other.

        Parameters
        ----------
        ranges
            First row, and one past the last, of every run.
        """
        return self.store.read(ranges)


def checked_rows(rows: NDArray[np.int64] | None, n_rows: int) -> NDArray[np.int64] | None:
    """Return rows to be served as they are, once they have been checked.

    Parameters
    ----------
    rows
        Rows of a store; None for all.
    n_rows
        Rows that it has.

    Raises
    ------
    InputError
        Rows are doubled, out of order, or not in the store.
    """
    if rows is None:
        return None
    chosen = np.asarray(rows, dtype=np.int64)
    outside = len(chosen) and (chosen[0] < 0 or chosen[-1] >= n_rows)
    if outside or (np.diff(chosen) <= 0).any():
        raise InputError(
            expected=f"ascending rows from 0 to {n_rows - 1}, each once",
            found=f"{len(chosen)} rows that begin with {chosen[:3].tolist()}",
            remedy="Sort the rows, and take them from the same store.",
            rule="rows-not-ascending",
        )
    return chosen
