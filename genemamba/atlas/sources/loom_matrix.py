"""Dense matrices of genes by cells, as loom files have them, read by cells."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix, vstack

from genemamba.atlas.sources.elements import open_elements
from genemamba.atlas.sparse import BLOCK_N_OBS, BLOCK_NNZ, RowRange, canonical_csr

LOOM: Final = "loom file"
"""What the file is called in messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoomMatrix:
    """The main matrix of a loom file, or a layer; cells are its columns."""

    path: Path
    """The file."""
    element: str
    """``matrix``, or ``layers/NAME``."""
    shape: tuple[int, int]
    """Cells and genes."""
    chunk_n_obs: int
    """Cells in a chunk of the file: the fewest that it can unpack."""

    def rows(self, start: int, stop: int) -> csr_matrix:
        """Return the cells ``start`` to ``stop`` as stored, canonical CSR."""
        start, stop, _ = slice(start, stop).indices(self.shape[0])
        with open_elements(self.path, kind=LOOM) as file:
            array = file[self.element]
            # No more than one block is ever dense.
            parts = [
                csr_matrix(array[:, low:high].T.astype(np.float64))
                for low, high in self._ranges(start, stop, max_nnz=BLOCK_NNZ)
            ]
        if not parts:
            return csr_matrix((0, self.shape[1]), dtype=np.float64)
        return canonical_csr(parts[0] if len(parts) == 1 else vstack(parts, format="csr"))

    def blocks(
        self, *, max_nnz: int = BLOCK_NNZ, start: int = 0, stop: int | None = None
    ) -> Iterator[RowRange]:
        """Cut the cells into blocks of bounded size, at the bounds of chunks where these fit."""
        return self._ranges(start, self.shape[0] if stop is None else stop, max_nnz=max_nnz)

    def _ranges(self, start: int, stop: int, *, max_nnz: int) -> Iterator[RowRange]:
        size = min(max(max_nnz // max(self.shape[1], 1), 1), BLOCK_N_OBS)
        if size > self.chunk_n_obs:
            size -= size % self.chunk_n_obs
        while start < stop:
            bound = min(start - start % size + size, stop)
            yield RowRange(start, bound)
            start = bound
