"""Ragged gene tokens of many cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TokenSet:
    """Tokens of every cell, one cell after the other, most expressed gene first."""

    tokens: NDArray[np.int32]
    """Shape ``(n_tokens,)``."""

    indptr: NDArray[np.int64]
    """Where each cell begins, and the end, shape ``(n_obs + 1,)``."""

    @classmethod
    def from_cells(cls, cells: Sequence[NDArray[np.int32]]) -> Self:
        """Put the tokens of single cells behind one another.

        Parameters
        ----------
        cells
            Tokens of each cell.
        """
        indptr = np.zeros(len(cells) + 1, dtype=np.int64)
        np.cumsum([len(cell) for cell in cells], out=indptr[1:])
        return cls(tokens=np.concatenate([np.empty(0, dtype=np.int32), *cells]), indptr=indptr)

    @property
    def n_obs(self) -> int:
        """Cells, those without a token included."""
        return len(self.indptr) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each cell, shape ``(n_obs,)``."""
        return np.diff(self.indptr)

    def cell(self, row: int) -> NDArray[np.int32]:
        """Return the tokens of one cell.

        Parameters
        ----------
        row
            Position of the cell.
        """
        return self.tokens[self.indptr[row] : self.indptr[row + 1]]

    def take(self, rows: NDArray[np.integer]) -> Self:
        """Copy some cells, in the order asked for.

        Parameters
        ----------
        rows
            Positions of the cells, shape ``(n_taken,)``.
        """
        return type(self).from_cells([self.cell(row) for row in rows.tolist()])

    def slice(self, start: int, stop: int) -> Self:
        """Return consecutive cells, sharing their tokens.

        Parameters
        ----------
        start, stop
            First cell, and one past the last.
        """
        indptr = self.indptr[start : stop + 1]
        return type(self)(tokens=self.tokens[indptr[0] : indptr[-1]], indptr=indptr - indptr[0])

    @classmethod
    def join(cls, parts: "Sequence[TokenSet]") -> Self:
        """Put the cells of several sets behind one another.

        Parameters
        ----------
        parts
            In order.
        """
        lengths = [part.lengths for part in parts]
        return cls(
            tokens=np.concatenate([np.empty(0, dtype=np.int32), *(part.tokens for part in parts)]),
            indptr=np.concatenate([np.zeros(1, dtype=np.int64), *lengths]).cumsum(),
        )
