"""Ragged gene tokens of many cells."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TokenSet:
    """Tokens of every cell, one cell after the other, most expressed gene first."""

    tokens: NDArray[np.int32]
    """Shape ``(n_tokens,)``."""

    indptr: NDArray[np.int64]
    """Where each cell begins, and the end, shape ``(n_obs + 1,)``."""

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
