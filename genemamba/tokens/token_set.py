"""Ragged gene tokens of many cells."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TokenSet:
    """Tokens of every cell, one cell after the other, most expressed gene first."""

    tokens: NDArray[np.int32]
    """Shape ``(n_tokens,)``."""

    indptr: NDArray[np.int64]
    """Where each cell begins, and the end, shape ``(n_obs + 1,)``."""

    bins: NDArray[np.uint8] | None = None
    """Binned expression of each token, shape ``(n_tokens,)``; None where only ranks are told."""

    @classmethod
    def from_cells(cls, cells: Sequence[NDArray[np.int32]]) -> Self:
        """Put the tokens of single cells behind one another, without expression.

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

    @property
    def digest(self) -> str:
        """64 hex digits over all arrays."""
        bins = () if self.bins is None else (self.bins,)
        return sha256_of_arrays(self.indptr, self.tokens, *bins)

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
        taken = type(self).from_cells([self.cell(row) for row in rows.tolist()])
        if self.bins is None:
            return taken
        spans = zip(self.indptr[rows].tolist(), self.indptr[rows + 1].tolist(), strict=True)
        bins = [self.bins[start:stop] for start, stop in spans]
        return replace(taken, bins=np.concatenate([np.empty(0, dtype=np.uint8), *bins]))

    def slice(self, start: int, stop: int) -> Self:
        """Return consecutive cells, sharing their tokens.

        Parameters
        ----------
        start, stop
            First cell, and one past the last.
        """
        indptr = self.indptr[start : stop + 1]
        here = np.s_[indptr[0] : indptr[-1]]
        return type(self)(
            tokens=self.tokens[here],
            indptr=indptr - indptr[0],
            bins=None if self.bins is None else self.bins[here],
        )

    @classmethod
    def join(cls, parts: "Sequence[TokenSet]") -> Self:
        """Put the cells of several sets behind one another.

        Parameters
        ----------
        parts
            In order; all with expression, or none.
        """
        lengths = [part.lengths for part in parts]
        bins = [part.bins for part in parts if part.bins is not None]
        assert len(bins) in (0, len(parts))  # noqa: S101  # of one encoding
        return cls(
            tokens=np.concatenate([np.empty(0, dtype=np.int32), *(part.tokens for part in parts)]),
            indptr=np.concatenate([np.zeros(1, dtype=np.int64), *lengths]).cumsum(),
            bins=np.concatenate(bins) if bins else None,
        )


def sha256_of_arrays(*arrays: NDArray[Any]) -> str:
    """Return 64 hex digits over the bytes of some arrays, one after the other."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
